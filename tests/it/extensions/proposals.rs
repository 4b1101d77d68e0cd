//! Evidence that only proposes: people read it in the alert and on the incident's page, and one press,
//! request or command resolves the incident by it.

use domain::extension::Point;
use domain::ids::{CallId, EventId, ExtensionId, IncidentId};
use domain::incident::{IncidentState, Resolution};
use domain::operator::Role;
use domain::signature::SigningSecret;
use e2e::console::Operator;
use e2e::extension_worker::{find_out, register};
use e2e::{Receiver, World, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::destinations::Target;
use store::{extensions, incidents};

use crate::automation::script::{Script, bad_fields};

async fn probe(world: &World) -> ExtensionId {
    register(world, Point::BeforeIncident.as_str(), "propose").await;
    let all = extensions::list_extensions(&world.pool, Some(world.project.id)).await;
    all.expect("a list").last().expect("one").id
}

/// An event without a result, and what an extension found about it.
async fn found(
    world: &World,
    provider_event_id: &str,
    extension: ExtensionId,
) -> (EventId, CallId) {
    let event_id = world.receipt(provider_event_id).await;
    let found = json!({ "settled": true, "note": "seen in the <b>ledger</b>", "evidence": {
        "ledger_id": 7, "at": "14:02 <!channel>", "whole": true,
    } });
    (event_id, find_out(world, extension, event_id, &found).await)
}

/// The same with its incident.
async fn proposed(
    world: &World,
    provider_event_id: &str,
    extension: ExtensionId,
) -> (EventId, IncidentId, CallId) {
    let (event_id, call_id) = found(world, provider_event_id, extension).await;
    let incident = world.fail(event_id, json!({ "error_code": "timed_out" })).await;
    (event_id, incident, call_id)
}

async fn resolution(world: &World, id: IncidentId) -> Option<Resolution> {
    let incident = incidents::find_incident(&world.pool, id).await.expect("a database");
    incident.expect("an incident").resolution
}

/// Who resolved an incident, and what the audit says of it.
async fn audited(world: &World, event_id: EventId) -> (String, Value) {
    sqlx::query_as(
        "SELECT actor, detail FROM audit_log WHERE event_id = $1 AND action = 'incident.resolved'",
    )
    .bind(event_id.as_uuid())
    .fetch_one(&world.pool)
    .await
    .expect("an entry")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn one_press_resolves_an_incident_by_what_the_page_shows() {
    run(async {
        let world = World::start_without_worker().await;
        let extension = probe(&world).await;
        let (event_id, incident, call_id) = proposed(&world, "evt_1", extension).await;
        let path = format!("/incidents/{incident}");
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let page = viewer.page(&path).await;
        for text in [
            "credits.verify found that it was applied",
            "seen in the <b>ledger</b>",
            "ledger_id",
            "14:02 <!channel>",
        ] {
            assert!(page.text().contains(text), "{text} is not in {}", page.text());
        }
        let button = "Resolve by this evidence";
        assert!(!viewer.get(&path).await.body.contains(button));
        let bob = Operator::signed_in(&world, Role::Operator).await;
        assert!(!bob.page(&path).await.button(button).disabled);

        let (to, call) = (format!("{path}/resolve-by-evidence"), call_id.to_string());
        let undecided = world.receipt("evt_2").await;
        let other = find_out(&world, extension, undecided, &json!({ "settled": null })).await;
        let other = other.to_string();
        let wrong = bob.submit(&path, &to, &[("call_id", &other)]).await;
        let message = wrong.page().message().expect("a message");
        assert_eq!(wrong.status, 409);
        assert!(message.contains("gave no evidence that the effect was applied"), "{message}");
        assert_eq!(bob.submit(&path, &to, &[("call_id", "cal_")]).await.status, 404);
        assert_eq!(viewer.submit(&path, &to, &[("call_id", &call)]).await.status, 403);
        assert_eq!(resolution(&world, incident).await, None);

        let sent = bob.submit(&path, &to, &[("call_id", &call)]).await;
        assert_eq!((sent.status.as_u16(), sent.location.as_deref()), (303, Some(path.as_str())));
        assert_eq!(resolution(&world, incident).await, Some(Resolution::Manual));
        let (actor, detail) = audited(&world, event_id).await;
        assert_eq!(actor, "operator:operator@cometcart.test");
        let evidence =
            json!({ "extension_id": extension, "name": "credits.verify", "call_id": call_id });
        assert_eq!(detail, json!({ "resolution": "manual", "note": null, "evidence": evidence }));
        let page = bob.page(&path).await;
        let line = "Resolved: by the evidence of credits.verify\n  by operator@cometcart.test";
        assert!(page.timeline().contains(line), "{}", page.timeline());
        assert!(!page.text().contains(button), "{}", page.text());
        let late = bob.submit(&path, &to, &[("call_id", &call)]).await;
        let message = late.page().message().expect("a message");
        assert_eq!(late.status, 409);
        let faster = "operator@cometcart.test already resolved the incident";
        assert!(message.contains(faster), "{message}");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn the_api_and_the_command_line_resolve_by_evidence_and_name_what_is_wrong() {
    run(async {
        let world = World::start_without_worker().await;
        let extension = probe(&world).await;
        let script = Script::new(&world, Role::Operator).await;
        let (event_id, incident, call_id) = proposed(&world, "evt_1", extension).await;
        let to = format!("/{}/incidents/{incident}/resolution", world.project.id);
        let another = world.receipt("evt_2").await;
        let other = find_out(&world, extension, another, &json!({ "settled": true })).await;
        for (body, field) in [
            (json!({ "call_id": other }), "call_id"),
            (json!({ "call_id": "ledger" }), "call_id"),
            (json!({ "call_id": incident }), "call_id"),
            (json!({}), "note"),
        ] {
            let (status, error) = script.reject(Method::POST, &to, Some(body)).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]));
        }
        let viewer = Script::new(&world, Role::Viewer).await;
        let body = json!({ "call_id": call_id, "note": "checked in the ledger" });
        let (status, _) = viewer.reject(Method::POST, &to, Some(body.clone())).await;
        assert_eq!((status, resolution(&world, incident).await), (403, None));
        let resolved: Value = script.send(&to, body.clone()).await;
        assert_eq!(
            (&resolved["state"], &resolved["resolution"]),
            (&json!("resolved"), &json!("manual"))
        );
        let (_, detail) = audited(&world, event_id).await;
        assert_eq!(detail["note"], "checked in the ledger");
        assert_eq!(detail["evidence"]["call_id"], json!(call_id));
        let (status, error) = script.reject(Method::POST, &to, Some(body)).await;
        assert_eq!((status, error.code.as_str()), (409, "incident_conflict"));

        let (event_id, incident, call_id) = proposed(&world, "evt_3", extension).await;
        let (incident, call) = (incident.to_string(), call_id.to_string());
        let resolve = ["incident", "resolve", incident.as_str(), "--evidence"];
        for (wrong, field) in [(other.to_string(), "evidence"), ("ledger".to_owned(), "call")] {
            let (code, said) =
                world.cli(&[&resolve[..], &[&wrong]].concat()).await.expect("a command");
            let message = said["error"]["message"].as_str().expect("a message");
            assert!(code == 1 && message.contains(field), "{message}");
        }
        let (code, said) = world.cli(&[&resolve[..], &[&call]].concat()).await.expect("a command");
        assert_eq!((code, &said["state"]), (0, &json!("resolved")));
        assert_eq!(audited(&world, event_id).await.1["evidence"]["call_id"], json!(call_id));
        let (_, late) = world.cli(&[&resolve[..], &[&call]].concat()).await.expect("a command");
        assert_eq!(late["error"]["code"], "incident_conflict");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn an_alert_says_what_was_found_before_it_and_nothing_is_sent_again_for_what_comes_later() {
    run(async {
        let world = World::start_without_worker().await;
        let (slack, webhook) = (Receiver::start().await, Receiver::start().await);
        let (slack, webhook) = (slack.expect("a receiver"), webhook.expect("a receiver"));
        world.alert_bob().await;
        world.add_destination(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let secrets = vec![SigningSecret::from_bytes([7; 32])];
        let target = Target::Webhook { url: webhook.url().to_owned(), secrets };
        world.add_destination(&target, "127.0.0.1").await;
        let extension = probe(&world).await;
        let (event_id, _, call_id) = proposed(&world, "evt_1", extension).await;
        world.deliver_alerts(&[event_id]).await;

        let said = "credits.verify found evidence that it was applied";
        let mail = world.mailbox.wait_for(1).await.remove(0).replace("=\r\n", "");
        for text in [said, "> seen in the <b>ledger</b>", "> ledger_id: 7", "&#60;b&#62;ledger"] {
            assert!(mail.contains(text), "{text} is not in {mail}");
        }
        let message = slack.wait_for(1).await.remove(0).json().to_string();
        assert!(message.contains(said) && message.contains("14:02 &lt;!channel&gt;"), "{message}");
        let message = webhook.wait_for(1).await.remove(0).json();
        assert_eq!(
            message["data"]["evidence"],
            json!({
                "extension": "credits.verify", "call_id": call_id, "note": "seen in the <b>ledger</b>",
                "entries": { "ledger_id": 7, "at": "14:02 <!channel>", "whole": true },
            })
        );

        let late = world.receipt("evt_2").await;
        world.fail(late, json!({ "error_code": "another" })).await;
        world.deliver_alerts(&[late]).await;
        find_out(&world, extension, late, &json!({ "settled": true, "note": "too late" })).await;
        world.deliver_alerts(&[late]).await;
        assert_eq!(webhook.received().len(), 2);
        let message = webhook.received().remove(1).json();
        assert_eq!(message["data"].get("evidence"), None);
        assert_eq!((slack.received().len(), world.mailbox.wait_for(2).await.len()), (2, 2));
        let incident = world.incident_when(late, "open", |i| i.state == IncidentState::Open).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let page = bob.page(&format!("/incidents/{}", incident.id)).await;
        assert!(page.text().contains("too late"), "{}", page.text());
    });
}
