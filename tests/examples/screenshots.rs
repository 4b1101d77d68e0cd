//! Writes pictures of every page into `target/screenshots`: light and dark, wide and on a phone.
//!
//! Run by `make screenshots`. The pages are those of a real world with a little data in it; a page is
//! added by a line in [`PAGES`].

use std::path::PathBuf;

use anyhow::Context as _;
use e2e::World;
use e2e::browser::{Browser, Page, PageOptions, Viewport};
use serde_json::json;

/// What is looked at: a name for the files, and the path of the page.
const PAGES: [(&str, &str); 2] = [("live", "/healthz"), ("ready", "/readyz")];

fn main() -> anyhow::Result<()> {
    e2e::run(async {
        let folder = folder()?;
        let world = World::start().await;
        furnish(&world).await;
        let page = Browser::start().await.page(PageOptions::default()).await;
        for (name, path) in PAGES {
            page.open(&format!("{}{path}", world.url)).await;
            picture(&page, &folder, name).await;
        }
        Ok(())
    })
}

/// One event that waits for its result, one that had a success, and one that failed.
async fn furnish(world: &World) {
    world.receipt("evt_1").await;
    let granted = world.receipt("evt_2").await;
    world.result(granted, "success", json!({})).await;
    let failed = world.receipt("evt_3").await;
    let words = json!({ "error_code": "db_write_failed", "error_message": "disk full" });
    world.result(failed, "failed", words).await;
}

async fn picture(page: &Page, folder: &std::path::Path, name: &str) {
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
