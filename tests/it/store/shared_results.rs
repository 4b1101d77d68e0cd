//! Results that are taken together: the same outcomes and the same rows as one after the other.

use domain::effect_result::{EffectResult, EventSelector, ResultReport};
use domain::ids::EventId;
use e2e::run;
use serde_json::json;
use store::events::{self, lock_event};
use store::idempotency::{self, Claim, KeyUse, ResponseScope, SharedOutcome, StoredResponse};
use store::pool;
use store::results;
use store::transitions::result::{ReportedResult, ResultOutcome, accept_result};
use store::transitions::results::{SharedReport, accept_results};

use super::shared_receipts::{Random, project};
use super::shop::{self, Shop, failure, receipt_with, success};

const EVENTS: u64 = 8;

/// A request with a result.
#[derive(Debug, Clone)]
struct Call {
    key: String,
    scope: String,
    report: ResultReport,
    fingerprint: [u8; 32],
}

impl Call {
    fn new(key: &str, event: EventSelector, result: EffectResult) -> Self {
        let (fingerprint, scope) = (event.fingerprint(), result.outcome.to_string());
        let report = ResultReport { event, result, adjusted: Vec::new() };
        Self { key: key.to_owned(), scope, report, fingerprint }
    }

    /// Of an event with this provider's id.
    fn success(key: &str, provider_event_id: &str) -> Self {
        Self::new(key, provider_event(provider_event_id), success())
    }

    /// A result of one of a few events, mostly a success, under one of a few keys.
    fn draw(random: &mut Random, events: &[EventId]) -> (u64, Self) {
        let n = random.below(EVENTS);
        let of_it = events[usize::try_from(n).expect("a small number")];
        let form = random.below(3);
        let named = match form {
            0 => EventSelector { event_id: Some(of_it.to_string()), ..EventSelector::default() },
            1 => EventSelector {
                internal_reference: Some("user_456".to_owned()),
                ..provider_event(&format!("evt_{n}"))
            },
            _ => provider_event(&format!("evt_{n}")),
        };
        let result = if random.below(4) == 0 { failure() } else { success() };
        let call = Self::new(&format!("k{}", random.below(16)), named, result);
        // The same in each project, where the ids of events are not.
        let fingerprint = [u8::try_from(n * 3 + form).expect("a small number"); 32];
        (n, Self { fingerprint, ..call })
    }

    fn used<'a>(&'a self, shop: &Shop) -> KeyUse<'a> {
        KeyUse {
            project_id: shop.owner.project_id,
            route: "result",
            scope: &self.scope,
            key: &self.key,
            fingerprint: &self.fingerprint,
            request_hash: &self.fingerprint,
        }
    }

    fn shared<'a>(&'a self, shop: &'a Shop) -> SharedReport<'a> {
        SharedReport { owner: &shop.owner, used: self.used(shop), report: &self.report }
    }

    fn response(event_id: EventId, effect: &str) -> StoredResponse {
        let body = json!({"id": event_id.as_uuid().to_string(), "effect": effect});
        StoredResponse { status: 202, body: body.to_string().into_bytes() }
    }
}

fn provider_event(id: &str) -> EventSelector {
    EventSelector { provider_event_id: Some(id.to_owned()), ..EventSelector::default() }
}

/// Takes a result alone, as the API does with one that means a single event.
async fn alone(shop: &Shop, call: &Call) -> SharedOutcome {
    let mut tx = shop.begin().await;
    let used = call.used(shop);
    let (scope, over) = match idempotency::claim(&mut tx, used).await.expect("a claim") {
        Claim::New(scope) | Claim::CompletedWithOtherBody { scope, .. } => (scope, None),
        Claim::Completed { response, .. } => {
            (ResponseScope::Route, Some(SharedOutcome::Completed(response)))
        }
        Claim::InProgress => (ResponseScope::Route, Some(SharedOutcome::InProgress)),
        Claim::Conflict => (ResponseScope::Route, Some(SharedOutcome::Conflict)),
    };
    if let Some(outcome) = over {
        // Dropped, it would hold the key's lock a moment longer, and the next call would meet it.
        tx.rollback().await.expect("a rollback");
        return outcome;
    }
    let project_id = shop.owner.project_id;
    let selected = events::list_selected(&mut *tx, project_id, &call.report.event).await;
    let selected = selected.expect("events");
    let [event] = &selected[..] else { panic!("one event") };
    let actor = domain::audit::Actor::Key(shop.owner.key_id);
    let result = &call.report.result;
    let reported = ReportedResult { result_id: results::new_id(), result, signal: true };
    let accepted = accept_result(&mut tx, &actor, event.id, reported).await.expect("an outcome");
    let ResultOutcome::Accepted { event_id, effect, .. } = accepted else { panic!("{accepted:?}") };
    let response = Call::response(event_id, effect.as_str());
    assert!(idempotency::insert_response(&mut *tx, used, scope, &response).await.expect("stored"));
    pool::commit(tx).await.expect("a commit");
    SharedOutcome::Accepted(response)
}

/// Takes results together, and alone what is left.
async fn together(shop: &Shop, calls: &[Call]) -> (Vec<SharedOutcome>, usize) {
    let batch: Vec<_> = calls.iter().map(|call| call.shared(shop)).collect();
    let mut tx = shop.begin().await;
    let respond = |_, event_id| Some(Call::response(event_id, "succeeded"));
    let outcomes = accept_results(&mut tx, &batch, respond).await;
    pool::commit(tx).await.expect("a commit");
    let (mut outcomes, mut left) = (outcomes.expect("outcomes"), 0);
    for (outcome, call) in outcomes.iter_mut().zip(calls) {
        if *outcome == SharedOutcome::Alone {
            *outcome = alone(shop, call).await;
            left += 1;
        }
    }
    (outcomes, left)
}

/// Outcomes with events by their number.
fn named(events: &[EventId], outcomes: &[SharedOutcome]) -> Vec<String> {
    let shown = outcomes.iter().map(|outcome| match outcome {
        SharedOutcome::Accepted(response) | SharedOutcome::Completed(response) => {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            let body = events.iter().enumerate().fold(body, |body, (n, id)| {
                body.replace(&id.as_uuid().to_string(), &format!("event {n}"))
            });
            let answered = matches!(outcome, SharedOutcome::Completed(_));
            format!("answered: {answered}, {body}")
        }
        other => format!("{other:?}"),
    });
    shown.collect()
}

/// Everything that results leave behind in a project.
const ROWS: &str = "
    WITH event AS (SELECT id, provider_event_id AS name, effect, settled_at FROM payment_events WHERE project_id = $1)
    SELECT concat_ws(' ', name, effect, settled_at IS NOT NULL) FROM event
    UNION ALL
    SELECT concat_ws(' ', 'result', name, outcome, error_code, error_message, replay_id, project_id = $1)
    FROM results r JOIN event ON event.id = r.event_id
    UNION ALL
    SELECT concat_ws(' ', 'incident', name, state, reason, error_code) FROM incidents i JOIN event ON event.id = i.event_id
    UNION ALL
    SELECT concat_ws(' ', 'entry', name, actor = 'key:' || $2, action, project_id = $1, incident_id IS NOT NULL,
        detail - 'result_id', detail ? 'result_id') FROM audit_log a JOIN event ON event.id = a.event_id
    UNION ALL
    SELECT concat_ws(' ', 'message', name, wish, payload - 'result_id', payload ? 'result_id', CASE WHEN wish <> 'start' THEN due_by - created_at END)
    FROM outbox o JOIN event ON event.id = o.event_id
    UNION ALL
    SELECT concat_ws(' ', 'response', route, key, encode(fingerprint, 'hex'), encode(request_hash, 'hex'), scope, status, name,
        response ->> 'effect')
    FROM (SELECT *, convert_from(body, 'UTF8')::jsonb AS response FROM idempotency_keys WHERE project_id = $1) AS kept
    JOIN event ON event.id::text = response ->> 'id'
    ORDER BY 1";

async fn rows(shop: &Shop) -> Vec<String> {
    sqlx::query_scalar(ROWS)
        .bind(shop.owner.project_id.as_uuid())
        .bind(shop.owner.key_id.to_string())
        .fetch_all(&shop.pool)
        .await
        .expect("rows")
}

/// Calls of which no two share a key or an event: those may come to anything in any order.
fn batches(calls: &[(u64, Call)]) -> Vec<Vec<Call>> {
    let names = |event: &u64, call: &Call| [call.key.clone(), event.to_string()];
    shop::batches(calls.iter().map(|(event, call)| (names(event, call), call.clone())))
}

async fn take_all(shop: &Shop) -> Vec<EventId> {
    let mut ids = Vec::new();
    for n in 0..EVENTS {
        ids.push(shop.take(&format!("evt_{n}")).await);
    }
    ids
}

#[test]
fn results_taken_together_come_to_what_they_do_one_after_the_other() {
    run(async {
        let shop = Shop::open().await;
        let mut random = Random(12);
        let (mut all, mut left) = (0, 0);
        for _ in 0..12 {
            let (one, other) = (project(&shop).await, project(&shop).await);
            let (ours, theirs) = (take_all(&one).await, take_all(&other).await);
            let draws: Vec<_> = (0..20).map(|_| random.below(u64::MAX)).collect();
            let calls = |events: &[EventId]| -> Vec<(u64, Call)> {
                draws.iter().map(|draw| Call::draw(&mut Random(*draw), events)).collect()
            };
            let (calls, reference) = (calls(&ours), calls(&theirs));
            for (batch, same) in batches(&calls).iter().zip(batches(&reference)) {
                let (outcomes, of_it) = together(&one, batch).await;
                let mut expected = Vec::new();
                for call in &same {
                    expected.push(alone(&other, call).await);
                }
                assert_eq!(named(&ours, &outcomes), named(&theirs, &expected), "{batch:?}");
                left += of_it;
            }
            all += calls.len();
            assert_eq!(rows(&one).await, rows(&other).await, "{calls:?}");
            for (mine, same) in ours.iter().zip(&theirs) {
                assert_eq!(one.story(*mine).await, other.story(*same).await);
            }
        }
        assert!(left > 0 && left < all, "{left} of {all} were left alone");
    });
}

#[test]
fn a_success_in_company_is_a_result_an_entry_and_a_message() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let by_id =
            EventSelector { event_id: Some(event_id.to_string()), ..EventSelector::default() };
        let (outcomes, left) = together(&shop, &[Call::new("k1", by_id, success())]).await;
        assert_eq!((outcomes.len(), left), (1, 0));
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        outbox: start result
        timeline: receipt.accepted result.succeeded
        ");
        let kept = "SELECT count(*) FROM results r JOIN audit_log a ON a.event_id = r.event_id
             AND a.detail ->> 'result_id' = $1 JOIN outbox o ON o.payload ->> 'result_id' = $1
             WHERE r.event_id = $2 AND r.outcome = 'success'";
        let result_id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM results")
            .fetch_one(&shop.pool)
            .await
            .expect("a result");
        let result_id = domain::ids::ResultId::from_uuid(result_id).to_string();
        let kept: i64 = sqlx::query_scalar(kept)
            .bind(result_id)
            .bind(event_id.as_uuid())
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(kept, 1);
    });
}

#[test]
fn two_successes_of_one_event_in_one_batch_settle_it_once() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        let by_id =
            EventSelector { event_id: Some(event_id.to_string()), ..EventSelector::default() };
        let calls = [Call::new("k1", by_id, success()), Call::success("k2", "evt_1")];
        let (_, left) = together(&shop, &calls).await;
        assert_eq!(left, 1);
        let timeline = "timeline: receipt.accepted result.succeeded result.repeated";
        let story = shop.story(event_id).await;
        assert!(story.ends_with(timeline), "{story}");
    });
}

#[test]
fn an_event_that_is_held_and_one_that_is_one_of_several_or_not_there_are_left() {
    run(async {
        let shop = Shop::open().await;
        let held = shop.take("evt_1").await;
        shop.take("evt_2").await;
        let other = receipt_with("evt_2", &json!({"internal_reference": "user_789"}));
        shop.accept(&other).await;
        let mut holding = shop.begin().await;
        lock_event(&mut holding, held).await.expect("a lock");
        let calls = ["evt_1", "evt_2", "evt_3"].map(|event| Call::success(event, event));
        let batch = calls.each_ref().map(|call| call.shared(&shop));
        let before = rows(&shop).await;
        let mut tx = shop.begin().await;
        let respond = |_, event_id| Some(Call::response(event_id, "succeeded"));
        let outcomes = accept_results(&mut tx, &batch, respond).await.expect("outcomes");
        assert_eq!(outcomes, [const { SharedOutcome::Alone }; 3]);
        pool::commit(tx).await.expect("a commit");
        assert_eq!(rows(&shop).await, before, "nothing is left behind");
    });
}
