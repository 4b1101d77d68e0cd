//! Receipts that are taken together: the same outcomes and the same rows as one after the other.

use domain::catalogue::{Catalogue, Declaration};
use domain::ids::{KeyId, ProjectId};
use domain::project::Mode;
use domain::receipt::{Receipt, ReceiptContext};
use e2e::world::receipt;
use e2e::{run, until_lock_wait};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::administration::declared_name::{RemoveRejection, declare_names, remove_names};
use store::api_keys::KeyOwner;
use store::events::lock_provider_event;
use store::idempotency::{self, Claim, KeyUse, ResponseScope, SharedOutcome, StoredResponse};
use store::pool::{self, Transaction};
use store::transitions::receipt::{AcceptedReceipt, Delivery, accept_receipt};
use store::transitions::receipts::{SharedDelivery, accept_receipts};
use uuid::Uuid;

use super::shop::{self, Shop, bob, early, owner, receipt_with, success};

/// A request with a receipt.
#[derive(Debug, Clone)]
pub struct Call {
    key: String,
    receipt: Receipt,
    event_key: [u8; 32],
    snapshot: Option<&'static str>,
}

impl Call {
    /// A receipt of one of a few events, under one of a few keys.
    fn draw(random: &mut Random) -> Self {
        let change = json!({
            "effect_type": random.one_of(&["credit_grant", "credit_grant", "access_unlock"]),
            "internal_reference": random.one_of(&["user_456", "user_456", "Zoë"]),
            "timeout_minutes": random.one_of(&["", "5"]).parse::<i32>().ok(),
        });
        let event = format!("evt_{}", random.below(8));
        let key = format!("k{}", random.below(12));
        Self::new(&key, receipt_with(&event, &change), random.one_of(&[None, Some("{\"a\":1}")]))
    }

    fn new(key: &str, receipt: Receipt, snapshot: Option<&'static str>) -> Self {
        let event_key = receipt.identity(key).key();
        Self { key: key.to_owned(), receipt, event_key, snapshot }
    }

    pub fn of(key: &str, event: &str) -> Self {
        Self::new(key, receipt_with(event, &json!({})), None)
    }

    fn used<'a>(&'a self, owner: &KeyOwner) -> KeyUse<'a> {
        KeyUse {
            project_id: owner.project_id,
            route: "receipt",
            scope: "",
            key: &self.key,
            fingerprint: &self.event_key,
            request_hash: &self.event_key,
        }
    }

    fn delivery(&self) -> Delivery<'_> {
        Delivery { snapshot: self.snapshot, ..Delivery::new(&self.receipt, &self.event_key) }
    }

    fn shared<'a>(&'a self, owner: &'a KeyOwner) -> SharedDelivery<'a> {
        SharedDelivery { owner, used: self.used(owner), delivery: self.delivery() }
    }

    fn response(taken: AcceptedReceipt) -> StoredResponse {
        let body =
            json!({"id": taken.event_id.as_uuid().to_string(), "duplicate": taken.duplicate});
        StoredResponse { status: 202, body: body.to_string().into_bytes() }
    }
}

/// The same numbers in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).expect("a small number")]
    }
}

/// A project of its own in the shop's database.
pub async fn project(shop: &Shop) -> Shop {
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO projects (id, name, mode, timeout_minutes)
         VALUES (gen_random_uuid(), 'charlie', 'test', 30) RETURNING id",
    )
    .fetch_one(&shop.pool)
    .await
    .expect("a project");
    let key_id = KeyId::from_uuid(Uuid::now_v7());
    shop.working_for(owner(key_id, ProjectId::from_uuid(id), Mode::Test))
}

/// Takes a receipt alone, as the API does.
async fn alone(shop: &Shop, call: &Call) -> SharedOutcome {
    let mut tx = shop.begin().await;
    let used = call.used(&shop.owner);
    let over = match idempotency::claim(&mut tx, used).await.expect("a claim") {
        Claim::New(ResponseScope::Route) => None,
        Claim::Completed { response, .. } => Some(SharedOutcome::Completed(response)),
        Claim::InProgress => Some(SharedOutcome::InProgress),
        Claim::Conflict => Some(SharedOutcome::Conflict),
        other => panic!("{other:?}"),
    };
    if let Some(outcome) = over {
        // Dropped, it would hold the key's lock a moment longer, and the next call would meet it.
        tx.rollback().await.expect("a rollback");
        return outcome;
    }
    let taken = accept_receipt(&mut tx, &shop.master_key, &shop.owner, call.delivery()).await;
    let taken = taken.expect("a receipt");
    let response = Call::response(taken);
    let scope = ResponseScope::Route;
    assert!(idempotency::insert_response(&mut *tx, used, scope, &response).await.expect("stored"));
    pool::commit(tx).await.expect("a commit");
    SharedOutcome::Accepted(response)
}

async fn together_in(tx: &mut Transaction, shop: &Shop, calls: &[Call]) -> Vec<SharedOutcome> {
    let batch: Vec<_> = calls.iter().map(|call| call.shared(&shop.owner)).collect();
    let respond = |_, taken| Some(Call::response(taken));
    accept_receipts(tx, &shop.master_key, &batch, respond).await.expect("outcomes")
}

/// Takes receipts together, and alone what is left.
pub async fn together(shop: &Shop, calls: &[Call]) -> (Vec<SharedOutcome>, usize) {
    let mut tx = shop.begin().await;
    let mut outcomes = together_in(&mut tx, shop, calls).await;
    pool::commit(tx).await.expect("a commit");
    let mut left = 0;
    for (outcome, call) in outcomes.iter_mut().zip(calls) {
        if *outcome == SharedOutcome::Alone {
            *outcome = alone(shop, call).await;
            left += 1;
        }
    }
    (outcomes, left)
}

/// An event of a project, by what it is.
const NAMED: &str =
    "SELECT *, concat_ws('/', provider_event_id, effect_type, internal_reference) AS name
    FROM payment_events WHERE project_id = $1";

/// Everything that a project has, with events named by what they are.
const ROWS: &str = "
    SELECT concat_ws(' ', name, effect, keyed, timeout_minutes, timeout_at - received_at, snapshot IS NOT NULL,
        encode((SELECT key FROM event_keys WHERE event_id = event.id), 'hex'),
        (SELECT string_agg(wish, ',' ORDER BY id) FROM outbox WHERE event_id = event.id),
        (SELECT string_agg(action || (detail - 'result_id'), ',' ORDER BY id) FROM audit_log
         WHERE event_id = event.id AND actor = 'key:' || $2)) FROM event
    UNION ALL
    SELECT concat_ws(' ', 'identity', provider, provider_event_id, effect_type)
    FROM event_identities WHERE project_id = $1
    UNION ALL
    SELECT concat_ws(' ', 'response', route, key, encode(fingerprint, 'hex'), encode(request_hash, 'hex'), scope, status,
        event.name, convert_from(body, 'UTF8')::jsonb ->> 'duplicate') FROM idempotency_keys k
    JOIN event ON convert_from(body, 'UTF8')::jsonb ->> 'id' = event.id::text
    WHERE k.project_id = $1
    ORDER BY 1";

async fn rows(shop: &Shop) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(format!("WITH event AS ({NAMED}) {ROWS}")))
        .bind(shop.owner.project_id.as_uuid())
        .bind(shop.owner.key_id.to_string())
        .fetch_all(&shop.pool)
        .await
        .expect("rows")
}

/// Outcomes with events named by what they are.
async fn named(shop: &Shop, outcomes: &[SharedOutcome]) -> Vec<String> {
    let names: Vec<(Uuid, String)> =
        sqlx::query_as(AssertSqlSafe(format!("SELECT id, name FROM ({NAMED}) AS event")))
            .bind(shop.owner.project_id.as_uuid())
            .fetch_all(&shop.pool)
            .await
            .expect("events");
    let name_of = |response: &StoredResponse| {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        names.iter().fold(body, |body, (id, name)| body.replace(&id.to_string(), name))
    };
    let shown = outcomes.iter().map(|outcome| match outcome {
        SharedOutcome::Accepted(response) => format!("accepted {}", name_of(response)),
        SharedOutcome::Completed(response) => format!("answered {}", name_of(response)),
        other => format!("{other:?}"),
    });
    shown.collect()
}

/// Calls of which no two share a key or a provider event, as the API puts them together.
fn batches(calls: &[Call]) -> Vec<Vec<Call>> {
    let names =
        |call: &Call| [format!("k/{}", call.key), format!("e/{}", call.receipt.provider_event_id)];
    shop::batches(calls.iter().map(|call| (names(call), call.clone())))
}

/// What makes receipts differ from the usual ones: an early result, and events from before keys.
async fn disturb(shop: &Shop, round: u64) {
    let event = format!("evt_{}", round % 8);
    match round % 5 {
        1 => {
            assert!(shop.keep_early(&format!("early-{round}"), &early(&event, success())).await);
        }
        3 => {
            sqlx::query(
                "DELETE FROM event_keys WHERE event_id IN (SELECT id FROM payment_events
                 WHERE project_id = $1 AND provider_event_id = $2)",
            )
            .bind(shop.owner.project_id.as_uuid())
            .bind(event)
            .execute(&shop.pool)
            .await
            .expect("as before keys");
        }
        _ => {}
    }
}

#[test]
fn receipts_taken_together_come_to_what_they_do_one_after_the_other() {
    run(async {
        let shop = Shop::open().await;
        let mut random = Random(11);
        let (mut all, mut left) = (0, 0);
        for _ in 0..10 {
            let (one, other) = (project(&shop).await, project(&shop).await);
            for round in 0..10 {
                disturb(&one, round).await;
                disturb(&other, round).await;
                let calls: Vec<_> = (0..6).map(|_| Call::draw(&mut random)).collect();
                for batch in batches(&calls) {
                    let (outcomes, of_it) = together(&one, &batch).await;
                    let mut reference = Vec::new();
                    for call in &batch {
                        reference.push(alone(&other, call).await);
                    }
                    let reference = named(&other, &reference).await;
                    assert_eq!(named(&one, &outcomes).await, reference, "{batch:?}");
                    left += of_it;
                }
                all += calls.len();
                assert_eq!(rows(&one).await, rows(&other).await, "{calls:?}");
            }
        }
        assert!(left > 0 && left * 5 < all, "{left} of {all} were left alone");
    });
}

#[test]
fn what_another_transaction_holds_is_left_and_nobody_waits_for_it() {
    run(async {
        let shop = Shop::open().await;
        let calls = [Call::of("k1", "evt_1"), Call::of("k2", "evt_2"), Call::of("k3", "evt_3")];
        let mut held = shop.begin().await;
        idempotency::claim(&mut held, calls[0].used(&shop.owner)).await.expect("a claim");
        lock_provider_event(&mut held, shop.owner.project_id, "evt_2").await.expect("a lock");
        let mut tx = shop.begin().await;
        let outcomes = together_in(&mut tx, &shop, &calls).await;
        pool::commit(tx).await.expect("a commit");
        assert_eq!(outcomes[..2], [SharedOutcome::InProgress, SharedOutcome::Alone]);
        assert!(matches!(outcomes[2], SharedOutcome::Accepted(..)));
        drop(held);
        let events = "SELECT count(*) FROM payment_events";
        let events: i64 = sqlx::query_scalar(events).fetch_one(&shop.pool).await.expect("a count");
        assert_eq!(events, 1);
    });
}

/// A receipt with a name that its project declares.
fn with_declared(shop: &Shop, event: &str, name: &Declaration) -> Call {
    let mut body = receipt(event);
    body["effect_type"] = name.to_string().into();
    let catalogue = &Catalogue::new(shop.owner.project_id, vec![name.clone()]);
    let context = ReceiptContext { catalogue, mode: Mode::Test };
    let receipt = Receipt::parse(body.as_object().expect("an object"), context);
    Call::new(event, receipt.expect("a receipt"), None)
}

#[test]
fn declared_names_are_held_together_and_one_that_is_being_removed_is_waited_for_alone() {
    run(async {
        let shop = Shop::open().await;
        let project_id = shop.owner.project_id;
        let names = ["license_issue", "licence_issue"]
            .map(|name| Declaration::effect_type(name).expect("a name"));
        let mut tx = shop.begin().await;
        declare_names(&mut tx, &bob(), project_id, &names).await.expect("declared");
        pool::commit(tx).await.expect("a commit");
        let mut removal = shop.begin().await;
        remove_names(&mut removal, &bob(), project_id, &names[1..]).await.expect("removed");

        let calls =
            [("a", 0), ("b", 1), ("c", 0)].map(|(event, n)| with_declared(&shop, event, &names[n]));
        let mut tx = shop.begin().await;
        let outcomes = together_in(&mut tx, &shop, &calls).await;
        pool::commit(tx).await.expect("a commit");
        let taken = |outcome: &SharedOutcome| matches!(outcome, SharedOutcome::Accepted(_));
        assert!(taken(&outcomes[0]) && taken(&outcomes[2]), "{outcomes:?}");
        assert_eq!(outcomes[1], SharedOutcome::Alone);
        removal.rollback().await.expect("a rollback");

        let mut late = shop.begin().await;
        let removed = remove_names(&mut late, &bob(), project_id, &names[..1]).await;
        let rejection = removed.expect_err("it is used").rejection().expect("a database");
        assert_eq!(rejection, RemoveRejection::InUse(names[0].clone()));
    });
}

#[test]
fn a_removal_waits_for_receipts_that_are_taken_together() {
    run(async {
        let shop = Shop::open().await;
        let name = Declaration::effect_type("license_issue").expect("a name");
        let names = std::slice::from_ref(&name);
        let mut tx = shop.begin().await;
        declare_names(&mut tx, &bob(), shop.owner.project_id, names).await.expect("declared");
        pool::commit(tx).await.expect("a commit");
        let mut tx = shop.begin().await;
        together_in(&mut tx, &shop, &[with_declared(&shop, "a", &name)]).await;
        let actor = bob();
        let mut removal = shop.begin().await;
        let removing = remove_names(&mut removal, &actor, shop.owner.project_id, names);
        let (removed, ()) = tokio::join!(removing, async {
            until_lock_wait(&shop.pool).await;
            pool::commit(tx).await.expect("a commit");
        });
        let rejection = removed.expect_err("it is used").rejection().expect("a database");
        assert_eq!(rejection, RemoveRejection::InUse(name.clone()));
    });
}

#[test]
fn a_row_that_the_database_rejects_fails_the_batch_and_leaves_nothing() {
    run(async {
        let shop = Shop::open().await;
        sqlx::raw_sql(
            "ALTER TABLE payment_events ADD CONSTRAINT bad CHECK (provider_event_id <> 'evt_2')",
        )
        .execute(&shop.pool)
        .await
        .expect("a constraint");
        let calls = [Call::of("k1", "evt_1"), Call::of("k2", "evt_2")];
        let batch = calls.each_ref().map(|call| call.shared(&shop.owner));
        let mut tx = shop.begin().await;
        let respond = |_, taken| Some(Call::response(taken));
        let failed = accept_receipts(&mut tx, &shop.master_key, &batch, respond).await;
        assert!(!failed.expect_err("a violation").is_unavailable());
        tx.rollback().await.expect("a rollback");
        assert_eq!(rows(&shop).await, Vec::<String>::new());
        let first = alone(&shop, &calls[0]).await;
        assert!(matches!(first, SharedOutcome::Accepted(..)));
    });
}

#[test]
fn a_receipt_without_a_response_is_left() {
    run(async {
        let shop = Shop::open().await;
        let call = Call::of("k1", "evt_1");
        let batch = [call.shared(&shop.owner)];
        let mut tx = shop.begin().await;
        let outcomes = accept_receipts(&mut tx, &shop.master_key, &batch, |_, _| None).await;
        assert_eq!(outcomes.expect("an outcome"), [SharedOutcome::Alone]);
        pool::commit(tx).await.expect("a commit");
        assert_eq!(rows(&shop).await, Vec::<String>::new());
    });
}
