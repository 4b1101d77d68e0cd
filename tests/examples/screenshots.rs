//! Writes pictures of every page into `target/screenshots`: light and dark, wide and on a phone.
//!
//! Run by `make screenshots`. The pages are those of the [`gallery`](e2e::gallery), and the mails
//! are those that it sent, as HTML; their text is in a file beside each.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use e2e::browser::{Browser, Page, PageOptions, Viewport};
use e2e::gallery::{Gallery, Texts};
use mail_parser::MessageParser;

fn main() -> anyhow::Result<()> {
    e2e::run(async {
        let folder = folder()?;
        let gallery = Gallery::seed(Texts::default()).await;
        let tabs = Browser::start().await.pages(PageOptions::default()).await;
        gallery.visit(&tabs, async |page: &Page, name| picture(page, &folder, name).await).await;
        for (number, mail) in gallery.world.mailbox.mails().iter().enumerate() {
            let name = format!("mail-{number}");
            let file = write_mail(mail, &folder, &name)?;
            tabs[0].open(&format!("file://{}", file.display())).await;
            picture(&tabs[0], &folder, &name).await;
        }
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

/// Writes a mail's text and its HTML; gives where the HTML is.
fn write_mail(mail: &str, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let read = MessageParser::default().parse(mail).context("a mail")?;
    let text = read.body_text(0).context("a text")?;
    let subject = read.subject().unwrap_or_default();
    std::fs::write(folder.join(name).with_extension("txt"), format!("{subject}\n\n{text}"))?;
    let file = folder.join(name).with_extension("html");
    std::fs::write(&file, read.body_html(0).context("HTML")?.as_bytes())?;
    Ok(file)
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
