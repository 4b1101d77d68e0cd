//! What a strict visitor asks of every page: that everyone can use it, that nothing comes from
//! elsewhere, that the browser has nothing to complain of, and that little comes over the wire.

use e2e::browser::{Page, assert_accessible, foreign};

/// The most that a page may weigh, with style sheet and script, in bytes on the wire.
const HEAVY: u64 = 100 * 1024;

/// Checks the page that is open. Everything that was asked for came from one of these addresses.
pub async fn inspect(page: &Page, homes: &[&str]) {
    assert_accessible(page).await;
    let requests = page.requests().await;
    for request in &requests {
        let one = std::slice::from_ref(request);
        let elsewhere = homes.iter().all(|home| !foreign(one, home).is_empty());
        assert!(!elsewhere, "{request:?}");
    }
    let here = page.url().await;
    // That a page was not found, or a form rejected, is no complaint about the page that says so.
    let rejected = |complaint: &String| {
        requests.iter().any(|one| one.kind == "Document" && is_rejection(complaint, &one.url))
    };
    let mut complaints = page.complaints().await;
    complaints.retain(|complaint| !rejected(complaint));
    assert!(complaints.is_empty(), "{here}: {complaints:?}");
}

/// Weighs the page that is open, of which nothing may have come from the cache.
pub async fn weigh(page: &Page) {
    let (here, weight) = (page.url().await, page.weight().await);
    assert!((1..HEAVY).contains(&weight), "{here} weighs {weight} bytes");
}

fn is_rejection(complaint: &str, url: &str) -> bool {
    let statuses = ["404 (Not Found)", "422 (Unprocessable Entity)"];
    statuses.iter().any(|status| complaint.ends_with(&format!("{status} ({url})")))
}
