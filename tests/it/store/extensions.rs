//! Extensions and their calls: which are asked about an event, one call per occasion, one end per
//! call.

use std::time::Duration;

use domain::bulk::BulkState;
use domain::extension::{
    CallOutcome, ExtensionAnswer, NewExtension, Point, Silence, Trust, Unanswered,
};
use domain::ids::{EventId, ExtensionId};
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use e2e::run;
use serde_json::{Value, json};
use store::bulk::list_items;
use store::extension_calls::{self, CallEnd, ExtensionCall, NewCall, Recording};
use store::{Insertion, StoreError, events, extensions, incidents, pool};
use time::OffsetDateTime;

use super::bulk;
use super::shared_receipts::{Call, together};
use super::shop::{Shop, receipt_with};

fn registration(value: &Value) -> NewExtension {
    let object = value.as_object().expect("an object");
    NewExtension::read(object, Mode::Test, &AllowedNetworks::none()).expect("a registration")
}

fn probe() -> NewExtension {
    registration(
        &json!({ "point": "before_incident", "activity": "credits.verify", "queue": "sendpromptly-ext.credits" }),
    )
}

async fn insert(shop: &Shop, new: &NewExtension) -> Insertion<ExtensionId> {
    let mut db = shop.pool.acquire().await.expect("a connection");
    let secret = SigningSecret::from_bytes([7; 32]);
    let (key, project_id) = (&shop.master_key, shop.owner.project_id);
    extensions::insert_extension(&mut db, key, project_id, "cli:bob", new, Some(&secret))
        .await
        .expect("an extension")
}

async fn register(shop: &Shop, new: &NewExtension) -> ExtensionId {
    let Insertion::Inserted(id) = insert(shop, new).await else { panic!("there was one") };
    id
}

async fn asked_about(shop: &Shop, event_id: EventId, point: Point) -> Vec<ExtensionId> {
    let event = events::find_event(&shop.pool, event_id).await.expect("a database");
    let listed = extensions::list_for_event(&shop.pool, &event.expect("an event"), point).await;
    listed.expect("a list").into_iter().map(|extension| extension.id).collect()
}

async fn ask(shop: &Shop, event_id: EventId, extension_id: ExtensionId) -> ExtensionCall {
    let answer_by = OffsetDateTime::now_utc();
    let point = Point::BeforeIncident;
    let new = NewCall { event_id, extension_id, point, replay_id: None, answer_by };
    let mut db = shop.pool.acquire().await.expect("a connection");
    extension_calls::insert_call(&mut db, new).await.expect("a call")
}

async fn end(shop: &Shop, call: &ExtensionCall, end: CallEnd<'_>) -> Recording {
    let mut tx = shop.begin().await;
    let outcome = match end {
        CallEnd::Answered(answer) => answer.counts_as(Trust::Settle),
        CallEnd::Unanswered(_) => CallOutcome::Unanswered,
    };
    let recorded = extension_calls::record_end(&mut tx, call.id, end, outcome).await;
    pool::commit(tx).await.expect("a commit");
    recorded.expect("a recording")
}

fn settled() -> ExtensionAnswer {
    let raw = br#"{"settled":true,"evidence":{"charge":"ch_1"}}"#;
    ExtensionAnswer::read(Point::BeforeIncident, raw).expect("an answer").answer
}

#[test]
fn a_registration_holds_for_later_events_and_a_pause_and_a_removal_at_once() {
    run(async {
        let shop = Shop::open().await;
        let before = shop.take("evt_before").await;
        let id = register(&shop, &probe()).await;
        let after = shop.take("evt_after").await;
        let at = Point::BeforeIncident;
        assert_eq!(asked_about(&shop, before, at).await, []);
        assert_eq!(asked_about(&shop, after, at).await, [id]);
        assert_eq!(asked_about(&shop, after, Point::AfterFailure).await, []);

        assert!(extensions::set_paused(&shop.pool, id, true).await.expect("a database"));
        assert!(!extensions::set_paused(&shop.pool, id, true).await.expect("a database"));
        assert_eq!(asked_about(&shop, after, at).await, []);
        assert!(extensions::set_paused(&shop.pool, id, false).await.expect("a database"));
        assert_eq!(asked_about(&shop, after, at).await, [id]);

        assert!(extensions::remove_extension(&shop.pool, id).await.expect("a database"));
        assert!(!extensions::remove_extension(&shop.pool, id).await.expect("a database"));
        assert_eq!(asked_about(&shop, after, at).await, []);
        let names = extensions::list_names(&shop.pool, &[shop.owner.project_id]).await;
        assert_eq!(names.expect("names"), [(id, "credits.verify".to_owned())]);
    });
}

/// How many seconds before its event's deadline each start of a watch is due, the oldest first.
async fn leads(shop: &Shop) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT extract(epoch FROM e.timeout_at - o.due_by)::bigint
         FROM outbox o JOIN payment_events e ON e.id = o.event_id ORDER BY e.id",
    )
    .fetch_all(&shop.pool)
    .await
    .expect("messages")
}

#[test]
fn a_watch_is_to_be_started_before_its_extensions_are_asked() {
    run(async {
        let shop = Shop::open().await;
        shop.take("evt_before").await;
        let slow = NewExtension { budget_seconds: 600, ..probe() };
        let id = register(&shop, &slow).await;
        register(&shop, &NewExtension { point: Point::AfterFailure, ..probe() }).await;
        shop.take("evt_alone").await;
        together(&shop, &[Call::of("k", "evt_shared")]).await;
        shop.accept(&receipt_with("evt_short", &json!({ "timeout_minutes": 5 }))).await;
        extensions::remove_extension(&shop.pool, id).await.expect("a database");
        shop.take("evt_after").await;
        assert_eq!(leads(&shop).await, [0, 600, 600, 150, 0]);
    });
}

#[test]
fn the_same_extension_is_registered_once_until_it_is_removed() {
    run(async {
        let shop = Shop::open().await;
        let id = register(&shop, &probe()).await;
        assert_eq!(insert(&shop, &probe()).await, Insertion::Existing(id));
        let elsewhere = NewExtension { point: Point::AfterFailure, ..probe() };
        register(&shop, &elsewhere).await;
        extensions::remove_extension(&shop.pool, id).await.expect("a database");
        assert_ne!(register(&shop, &probe()).await, id);
        let listed = extensions::list_extensions(&shop.pool, Some(shop.owner.project_id)).await;
        assert_eq!(listed.expect("a list").len(), 2);
    });
}

#[test]
fn an_endpoint_has_a_secret_of_its_own_and_an_activity_has_none() {
    run(async {
        let shop = Shop::open().await;
        let url = format!("https://shop.example.com/{}", "é".repeat(1_000));
        let https = registration(&json!({ "point": "reprocess", "url": url }));
        let id = register(&shop, &https).await;
        let secret = extensions::find_secret(&shop.pool, &shop.master_key, id).await;
        assert_eq!(secret.expect("a secret"), Some(SigningSecret::from_bytes([7; 32])));
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM extensions WHERE id = $1")
            .bind(id.as_uuid())
            .fetch_one(&shop.pool)
            .await
            .expect("a row");
        assert!(!sealed.windows(8).any(|bytes| bytes == [7; 8]));

        let activity = register(&shop, &probe()).await;
        let none = extensions::find_secret(&shop.pool, &shop.master_key, activity).await;
        assert_eq!(none.expect("a database"), None);
    });
}

#[test]
fn a_request_for_a_repair_ends_when_somebody_else_is_asked_and_one_of_a_probe_has_its_budget() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let of = |point: &str| json!({ "point": point, "url": "https://shop.example.com/", "budget_seconds": 30 });
        for (point, left) in [
            (Point::Reprocess, 0..=10),
            (Point::AfterFailure, 30..=30),
            (Point::BeforeIncident, 30..=30),
        ] {
            let extension_id = register(&shop, &registration(&of(point.as_str()))).await;
            let answer_by = OffsetDateTime::now_utc() + Duration::from_secs(10);
            let new = NewCall { event_id, extension_id, point, replay_id: None, answer_by };
            let mut db = shop.pool.acquire().await.expect("a connection");
            let call = extension_calls::insert_call(&mut db, new).await.expect("a call");
            let found =
                extension_calls::find_endpoint_call(&mut db, &shop.master_key, call.id).await;
            let budget = found.expect("a database").expect("a call that goes on").budget;
            assert!(left.contains(&budget.as_secs()), "{point}: {budget:?}");
        }
    });
}

#[test]
fn an_occasion_has_one_call_and_a_call_one_end() {
    run(async {
        let shop = Shop::open().await;
        let id = register(&shop, &probe()).await;
        let event_id = shop.missed("evt_1").await;
        let call = ask(&shop, event_id, id).await;
        assert_eq!(ask(&shop, event_id, id).await, call, "asked again under the same id");

        let answer = settled();
        let recorded = end(&shop, &call, CallEnd::Answered(&answer)).await;
        assert_eq!(recorded, Recording::Recorded { unanswered_in_a_row: 0 });
        let silence = Silence::new(Unanswered::TooSlow);
        let late = end(&shop, &call, CallEnd::Unanswered(&silence)).await;
        assert_eq!(late, Recording::EndedBefore);

        let kept = extension_calls::find_call(&shop.pool, call.id).await.expect("a database");
        let kept = kept.expect("a call");
        assert_eq!(kept.read_answer(), Some(answer));
        assert_eq!((kept.silence.as_ref(), kept.outcome.as_deref()), (None, Some("settled")));
        let of_event = extension_calls::list_for_event(&shop.pool, event_id).await;
        assert_eq!(of_event.expect("a list"), std::slice::from_ref(&kept));
        let last = extension_calls::list_last(&shop.pool, id, 10).await;
        assert_eq!(last.expect("a list"), [kept]);
    });
}

#[test]
fn calls_without_an_answer_are_counted_until_the_next_one_that_has_one() {
    run(async {
        let shop = Shop::open().await;
        let id = register(&shop, &probe()).await;
        for (number, silence) in
            [Silence::new(Unanswered::NobodyTookIt), Silence::failed("ValueError")]
                .iter()
                .enumerate()
        {
            let event_id = shop.take(&format!("evt_{number}")).await;
            let call = ask(&shop, event_id, id).await;
            let recorded = end(&shop, &call, CallEnd::Unanswered(silence)).await;
            let unanswered_in_a_row = i32::try_from(number).expect("a number") + 1;
            assert_eq!(recorded, Recording::Recorded { unanswered_in_a_row });
            let kept = extension_calls::find_call(&shop.pool, call.id).await.expect("a database");
            assert_eq!(kept.expect("a call").silence.as_ref(), Some(silence));
        }
        let recent = extension_calls::count_last_second(&shop.pool, id, 1).await;
        assert!(recent.expect("a count") <= 1, "counted up to the limit");
        let call = ask(&shop, shop.take("evt_9").await, id).await;
        let recorded = end(&shop, &call, CallEnd::Answered(&settled())).await;
        assert_eq!(recorded, Recording::Recorded { unanswered_in_a_row: 0 });
    });
}

#[test]
fn a_call_that_was_never_made_has_no_end() {
    run(async {
        let shop = Shop::open().await;
        let id = domain::ids::CallId::from_uuid(uuid::Uuid::nil());
        let mut tx = shop.begin().await;
        let answer = settled();
        let recorded = extension_calls::record_end(
            &mut tx,
            id,
            CallEnd::Answered(&answer),
            CallOutcome::Settled,
        );
        let error = recorded.await.expect_err("no such call");
        assert!(matches!(error, StoreError::Missing("extension_calls")), "{error}");
    });
}

#[test]
fn an_extension_is_given_the_facts_of_the_event_and_no_error_text() {
    run(async {
        let shop = Shop::open().await;
        let id = register(&shop, &probe()).await;
        let event_id = shop.take("evt_1").await;
        shop.report(
            event_id,
            json!({"status": "failed", "error_code": "locked", "error_message": "canary"}),
        )
        .await;
        let mut call = ask(&shop, event_id, id).await;
        let event = events::find_event(&shop.pool, event_id).await.expect("a database");
        let incident = incidents::find_for_event(&shop.pool, event_id).await.expect("a database");
        let event = event.expect("an event");
        let before = extension_calls::input(&call, Mode::Test, &event, incident.as_ref());
        assert!(before.incident_id.is_none() && before.reason.is_none(), "it is not there yet");
        call.point = Point::AfterFailure;
        let input = extension_calls::input(&call, Mode::Test, &event, incident.as_ref());
        let input = json!(input);
        assert_eq!(input["call_id"], json!(call.id));
        assert_eq!(input["provider_event_id"], "evt_1");
        assert_eq!(input["reason"], json!({ "kind": "failed_result", "error_code": "locked" }));
        assert!(!input.to_string().contains("canary"), "{input}");
    });
}

#[test]
fn a_bulk_skips_what_came_before_the_extension_that_reprocesses_and_goes_on() {
    run(async {
        let shop = Shop::open().await;
        bulk::break_for(&shop, 2).await;
        let repair = json!({ "point": "reprocess", "activity": "credits.apply", "queue": "sendpromptly-ext.credits" });
        register(&shop, &registration(&repair)).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&shop.pool)
            .await
            .expect("no repair URL");
        let later = shop.take("evt_later").await;
        shop.fail(later).await;
        let id = bulk::running(&shop, bulk::SETTINGS).await;
        assert_eq!(bulk::next(&shop, id).await, (BulkState::Running, [0, 1, 0, 0, 2]));
        let items = list_items(&shop.pool, id, None, 0, 10).await.expect("items");
        let why = "its event came before the extension that reprocesses was registered";
        assert_eq!(items[0].why.as_deref(), Some(why));
        bulk::report(&shop, later, "success").await;
        assert_eq!(bulk::next(&shop, id).await, (BulkState::Done, [0, 0, 1, 0, 2]));
    });
}
