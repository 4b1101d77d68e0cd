//! What a strict visitor asks of every page: that everybody can use it, that nothing comes from
//! elsewhere, that the browser has nothing to complain of, and that little comes over the wire.

use e2e::browser::{Page, assert_accessible, foreign};

/// The most that a page may weigh, with style sheet and script, in bytes on the wire.
const HEAVY: u64 = 100 * 1024;

/// Looks at the page that is open.
pub async fn inspect(page: &Page, home: &str) {
    assert_accessible(page).await;
    let requests = page.requests().await;
    let elsewhere = foreign(&requests, home);
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    let here = page.url().await;
    // That a page was not found, or a form rejected, is no complaint about the page that says so.
    let rejected = |complaint: &String| {
        requests.iter().any(|one| one.kind == "Document" && is_rejection(complaint, &one.url))
    };
    let mut complaints = page.complaints().await;
    complaints.retain(|complaint| !rejected(complaint));
    assert!(complaints.is_empty(), "{here}: {complaints:?}");
}

/// Opens the page once more as somebody who has nothing of it yet.
pub async fn weigh(page: &Page) {
    let here = page.url().await;
    let weight = page.weigh(&here).await;
    assert!(weight < HEAVY, "{here} weighs {weight} bytes");
}

fn is_rejection(complaint: &str, url: &str) -> bool {
    let said = ["404 (Not Found)", "422 (Unprocessable Entity)"];
    said.iter().any(|said| complaint.ends_with(&format!("{said} ({url})")))
}
