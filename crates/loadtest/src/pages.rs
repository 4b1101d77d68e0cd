//! How long pages of the console take after months: with a million events and 20,000 incidents.
//!
//! Fills the database of `dev` as `loadtest seed` does, signs an operator in by a session of its
//! own, and opens each list, with and without filters, again and again over one connection. The
//! figure is that of the slowest page.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::operator::Role;
use domain::secret_token::SessionToken;
use reqwest::{Client, header};
use store::Insertion;

use crate::percentiles::{Percentiles, milliseconds};
use crate::report::{Figure, Threshold};
use crate::{BenchContext, say, seed};

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
pub async fn measure(context: &BenchContext) -> anyhow::Result<Vec<Figure>> {
    seed::fill(&context.database_url, (EVENTS, INCIDENTS)).await?;
    say("opening every list of the console");
    let cookie = format!("__Host-sendpromptly={}", sign_in(context).await?);
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let key = "SELECT provider_event_id FROM incidents ORDER BY id LIMIT 1";
    let key: String = sqlx::query_scalar(key).fetch_one(&context.pool).await?;
    let mut slowest: Option<(Duration, String)> = None;
    for page in PAGES {
        let url = format!("{}{}", context.url, page.replace("{key}", &key));
        let percentiles = open(&http, &url, &cookie).await.with_context(|| page.to_owned())?;
        let p95 = percentiles.percentile(95);
        say(&format!("  {page}: p95 {:.1} ms, {percentiles}", milliseconds(p95)));
        if slowest.as_ref().is_none_or(|(so_far, _)| p95 > *so_far) {
            slowest = Some((p95, format!("{page}: {percentiles}")));
        }
    }
    let (p95, note) = slowest.context("no page was opened")?;
    Ok(vec![Figure {
        name: "slowest list page, 1,000,000 events, p95",
        value: milliseconds(p95),
        unit: "ms",
        target: Threshold::AtMost(50.0),
        note,
    }])
}

async fn open(http: &Client, url: &str, cookie: &str) -> anyhow::Result<Percentiles> {
    let mut took = Vec::new();
    for turn in 0..WARM_UP + TIMES {
        let begin = Instant::now();
        let answer = http.get(url).header(header::COOKIE, cookie).send().await?;
        anyhow::ensure!(answer.status().is_success(), "responded {}", answer.status());
        answer.bytes().await?;
        if turn >= WARM_UP {
            took.push(begin.elapsed());
        }
    }
    Percentiles::new(took)
}

/// Begins a session as signing in does; the password belongs to no operator.
async fn sign_in(context: &BenchContext) -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token = SessionToken::from_bytes(bytes);
    let mut db = context.pool.acquire().await?;
    let added =
        store::operators::insert_operator(&mut db, "loadtest@localhost", Role::Viewer, "none")
            .await?;
    let id = match added {
        Insertion::Inserted(id) | Insertion::Existing(id) => id,
    };
    store::sessions::insert_session(&mut *db, id, &token.hash(), None).await?;
    Ok(token.reveal())
}
