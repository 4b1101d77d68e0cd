//! Writes pictures of every page into `target/screenshots`: light and dark, wide and on a phone.
//!
//! Run by `make screenshots`. The pages are those of a real world with a little data in it; a page is
//! added by a line in [`PAGES`].

use std::path::PathBuf;

use anyhow::Context as _;
use domain::ids::IncidentId;
use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions, Viewport};
use e2e::{World, console};
use serde_json::json;

/// What is looked at: a name for the files, and the path of the page. What stands in braces is an id of
/// this world.
const PAGES: [(&str, &str); 17] = [
    ("incidents", "/incidents"),
    ("incidents-all", "/incidents?state=all"),
    ("incidents-none", "/incidents?q=nobody"),
    ("incident-open", "/incidents/{open}"),
    ("incident-resolved", "/incidents/{resolved}"),
    ("events", "/events"),
    ("overview", "/overview"),
    ("projects", "/projects"),
    ("project-new", "/projects/new"),
    ("project", "/projects/{project}"),
    ("destinations", "/projects/{project}/destinations"),
    ("keys", "/projects/{project}/keys"),
    ("integration-test", "/projects/{project}/integration-test"),
    ("audit", "/audit"),
    ("people", "/people"),
    ("account", "/account"),
    ("not-found", "/nothing/here"),
];

fn main() -> anyhow::Result<()> {
    e2e::run(async {
        let folder = folder()?;
        let world = World::start().await;
        let (open, resolved) = furnish(&world).await?;
        let page = Browser::start().await.page(PageOptions::default()).await;
        page.open(&format!("{}/sign-in", world.url)).await;
        picture(&page, &folder, "sign-in").await;
        sign_in(&page).await;
        for (name, path) in PAGES {
            let path = path
                .replace("{open}", &open.to_string())
                .replace("{resolved}", &resolved.to_string())
                .replace("{project}", &world.project.id.to_string());
            page.open(&format!("{}{path}", world.url)).await;
            picture(&page, &folder, name).await;
        }
        prove(&world, &page, (&folder, resolved)).await;
        Ok(())
    })
}

async fn sign_in(page: &Page) {
    page.fill_label("E-mail", "alice@cometcart.test").await;
    page.fill_label("Password", console::PASSWORD).await;
    page.click("button/Sign in").await;
}

/// Makes a proof link, and shows the page of the incident with it and what the customer sees.
async fn prove(world: &World, page: &Page, (folder, id): (&std::path::Path, IncidentId)) {
    page.open(&format!("{}/incidents/{id}", world.url)).await;
    page.click_text("Proof link…").await;
    page.click("button/Make a proof link").await;
    let link = page.text(".secret code").await;
    picture(page, folder, "incident-proof-link").await;
    page.open(&link).await;
    picture(page, folder, "proof").await;
}

/// An event that waits for its result, one that had a success, one that failed, and one that was put
/// right; gives the incidents of the last two.
async fn furnish(world: &World) -> anyhow::Result<(IncidentId, IncidentId)> {
    console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
    console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
    world.tell_bob().await;
    world.receipt("evt_1").await;
    let granted = world.receipt("evt_2").await;
    world.result(granted, "success", json!({})).await;
    let words = json!({ "error_code": "db_write_failed", "error_message": "disk full" });
    let mended = world.receipt("evt_3").await;
    let opened = world.result(mended, "failed", words.clone()).await;
    let resolved: IncidentId = opened["incident"]["id"].as_str().context("an id")?.parse()?;
    let replay_id = world.reprocess(resolved).await;
    world.repair.wait_for(1).await;
    world.result(mended, "success", json!({ "replay_id": replay_id })).await;
    let failed = world.receipt("evt_4").await;
    let opened = world.result(failed, "failed", words).await;
    let open: IncidentId = opened["incident"]["id"].as_str().context("an id")?.parse()?;
    world.mailbox.wait_for(3).await;
    Ok((open, resolved))
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
