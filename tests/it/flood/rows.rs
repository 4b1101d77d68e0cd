//! What the database and those who were told and asked say afterwards.

use domain::ids::ProjectId;
use e2e::world::BOB;
use e2e::{World, eventually};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::shop::{CODE, Shop, all, is_alone, many};
use super::{CANARY, PER_MINUTE};
use crate::bulk::asked;
use crate::causes_told::{flat, header};

/// The most messages that a destination may get of the flood.
const MESSAGES: usize = 6;
/// How soon the other project's incident is told, in seconds, on a machine that does nothing else.
const SOON: f64 = 5.0;
/// The same beside other stories.
const SOON_ENOUGH: f64 = 60.0;
/// What a pace catches up at most after it was not kept, and how long one step may take to begin what it took.
const CAUGHT_UP: Duration = Duration::seconds(15 + 5);

pub async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count")
}

/// The incident of a project that has only this one was told soon, by the clock of the database.
pub async fn was_told_soon(world: &World, project_id: ProjectId) {
    let sql = "SELECT extract(epoch FROM a.finished_at - i.opened_at)::float8
         FROM alerts a JOIN incidents i ON i.id = a.incident_id
         WHERE i.project_id = $1 AND a.kind = 'incident_opened' AND a.state = 'delivered'";
    let seconds: f64 = sqlx::query_scalar(sql)
        .bind(project_id.as_uuid())
        .fetch_one(&world.pool)
        .await
        .expect("an alert");
    let bound = if is_alone() { SOON } else { SOON_ENOUGH };
    assert!(seconds < bound, "it was told {seconds} s after it had opened");
}

/// A few messages told all of the flood, the last of them that it is over.
pub async fn told_in_few_messages(world: &World, shop: &Shop) {
    let left = "SELECT count(*) FROM alerts WHERE state NOT IN ('delivered', 'told', 'superseded')";
    eventually("every incident to be told", async || (count(world, left).await == 0).then_some(()))
        .await;
    let over =
        many().map(|many| format!("All {many} incidents of {CODE} on invoice.paid are resolved"));
    let mut mails = world.mailbox.mails();
    mails.retain(|mail| header(mail, "To").contains(BOB));
    let posted = shop.slack.messages();
    let posted: Vec<_> = posted.iter().map(|message| message.content.to_string()).collect();
    assert!(mails.len() <= MESSAGES && posted.len() <= MESSAGES, "{mails:?} {posted:?}");
    assert!(mails.iter().any(|mail| flat(mail).contains(&over[0])), "{mails:?}");
    assert!(posted.iter().any(|message| message.contains(&over[1])), "{posted:?}");
}

/// Every customer was asked for under one replay id. More than one attempt was made only where one was cut off by one of
/// these crashes, and that is in the audit.
pub async fn asked_once_but_for(world: &World, shop: &Shop, crashes: &[OffsetDateTime]) {
    let callbacks = shop.callbacks();
    let asked = asked(&callbacks);
    assert_eq!(asked.len(), all());
    assert!(asked.values().all(|replay_ids| replay_ids.len() == 1), "{asked:?}");
    let reprocesses = count(world, "SELECT count(*) FROM reprocesses").await;
    assert_eq!(usize::try_from(reprocesses), Ok(all()));
    let attempts = count(world, "SELECT count(*) FROM callback_attempts").await;
    assert!(i64::try_from(callbacks.len()).is_ok_and(|came| came <= attempts), "{attempts}");

    let sql = "SELECT started_at, finished_at, error FROM callback_attempts a WHERE EXISTS (
         SELECT FROM callback_attempts b WHERE b.replay_id = a.replay_id AND b.attempt > a.attempt)";
    let repeated: Vec<(OffsetDateTime, OffsetDateTime, Option<String>)> =
        sqlx::query_as(sql).fetch_all(&world.pool).await.expect("attempts");
    for (began, ended, error) in &repeated {
        assert_eq!(error.as_deref(), Some("interrupted"));
        let is_explained = crashes.iter().any(|at| began < at && at < ended);
        assert!(is_explained, "from {began} to {ended}, and crashes were at {crashes:?}");
    }
    let logged = "SELECT count(*) FROM audit_entries WHERE action = 'reprocess.interrupted'";
    let logged = count(world, logged).await;
    assert!(i64::try_from(repeated.len()).is_ok_and(|count| count <= logged), "{logged}");
}

/// The few of each bulk reprocess had succeeded before the rest began, and of the rest no more began within any time than
/// the pace allows.
pub async fn kept_the_pace(world: &World) {
    let ids = "SELECT id FROM bulk_reprocesses";
    let ids: Vec<Uuid> = sqlx::query_scalar(ids).fetch_all(&world.pool).await.expect("ids");
    assert_eq!(ids.len(), many().len());
    for id in ids {
        let sql = "SELECT r.requested_at, r.finished_at FROM bulk_reprocess_items b
             JOIN reprocesses r ON r.id = b.replay_id WHERE b.bulk_id = $1 ORDER BY b.place";
        let started: Vec<(OffsetDateTime, OffsetDateTime)> =
            sqlx::query_as(sql).bind(id).fetch_all(&world.pool).await.expect("reprocesses");
        let (canary, rest) = started.split_at(CANARY);
        assert!(canary.iter().all(|(_, ended)| *ended <= rest[0].0), "{canary:?} {:?}", rest[0]);
        let rest: Vec<OffsetDateTime> = rest.iter().map(|(began, _)| *began).collect();
        for (at, first) in rest.iter().enumerate() {
            for (began, last) in (1..).zip(&rest[at..]) {
                let within = (*last - *first + CAUGHT_UP).whole_milliseconds();
                let most = within * PER_MINUTE / 60_000 + 1;
                assert!(began <= most, "{began} began from {first} to {last}, {most} may");
            }
        }
    }
}
