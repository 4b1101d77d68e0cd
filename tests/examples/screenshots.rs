//! Writes pictures of every page into `target/screenshots`: light and dark, wide and on a phone.
//!
//! Run by `make screenshots`. The pages are those of the [`gallery`](e2e::gallery).

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use e2e::browser::{Browser, Page, PageOptions, Viewport};
use e2e::gallery::{Gallery, Texts};

fn main() -> anyhow::Result<()> {
    e2e::run(async {
        let folder = folder()?;
        let gallery = Gallery::furnish(Texts::default()).await;
        let page = Browser::start().await.page(PageOptions::default()).await;
        gallery.visit(&page, async |name| picture(&page, &folder, name).await).await;
        Ok(())
    })
}

async fn picture(page: &Page, folder: &Path, name: &str) {
    for viewport in Viewport::ALL {
        for (dark, light) in [(false, "light"), (true, "dark")] {
            page.look(viewport, dark).await;
            let file = format!("{name}-{}-{light}.png", viewport.name());
            page.screenshot_whole(&folder.join(file)).await;
        }
    }
}

/// An empty folder beside the build.
fn folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).context("the build's folder")?.join("screenshots");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
