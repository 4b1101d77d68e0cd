//! A customer is erased by one command: of whom events were about, nothing is left in the database, Temporal, pages or
//! logs, while what was open about them goes on.

use domain::ids::{EventId, IncidentId};
use domain::operator::Role;
use e2e::binary::{Log, Part};
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, leaks, run, temporal};
use engine::WatchRun;
use serde_json::{Value, json};
use workflows::names::workflow_id;

const REFERENCE: &str = "canary-reference-of-alice";
const WORDS: &str = "canary-words-about-alice";

/// Api and worker as processes, and three payments of one customer: one applied, one broken, one pending.
struct Site {
    world: World,
    parts: Vec<Part>,
    logs: Vec<Log>,
    applied: EventId,
    broken: EventId,
    incident: IncidentId,
    pending: EventId,
}

impl Site {
    async fn open(world: World) -> Self {
        world.alert_bob().await;
        let (mut parts, mut logs) = (Vec::new(), Vec::new());
        for part in ["api", "worker"] {
            let (part, log) = world.spawn_logged(part, &[]).expect("a process");
            parts.push(part);
            logs.push(log);
        }
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        let send = async |event: &str| {
            let mut body = receipt(event);
            body["internal_reference"] = json!(REFERENCE);
            world.send_receipt(&body).await
        };
        let (applied, broken, pending) =
            (send("evt_applied").await, send("evt_broken").await, send("evt_pending").await);
        world.result(applied, "success", json!({})).await;
        let incident = world.fail(broken, json!({ "error_message": WORDS })).await;
        world.repair.respond_with_body(422, WORDS);
        world.reprocess(incident).await;
        Self { world, parts, logs, applied, broken, incident, pending }
    }

    async fn erase(&self, further: &[&str]) -> (i32, Value) {
        let project = self.world.project.id.to_string();
        let command = ["erase", "--project", &project, "--reference", REFERENCE];
        self.world.cli(&[&command, further].concat()).await.expect("a command")
    }

    /// The runs that Temporal finds by a reference.
    async fn watched_as(&self, reference: &str) -> Vec<WatchRun> {
        let condition = format!("SpInternalReference='{reference}'");
        self.world.engine.list_watches(&condition, 100).await.expect("a list")
    }

    /// What people see of the three.
    async fn pages(&self, admin: &Operator) -> String {
        let mut all = String::new();
        for path in [
            format!("/events/{}", self.applied),
            format!("/events/{}", self.broken),
            format!("/incidents/{}", self.incident),
            "/events".to_owned(),
            "/incidents".to_owned(),
        ] {
            let page = admin.get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            all.push_str(&page.body);
        }
        all
    }
}

async fn proof_path(admin: &Operator, incident: IncidentId) -> String {
    let path = format!("/incidents/{incident}");
    admin.submit(&path, &format!("{path}/proof-links"), &[("days", "7")]).await;
    let page = admin.get(&path).await.body;
    let link = page.split(['"', '<', '>', ' ']).find(|text| text.contains("/proof/"));
    let link = link.unwrap_or_else(|| panic!("no proof link: {page}"));
    link[link.find("/proof/").expect("a path")..].to_owned()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn an_erased_customer_is_found_nowhere_and_what_was_open_goes_on() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let site = Site::open(world).await;
        let admin = Operator::signed_in(&site.world, Role::Admin).await;
        let proof = proof_path(&admin, site.incident).await;
        site.world.mailbox.wait_for(2).await;
        eventually("three watches", async || {
            (site.watched_as(REFERENCE).await.len() == 3).then_some(())
        })
        .await;

        // What is looked for was there.
        let before = leaks::dump(&site.world.pool).await;
        assert!(leaks::holds(&before, REFERENCE) && leaks::holds(&before, WORDS));
        let (code, report) = site.erase(&[]).await;
        assert_eq!(
            (code, &report["erasure_id"], &report["rows"]["payment_events"]),
            (0, &Value::Null, &json!(3))
        );
        assert!(site.pages(&admin).await.contains(REFERENCE), "a preview changes nothing");

        let (code, report) = site.erase(&["--yes"]).await;
        assert_eq!(
            (code, &report["state"], &report["rows"]["payment_events"]),
            (0, &json!("done"), &json!(3)),
            "{report}"
        );
        assert_eq!(report["rows"]["proof_links"], 1, "{report}");
        let sent = report["sent"].as_array().expect("a list");
        assert!(sent.iter().any(|sent| sent["destination"] == "bob@cometcart.test"), "{report}");
        let tombstone = report["tombstone"].as_str().expect("a tombstone").to_owned();
        eventually("a Temporal that has forgotten what was finished and pending", async || {
            // Of a run that was terminated in the middle of its work, the server may keep the history for a while.
            let named = site.watched_as(REFERENCE).await;
            let left =
                named.iter().all(|run| !run.is_open() && run.event_id() == Some(site.broken));
            (left && site.watched_as(&tombstone).await.len() == 2).then_some(())
        })
        .await;

        // What was open goes on under the tombstone, and ends as ever.
        let client = site.world.temporal().await;
        let mut histories = String::new();
        for event_id in [site.broken, site.pending] {
            let status = temporal::status(&client, event_id).await.expect("a watch");
            assert!(["pending", "open"].contains(&status.state.as_str()), "{event_id}: {status:?}");
            histories.push_str(&leaks::history(&site.world, event_id).await);
        }
        site.world.result(site.pending, "success", json!({})).await;
        temporal::finished(&client, site.pending).await;
        site.world.result(site.broken, "success", json!({})).await;
        let told_afterwards = site.world.mailbox.wait_for(3).await[2..].join("\n");
        let gone = client.get_workflow_handle::<workflows::EffectWatch>(workflow_id(site.applied));
        let gone = gone.describe(temporalio_client::WorkflowDescribeOptions::default()).await;
        assert!(gone.is_err(), "the finished one is deleted");

        let folder_of_records = tempfile::tempdir().expect("a folder");
        let records = folder_of_records.path().join("erasures.jsonl");
        let records = records.to_str().expect("a path");
        let (_, exported) =
            site.world.cli(&["erase", "--export", records]).await.expect("a command");
        assert_eq!(exported, json!({ "exported": 1 }));
        let text = std::fs::read_to_string(records).expect("a file");
        assert!(text.contains(&tombstone) && !leaks::holds(&text, REFERENCE), "{text}");
        let (_, replayed) =
            site.world.cli(&["erase", "--replay", records]).await.expect("a command");
        assert_eq!(replayed, json!({ "erased": 0, "known": 1, "without_project": 0 }));
        keeps_what_a_restored_database_does_not_know(&site, records).await;

        let stranger = Operator::stranger(&site.world).get(&proof).await;
        assert_eq!(stranger.status, 404, "the proof link is revoked");
        let pages = site.pages(&admin).await;
        assert!(pages.contains(&tombstone) && !pages.contains(REFERENCE), "{pages}");
        let places = [
            ("the database", leaks::dump(&site.world.pool).await),
            ("histories", histories),
            ("the proof page", stranger.body),
            ("a mail that was sent afterwards", told_afterwards.replace("=\r\n", "")),
        ];
        for part in site.parts {
            part.end().await.expect("ended");
        }
        let logs: String = site.logs.iter().map(Log::text).collect();
        assert!(!leaks::holds(&logs, REFERENCE), "the reference is in a log: {logs}");
        for (place, text) in places {
            assert!(!text.is_empty() && !leaks::holds(&text, WORDS), "it is in {place}: {text}");
            assert!(!leaks::holds(&text, REFERENCE), "it is in {place}: {text}");
        }
        server.stop().await;
    });
}

/// Exports again over a file that knows of one erasure more, as after a restore that lost it.
async fn keeps_what_a_restored_database_does_not_know(site: &Site, records: &str) {
    let text = std::fs::read_to_string(records).expect("a file");
    let mut lost: Value = serde_json::from_str(text.trim()).expect("a line");
    lost["erasure_id"] = json!("era_00000000000000000000000001");
    std::fs::write(records, format!("{lost}\n{text}")).expect("a file");
    let export = ["erase", "--export", records];
    let (_, exported) = site.world.cli(&export).await.expect("a command");
    assert_eq!(exported, json!({ "exported": 2 }));
    let again = std::fs::read_to_string(records).expect("a file");
    assert!(
        again.contains("era_00000000000000000000000001") && again.contains(text.trim()),
        "{again}"
    );
    std::fs::write(records, "{").expect("a file");
    let (code, rejected) = site.world.cli(&export).await.expect("a command");
    assert!(code != 0 && rejected.to_string().contains("Nothing was exported"), "{rejected}");
    assert_eq!(std::fs::read_to_string(records).expect("a file"), "{", "it stays as it was");
}
