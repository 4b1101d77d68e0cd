//! Incidents of two projects at once, from one preview to their end, through each door.

use std::collections::{BTreeMap, BTreeSet};

use domain::api_key::ApiKey;
use domain::bulk::BulkState;
use domain::ids::{BulkSetId, EventId, IncidentId};
use domain::incident::IncidentState;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::{parse, receipt};
use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::bulk::{list_set, step};

use crate::automation::script::Script;

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

/// Something is to be taken from a customer of ours, and was not.
async fn refund(world: &World) {
    let mut refunded = receipt("evt_refunded");
    refunded["event_type"] = json!("charge.refunded");
    refunded["effect_type"] = json!("access_revocation");
    let refunded = world.send_receipt(&refunded).await;
    world.fail(refunded, json!({})).await;
}

#[test]
fn a_set_is_gone_to_by_its_id() {
    run(async {
        let shops = Shops::broken(World::start_without_worker().await).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let found = bob.page(&format!("/go?q={}", named(&path))).await;
        let link = found.link("Reprocess 4 incidents of 2 projects?");
        assert_eq!(link, Some(path), "{}", found.text());
    });
}

#[test]
fn what_was_left_out_of_a_set_can_be_taken_in_after_its_form_was_rejected_too() {
    run(async {
        let world = World::start_without_worker().await;
        let shops = Shops::broken(world).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        refund(&shops.world).await;
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let (set, picked) = path.split_once('?').expect("what was picked");
        let html = bob.get(&path).await.body;
        assert!(html.contains(&format!(r#"action="{set}/start?"#)), "{html}");
        let typed = [("note", ""), ("canary", "1"), ("per_minute", "1"), ("stop_percent", "1")];
        let rejected = bob.submit(&path, &format!("{set}/start?{picked}"), &typed).await;
        assert_eq!(rejected.status, 422);
        for field in [r#"name="include_taking" value="yes""#, r#"name="which" value="all""#] {
            assert!(rejected.body.contains(field), "{}", rejected.body);
        }
    });
}

#[test]
fn what_is_left_out_of_a_set_is_said_for_each_project_and_can_be_taken_in() {
    run(async {
        let world = World::start_without_worker().await;
        let shops = Shops::broken(world).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        refund(&shops.world).await;
        let path = bob.submit("/incidents", "/bulk", &ALL).await.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Reprocess 4 incidents of 2 projects?");
        assert!(page.text().contains("takes something from the customer"), "{}", page.text());
        let html = bob.get(&path).await.body;
        for field in [r#"name="include_taking" value="yes""#, r#"name="which" value="all""#] {
            assert!(html.contains(field), "{html}");
        }
        let all = [&ALL[..], &[("include_taking", "yes")]].concat();
        let larger = bob.submit(&path, "/bulk", &all).await.location.expect("its page");
        assert_eq!(bob.page(&larger).await.heading(), "Reprocess 5 incidents of 2 projects?");

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

#[test]
fn what_was_ticked_is_ticked_still_where_nothing_could_be_frozen() {
    run(async {
        let shops = Shops::broken(World::start_without_worker().await).await;
        let bob = Operator::signed_in(&shops.world, Role::Operator).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&shops.world.pool)
            .await
            .expect("gone");
        let [ours, theirs] = [0, 2].map(|place| shops.incidents[place].to_string());
        let ticked = [
            ("filter", "mode=test&state=open"),
            ("which", "ticked"),
            ("include_taking", "yes"),
            ("incident", &ours),
            ("incident", &theirs),
            ("action", "reprocess"),
        ];
        let back = bob.submit("/incidents", "/bulk", &ticked).await.location.expect("the list");
        assert!(back.starts_with("/incidents?mode=test&state=open&ticked=inc_"), "{back}");
        let page = bob.page(&back).await;
        let message = page.message().expect("a message");
        assert!(message.contains("Nothing can be reprocessed"), "{message}");
        assert_eq!(page.texts("input.tick").len(), 4);
        assert_eq!(page.texts("input.tick[checked]").len(), 2);
        assert_eq!(page.texts("details.several[open] #include-taking[checked]").len(), 1);
        let fresh = bob.page("/incidents?mode=test&state=open").await;
        assert!(fresh.texts("input.tick[checked], details.several[open]").is_empty());
    });
}

async fn ask(
    world: &World,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let url = format!("{}/api/v1/bulk-sets{path}", world.url);
    let mut request = world.http.request(method, url).bearer_auth(token);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.expect("a response");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("text")).expect("JSON"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_script_acknowledges_what_a_filter_finds_in_all_projects() {
    run(async {
        let world = World::start_without_worker().await;
        let mut shops = Shops::broken(world).await;
        let script = Script::new(&shops.world, Role::Operator).await;
        let token = script.token.clone();
        let filter = json!({ "action": "acknowledge", "filter": { "mode": "test" } });
        let viewer = Script::new(&shops.world, Role::Viewer).await.token;
        let unknown = "/bls_00000000000000000000000001";
        let missing = format!("{unknown}/start");
        for (token, path, status) in [
            (viewer.as_str(), "", 403),
            (shops.world.key.reveal(), "", 401),
            (token.as_str(), missing.as_str(), 404),
            (token.as_str(), "/bls_nothing/pause", 404),
        ] {
            let body = Some(filter.clone());
            let (code, error) = ask(&shops.world, token, Method::POST, path, body).await;
            assert_eq!(code, status, "{path}: {error}");
        }
        let key = shops.world.key.reveal();
        let (code, _) = ask(&shops.world, key, Method::GET, unknown, None).await;
        assert_eq!(code, 401, "an app's key opens nothing here");
        for verb in ["start", "pause", "resume", "cancel"] {
            let path = format!("{unknown}/{verb}");
            let (code, _) = ask(&shops.world, &viewer, Method::POST, &path, Some(json!({}))).await;
            assert_eq!(code, 403, "{verb} by a viewer");
        }
        let live = json!({ "filter": {} });
        for (body, field) in [
            (json!({}), "incident_ids"),
            (json!({ "incident_ids": [] }), "incident_ids"),
            (json!({ "failures_of": "blk_00000000000000000000000001" }), "failures_of"),
            (json!({ "failures_of": unknown.trim_start_matches('/') }), "failures_of"),
            (json!({ "filter": { "mode": "dry" } }), "mode"),
            (json!({ "filter": { "mode": "test", "q": "" } }), "q"),
            (
                json!({ "filter": {}, "failures_of": unknown.trim_start_matches('/') }),
                "incident_ids",
            ),
            (live, "filter"),
        ] {
            let (code, error) =
                ask(&shops.world, &token, Method::POST, "", Some(body.clone())).await;
            assert_eq!(
                (code, &error["error"]["fields"][0]["field"]),
                (422, &json!(field)),
                "{body}"
            );
        }

        let (code, frozen) = ask(&shops.world, &token, Method::POST, "", Some(filter)).await;
        assert_eq!((code, &frozen["incidents"]), (201, &json!(4)), "{frozen}");
        assert_eq!(frozen["projects"][1]["bulk"]["by_effect"][0]["incidents"], 2);
        let alone = &frozen["projects"][0];
        let alone = format!(
            "/{}/bulk-reprocesses/{}/start",
            alone["project_id"].as_str().expect("an id"),
            alone["bulk"]["bulk_id"].as_str().expect("an id")
        );
        let (code, error) =
            script.reject(Method::POST, &alone, Some(json!({ "note": "alone" }))).await;
        assert_eq!((code, error.code.as_str()), (409, "incident_conflict"));
        let set = format!("/{}", frozen["set_id"].as_str().expect("an id"));
        let post = async |verb: &str, body: Option<Value>| {
            ask(&shops.world, &token, Method::POST, &format!("{set}/{verb}"), body).await
        };
        let (code, error) = post("start", Some(json!({ "canary": 1 }))).await;
        assert_eq!((code, &error["error"]["fields"][0]["field"]), (422, &json!("note")), "{error}");
        let (code, running) = post("start", Some(json!({ "note": "the queue is down" }))).await;
        assert_eq!((code, &running["state"]), (202, &json!("running")), "{running}");
        let (_, paused) = post("pause", None).await;
        assert_eq!((&paused["state"], &paused["waiting"]), (&json!("paused"), &json!(4)));
        let (_, resumed) = post("resume", None).await;
        assert_eq!(resumed["state"], "running");
        shops.work_until(parse(&frozen["set_id"]), &[BulkState::Done, BulkState::Done]).await;
        let (code, done) = ask(&shops.world, &token, Method::GET, &set, None).await;
        assert_eq!((code, &done["state"], &done["succeeded"]), (200, &json!("done"), &json!(4)));
        assert_eq!(done["projects"][0]["bulk"]["set_id"], frozen["set_id"]);
        assert_eq!(shops.in_state(IncidentState::Acknowledged).await, 4);
        let late = format!("{set}/cancel");
        let (code, error) = ask(&shops.world, &token, Method::POST, &late, None).await;
        assert_eq!((code, &error["error"]["code"]), (409, &json!("incident_conflict")));
    });
}

#[test]
fn the_command_line_shows_and_does_what_is_of_two_projects_as_one() {
    run(async {
        let world = World::start_without_worker().await;
        let mut shops = Shops::broken(world).await;
        let [ours, theirs] = [0, 2].map(|at: usize| shops.incidents[at].to_string());
        let named = ["incident", "acknowledge", &ours, &theirs, "--note", "the queue is down"];
        let (code, shown) = shops.world.cli(&named).await.expect("a command");
        assert_eq!((code, &shown["incidents"]), (0, &json!(2)), "{shown}");
        assert_eq!(shown["projects"].as_array().map(Vec::len), Some(2));
        assert_eq!(shops.in_state(IncidentState::Acknowledged).await, 0, "shown, not done");

        let found = ["incident", "resolve", "--search", "db_write_failed", "--note", "refunded"];
        let yes = [&found[..], &["--yes", "--no-wait"]].concat();
        let (code, started) = shops.world.cli(&yes).await.expect("a command");
        assert_eq!((code, &started["state"]), (0, &json!("running")), "{started}");
        let id = started["set_id"].as_str().expect("a set").to_owned();
        let (code, paused) = shops.world.cli(&["bulk", "pause", &id]).await.expect("a command");
        assert_eq!((code, &paused["state"]), (0, &json!("paused")), "{paused}");
        let (code, _) = shops.world.cli(&["bulk", "resume", &id]).await.expect("a command");
        assert_eq!(code, 0);
        shops.work_until(parse(&started["set_id"]), &[BulkState::Done, BulkState::Done]).await;
        let (code, done) = shops.world.cli(&["bulk", "show", &id]).await.expect("a command");
        assert_eq!((code, &done["state"], &done["succeeded"]), (0, &json!("done"), &json!(4)));
        assert_eq!(shops.in_state(IncidentState::Resolved).await, 4);
        let (code, error) = shops.world.cli(&["bulk", "cancel", &id]).await.expect("a command");
        assert_eq!((code, &error["error"]["code"]), (1, &json!("incident_conflict")), "{error}");
        let none = ["incident", "resolve", "--search", "nothing_like_it", "--note", "x"];
        let (code, error) = shops.world.cli(&none).await.expect("a command");
        assert_eq!((code, &error["error"]["code"]), (1, &json!("not_found")), "{error}");
        let blank = ["incident", "resolve", "--search", " ", "--note", "x", "--yes"];
        let (code, error) = shops.world.cli(&blank).await.expect("a command");
        assert_eq!((code, &error["error"]["code"]), (1, &json!("validation_error")), "{error}");
    });
}
