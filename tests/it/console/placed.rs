//! Where things stand in a window: what matters is seen without scrolling, and nothing moves under the pointer.

use std::time::Duration;

use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions, Viewport};
use e2e::{World, console, eventually, run};
use serde_json::json;

use super::broken::fail;

const SOON: Duration = Duration::from_secs(30);

/// The buttons of an incident that are there whatever is open: what each says, and where.
const BUTTONS: &str = "[...document.querySelectorAll('.next button, .next summary')]
    .filter(it => !it.closest('.inside'))
    .map(it => [it.innerText, it.getBoundingClientRect().x, it.getBoundingClientRect().y])";

async fn sign_in(world: &World, path: &str) -> Page {
    console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
    let page = Browser::start().await.page(PageOptions::default()).await;
    page.open(&format!("{}{path}", world.url)).await;
    console::sign_in_on(&page, "alice@cometcart.test").await;
    page.wait_for_text("Sign out", SOON).await;
    page.open(&format!("{}{path}", world.url)).await;
    page
}

/// How far below the window's top something is; the first of what is found.
async fn top(page: &Page, selector: &str) -> f64 {
    let top = format!("document.querySelector(`{selector}`).getBoundingClientRect().top");
    page.evaluate(&top).await.as_f64().unwrap_or_else(|| panic!("no {selector}"))
}

#[test]
fn the_home_begins_with_what_waits() {
    run(async {
        let world = World::start().await;
        fail(&world, "evt_1", &json!({})).await;
        let page = sign_in(&world, "/incidents").await;
        page.look(Viewport::Phone, false).await;
        eventually("a home without troubles, as it is while a worker works", async || {
            page.open(&format!("{}/incidents", world.url)).await;
            (page.count(".trouble").await == 0).then_some(())
        })
        .await;
        let height = page.evaluate("innerHeight").await.as_f64().expect("a number");
        let incident = top(&page, "#list tbody tr").await;
        assert!(incident < height, "the first incident is {incident} px down, of {height}");

        fail(&world, "evt_2", &json!({})).await;
        page.open(&format!("{}/incidents", world.url)).await;
        let cause = top(&page, "#causes tbody tr").await;
        assert!(cause < incident, "a cause comes before the filters: {cause} px down");
        page.look(Viewport::Wide, false).await;
        let (cause, chart) = (top(&page, "#causes").await, top(&page, "#hours .plot").await);
        assert!(cause < chart, "a cause {cause} px down, a chart {chart}");
    });
}

#[test]
fn what_opens_on_an_incident_moves_no_button() {
    run(async {
        let world = World::start_without_worker().await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
        let path = format!("/incidents/{incident}");
        let page = sign_in(&world, &path).await;
        let before = page.evaluate(BUTTONS).await;
        assert!(before.to_string().contains("Resolve manually…"), "{before}");
        let foldable = page.count(".next details > summary").await;
        assert!(foldable >= 3, "{foldable}");
        for nth in 0..foldable {
            let open =
                format!("document.querySelectorAll('.next details > summary')[{nth}].click()");
            page.evaluate(&open).await;
            assert_eq!(page.count(".next details[open]").await, nth + 1, "one more is open");
            assert_eq!(page.evaluate(BUTTONS).await, before, "with {} open", nth + 1);
        }
    });
}
