//! A page that is open stays true by itself, and says so when it cannot.

use std::time::Duration;

use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions};
use e2e::{World, console, run};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);

async fn incidents(world: &World) -> Page {
    console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
    let page = Browser::start().await.page(PageOptions::default()).await;
    page.open(&format!("{}/incidents", world.url)).await;
    console::sign_in_on(&page, "alice@cometcart.test").await;
    page.wait_for_text("Nothing is missing", SOON).await;
    page
}

#[test]
fn the_list_shows_a_new_incident_and_later_that_it_stands_still() {
    run(async {
        let world = World::start_without_worker().await;
        let page = incidents(&world).await;
        let event = world.receipt("evt_1").await;
        world.result(event, "failed", json!({ "error_code": "db_write_failed" })).await;
        page.wait_for_text("1 test customer paid and got nothing", SOON).await;
        assert_eq!(page.text(".stale").await, "");
        world.stop_api();
        page.wait_for_text("Not refreshed since", SOON).await;
        assert_eq!(page.count("link/Reload").await, 1);
    });
}

#[test]
fn a_session_that_ended_is_told_on_the_page_that_is_open() {
    run(async {
        let world = World::start_without_worker().await;
        let page = incidents(&world).await;
        sqlx::query("UPDATE sessions SET ended_at = now()")
            .execute(&world.pool)
            .await
            .expect("a database");
        page.wait_for_text("You are signed out.", SOON).await;
        page.click("link/Reload").await;
        page.wait_for_text("Sign in", SOON).await;
    });
}
