//! Asking extensions and recording their answers, twice: one call under one id, and only its first
//! end counts.

use std::time::Duration;

use activities::extensions::{ask_extensions, record_answer};
use activities::records::read_standing;
use domain::extension::{NewExtension, Silence, Unanswered};
use domain::ids::EventId;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::watch::{Ask, NextStep};
use e2e::run;
use serde_json::{Value, json};
use workflows::activity_contract::{AskInput, EndedCall, EventInput};

use super::{ActivityFixture, assert_same};

async fn register(fixture: &ActivityFixture, more: &Value) {
    let mut said = json!({ "point": "before_incident", "activity": "credits.verify", "queue": "sendpromptly-ext.credits" });
    let fields = said.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    let new = NewExtension::read(fields, Mode::Test, &AllowedNetworks::none()).expect("one");
    let mut db = fixture.shop.pool.acquire().await.expect("a connection");
    let (key, project_id) = (&fixture.shop.master_key, fixture.shop.owner.project_id);
    store::extensions::insert_extension(&mut db, key, project_id, "cli:bob", &new, None)
        .await
        .expect("an extension");
}

/// Asks about a new event, twice; the one call that is to be made.
async fn asked(fixture: &ActivityFixture, provider_event_id: &str) -> (EventId, Ask) {
    let event_id = fixture.shop.take(provider_event_id).await;
    let of = AskInput { event_id, lead_ms: 60_000 };
    fixture.twice(async || ask_extensions(&fixture.deps, of).await.expect("asked")).await;
    let state = ask_extensions(&fixture.deps, of).await.expect("asked");
    let [ask] = &state.asks[..] else { panic!("{:?}", state.asks) };
    (event_id, ask.clone())
}

#[test]
fn an_answer_that_is_recorded_twice_counts_once_and_the_first_one_stays() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({})).await;
        for (number, (answer, story)) in [
            (r#"{"settled":true,"note":"\u0000"}"#, "result.succeeded"),
            (r#"{"settled":false}"#, "extension.answered"),
            (r#"{"settled":1}"#, "extension.unanswered"),
            ("nothing", "extension.unanswered"),
        ]
        .into_iter()
        .enumerate()
        {
            let (event_id, ask) = asked(&fixture, &format!("evt_{number}")).await;
            let call_id = ask.call_id;
            let end =
                EndedCall { event_id, call_id, answer: Some(answer.to_owned()), silence: None };
            fixture
                .twice(async || record_answer(&fixture.deps, &end).await.expect("recorded"))
                .await;
            let told = fixture.shop.story(event_id).await;
            assert_eq!(told.matches(story).count(), 1, "{answer}: {told}");

            let before = fixture.dump().await;
            let silence = Some(Silence::new(Unanswered::TooSlow));
            let later = EndedCall { event_id, call_id, answer: None, silence };
            record_answer(&fixture.deps, &later).await.expect("recorded");
            assert_same(&fixture.dump().await, &before);
        }
    });
}

#[test]
fn the_answer_to_a_call_about_another_event_changes_nothing() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({})).await;
        let (_, ask) = asked(&fixture, "evt_1").await;
        let event_id = fixture.shop.take("evt_2").await;
        let answer = Some(r#"{"settled":true}"#.to_owned());
        let end = EndedCall { event_id, call_id: ask.call_id, answer, silence: None };
        let before = fixture.dump().await;
        let state = record_answer(&fixture.deps, &end).await.expect("recorded");
        assert!(matches!(state.next, NextStep::WaitForResult { .. }), "{state:?}");
        assert_same(&fixture.dump().await, &before);
    });
}

#[test]
fn one_that_has_its_calls_of_the_second_is_asked_later_and_a_paused_one_not_at_all() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({ "calls_per_second": 1 })).await;
        let (first, second) = (fixture.shop.take("evt_1").await, fixture.shop.take("evt_2").await);
        let of = |event_id| AskInput { event_id, lead_ms: 60_000 };
        let mut refused = 0;
        for event_id in [first, second] {
            while ask_extensions(&fixture.deps, of(event_id)).await.is_err() {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        assert!(refused > 0, "both were asked within one second");

        sqlx::query("UPDATE extensions SET paused_at = now()")
            .execute(&fixture.shop.pool)
            .await
            .expect("paused");
        let state = ask_extensions(&fixture.deps, of(first)).await.expect("read");
        assert!(state.asks.is_empty(), "{:?}", state.asks);
        let third = fixture.shop.take("evt_3").await;
        let state = ask_extensions(&fixture.deps, of(third)).await.expect("read");
        assert!(state.asks.is_empty(), "{:?}", state.asks);
    });
}

#[test]
fn one_that_has_its_calls_of_the_second_keeps_no_other_from_being_asked() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({})).await;
        register(&fixture, &json!({ "activity": "credits.look", "calls_per_second": 1 })).await;
        let (first, second) = (fixture.shop.take("evt_1").await, fixture.shop.take("evt_2").await);
        let of = |event_id| AskInput { event_id, lead_ms: 60_000 };
        let state = ask_extensions(&fixture.deps, of(first)).await.expect("asked");
        assert_eq!(state.asks.len(), 2, "{state:?}");
        assert!(!fixture.shop.story(first).await.contains("acknowledged"));

        let second_lasts = "UPDATE extension_calls SET asked_at = now() + interval '1 hour'";
        sqlx::raw_sql(second_lasts).execute(&fixture.shop.pool).await.expect("a long second");
        for _ in 0..2 {
            ask_extensions(&fixture.deps, of(second)).await.expect_err("one is asked later");
        }
        let told = fixture.shop.story(second).await;
        assert_eq!(told.matches("acknowledged").count(), 1, "the watch is to look once: {told}");
        let of = EventInput { event_id: second };
        let state = read_standing(&fixture.deps, of).await.expect("read");
        let names: Vec<_> = state.asks.iter().map(|ask| ask.name.as_str()).collect();
        assert_eq!(names, ["credits.verify"]);
    });
}

#[test]
fn what_fell_due_in_an_outage_is_asked_about_before_its_grace_ends() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({})).await;
        let pool = &fixture.shop.pool;
        let event_id = fixture.shop.take("evt_1").await;
        store::outages::beat(pool).await.expect("a heartbeat");
        // No API has run for 20 s, nor a worker, and the event fell due 15 s ago.
        let away = "UPDATE api_heartbeats SET beat_at = now() - interval '20 s';
                    UPDATE payment_events SET timeout_at = now() - interval '15 s'";
        sqlx::raw_sql(away).execute(pool).await.expect("an outage");
        let of = AskInput { event_id, lead_ms: 0 };
        let state = ask_extensions(&fixture.deps, of).await.expect("asked");
        assert!(matches!(state.next, NextStep::WaitForResult { wait_ms: 1.. }), "{state:?}");
        let [ask] = &state.asks[..] else { panic!("{:?}", state.asks) };
        let is_ahead = "SELECT answer_by > now() FROM extension_calls";
        let is_ahead: bool = sqlx::query_scalar(is_ahead).fetch_one(pool).await.expect("a call");
        assert!(is_ahead, "an answer is in time until the incident opens");

        let answer = Some(r#"{"settled":true}"#.to_owned());
        let end = EndedCall { event_id, call_id: ask.call_id, answer, silence: None };
        let state = record_answer(&fixture.deps, &end).await.expect("recorded");
        assert_eq!(state.next, NextStep::Finish);
        let told = fixture.shop.story(event_id).await;
        assert!(told.contains("result.succeeded") && !told.contains("incident"), "{told}");
    });
}

#[test]
fn a_reprocess_waits_for_an_extension_that_has_its_calls_of_the_second_within_its_budget() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let repair = json!({ "point": "reprocess", "fallback": "none", "calls_per_second": 1 });
        register(&fixture, &repair).await;
        let mut events = Vec::new();
        for name in ["evt_1", "evt_2", "evt_3"] {
            events.push(fixture.shop.reprocessing(name).await.event_id);
        }
        let read = async |at: usize| {
            let of = EventInput { event_id: events[at] };
            read_standing(&fixture.deps, of).await.expect("read")
        };
        assert_eq!(read(0).await.asks.len(), 1);
        let second_lasts = "UPDATE extension_calls SET asked_at = now() + interval '1 hour'";
        sqlx::raw_sql(second_lasts).execute(&fixture.shop.pool).await.expect("a long second");
        let state = read(1).await;
        assert!(state.asks.is_empty(), "{state:?}");
        assert!(matches!(state.next, NextStep::WaitForExtension { wait_ms: 1.., .. }), "{state:?}");
        let later =
            "UPDATE reprocesses SET requested_at = now() - interval '1 hour' WHERE event_id = $1";
        fixture.shop.execute(later, events[2]).await;
        assert_eq!(read(2).await.next, NextStep::WaitForPeople);
        let told = fixture.shop.story(events[2]).await;
        assert!(told.contains("reprocess: undelivered"), "{told}");

        let it_is_over = "UPDATE extension_calls SET asked_at = now() - interval '1 minute'";
        sqlx::raw_sql(it_is_over).execute(&fixture.shop.pool).await.expect("another second");
        assert_eq!(read(1).await.asks.len(), 1);
    });
}

#[test]
fn work_that_an_extension_has_done_counts_also_where_its_answer_had_to_wait() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({ "point": "reprocess" })).await;
        let event_id = fixture.shop.reprocessing("evt_1").await.event_id;
        let read = async || {
            let of = EventInput { event_id };
            read_standing(&fixture.deps, of).await.expect("read")
        };
        let asked = read().await;
        let [Ask { call_id, .. }] = asked.asks[..] else { panic!("{:?}", asked.asks) };
        let away = "UPDATE extension_calls SET answer_by = now() - interval '1 minute' WHERE event_id = $1";
        fixture.shop.execute(away, event_id).await;
        let given_up = read().await;
        assert!(matches!(given_up.next, NextStep::SendCallback { .. }), "{given_up:?}");

        let end = |outcome: &str| {
            let answer = Some(json!({ "outcome": outcome }).to_string());
            EndedCall { event_id, call_id, answer, silence: None }
        };
        let before = fixture.dump().await;
        for outcome in ["accepted", "failed", "declined"] {
            record_answer(&fixture.deps, &end(outcome)).await.expect("recorded");
        }
        assert_same(&fixture.dump().await, &before);

        let end = end("applied");
        fixture.twice(async || record_answer(&fixture.deps, &end).await.expect("recorded")).await;
        let told = fixture.shop.story(event_id).await;
        assert!(told.contains("incident: resolved/missing_result/reprocessed"), "{told}");
        assert!(told.contains("extension.answered"), "{told}");
    });
}

#[test]
fn a_reprocess_that_is_given_to_an_extension_again_has_no_more_time_than_at_first() {
    run(async {
        let fixture = ActivityFixture::set().await;
        register(&fixture, &json!({ "point": "reprocess" })).await;
        let event_id = fixture.shop.reprocessing("evt_1").await.event_id;
        let budget = async || {
            let of = EventInput { event_id };
            let state = read_standing(&fixture.deps, of).await.expect("read");
            let [ask] = &state.asks[..] else { panic!("{state:?}") };
            ask.budget_ms
        };
        assert_eq!(budget().await, 60_000);
        for (answer_by, left) in [
            (
                "UPDATE extension_calls SET answer_by = now() + interval '20 s' WHERE event_id = $1",
                20_000,
            ),
            (
                "UPDATE extension_calls SET answer_by = now() - interval '2 s' WHERE event_id = $1",
                1_000,
            ),
        ] {
            fixture.shop.execute(answer_by, event_id).await;
            let budget = budget().await;
            assert!((1_000..=left).contains(&budget), "{budget} ms");
        }
    });
}
