//! The console by keys alone: through lists, to an incident and away, and to anything by its name. No key sends a
//! reprocess, and none does anything while somebody types.

use std::time::Duration;

use domain::ids::IncidentId;
use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions, assert_accessible};
use e2e::{World, console, run};
use serde_json::json;

use super::broken::fail;

const SOON: Duration = Duration::from_secs(30);

/// Somebody at the list of incidents, of whom there are two.
struct Desk {
    world: World,
    page: Page,
    older: IncidentId,
    newer: IncidentId,
}

impl Desk {
    async fn sit_down() -> Self {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let (_, older) = fail(&world, "evt_1", &json!({})).await;
        // Of another cause, so that the list is all that there is to go through.
        let access = json!({ "internal_reference": "user_2", "effect_type": "access_unlock" });
        let (_, newer) = fail(&world, "evt_2", &access).await;
        let page = Browser::start().await.page(PageOptions::default()).await;
        page.open(&format!("{}/incidents", world.url)).await;
        console::sign_in_on(&page, "alice@cometcart.test").await;
        page.wait_for_text("Sign out", SOON).await;
        Self { world, page, older, newer }
    }

    async fn press(&self, keys: &str) {
        for key in keys.split(' ') {
            self.page.press(key).await;
        }
    }

    async fn at(&self) -> String {
        self.page.url().await.trim_start_matches(&self.world.url).to_owned()
    }

    /// Where the link leads that has the focus, or the id of what else has it.
    async fn focus(&self) -> String {
        let focus = "document.activeElement.getAttribute('href') ?? document.activeElement.id";
        self.page.evaluate(focus).await.as_str().unwrap_or_default().to_owned()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.world.pool).await.expect("a count")
    }
}

#[test]
fn rows_are_gone_through_opened_ticked_and_acknowledged_by_keys_and_none_sends_a_reprocess() {
    run(async {
        let desk = Desk::sit_down().await;
        let (older, newer) =
            (format!("/incidents/{}", desk.older), format!("/incidents/{}", desk.newer));
        desk.press("j").await;
        assert_eq!(desk.focus().await, newer);
        desk.press("j j").await;
        assert_eq!(desk.focus().await, older, "there is no further row");
        desk.press("k Enter").await;
        assert_eq!(desk.at().await, newer);
        desk.press("r").await;
        assert_eq!((desk.focus().await.as_str(), desk.at().await), ("reprocess", newer.clone()));
        desk.press("g e").await;
        assert_eq!(desk.at().await, "/events");

        // While somebody types, keys are letters.
        desk.press("g i / j x e").await;
        let typed = desk.page.evaluate("document.querySelector('#q').value").await;
        assert_eq!((typed, desk.at().await.as_str()), (json!("jxe"), "/incidents"));
        desk.page.evaluate("document.activeElement.blur()").await;
        desk.press("k e").await;
        desk.page.wait_for_text("Acknowledged.", SOON).await;
        assert_eq!(desk.at().await, older, "the last row was acknowledged");
        desk.press("g h j x j x").await;
        assert_eq!(desk.page.count("input.tick:checked").await, 2);
        desk.press("r").await;
        desk.page.wait_for_text("These incidents are frozen", SOON).await;
        assert_eq!(desk.count("SELECT count(*) FROM reprocesses").await, 0, "nothing was sent");
        let acknowledged = "SELECT count(*) FROM incidents WHERE state = 'acknowledged'";
        assert_eq!(desk.count(acknowledged).await, 1);

        desk.press("?").await;
        assert_eq!(desk.page.text("dialog[open] h2").await, "Keys");
        assert_accessible(&desk.page).await;
        desk.page.click("checkbox/Use these keys in this browser").await;
        desk.press("Escape g i").await;
        assert!(desk.at().await.starts_with("/bulk/"), "they are off");
    });
}

#[test]
fn the_palette_goes_to_what_is_typed_and_without_scripts_its_link_is_a_page() {
    run(async {
        let desk = Desk::sit_down().await;
        desk.press("Control+k").await;
        desk.page.wait_for_text("Saved filters", SOON).await;
        desk.page.type_text("evt_1").await;
        desk.page.wait_for_text("Search incidents for “evt_1”", SOON).await;
        assert_accessible(&desk.page).await;
        let marked = "document.activeElement.getAttribute('aria-activedescendant')";
        assert_eq!(desk.page.evaluate(marked).await, "go-0");
        desk.press("ArrowDown").await;
        assert_eq!(desk.page.evaluate(marked).await, "go-1");
        desk.press("Enter").await;
        assert_eq!(desk.at().await, "/incidents?q=evt_1&state=all");
        desk.page.click("link/Go to…").await;
        desk.page.wait_for_text("Saved filters", SOON).await;
        desk.press("Escape").await;
        assert_eq!(desk.page.count("dialog[open]").await, 0);

        let plain = PageOptions::default().without_javascript();
        let page = Browser::start().await.page(plain).await;
        page.open(&format!("{}/go?q=overview", desk.world.url)).await;
        console::sign_in_on(&page, "alice@cometcart.test").await;
        page.click("link/Go to…").await;
        page.fill_label(
            "Page, project, saved filter, or what an incident or event is about",
            "evt_2",
        )
        .await;
        page.click("button/Find").await;
        page.click("link/Access for user_2: Open").await;
        assert!(page.url().await.ends_with(&desk.newer.to_string()));
    });
}
