//! How long pages of the console take in a bad week, after fourteen months.
//!
//! Fills the database of `dev` as `loadtest seed` does: a million events, 20,000 incidents of all
//! months, and 10,000 of the last week that wait, of some fifty causes. Then signs an operator in by
//! a session of its own, freezes what a bulk would do, and opens each page again and again over one
//! connection. Each is a figure of its own, after that of the slowest. At last it has all that waits reprocessed.

mod bulk;
mod paths;

use std::time::Instant;

use anyhow::Context as _;
use domain::ids::OperatorId;
use domain::operator::Role;
use domain::secret_token::SessionToken;
use store::{Insertion, PgPool};

use self::paths::{PAGES, PathValues};
use crate::http::Http;
use crate::latencies::Latencies;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::seed::{self, Size};
use crate::session::Session;

const EVENTS: u32 = 1_000_000;
const INCIDENTS: u32 = 20_000;
const UNRESOLVED: u32 = 10_000;
/// Fourteen months.
const DAYS: u32 = 425;
/// How often each page is opened.
const TIMES: usize = 60;
/// The first responses fill caches.
const WARM_UP: usize = 5;
/// KiB on the line; the style sheet and the script, which browsers keep, are the rest of a hundred kilobytes.
const LIGHT: Threshold = Threshold::AtMost(84.0);
/// Milliseconds, of the p95.
const TARGET: Threshold = Threshold::AtMost(50.0);
const EMAIL: &str = "loadtest@localhost";

/// Fills the database and opens every page.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let scaled = |count| session.options.scaled(count);
    let [events, incidents, unresolved] = [EVENTS, INCIDENTS, UNRESOLVED].map(scaled);
    let url = &session.dev.ready.database_url;
    seed::fill(url, Size { events, incidents, unresolved, days: DAYS }).await?;
    let pool = store::pool::connect_lazily(url, 1)?;
    let (operator, token) = sign_in(&pool).await?;
    let values = PathValues::prepare(&pool, operator, EMAIL).await?;
    let operator_token = bulk::prepare(&pool, operator).await?;
    pool.close().await;
    say("opening every page of the console");
    let cookie = format!("__Host-sendpromptly={token}");
    let http = Http::new(session.dev.ready.url.clone());
    let (mut figures, mut heaviest) = (Vec::new(), (0, ""));
    for page in PAGES {
        let opened = open(&http, &values.fill_in(page), &cookie).await;
        let (latencies, bytes) = opened.with_context(|| (*page).to_owned())?;
        heaviest = heaviest.max((bytes, *page));
        let p95 = latencies.percentile(95.0);
        say(&format!("  {page}: p95 {p95:.1} ms, {latencies}"));
        figures.push(Figure::new(format!("{page}, p95"), p95, "ms", TARGET).noting(latencies));
    }
    let slowest = slowest(&figures)?;
    figures.insert(0, slowest);
    figures.insert(1, weight(heaviest));
    figures.insert(2, bulk::start_all(&http, &operator_token).await?);
    Ok(figures.into())
}

/// The figure that is compared from run to run.
fn slowest(pages: &[Figure]) -> anyhow::Result<Figure> {
    let slowest = pages.iter().max_by(|one, other| one.value.total_cmp(&other.value));
    let slowest = slowest.context("no page was opened")?;
    let name = "slowest page of the console, 1,000,000 events, 10,000 incidents unresolved, p95";
    Ok(Figure::new(name, slowest.value, "ms", TARGET).noting(&slowest.name))
}

/// What goes over the line for the heaviest page.
fn weight((bytes, page): (u32, &str)) -> Figure {
    let kib = f64::from(bytes) / 1024.0;
    Figure::new("heaviest page of the console, by gzip", kib, "KiB", LIGHT).noting(page)
}

/// How long a page takes, and its bytes on the line.
async fn open(http: &Http, path: &str, cookie: &str) -> anyhow::Result<(Latencies, u32)> {
    let (mut took, mut bytes) = (Vec::new(), 0);
    for turn in 0..WARM_UP + TIMES {
        let begin = Instant::now();
        let (status, body) = http.get(path, cookie).await?;
        anyhow::ensure!(status.is_success(), "responded {status}");
        if turn >= WARM_UP {
            took.push(begin.elapsed());
        }
        bytes = u32::try_from(body.len())?;
    }
    Ok((Latencies::collect(took)?, bytes))
}

/// Begins a session as signing in does; the password belongs to no operator. An admin sees everything
/// that a page can have.
pub(super) async fn sign_in(pool: &PgPool) -> anyhow::Result<(OperatorId, String)> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token = SessionToken::from_bytes(bytes);
    let mut db = pool.acquire().await?;
    let added = store::operators::insert_operator(&mut db, EMAIL, Role::Admin, "none").await?;
    let id = match added {
        Insertion::Inserted(id) | Insertion::Existing(id) => id,
    };
    store::sessions::insert_session(&mut *db, id, &token.hash(), None).await?;
    Ok((id, token.reveal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_page_is_judged_and_named() {
        let page = |name: &str, p95| Figure::new(name, p95, "ms", TARGET);
        let slowest = slowest(&[page("/events, p95", 9.0), page("/causes, p95", 61.0)]);
        let slowest = slowest.expect("a page");
        assert_eq!(slowest.note, "/causes, p95");
        assert!(slowest.value > 60.0);
    }
}
