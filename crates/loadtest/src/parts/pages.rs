//! How long pages of the console take after months: with a million events and 20,000 incidents.
//!
//! Fills the database of `dev` as `loadtest seed` does, signs an operator in by a session of its
//! own, and opens each list, with and without filters, again and again over one connection. The
//! figure is that of the slowest page.

use std::time::Instant;

use anyhow::Context as _;
use domain::operator::Role;
use domain::secret_token::SessionToken;
use store::Insertion;

use crate::http::Http;
use crate::latencies::Latencies;
use crate::report::{Figure, Findings, Threshold};
use crate::session::Session;
use crate::{say, seed};

const EVENTS: u32 = 1_000_000;
const INCIDENTS: u32 = 20_000;
/// How often each page is opened.
const TIMES: usize = 60;
/// The first responses fill caches.
const WARM_UP: usize = 5;

/// The lists, as they are opened; `{key}` is the provider's id of an event.
const PAGES: [&str; 9] = [
    "/incidents",
    "/incidents?state=all",
    "/incidents?state=resolved&sort=oldest",
    "/incidents?q={key}&state=all",
    "/events",
    "/events?state=failed",
    "/events?q={key}",
    "/audit",
    "/overview",
];

/// Fills the database and opens every list.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let (events, incidents) = (session.options.scaled(EVENTS), session.options.scaled(INCIDENTS));
    seed::fill(&session.dev.ready.database_url, (events, incidents)).await?;
    say("opening every list of the console");
    let cookie = format!("__Host-sendpromptly={}", sign_in(session).await?);
    let http = Http::new(session.dev.ready.url.clone());
    let key = "SELECT provider_event_id FROM incidents ORDER BY id LIMIT 1";
    let key: String = sqlx::query_scalar(key).fetch_one(&session.pool).await?;
    let mut slowest: Option<(f64, String)> = None;
    for page in PAGES {
        let latencies = open(&http, &page.replace("{key}", &key), &cookie).await;
        let latencies = latencies.with_context(|| page.to_owned())?;
        let p95 = latencies.percentile(95.0);
        say(&format!("  {page}: p95 {p95:.1} ms, {latencies}"));
        if slowest.as_ref().is_none_or(|(so_far, _)| p95 > *so_far) {
            slowest = Some((p95, format!("{page}: {latencies}")));
        }
    }
    let (p95, note) = slowest.context("no page was opened")?;
    let name = "slowest list page, 1,000,000 events, p95";
    Ok(vec![Figure::new(name, p95, "ms", Threshold::AtMost(50.0)).noting(note)].into())
}

async fn open(http: &Http, path: &str, cookie: &str) -> anyhow::Result<Latencies> {
    let mut took = Vec::new();
    for turn in 0..WARM_UP + TIMES {
        let begin = Instant::now();
        let (status, _) = http.get(path, cookie).await?;
        anyhow::ensure!(status.is_success(), "responded {status}");
        if turn >= WARM_UP {
            took.push(begin.elapsed());
        }
    }
    Latencies::collect(took)
}

/// Begins a session as signing in does; the password belongs to no operator.
async fn sign_in(session: &Session) -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token = SessionToken::from_bytes(bytes);
    let pool = store::pool::connect_lazily(&session.dev.ready.database_url, 1)?;
    let mut db = pool.acquire().await?;
    let added =
        store::operators::insert_operator(&mut db, "loadtest@localhost", Role::Viewer, "none")
            .await?;
    let id = match added {
        Insertion::Inserted(id) | Insertion::Existing(id) => id,
    };
    store::sessions::insert_session(&mut *db, id, &token.hash(), None).await?;
    Ok(token.reveal())
}
