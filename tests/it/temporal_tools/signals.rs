//! Signals as people mistype them.

use domain::ids::EventId;
use domain::incident::{IncidentState, Resolution};
use e2e::{World, eventually, run};
use serde_json::{Value, json};

use super::{Failed, entries, pending};

async fn entry(world: &World, event_id: EventId, action: &str, count: usize) -> Value {
    eventually(&format!("{count} times {action}"), async || {
        let mut all = entries(world, event_id, action).await;
        (all.len() == count).then(|| all.pop())?
    })
    .await
}

#[test]
fn an_input_that_is_no_object_resolves_nothing_and_says_how_it_should_look() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let inputs = [json!(["a"]), json!("alice"), json!(7), Value::Null];
        for (count, input) in (1..).zip(&inputs) {
            world.engines.signal(event_id, "resolve", Some(input.clone())).await.expect("a signal");
            let rejected = entry(&world, event_id, "resolve.refused", count).await;
            let why = rejected["why"].as_str().expect("words").to_owned();
            assert!(why.contains(&input.to_string()), "{why}");
            assert!(why.contains(r#"write {"resolved_by""#), "{why}");
        }
        for (count, input) in (1..).zip(&inputs) {
            let typed = Some(input.clone());
            world.engines.signal(event_id, "reprocess", typed).await.expect("a signal");
            let rejected = entry(&world, event_id, "reprocess.refused", count).await;
            let why = rejected["why"].as_str().expect("words").to_owned();
            assert!(why.contains(&input.to_string()), "{why}");
            assert!(why.contains(r#"write {"requested_by""#), "{why}");
        }
        world.engines.signal(event_id, "result", Some(json!(["a"]))).await.expect("a signal");
        let rejected = entry(&world, event_id, "result.refused", 1).await;
        assert!(rejected["why"].as_str().expect("words").contains(r#"["a"]"#), "{rejected}");
        assert_eq!(world.incident(event_id).await.state, IncidentState::Open);
        assert!(world.repair.received().is_empty());
    });
}

#[test]
fn what_is_valid_is_done_and_what_is_not_is_named() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let typed = json!({"resolved_by": ["alice"], "note": "by hand", "resolvedBy": "alice"});
        world.engines.signal(event_id, "resolve", Some(typed)).await.expect("a signal");
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Manual));
        let noted = entry(&world, event_id, "incident.resolved", 1).await;
        assert_eq!(noted["note"], "by hand");
        let adjusted = entry(&world, event_id, "signal.adjusted", 1).await;
        let why = adjusted["why"].as_str().expect("words");
        for part in [r#"resolved_by is ["alice"]"#, "resolvedBy is unknown"] {
            assert!(why.contains(part), "{why}");
        }
    });
}

#[test]
fn what_a_reprocess_says_too_much_is_named_and_the_callback_goes_out() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, watch, .. } = Failed::start(&world, "evt_1").await;
        let first = r#"{"requested_by":"bob","requested_by":"alice","urgent":true,"note":7}"#;
        let signal = ["workflow", "signal", "--workflow-id", &watch, "--name", "reprocess"];
        let signal = [&signal[..], &["--input", first, "--input", "{}"]].concat();
        world.engines.cli(&signal).await.expect("a signal");
        world.repair.wait_for(1).await;
        let adjusted = entry(&world, event_id, "signal.adjusted", 1).await;
        let why = adjusted["why"].as_str().expect("words");
        for part in [
            "2 inputs were given; only the first one counts",
            "requested_by is there twice; the last one counts",
            "urgent is unknown; the fields are requested_by, note",
            "note is 7; write a text",
        ] {
            assert!(why.contains(part), "{part} in {why}");
        }
    });
}

#[test]
fn a_rejected_result_says_why_where_people_read_it() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let typed = json!({"status": "sucess"});
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        let rejected = entry(&world, event_id, "result.refused", 1).await;
        let why = rejected["why"].as_str().expect("words").to_owned();
        assert!(why.starts_with("status must be"), "{why}");
        let typed = json!({"status": "success", "replay_id": 7});
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        entry(&world, event_id, "signal.adjusted", 1).await;
    });
}

#[test]
fn a_signal_of_another_name_changes_nothing() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let before = world.timeline(event_id).await.len();
        world.engines.signal(event_id, "Resolve", Some(json!({}))).await.expect("a signal");
        // The next one is taken after it.
        world.engines.signal(event_id, "resolve", Some(json!(["a"]))).await.expect("a signal");
        entry(&world, event_id, "resolve.refused", 1).await;
        assert_eq!(
            world.timeline(event_id).await.len(),
            before + 1,
            "documented: it leaves no entry"
        );
    });
}

#[test]
fn what_claims_to_be_recorded_is_judged_by_the_database() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let theirs = Failed::start(&world, "evt_2").await.event_id;
        // No such reprocess is recorded: it is requested as everything that is typed.
        let typed = json!({"replay_id": "rpl_00000000000000000000000001", "requested_by": "bob"});
        world.engines.signal(event_id, "reprocess", Some(typed)).await.expect("a signal");
        let callback = world.repair.wait_for(1).await.remove(0).json();
        assert_eq!(callback["replay_id"], "rpl_00000000000000000000000001");
        let requested = "SELECT requested_by FROM reprocesses WHERE event_id = $1";
        let by: Vec<String> = sqlx::query_scalar(requested)
            .bind(event_id.as_uuid())
            .fetch_all(&world.pool)
            .await
            .expect("reprocesses");
        assert_eq!(by, ["temporal:bob"]);

        // That of another event is named, and nothing else happens.
        let typed = json!({"replay_id": "rpl_00000000000000000000000001"});
        world.engines.signal(theirs, "reprocess", Some(typed)).await.expect("a signal");
        let rejected = entry(&world, theirs, "reprocess.refused", 1).await;
        assert!(rejected["why"].as_str().expect("words").contains("another event"), "{rejected}");

        // Nor does a resolution or a result count because a signal claims that it is recorded.
        let typed = json!({"recorded": true, "resolved_by": "bob"});
        world.engines.signal(theirs, "resolve", Some(typed)).await.expect("a signal");
        world.incident_when(theirs, "resolved", |i| i.state == IncidentState::Resolved).await;
        let typed = json!({"result_id": "res_00000000000000000000000001", "status": "success"});
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
    });
}

#[test]
fn what_names_another_event_is_rejected_and_changes_neither() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        let theirs = Failed::start(&world, "evt_2").await.event_id;
        let replay_id = {
            let open =
                world.incident_when(theirs, "open", |i| i.state == IncidentState::Open).await;
            world.reprocess(open.id).await
        };
        for (count, named, part) in [
            (1, json!({"event_id": theirs}), "event_id is"),
            (2, json!({"replay_id": replay_id}), "replay_id is none of this event's"),
            (3, json!({"stripe_event_id": "evt_2"}), "stripe_event_id is \"evt_1\" in"),
            (4, json!({"effect_type": "seat_update"}), "effect_type is \"credit_grant\" in"),
        ] {
            let mut typed = json!({"status": "success", "reported_by": "alice"});
            typed.as_object_mut().expect("one").extend(named.as_object().expect("one").clone());
            world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
            let rejected = entry(&world, event_id, "result.refused", count).await;
            assert!(rejected["why"].as_str().expect("words").starts_with(part), "{rejected}");
        }
        let typed = json!({"event_id": theirs, "requested_by": "alice"});
        for (signal, action) in [("reprocess", "reprocess.refused"), ("resolve", "resolve.refused")]
        {
            world.engines.signal(event_id, signal, Some(typed.clone())).await.expect("a signal");
            let rejected = entry(&world, event_id, action, 1).await;
            assert!(rejected["why"].as_str().expect("words").starts_with("event_id is"));
        }
        assert_eq!(world.incident(event_id).await.state, IncidentState::Open);

        // Its own names are as good as none.
        let typed = json!({"event_id": event_id, "stripe_event_id": "evt_1", "status": "success"});
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert!(entries(&world, event_id, "signal.adjusted").await.is_empty());
    });
}

#[test]
fn a_first_result_that_says_more_than_the_apis_own_is_judged() {
    run(async {
        let world = World::start().await;
        let event_id = pending(&world, "evt_1").await;
        let typed = json!({
            "result_id": "res_00000000000000000000000001", "status": "success", "effect_type": "seat_update"
        });
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        let rejected = entry(&world, event_id, "result.refused", 1).await;
        assert!(rejected["why"].as_str().expect("words").starts_with("effect_type is"));
        let typed = json!({
            "result_id": "res_00000000000000000000000001", "status": "success", "colour": "blue"
        });
        world.engines.signal(event_id, "result", Some(typed)).await.expect("a signal");
        let adjusted = entry(&world, event_id, "signal.adjusted", 1).await;
        assert!(adjusted["why"].as_str().expect("words").starts_with("colour is unknown"));
        entry(&world, event_id, "result.succeeded", 1).await;
    });
}
