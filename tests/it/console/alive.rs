//! A page that is open stays true by itself, and says so when it cannot.

use std::time::Duration;

use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions};
use e2e::{World, console, eventually, run};
use serde_json::json;

use super::broken::fail;

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
        fail(&world, "evt_1", &json!({})).await;
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

/// What a form of another tab does.
async fn send_elsewhere(page: &Page, path: &str, form: &[(&str, &str)]) {
    let form = json!(form);
    let send = format!(
        "fetch('{path}', {{ method: 'POST', redirect: 'manual', body: new URLSearchParams({form}) }}).then((sent) => sent.type)"
    );
    assert_eq!(page.evaluate(&send).await, "opaqueredirect");
}

async fn sign_in_elsewhere(page: &Page, email: &str) {
    let form = [("email", email), ("password", console::PASSWORD), ("next", "")];
    send_elsewhere(page, "/sign-in", &form).await;
}

async fn token(page: &Page) -> String {
    page.attribute(".me input[name=csrf]", "value").await.expect("a token")
}

#[test]
fn a_page_is_not_made_another_operators_by_another_tab() {
    run(async {
        let world = World::start_without_worker().await;
        let page = incidents(&world).await;
        let of_alice = token(&page).await;
        console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
        sign_in_elsewhere(&page, "bob@cometcart.test").await;
        page.wait_for_text("Another tab changed the operator", SOON).await;
        assert_eq!(token(&page).await, of_alice, "what is pressed here is not bob's");
        page.click("link/Reload").await;
        page.wait_for_text("bob@cometcart.test", SOON).await;
    });
}

#[test]
fn a_page_about_real_money_is_not_made_one_about_tests_by_another_tab() {
    run(async {
        let world = World::start_without_worker().await;
        let live = "INSERT INTO projects (id, name, mode, timeout_minutes) VALUES (gen_random_uuid(), 'Real shop', 'live', 30)";
        sqlx::query(live).execute(&world.pool).await.expect("a live project");
        let page = incidents(&world).await;
        fail(&world, "evt_1", &json!({})).await;
        let form = [("csrf", &*token(&page).await), ("section", "/incidents"), ("mode", "test")];
        send_elsewhere(&page, "/view", &form).await;
        page.wait_for_text("Another tab changed the operator or the projects", SOON).await;
        assert!(page.text("main").await.contains("Nothing is missing"));
        page.click("link/Reload").await;
        page.wait_for_text("1 test customer paid and got nothing", SOON).await;
    });
}

#[test]
fn what_was_typed_is_sent_after_the_operator_signed_in_anew_elsewhere() {
    run(async {
        let world = World::start_without_worker().await;
        let page = incidents(&world).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        page.open(&format!("{}{path}", world.url)).await;
        page.fill_label("Comment", "the disk was full").await;
        let before = token(&page).await;
        sqlx::query("UPDATE sessions SET ended_at = now()")
            .execute(&world.pool)
            .await
            .expect("a database");
        page.wait_for_text("You are signed out.", SOON).await;
        sign_in_elsewhere(&page, "alice@cometcart.test").await;
        eventually("the token of the new session", async || {
            (token(&page).await != before).then_some(())
        })
        .await;
        page.click("button/Comment").await;
        page.wait_for_text("Your comment is there.", SOON).await;
    });
}
