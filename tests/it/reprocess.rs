//! Reprocess: the app is asked to do the work again, no matter who requests it.

use domain::audit::Actor;
use domain::event::Effect;
use domain::ids::{EventId, IncidentId, ReplayId};
use domain::incident::{IncidentState, Resolution};
use domain::operator::Role;
use domain::signature::SigningSecret;
use e2e::console::Operator;
use e2e::receiver::Received;
use e2e::world::SHORT;
use e2e::{World, WorldOptions, eventually, run, temporal};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use store::administration::secret::{revoke_secret, rotate_secret};
use store::signing_secrets::list_secrets;
use store::{MasterKey, pool};

/// Whether a receiver with this secret accepts a callback, by code that is not ours: the Standard
/// Webhooks library for its scheme, and ring for the older one.
fn accepts(secret: &SigningSecret, callback: &Received) -> [bool; 2] {
    let secret = secret.reveal();
    let library = Webhook::new(&secret).expect("a secret that the library takes");
    let standard = library.verify(&callback.body, &callback.headers);

    let encoded = secret.trim_start_matches("whsec_");
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key.expect("base64"));
    let (timestamp, nonce) = (callback.header("x-sp-timestamp"), callback.header("x-sp-nonce"));
    let signed = [timestamp.as_bytes(), b".", nonce.as_bytes(), b".", &callback.body].concat();
    let ours = callback.header("x-sp-signature").split(',').any(|given| {
        let given = hex::decode(given.trim_start_matches("v1=")).expect("hex digits");
        ring::hmac::verify(&key, &signed, &given).is_ok()
    });
    [standard.is_ok(), ours]
}

/// How many signatures a callback carries in each scheme.
fn signatures(callback: &Received) -> [usize; 2] {
    let count = |header, start| callback.header(header).matches(start).count();
    [count("webhook-signature", "v1,"), count("x-sp-signature", "v1=")]
}

fn verify(world: &World, callback: &Received) {
    assert_eq!(accepts(&world.secret, callback), [true, true]);
}

async fn failed_event(world: &World) -> (EventId, IncidentId) {
    failed_event_of(world, "evt_1").await
}

async fn failed_event_of(world: &World, provider_event_id: &str) -> (EventId, IncidentId) {
    let event_id = world.receipt(provider_event_id).await;
    (event_id, world.fail(event_id, json!({"error_code": "db_write_failed"})).await)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn the_command_line_has_a_callback_delivered_that_an_independent_verifier_accepts() {
    run(async {
        let world = World::start().await;
        let (event_id, incident_id) = failed_event(&world).await;
        let id = incident_id.to_string();
        let asked = ["incident", "reprocess", &id, "--note", "the account is unlocked"];
        let (code, output) = world.cli(&asked).await.expect("a command");
        assert_eq!((code, output["state"].as_str()), (0, Some("requested")));

        let callback = world.repair.wait_for(1).await.remove(0);
        verify(&world, &callback);
        let body = callback.json();
        assert_eq!(body["type"], "reprocess");
        assert_eq!(body["replay_id"], output["replay_id"]);
        assert_eq!(callback.header("webhook-id"), output["replay_id"]);
        assert_eq!(callback.header("x-sp-attempt"), "1");
        assert_eq!(body["incident_id"], json!(incident_id));
        assert_eq!(
            body["reason"],
            json!({"kind": "failed_result", "error_code": "db_write_failed", "error_message": null})
        );
        assert_eq!(body["shopify_shop_domain"], Value::Null);
        assert_eq!(
            (&body["mode"], &body["internal_reference"]),
            (&json!("test"), &json!("user_456"))
        );

        world
            .incident_when(event_id, "reprocessing", |i| i.state == IncidentState::Reprocessing)
            .await;
        let (code, conflict) = world.cli(&["incident", "reprocess", &id]).await.expect("a command");
        assert_eq!((code, conflict["error"]["code"].as_str()), (1, Some("incident_conflict")));
        let running = output["replay_id"].as_str().expect("an id");
        assert!(
            conflict["error"]["message"].as_str().is_some_and(|message| message.contains(running))
        );

        world.result(event_id, "success", json!({"replay_id": running})).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
        temporal::finished(&world.temporal().await, event_id).await;
        let (_, shown) = world.cli(&["incident", "show", &id]).await.expect("a command");
        assert_eq!(shown["reprocesses"][0]["state"], "succeeded");
        assert_eq!(shown["reprocesses"][0]["requested_by"], "cli:bob");
        assert_eq!(shown["reprocesses"][0]["attempts"][0]["status"], 200);
    });
}

#[test]
fn a_signal_typed_at_the_temporal_command_line_does_the_same_without_an_api() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(SHORT)).await;
        let event_id = world.receipt("evt_1").await;
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        world.stop_api();
        eventually("an API that is gone", async || (!world.ready().await).then_some(())).await;
        let input = json!({"requested_by": "alice", "note": "queue was down"});
        world.engines.signal(event_id, "reprocess", Some(input)).await.expect("a signal");

        let callback = world.repair.wait_for(1).await.remove(0);
        verify(&world, &callback);
        assert_eq!(callback.json()["reason"]["kind"], "missing_result");
        let entries =
            store::timeline::list_for_event(&world.pool, event_id).await.expect("a timeline");
        let asked =
            entries.iter().find(|entry| entry.action == "reprocess.requested").expect("an entry");
        assert_eq!(asked.actor, "temporal:alice");
        assert_eq!(asked.detail["note"], "queue was down");
    });
}

#[test]
fn over_failing_attempts_the_replay_id_stays_and_the_nonces_are_fresh() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let (event_id, incident_id) = failed_event(&world).await;
        world.mailbox.wait_for(1).await;
        world.repair.respond_with(&[503, 500, 429, 408]);
        world.skip_time(event_id).await;
        let replay_id = world.reprocess(incident_id).await;

        let callbacks = world.repair.wait_for(5).await;
        let mut nonces: Vec<_> =
            callbacks.iter().map(|callback| callback.header("x-sp-nonce")).collect();
        nonces.sort_unstable();
        nonces.dedup();
        assert_eq!(nonces.len(), 5);
        for (at, callback) in callbacks.iter().enumerate() {
            verify(&world, callback);
            assert_eq!(callback.header("webhook-id"), replay_id.to_string());
            assert_eq!(callback.header("x-sp-attempt"), (at + 1).to_string());
            assert_eq!(callback.body, callbacks[0].body, "the same bytes on every attempt");
        }
    });
}

#[test]
fn while_a_secret_is_rotated_both_sign_and_once_the_old_one_is_revoked_only_the_new_one_does() {
    run(async {
        let world = World::start().await;
        let (old, new) = (world.secret.clone(), SigningSecret::from_bytes([3; 32]));
        let key = MasterKey::parse(&world.master_key).expect("a key");
        let mut tx = pool::begin(&world.pool).await.expect("a transaction");
        let rotated = rotate_secret(&mut tx, &Actor::System, &key, world.project.id, &new).await;
        let current = rotated.expect("a rotation");
        pool::commit(tx).await.expect("a commit");
        let callback = async |provider_event_id, count| {
            let (_, incident_id) = failed_event_of(&world, provider_event_id).await;
            world.reprocess(incident_id).await;
            world.repair.wait_for(count).await.remove(count - 1)
        };
        let during = callback("evt_1", 1).await;
        assert_eq!(signatures(&during), [2, 2]);
        assert_eq!(accepts(&old, &during), [true, true], "a receiver that did not change yet");
        assert_eq!(accepts(&new, &during), [true, true], "one that did");

        let listed = list_secrets(&world.pool, world.project.id).await.expect("a list");
        let older = listed.iter().find(|one| one.id != current).expect("the old secret");
        let mut tx = pool::begin(&world.pool).await.expect("a transaction");
        let revoked = revoke_secret(&mut tx, &Actor::System, world.project.id, older.id).await;
        assert!(revoked.expect("a database"));
        pool::commit(tx).await.expect("a commit");
        let after = callback("evt_2", 2).await;
        assert_eq!(signatures(&after), [1, 1]);
        assert_eq!(accepts(&old, &after), [false, false]);
        assert_eq!(accepts(&new, &after), [true, true]);
    });
}

#[test]
fn an_endpoint_that_is_gone_twice_ends_the_reprocess_and_people_are_told() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let (event_id, incident_id) = failed_event(&world).await;
        world.mailbox.wait_for(1).await;
        world.repair.respond_with(&[410, 410]);
        world.skip_time(event_id).await;
        world.reprocess(incident_id).await;
        let mails = world.mailbox.wait_for(2).await;
        assert!(mails[1].contains("410"), "{}", mails[1]);
        world.incident_when(event_id, "open again", |i| i.state == IncidentState::Open).await;
        assert_eq!(world.repair.received().len(), 2);
        let (_, shown) =
            world.cli(&["incident", "show", &incident_id.to_string()]).await.expect("a command");
        assert_eq!(shown["reprocesses"][0]["state"], "undelivered");
    });
}

#[test]
fn an_endpoint_that_slips_once_gets_the_same_callback_a_minute_later() {
    run(async {
        let world = World::start().await;
        let (event_id, incident_id) = failed_event(&world).await;
        world.repair.respond_with(&[404]);
        world.skip_time(event_id).await;
        world.reprocess(incident_id).await;
        let callbacks = world.repair.wait_for(2).await;
        assert_eq!(callbacks[0].body, callbacks[1].body);
        verify(&world, &callbacks[1]);
        let replay_id = callbacks[1].json()["replay_id"].clone();
        world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
    });
}

#[test]
fn a_redirect_is_not_followed_and_its_target_is_shown_where_people_look() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let (event_id, incident_id) = failed_event(&world).await;
        world.mailbox.wait_for(1).await;
        world.repair.respond_with(&[308, 302]);
        world.repair.redirect_to("https://bob:canary@www.cometcart.test/repair?token=canary");
        world.skip_time(event_id).await;
        world.reprocess(incident_id).await;
        let mails = world.mailbox.wait_for(2).await;
        let target = "https://www.cometcart.test/repair";
        assert!(mails[1].contains(&format!("redirects to {target}")), "{}", mails[1]);
        let (_, shown) =
            world.cli(&["incident", "show", &incident_id.to_string()]).await.expect("a command");
        let attempts = &shown["reprocesses"][0]["attempts"];
        assert_eq!((&attempts[0]["status"], &attempts[1]["status"]), (&json!(308), &json!(302)));
        assert_eq!(attempts[1]["redirect_to"], target);
        let failed = |entry: &&Value| entry["action"] == "callback.failed";
        let entry = shown["timeline"].as_array().expect("a timeline").iter().find(failed);
        assert_eq!(entry.expect("an entry")["detail"]["redirect_to"], target);
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = alice.page(&format!("/incidents/{incident_id}")).await;
        let attempts = page.rows("Callback attempts");
        assert!(attempts[1].contains(&format!("302, redirects to {target}")), "{attempts:?}");
        let cause =
            format!("Your repair endpoint redirects to {target}; redirects are not followed.");
        assert!(page.text().contains(&cause), "{}", page.text());
        let settings = format!("/projects/{}#settings", world.project.id);
        assert_eq!(page.link("Set that as repair URL"), Some(settings));
        let (project, token) = (world.project.id, alice.token(&world).await);
        let url =
            format!("{}/api/v1/projects/{project}/incidents/{incident_id}/reprocesses", world.url);
        let listed = world.http.get(url).bearer_auth(token).send().await.expect("a response");
        let listed = listed.text().await.expect("text");
        assert!(listed.contains(&format!("\"redirect_to\":\"{target}\"")), "{listed}");
        assert!(!format!("{shown} {mails:?} {} {listed}", page.html()).contains("canary"));
        assert_eq!(world.repair.received().len(), 2);
    });
}

#[test]
fn a_callback_that_nobody_answers_ends_the_reprocess_and_people_are_told() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(SHORT)).await;
        world.alert_bob().await;
        let (event_id, incident_id) = failed_event(&world).await;
        world.reprocess(incident_id).await;
        world.mailbox.wait_for(2).await;
        world.incident_when(event_id, "open again", |i| i.state == IncidentState::Open).await;
        let (_, shown) =
            world.cli(&["incident", "show", &incident_id.to_string()]).await.expect("a command");
        assert_eq!(shown["reprocesses"][0]["state"], "no_result");

        let late = shown["reprocesses"][0]["replay_id"].clone();
        world.result(event_id, "success", json!({"replay_id": late})).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
    });
}

#[test]
fn a_repair_that_fails_opens_the_incident_again() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let (event_id, incident_id) = failed_event(&world).await;
        let replay_id: ReplayId = world.reprocess(incident_id).await;
        world.repair.wait_for(1).await;
        world.result(event_id, "failed", json!({"error_code": "without_replay"})).await;
        world
            .incident_when(event_id, "still repairing", |i| i.state == IncidentState::Reprocessing)
            .await;
        let words = json!({"replay_id": replay_id, "error_code": "account_locked"});
        let response = world.result(event_id, "failed", words).await;
        assert_eq!(response.incident.expect("an incident").state, IncidentState::Open);
        let mails = world.mailbox.wait_for(2).await;
        assert!(mails[1].contains("account_locked"), "{}", mails[1]);
    });
}

#[test]
fn results_and_resolutions_typed_by_hand_are_recorded_first() {
    run(async {
        let world = World::start().await;
        let first = world.receipt("evt_1").await;
        let typed = json!({"status": "failed", "error_code": "seen_by_alice"});
        world.engines.signal(first, "result", Some(typed)).await.expect("a signal");
        let incident = world.incident_when(first, "open", |i| i.state == IncidentState::Open).await;
        assert_eq!(incident.error.code.as_deref(), Some("seen_by_alice"));
        let typed = json!({"resolved_by": "alice", "note": "granted by hand"});
        world.engines.signal(first, "resolve", Some(typed)).await.expect("a signal");
        let resolved =
            world.incident_when(first, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Manual));
        temporal::finished(&world.temporal().await, first).await;

        let second: EventId = world.receipt("evt_2").await;
        world
            .engines
            .signal(second, "result", Some(json!({"status": "nonsense"})))
            .await
            .expect("a signal");
        e2e::eventually("a refusal on the timeline", async || {
            world.timeline(second).await.contains(&"result.refused".to_owned()).then_some(())
        })
        .await;
        let done = json!({"status": "success"});
        world.engines.signal(second, "result", Some(done)).await.expect("a signal");
        temporal::finished(&world.temporal().await, second).await;
        assert_eq!(
            world.timeline(second).await,
            ["receipt.accepted", "result.refused", "result.succeeded"]
        );
        let again = world.result(second, "failed", json!({})).await;
        assert_eq!((again.event_id, again.effect), (Some(second), Some(Effect::Succeeded)));
    });
}
