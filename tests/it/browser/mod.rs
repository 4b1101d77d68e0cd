//! The browser itself: what the tests of pages rely on holds, on a shop of three small pages.

mod sites;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use e2e::browser::{
    Browser, Page, PageOptions, TIMEOUT, Viewport, assert_accessible, foreign, violations,
};
use e2e::run;

use sites::{SPY, TestSites};

/// A shop, and a browser that lasts as long.
struct BrowserFixture {
    sites: TestSites,
    browser: Browser,
}

impl BrowserFixture {
    async fn open() -> Self {
        Self { sites: TestSites::open().await, browser: Browser::start().await }
    }

    async fn visit(&self, path: &str, options: PageOptions) -> Page {
        let page = self.browser.page(options).await;
        page.open(&self.sites.at(path)).await;
        page
    }
}

#[test]
fn a_form_is_filled_in_and_sent_with_scripts_and_without() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let with = PageOptions::default();
        for (options, scripts) in [(with, "on"), (with.without_javascript(), "off")] {
            let page = fixture.visit("/", options).await;
            assert_eq!(page.title().await, "Shop");
            assert_eq!(page.text("#scripts").await, format!("Scripts are {scripts}."));
            assert_eq!(page.texts("noscript p").await.len(), usize::from(scripts == "off"));
            assert_eq!(page.attribute("form", "method").await.as_deref(), Some("post"));

            page.fill_label("Name of the customer", "alice").await;
            page.select_label("Size", "Large").await;
            page.click("checkbox/Gift").await;
            page.click_text("Prices").await;
            page.wait_for_text("All is 3.", TIMEOUT).await;
            page.click("button/Order").await;

            assert_eq!(page.url().await, fixture.sites.at("/ordered?name=alice&size=2&gift=on"));
            assert_eq!(page.text("p").await, "name=alice, size=2, gift=on");
        }
    });
}

#[test]
fn the_keyboard_alone_is_enough() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let page = fixture.visit("/", PageOptions::phone().without_javascript()).await;
        page.fill_label("Name of the customer", "").await;
        page.type_text("bob").await;
        page.press("Enter").await;
        assert_eq!(page.text("p").await, "name=bob, size=1");
    });
}

/// The error for a visitor with a short timeout.
fn rejection(fixture: &BrowserFixture, step: impl AsyncFn(Page)) -> String {
    let hasty = PageOptions::default().hasty();
    let visit = || run(async { step(fixture.visit("/", hasty).await).await });
    let rejected = catch_unwind(AssertUnwindSafe(visit));
    *rejected.expect_err("a refusal").downcast::<String>().expect("a message")
}

#[test]
fn what_a_person_could_not_click_is_not_clicked() {
    let fixture = run(BrowserFixture::open());
    for (locator, reason) in [
        ("button/Sold out", "it is disabled"),
        ("button/Twice", "2 have this name"),
        ("form label", "3 elements match"),
        ("link/Below", "it is covered by <b></b>"),
        ("button/Reprocess", "button/Order, summary/Prices"),
    ] {
        let message = rejection(&fixture, async |page| page.click(locator).await);
        assert!(message.contains(reason), "{message}");
        assert!(message.contains("Sold out"), "the page is told as well: {message}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let fixture = run(BrowserFixture::open());
    let message =
        rejection(&fixture, async |page| page.wait_for_text("All is 3.", Duration::ZERO).await);
    assert!(message.contains("\"All is 3.\" on the page: not there"), "{message}");
    let message = rejection(&fixture, async |page| page.fill_label("Order", "alice").await);
    assert!(message.contains("0 have this name"), "{message}");
    let message = rejection(&fixture, async |page| page.select_label("Size", "Huge").await);
    assert!(message.contains("there are: Small, Large"), "{message}");
}

#[test]
fn what_shuts_people_out_is_found_with_scripts_and_without() {
    let fixture = run(BrowserFixture::open());
    run(async {
        for options in [PageOptions::default(), PageOptions::phone().without_javascript()] {
            assert_accessible(&fixture.visit("/", options).await).await;

            let page = fixture.visit("/bad", options).await;
            let found = violations(&page).await;
            let ids: Vec<_> = found.iter().map(|one| one.id.as_str()).collect();
            assert_eq!(ids, ["image-alt", "label"], "{found:?}");
            assert_eq!(found[0].impact, "critical");
            assert!(found[0].nodes[0].contains(SPY), "{found:?}");
        }
    });
    let message = rejection(&fixture, async |page| {
        page.click("link/Shop").await;
        assert_accessible(&page).await;
    });
    assert!(message.contains("image-alt (critical)"), "{message}");
}

#[test]
fn every_request_is_told_with_its_bytes() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let page = fixture.visit("/", PageOptions::default()).await;
        page.click("link/Down").await;
        assert_eq!(page.url().await, fixture.sites.at("/#lid"));
        assert!(page.requests().await.len() >= 3, "a move within a page asks for nothing");
        page.click_text("Order").await;
        let requests = page.requests().await;
        let seen: Vec<_> = requests
            .iter()
            .filter(|one| one.kind != "Other")
            .map(|one| (one.method.as_str(), one.url.strip_prefix(&fixture.sites.url), one.status))
            .collect();
        let ordered = "/ordered?name=charlie&size=1";
        let expected = [
            ("GET", Some("/"), Some(200)),
            ("GET", Some("/shop.css"), Some(200)),
            ("GET", Some("/shop.js"), Some(200)),
            ("POST", Some("/order"), Some(303)),
            ("GET", Some(ordered), Some(200)),
        ];
        assert_eq!(seen, expected, "{requests:?}");
        assert!(foreign(&requests, &fixture.sites.url).is_empty(), "{requests:?}");
        assert!(requests.iter().filter(|one| one.kind != "Other").all(|one| one.bytes > 100));

        let parts = requests[..3].iter().map(|one| one.bytes).sum::<u64>();
        page.bypass_cache().await;
        page.open(&fixture.sites.at("/")).await;
        assert!(page.weight().await >= parts, "nothing comes from the cache");
    });
}

#[test]
fn a_request_that_leaves_the_host_is_told_even_if_it_fails() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let page = fixture.visit("/bad", PageOptions::default().without_javascript()).await;
        let requests = page.requests().await;
        let [spy] = foreign(&requests, &fixture.sites.url)[..] else {
            panic!("one request leaves: {requests:?}");
        };
        assert_eq!((spy.url.as_str(), spy.kind.as_str(), spy.status), (SPY, "Image", None));
        assert!(spy.failure.is_some(), "{spy:?}");

        let complaints = page.complaints().await.join("\n");
        assert!(complaints.contains("Content Security Policy"), "{complaints}");
    });
}

#[test]
fn what_a_page_still_waited_for_when_it_was_left_keeps_nobody_waiting() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let page = fixture.visit("/", PageOptions::default()).await;
        page.evaluate("new Image().src = '/never'").await;
        page.open(&fixture.sites.at("/bad")).await;
        let requests = page.requests().await;
        let never = fixture.sites.at("/never");
        assert!(
            requests.iter().any(|one| one.url == never && one.status.is_none()),
            "{requests:?}"
        );
    });
}

#[test]
fn each_visitor_has_a_screen_and_a_light() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let folder = tempfile::tempdir().expect("a folder");
        let picture = folder.path().join("shop.png");
        let page = fixture.visit("/", PageOptions::phone().dark()).await;
        page.screenshot(&picture).await;
        assert_eq!(size(&picture), (360, 780));
        assert_eq!(page.text("h1").await, "SHOP");
        let ground = "getComputedStyle(document.body).backgroundColor";
        assert_eq!(page.evaluate(ground).await, "rgb(0, 0, 0)");

        page.look(Viewport::Wide, false).await;
        page.screenshot_whole(&picture).await;
        let (width, height) = size(&picture);
        assert!(width == 1280 && height > 1500, "{width} × {height}");
        assert_eq!(page.text("h1").await, "Shop");
        assert_eq!(page.evaluate(ground).await, "rgb(255, 255, 255)");
    });
}

/// Width and height, where every PNG file has them.
fn size(png: &std::path::Path) -> (u32, u32) {
    let bytes = std::fs::read(png).expect("a picture");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    (number(16), number(20))
}

#[test]
fn visitors_do_not_share_their_cookies() {
    run(async {
        let fixture = BrowserFixture::open().await;
        let (alice, bob) = tokio::join!(
            fixture.visit("/", PageOptions::default()),
            fixture.visit("/", PageOptions::default())
        );
        alice.click_text("Order").await;
        let jar = alice.cookies().await;
        let [basket] = &jar[..] else { panic!("one cookie: {jar:?}") };
        assert_eq!((basket.name.as_str(), basket.value.as_str()), ("basket", "full"));
        assert!(basket.http_only && !basket.secure && basket.session, "{basket:?}");
        assert_eq!(basket.same_site.as_deref(), Some("Strict"));
        assert!(bob.cookies().await.is_empty());
    });
}
