//! What is asked without a page: by results that are taken together, by the dispatcher while it is
//! held back, by the health checks every few seconds, by the sweep every minute, by policies for
//! each incident and every second, and before a declared name is removed.

use std::time::Duration;

use domain::audit::Actor;
use domain::catalogue::{Catalogue, Declaration, EffectType};
use domain::effect_result::{EffectResult, EventSelector, Outcome, ResultReport};
use domain::ids::{CauseId, EventId, KeyId, ProjectId};
use domain::outbox::OutboxKind;
use domain::project::Mode;
use domain::reprocess_policy::PolicySettings;
use domain::retention::Rule;
use serde_json::json;
use store::administration::declared_name::{declare_names, remove_names};
use store::api_keys::KeyOwner;
use store::erasure::ErasedCustomers;
use store::gauges::{COUNTED, count_pending_by_age, count_waiting_by_kind};
use store::health::{COUNT_LIMIT, read_work};
use store::idempotency::{KeyUse, SharedOutcome, StoredResponse};
use store::policies::{self, Policy};
use store::snapshots::count_due;
use store::transitions::results::{SharedReport, accept_results};
use store::{PgPool, outbox, policy_plans, pool, retention};
use time::OffsetDateTime;
use uuid::Uuid;

use super::questions::Question;

const BATCH: i64 = 64;

/// Those of all of them.
pub async fn all(pool: &PgPool) -> [Question; 12] {
    let reports = newest_pending(pool).await;
    let results = Question::new("results that are taken together", move |pool| {
        let reports = reports.clone();
        Box::pin(async move { take_together(pool, &reports).await })
    });
    let health = Question::new("health of the work", |pool| {
        Box::pin(async move {
            let work = read_work(pool).await.expect("a health");
            let full = (work.waiting, work.overdue_events);
            assert_eq!(full, (COUNT_LIMIT, COUNT_LIMIT), "there is more than is counted");
            usize::try_from(work.parked).expect("a number")
        })
    });
    let unparked = Question::new("messages that were parked an hour ago", |pool| {
        Box::pin(async move {
            outbox::unpark_old(pool).await.expect("unparked");
            0
        })
    });
    let needed = Question::new("messages that are needed in a moment", |pool| {
        Box::pin(claim(pool, Some(Duration::from_secs(10))))
    });
    let due = Question::new("the most urgent messages", |pool| Box::pin(claim(pool, None)));
    let breaker = Question::new("the breaker of a policy", |pool| {
        Box::pin(async move { read_breaker(pool).await })
    });
    let planned = Question::new("what policies have planned", |pool| {
        Box::pin(async move { policy_plans::list_due(pool, BATCH).await.expect("a list").len() })
    });
    let [old, purged] = snapshots();
    let kept = Question::new("what is kept no longer", |pool| {
        Box::pin(async move { delete_the_oldest(pool).await })
    });
    [results, health, gauges(), names(), unparked, needed, due, breaker, planned, old, purged, kept]
}

fn names() -> Question {
    Question::new("whether an event has a declared name", |pool| {
        Box::pin(async move { remove_unused_names(pool).await })
    })
}

/// Declares names that no event has and removes them, and lets none of it stay.
async fn remove_unused_names(pool: &PgPool) -> usize {
    let project: Uuid = sqlx::query_scalar("SELECT id FROM projects WHERE mode = 'live' LIMIT 1")
        .fetch_one(pool)
        .await
        .expect("a project");
    let (project_id, actor) = (ProjectId::from_uuid(project), Actor::Cli("alice".to_owned()));
    let event_type = Declaration::event_type("acme:order.paid").expect("a name");
    let names = [event_type, Declaration::effect_type("license_issue").expect("a name")];
    let mut tx = pool.begin().await.expect("a transaction");
    let declared = declare_names(&mut tx, &actor, project_id, &names).await.expect("declared");
    remove_names(&mut tx, &actor, project_id, &names).await.expect("no event has them");
    tx.rollback().await.expect("a rollback");
    declared.len()
}

fn snapshots() -> [Question; 2] {
    let due = Question::new("how many snapshots are due", |pool| {
        Box::pin(async move { count_due(pool).await.expect("a count").len() })
    });
    let purged = Question::new("snapshots that are deleted", |pool| {
        Box::pin(async move {
            let deleted = retention::delete_due(pool, Rule::Snapshots).await.expect("deleted");
            usize::try_from(deleted.total()).expect("a number")
        })
    });
    // However small the batches are that a busy machine takes.
    [due, purged.at_most(20_000)]
}

fn gauges() -> Question {
    Question::new("what waits, told apart", |pool| {
        Box::pin(async move {
            let ages = count_pending_by_age(pool).await.expect("ages");
            assert!(ages.older > 0, "{ages:?}");
            let kinds = count_waiting_by_kind(pool).await.expect("kinds");
            assert!(kinds.contains(&(OutboxKind::Start, COUNTED)), "{kinds:?}");
            kinds.len()
        })
    })
}

async fn claim(pool: &PgPool, within: Option<Duration>) -> usize {
    outbox::claim_due(pool, within, BATCH).await.expect("a claim").len()
}

/// Counts the customers of one cause, and the latest reprocesses.
async fn read_breaker(pool: &PgPool) -> usize {
    let cause_id = CauseId::from_uuid(Uuid::from_u128(0x8000_8000_0000_0000_0001));
    let policy = Policy {
        effect_type: EffectType::CreditGrant,
        settings: PolicySettings { enabled: true, ..PolicySettings::default() },
        counts_since: OffsetDateTime::UNIX_EPOCH,
    };
    let mut db = pool.acquire().await.expect("a connection");
    let read = policies::read_breaker(&mut db, cause_id, &policy).await.expect("a breaker");
    assert_eq!((read.customers, read.stopped), (21, false), "{read:?}");
    usize::try_from(read.customers + read.ended).expect("a number")
}

/// Successes of the newest pending events, named by our id and by the provider's in turns.
async fn newest_pending(pool: &PgPool) -> Vec<(KeyOwner, ResultReport)> {
    let newest: Vec<(Uuid, Uuid, Uuid, String)> = sqlx::query_as(
        "SELECT id, project_id, api_key_id, provider_event_id FROM payment_events
         WHERE effect = 'pending' ORDER BY id DESC LIMIT $1",
    )
    .bind(BATCH)
    .fetch_all(pool)
    .await
    .expect("events");
    let named = |(n, (id, project_id, key_id, name)): (usize, (Uuid, Uuid, Uuid, String))| {
        let by_id = (n % 2 == 0).then(|| EventId::from_uuid(id).to_string());
        let by_name = by_id.is_none().then_some(name);
        let event = EventSelector {
            event_id: by_id,
            provider_event_id: by_name,
            ..EventSelector::default()
        };
        let body = json!({"status": "success"});
        let result = EffectResult::parse(body.as_object().expect("an object")).expect("a result");
        (owner(project_id, key_id), ResultReport { event, result, adjusted: Vec::new() })
    };
    newest.into_iter().enumerate().map(named).collect()
}

fn owner(project_id: Uuid, key_id: Uuid) -> KeyOwner {
    KeyOwner {
        key_id: KeyId::from_uuid(key_id),
        project_id: ProjectId::from_uuid(project_id),
        timeout_minutes: 30,
        snapshots: false,
        mode: Mode::Live,
        catalogue: Catalogue::default(),
        erased: ErasedCustomers::default(),
    }
}

/// Lets the oldest events be due, counts what that is, and deletes it.
async fn delete_the_oldest(pool: &PgPool) -> usize {
    let oldest: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM payment_events WHERE effect = 'succeeded' ORDER BY id LIMIT 100",
    )
    .fetch_all(pool)
    .await
    .expect("events");
    for change in [
        "DELETE FROM outbox WHERE event_id = ANY ($1)",
        "UPDATE payment_events SET settled_at = settled_at - interval '13 months' WHERE id = ANY ($1)",
    ] {
        sqlx::query(change).bind(&oldest).execute(pool).await.expect("a change");
    }
    let due = retention::count_due(pool, Rule::Events).await.expect("a count");
    let gone = retention::delete_due(pool, Rule::Events).await.expect("deleted");
    assert_eq!(gone.rows(), due.rows());
    let events = gone
        .rows()
        .iter()
        .filter(|rows| rows.table == "payment_events")
        .map(|rows| rows.rows)
        .sum::<i64>();
    assert!(events > 80, "{gone:?}");
    usize::try_from(events).expect("a number")
}

/// Settles them all, and lets none of it stay.
async fn take_together(pool: &PgPool, reports: &[(KeyOwner, ResultReport)]) -> usize {
    let keys: Vec<String> = (0..reports.len()).map(|n| format!("together-{n}")).collect();
    let batch: Vec<_> = reports
        .iter()
        .zip(&keys)
        .map(|((owner, report), key)| {
            let used = KeyUse {
                project_id: owner.project_id,
                route: "result",
                scope: Outcome::Succeeded.as_str(),
                key,
                fingerprint: &[0; 32],
                request_hash: &[0; 32],
            };
            SharedReport { owner, used, report }
        })
        .collect();
    let mut tx = pool::begin_by_index(pool).await.expect("a transaction");
    let response = StoredResponse { status: 202, body: Vec::new() };
    let taken = accept_results(&mut tx, &batch, |_, _| Some(response.clone())).await;
    let taken = taken.expect("outcomes");
    tx.rollback().await.expect("a rollback");
    let accepted = taken.iter().filter(|one| matches!(one, SharedOutcome::Accepted(_))).count();
    assert_eq!(accepted, batch.len(), "each of them settles its event");
    accepted
}
