//! How every page looks to a strict visitor: on a desktop in the light, and on a phone in the dark.

use e2e::browser::{Browser, Page, PageOptions, Viewport};
use e2e::gallery::{Gallery, PAGES, Texts};
use e2e::{World, run};

use super::strict;

/// Pages that only lead elsewhere, and files.
const NO_PAGES: [&str; 7] = [
    "/",
    "/assets/{file}",
    "/audit.csv",
    "/audit.json",
    "/clients/{file}",
    "/events/{event_id}/snapshot/download",
    "/projects/{project_id}/test-shop/mail/{incident_id}",
];

/// How high the header is: two rows at most, so that a phone shows what the page is about.
const HEADER: &str = "document.querySelector('header.bar')?.offsetHeight ?? 0";

#[test]
fn every_page_can_be_used_by_everybody_is_light_and_fits() {
    run(async {
        let gallery = Gallery::seed(Texts::default()).await;
        let tabs = Browser::start().await.pages(PageOptions::default()).await;
        for tab in &tabs {
            tab.bypass_cache().await;
        }
        let homes = gallery.homes();
        gallery.visit(&tabs, async |page: &Page, name| inspect(page, name, &homes).await).await;
    });
}

async fn inspect(page: &Page, name: &str, homes: &[&str]) {
    for (viewport, dark) in [(Viewport::Wide, false), (Viewport::Phone, true)] {
        page.look(viewport, dark).await;
        strict::inspect(page, homes).await;
        // A phone's window grows with what is too wide for it.
        let width = page.evaluate("document.documentElement.scrollWidth").await;
        let most = viewport.width();
        if width.as_u64() > Some(most.into()) {
            let widest = page.evaluate(&widest(most)).await;
            panic!("{name} is {width} px wide, not {most}: {widest}");
        }
        let header = page.evaluate(HEADER).await;
        assert!(header.as_u64() <= Some(84), "{name}: a header of {header} px");
    }
    strict::weigh(page).await;
    let sheets = page.count("link[rel=stylesheet]").await;
    assert_eq!(sheets, 1, "{name} has one style sheet");
}

/// The innermost elements that stand out on the right.
fn widest(most: u32) -> String {
    format!(
        "[...document.querySelectorAll('body *')]
            .filter(it => !it.children.length && it.getBoundingClientRect().right > {most})
            .map(it => it.outerHTML).join(' ')"
    )
}

#[test]
fn the_gallery_shows_every_page_that_there_is() {
    run(async {
        let world = World::start_without_worker().await;
        let pages = console::pages(&world.state());
        let gets = pages.list().iter().filter(|(method, ..)| method == "GET");
        for (_, path, _) in gets.filter(|(_, path, _)| !NO_PAGES.contains(&&**path)) {
            let parts: Vec<_> = path.split('/').collect();
            let shown = PAGES.iter().any(|(_, shown)| {
                let shown = shown.replace("{proof}", "/proof/{token}");
                let shown: Vec<_> =
                    shown.split(['?']).next().unwrap_or_default().split('/').collect();
                let alike =
                    |(a, b): (&&str, &&str)| a == b || (a.starts_with('{') && b.starts_with('{'));
                shown.len() == parts.len() && shown.iter().zip(&parts).all(alike)
            });
            assert!(shown, "{path} is not in the gallery");
        }
    });
}
