//! Incidents of two projects at once, from one preview to their end, through each door.

use std::collections::{BTreeMap, BTreeSet};

use domain::api_key::ApiKey;
use domain::bulk::BulkState;
use domain::ids::{BulkSetId, EventId, IncidentId};
use domain::incident::IncidentState;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::{parse, receipt};
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use store::bulk::{list_set, step};

const ALL: [(&str, &str); 3] = [("filter", ""), ("which", "all"), ("action", "reprocess")];

/// Alice's shop and another one, in each of which customers wait.
struct Shops {
    world: World,
    other: ApiKey,
    /// The oldest event of the other shop, which fails once more.
    stubborn: EventId,
    incidents: Vec<IncidentId>,
    /// What was reported: for which event under which replay id.
    reported: BTreeMap<String, String>,
}

impl Shops {
    async fn broken(world: World) -> Self {
        let other = world.charlie().await;
        world.keys_are_seen().await;
        let (mut events, mut incidents) = (Vec::new(), Vec::new());
        for (key, customer) in [(&world.key, 1), (&world.key, 2), (&other, 1), (&other, 2)] {
            let (event, incident) = fail(&world, key, &format!("evt_{customer}")).await;
            events.push(event);
            incidents.push(incident);
        }
        Self { world, other, stubborn: events[2], incidents, reported: BTreeMap::new() }
    }

    /// Both apps do what they are asked, but for the stubborn event at its first time.
    async fn work(&mut self) {
        for callback in self.world.repair.received() {
            let body = callback.json();
            let [event, replay_id] =
                ["event_id", "replay_id"].map(|it| body[it].as_str().expect("an id").to_owned());
            if self.reported.contains_key(&replay_id) {
                continue;
            }
            let is_first = !self.reported.values().any(|it| *it == event);
            let fails = is_first && event == self.stubborn.to_string();
            let is_ours = body["project_id"] == json!(self.world.project.id);
            let key = if is_ours { &self.world.key } else { &self.other };
            let status = if fails { "failed" } else { "success" };
            let result = json!({ "event_id": event, "status": status, "replay_id": replay_id });
            let (code, answer) =
                self.world.post_as(key, "/api/v1/result", &result, &replay_id).await;
            assert_eq!(code, 202, "{answer}");
            self.reported.insert(replay_id, event);
        }
    }

    /// Until each project of a set is as wanted. No step is waited for.
    async fn work_until(&mut self, id: BulkSetId, wanted: &[BulkState]) {
        eventually(&format!("a set that is {wanted:?}"), async || {
            self.work().await;
            let pool = &self.world.pool;
            for bulk in list_set(pool, id).await.expect("a database") {
                step(pool, bulk.id).await.expect("a step");
            }
            let bulks = list_set(pool, id).await.expect("a database");
            let states: Vec<_> = bulks.iter().map(|bulk| bulk.state).collect();
            (states == wanted).then_some(())
        })
        .await;
    }

    async fn in_state(&self, state: IncidentState) -> i64 {
        let sql = "SELECT count(*) FROM incidents WHERE state = $1";
        let counted = sqlx::query_scalar(sql).bind(state.as_str()).fetch_one(&self.world.pool);
        counted.await.expect("a count")
    }
}

/// A payment whose effect fails.
async fn fail(world: &World, key: &ApiKey, provider_event_id: &str) -> (EventId, IncidentId) {
    let received = receipt(provider_event_id);
    let (_, event) = world
        .post_as(key, "/api/v1/receipt", &received, &format!("take-{provider_event_id}"))
        .await;
    let event = event["event_id"].clone();
    let failed = json!({ "event_id": event, "status": "failed", "error_code": "db_write_failed" });
    let (_, failed) =
        world.post_as(key, "/api/v1/result", &failed, &format!("fail-{provider_event_id}")).await;
    (parse(&event), parse(&failed["incident"]["id"]))
}

/// The set that a page's address names.
fn named(path: &str) -> BulkSetId {
    let id = path.trim_start_matches("/bulk-sets/").split('?').next().expect("an id");
    id.parse().unwrap_or_else(|_| panic!("no set: {path}"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn the_console_shows_starts_and_follows_what_is_of_two_projects_and_tries_again_what_failed() {
    run(async {
        let mut shops = Shops::broken(World::start().await).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess 4 incidents of 2 projects?");
        assert!(page.text().contains("2 × Credits"), "{}", page.text());
        let start = format!("{path}/start");
        let wrong = [("note", ""), ("canary", "1"), ("per_minute", "0"), ("stop_percent", "100")];
        assert_eq!(bob.submit(&path, &start, &wrong).await.status, 422);
        let right =
            [("note", "go"), ("canary", "1"), ("per_minute", "600"), ("stop_percent", "100")];
        bob.submit(&path, &start, &right).await;
        assert_eq!(bob.page(&path).await.heading(), "Reprocessing 4 incidents of 2 projects");

        let id = named(&path);
        shops.work_until(id, &[BulkState::Done, BulkState::Paused]).await;
        let page = bob.page(&path).await;
        assert!(page.text().contains("It paused by itself: 1 of the first 1 failed."));
        let viewer = Operator::signed_in(&shops.world, Role::Viewer).await;
        assert!(viewer.page(&path).await.buttons().iter().all(|it| !it.contains("Resume all")));
        bob.submit(&path, &format!("{path}/resume"), &[]).await;
        shops.work_until(id, &[BulkState::Done, BulkState::Done]).await;
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess of 4 incidents of 2 projects");
        assert!(page.text().contains("100% over"), "{}", page.text());
        bob.submit(&path, &format!("{path}/pause"), &[]).await;
        let message = bob.page(&path).await.message().expect("a message");
        assert_eq!(message, "[refused] Nothing was changed: it is done.");

        let again =
            bob.submit(&path, &format!("{path}/retry"), &[]).await.location.expect("a page");
        assert_eq!(bob.page(&again).await.heading(), "Reprocess 1 incident of 1 project?");
        bob.submit(&again, &format!("{again}/start"), &right).await;
        shops.work_until(named(&again), &[BulkState::Done]).await;
        assert_eq!(shops.in_state(IncidentState::Resolved).await, 4);
        let asked: BTreeSet<_> = shops.reported.values().collect();
        assert_eq!((asked.len(), shops.reported.len()), (4, 5), "one was asked twice");
        let alone = list_set(&shops.world.pool, id).await.expect("a database")[0].id;
        assert!(bob.page(&format!("/bulk/{alone}")).await.html().contains(&path));
    });
}

#[test]
fn what_is_left_out_of_a_set_is_said_for_each_project_and_can_be_taken_in() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_worker()).await;
        let shops = Shops::broken(world).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        let takes = json!({ "event_type": "charge.refunded", "effect_type": "access_revocation" });
        let mut refunded = receipt("evt_refunded");
        for (field, value) in takes.as_object().expect("fields") {
            refunded[field] = value.clone();
        }
        let refunded = shops.world.send_receipt(&refunded).await;
        shops.world.fail(refunded, json!({})).await;
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess 4 incidents of 2 projects?");
        assert!(page.text().contains("takes something from the customer"), "{}", page.text());
        let html = page.html();
        for field in [r#"name="include_taking" value="yes""#, r#"name="which" value="all""#] {
            assert!(html.contains(field), "{html}");
        }
        let taken = [&ALL[..], &[("include_taking", "yes")]].concat();
        let taken = bob.submit(&path, "/bulk", &taken).await.location.expect("its page");
        assert_eq!(bob.page(&taken).await.heading(), "Reprocess 5 incidents of 2 projects?");

        sqlx::query("UPDATE projects SET repair_url = NULL WHERE id <> $1")
            .bind(shops.world.project.id)
            .execute(&shops.world.pool)
            .await
            .expect("gone");
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess 2 incidents of 2 projects?");
        assert!(page.text().contains("their project has no repair URL"), "{}", page.text());
        let member = list_set(&shops.world.pool, named(&path)).await.expect("a database")[0].id;
        let member = format!("/bulk/{member}");
        assert!(bob.page(&member).await.html().contains("/bulk-sets/"));
        let alone = [("note", "go"), ("canary", "1"), ("per_minute", "1"), ("stop_percent", "1")];
        bob.submit(&member, &format!("{member}/start"), &alone).await;
        let message = bob.page(&member).await.message().expect("a message");
        assert!(message.contains("it starts with its set bls_"), "{message}");
    });
}
