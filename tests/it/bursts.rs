//! An API that dies in the middle of bursts of receipts, lists of receipts and successes: what it
//! acknowledged is there once, nothing is there by half, and whatever is sent again gets a response
//! that agrees with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::api_key::ApiKey;
use domain::ids::EventId;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::pool::Transaction;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

const SENDERS: usize = 32;
/// So many receipts are in a list, and so many of them succeed before the next one.
const LISTED: usize = 20;
const SUCCESSES: usize = 3;

/// Something that an app sends. Its idempotency key is the provider's id of the event.
#[derive(Debug, Clone)]
enum Call {
    Receipt(String),
    Receipts(Vec<String>),
    Success(String),
}

/// What became of the calls.
#[derive(Debug, Default)]
struct Ledger {
    /// Each with its response.
    acknowledged: Vec<(Call, String)>,
    /// Those that were under way when the API was killed.
    unanswered: Vec<Call>,
}

/// One client of the API, which notes what it is told.
struct Sender {
    http: reqwest::Client,
    url: String,
    key: ApiKey,
}

impl Call {
    /// The receipts of events, as one call.
    fn receipts(events: &[String]) -> Self {
        match events {
            [event] => Self::Receipt(event.clone()),
            several => Self::Receipts(several.to_vec()),
        }
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "/api/v1/receipt",
            Self::Receipts(_) => "/api/v1/receipts",
            Self::Success(_) => "/api/v1/result",
        }
    }

    fn body(&self) -> Value {
        let listed = |event: &String| {
            let mut receipt = receipt(event);
            receipt["idempotency_key"] = event.as_str().into();
            receipt
        };
        match self {
            Self::Receipt(event) => receipt(event),
            Self::Receipts(events) => {
                json!({ "receipts": events.iter().map(listed).collect::<Vec<_>>() })
            }
            Self::Success(event) => json!({ "provider_event_id": event, "status": "success" }),
        }
    }

    fn events(&self) -> &[String] {
        match self {
            Self::Receipt(event) | Self::Success(event) => std::slice::from_ref(event),
            Self::Receipts(events) => events,
        }
    }

    fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// The ids that a response names, in the order of the events.
    fn event_ids(&self, response: &Value) -> Vec<Value> {
        let id = |one: &Value| one["event_id"].clone();
        match self {
            Self::Receipt(_) | Self::Success(_) => vec![id(response)],
            Self::Receipts(_) => {
                let outcomes = response["outcomes"].as_array().expect("outcomes");
                outcomes.iter().map(|outcome| id(&outcome["receipt"])).collect()
            }
        }
    }
}

impl Sender {
    fn of(world: &World) -> Self {
        Self { http: world.http.clone(), url: world.url.clone(), key: world.key.clone() }
    }

    async fn send(&self, call: &Call) -> reqwest::Result<(u16, String)> {
        let request = self.http.post(format!("{}{}", self.url, call.path()));
        let request = request.header("content-type", "application/json");
        let request = match call {
            Call::Receipt(key) | Call::Success(key) => request.header("idempotency-key", key),
            Call::Receipts(_) => request,
        };
        let request = request.bearer_auth(self.key.reveal()).body(call.body().to_string());
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Sends receipts, so many in a call, and successes of some of them, one call after the other
    /// until the API is gone.
    async fn send_all(
        self,
        name: String,
        in_a_call: usize,
        acknowledged: Arc<watch::Sender<usize>>,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        for n in 0.. {
            let events: Vec<_> = (0..in_a_call).map(|of| format!("evt_{name}_{n}_{of}")).collect();
            let successes = events.iter().take(SUCCESSES).cloned().map(Call::Success);
            for call in [Call::receipts(&events)].into_iter().chain(successes) {
                let Ok((status, text)) = self.send(&call).await else {
                    ledger.unanswered.push(call);
                    return ledger;
                };
                assert_eq!(status, 202, "{call:?}: {text}");
                ledger.acknowledged.push((call, text));
                acknowledged.send_modify(|count| *count += 1);
            }
        }
        ledger
    }
}

impl Ledger {
    fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.unanswered.extend(other.unanswered);
    }

    fn acknowledged(&self) -> impl Iterator<Item = &Call> {
        self.acknowledged.iter().map(|(call, _)| call)
    }
}

/// The events that calls say were received, and those that they say have succeeded.
fn events<'a>(calls: impl Iterator<Item = &'a Call>) -> [BTreeSet<String>; 2] {
    let mut events = [BTreeSet::new(), BTreeSet::new()];
    for call in calls {
        events[usize::from(call.is_success())].extend(call.events().iter().cloned());
    }
    events
}

/// Lets many send, and kills the API once so many calls were acknowledged.
async fn kill_after(world: &World, round: usize, count: usize) -> Ledger {
    let api = world.spawn_api().expect("an API");
    eventually("an API that is ready", async || world.ready().await.then_some(())).await;
    let (acknowledged, mut counted) = watch::channel(0);
    let acknowledged = Arc::new(acknowledged);
    let mut senders = JoinSet::new();
    for n in 0..SENDERS {
        let in_a_call = if n % 2 == 0 { 1 } else { LISTED };
        let (sender, name) = (Sender::of(world), format!("{round}_{n}"));
        senders.spawn(sender.send_all(name, in_a_call, Arc::clone(&acknowledged)));
    }
    // Where every sender fails there is nothing to wait for.
    drop(acknowledged);
    counted.wait_for(|acknowledged| *acknowledged >= count).await.expect("senders");
    api.kill().await.expect("killed");
    let mut ledger = Ledger::default();
    senders.join_all().await.into_iter().for_each(|other| ledger.add(other));
    ledger
}

/// What starts the watch of an event: the first message, or the one of its result, with which the
/// relay takes the first along.
const STARTS: &str = "SELECT event_id FROM outbox WHERE wish = 'start' UNION ALL
    SELECT event_id FROM outbox message WHERE wish = 'result' AND NOT EXISTS (
        SELECT FROM outbox WHERE event_id = message.event_id AND wish = 'start')";

/// Rows that each receipt has, and rows that each success has.
const PARTS: [&[&str]; 2] = [
    &[
        "SELECT event_id FROM event_keys",
        "SELECT event_id FROM event_identities",
        "SELECT event_id FROM audit_entries WHERE action = 'receipt.accepted'",
        STARTS,
    ],
    &[
        "SELECT id AS event_id FROM payment_events WHERE effect = 'succeeded' AND settled_at IS NOT NULL",
        "SELECT event_id FROM results",
        "SELECT event_id FROM audit_entries WHERE action = 'result.succeeded'",
        "SELECT event_id FROM outbox WHERE wish = 'result'",
    ],
];

/// Everything else that could have come of such calls.
const STRAYS: [&str; 5] = [
    "audit_entries WHERE event_id IS NOT NULL AND action NOT IN ('receipt.accepted', 'result.succeeded')",
    "outbox WHERE wish NOT IN ('start', 'result')",
    "payment_events WHERE effect NOT IN ('pending', 'succeeded') OR (effect = 'pending' AND settled_at IS NOT NULL)",
    "early_results",
    "idempotency_keys WHERE status <> 202 OR route NOT IN ('receipt', 'result')",
];

async fn names(tx: &mut Transaction, sql: String) -> Vec<String> {
    let mut names: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut **tx).await.expect("names");
    names.sort();
    names
}

/// The events that were received and those that have succeeded, in one moment, once each of their
/// rows is there as often as the other.
async fn whole_events(world: &World) -> [BTreeSet<String>; 2] {
    let moment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = world.pool.begin_with(moment).await.expect("a transaction");
    let mut whole = [BTreeSet::new(), BTreeSet::new()];
    for (place, route) in ["receipt", "result"].into_iter().enumerate() {
        let stored = format!("SELECT key FROM idempotency_keys WHERE route = '{route}'");
        let stored = names(&mut tx, stored).await;
        for part in PARTS[place] {
            let sql = format!(
                "SELECT coalesce(e.provider_event_id, 'of no event') FROM ({part}) AS part
                 LEFT JOIN payment_events e ON e.id = part.event_id"
            );
            let found = names(&mut tx, sql).await;
            let missing: Vec<_> = stored.iter().filter(|name| !found.contains(name)).collect();
            let left: Vec<_> = found.iter().filter(|name| !stored.contains(name)).collect();
            assert!(found == stored, "missing {missing:?}, without a response {left:?}: {part}");
        }
        whole[place].extend(stored);
    }
    let received = names(&mut tx, "SELECT provider_event_id FROM payment_events".to_owned()).await;
    assert_eq!(received, Vec::from_iter(whole[0].clone()), "each is there once");
    for stray in STRAYS {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {stray}"));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *tx).await.expect("a count");
        assert_eq!(count, 0, "{stray}");
    }
    whole
}

async fn ids(world: &World) -> BTreeMap<String, Value> {
    let ids: Vec<(String, Uuid)> =
        sqlx::query_as("SELECT provider_event_id, id FROM payment_events")
            .fetch_all(&world.pool)
            .await
            .expect("ids");
    ids.into_iter().map(|(name, id)| (name, json!(EventId::from_uuid(id)))).collect()
}

/// Sends everything again: what was acknowledged gets its response, and the rest gets done.
async fn send_again(world: &World, ledger: &Ledger) {
    let sender = Sender::of(world);
    for (call, text) in &ledger.acknowledged {
        let again = sender.send(call).await.expect("a response");
        assert_eq!(again, (202, text.clone()), "{call:?}");
    }
    let mut responses = Vec::new();
    for call in &ledger.unanswered {
        let (status, text) = sender.send(call).await.expect("a response");
        assert_eq!(status, 202, "{call:?}: {text}");
        responses.push((call, text));
    }
    let ids = ids(world).await;
    let acknowledged = ledger.acknowledged.iter().map(|(call, text)| (call, text.clone()));
    for (call, text) in acknowledged.chain(responses) {
        let response: Value = serde_json::from_str(&text).expect("JSON");
        let expected: Vec<_> = call.events().iter().map(|event| ids[event].clone()).collect();
        assert_eq!(call.event_ids(&response), expected, "{call:?}");
        assert!(!call.is_success() || response["effect"] == "succeeded", "{text}");
    }
}

#[test]
fn an_api_that_is_killed_in_the_middle_of_bursts_has_what_it_acknowledged_and_nothing_by_half() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let mut ledger = Ledger::default();
        for round in 0..4 {
            ledger.add(kill_after(&world, round, 100 + 77 * round).await);
            let (whole, acknowledged) = (whole_events(&world).await, events(ledger.acknowledged()));
            for (whole, acknowledged) in whole.iter().zip(&acknowledged) {
                let lost: Vec<_> = acknowledged.difference(whole).collect();
                assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
            }
        }
        let _api = world.spawn_api().expect("an API");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        send_again(&world, &ledger).await;
        let sent = events(ledger.acknowledged().chain(&ledger.unanswered));
        assert_eq!(whole_events(&world).await, sent, "all that was ever sent, and nothing else");
    });
}
