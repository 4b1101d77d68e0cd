//! The shop: three projects whose effects fail while it is broken, and a repair endpoint that does what it is asked.
//!
//! A callback is answered first and its success reported afterwards, again and again until the API takes it, which may
//! have been killed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use domain::api_key::ApiKey;
use domain::ids::ProjectId;
use doubles::http_server::{HttpServer, Received, response, write};
use doubles::slack::{CHANNEL, Slack};
use e2e::world::{parse, receipt};
use e2e::{World, eventually};
use futures::future::join_all;
use serde_json::{Value, json};
use store::destinations::Target;

use super::rows::count;
use crate::slack_app::app;

/// How many customers wait in each of the two projects that break for many. With `FLOOD=150` 300 wait in all; that is for
/// a machine that does nothing else, and holds it to the promised times.
pub fn many() -> [usize; 2] {
    let each: usize = given().unwrap_or(50);
    [each, each - 1]
}

/// Whether nothing else goes on.
pub fn is_alone() -> bool {
    given().is_some()
}

fn given() -> Option<usize> {
    std::env::var("FLOOD").ok().and_then(|text| text.parse().ok())
}

/// How many wait in all.
pub fn all() -> usize {
    many().iter().sum::<usize>() + 1
}

/// What their apps report; it is the same cause in both projects.
pub const CODE: &str = "db_write_failed";
/// How many break at a time in each project.
const AT_A_TIME: usize = 15;
/// The mail address of charlie, who is told of the third project.
const CHARLIE: &str = "charlie@cometcart.test";
/// How soon a report that was not taken is sent again.
const AGAIN: Duration = Duration::from_millis(50);

/// The shop. It ends with this value.
pub struct Shop {
    server: HttpServer,
    many: [ApiKey; 2],
    alone: ApiKey,
    /// The projects that break for many, in the order of [`many`].
    pub projects: [ProjectId; 2],
    /// The project that breaks for one customer.
    pub apart: ProjectId,
    /// Where the second project is told; the others are told by mail.
    pub slack: Slack,
}

impl Shop {
    /// Opens it in a world whose API has not started yet.
    pub async fn open(world: &World) -> Self {
        let (first, first_key) = (world.project.id, world.key.clone());
        let (second, second_key) = world.add_project("CometCart Club").await;
        let (apart, alone) = world.add_project("CometCart Gifts").await;
        let slack = Slack::start().await;
        world.alert_bob().await;
        let channel = Target::SlackApp { api: slack.api(), app: app() };
        world.add_destination_to(second, &channel, CHANNEL).await;
        world.add_destination_to(apart, &Target::Email(CHARLIE.to_owned()), CHARLIE).await;
        let keys =
            [(first, first_key.clone()), (second, second_key.clone()), (apart, alone.clone())];
        let server = repair_endpoint(world, BTreeMap::from(keys)).await;
        sqlx::query("UPDATE projects SET repair_url = $1")
            .bind(server.url().to_string())
            .execute(&world.pool)
            .await
            .expect("projects");
        let (many, projects) = ([first_key, second_key], [first, second]);
        Self { server, many, alone, projects, apart, slack }
    }

    /// Breaks for everybody, as quickly as people are told of it, so that a slow machine is not buried; and for the one
    /// customer of the third project when half of the others wait.
    pub async fn break_down(&self, world: &World) {
        let [first, second] = many();
        let rounds = first.div_ceil(AT_A_TIME);
        for round in 0..rounds {
            let (from, to) = (round * AT_A_TIME, (round + 1) * AT_A_TIME);
            let of_second = (first + from)..(first + to.min(second));
            let alone = async {
                if round == rounds / 2 {
                    fail(world, &self.alone, all() - 1..all(), "account_locked").await;
                }
            };
            tokio::join!(
                fail(world, &self.many[0], from..to.min(first), CODE),
                fail(world, &self.many[1], of_second, CODE),
                alone,
            );
            until_told(world, 15).await;
        }
        until_told(world, 0).await;
    }

    /// The callbacks that came in; one whose sender was killed before it had said all is none.
    pub fn callbacks(&self) -> Vec<Received> {
        let mut received = self.server.received();
        received.retain(|callback| !callback.body.is_empty());
        received
    }
}

/// Takes the receipts of these customers, and reports that what they paid for could not be added.
async fn fail(world: &World, key: &ApiKey, customers: Range<usize>, code: &str) {
    let receipts: Vec<Value> = customers.clone().map(paid).collect();
    let list = json!({ "receipts": receipts });
    let idempotency = format!("receipts-{}", customers.start);
    let (status, taken) = world.post_as(key, "/api/v1/receipts", &list, &idempotency).await;
    assert_eq!(status, 202, "{taken}");
    let failures = customers.map(|customer| async move {
        let failed = json!({
            "provider_event_id": format!("evt_{customer}"), "status": "failed", "error_code": code,
            "error_message": "disk full",
        });
        let idempotency = format!("failed-{customer}");
        let (status, taken) = world.post_as(key, "/api/v1/result", &failed, &idempotency).await;
        assert_eq!(status, 202, "{taken}");
    });
    join_all(failures).await;
}

fn paid(customer: usize) -> Value {
    let mut paid = receipt(&format!("evt_{customer}"));
    paid["internal_reference"] = format!("user_{customer}").into();
    paid["idempotency_key"] = format!("paid-{customer}").into();
    paid
}

/// Waits until at most so many alerts are still to be sent, or left to their cause.
async fn until_told(world: &World, left: i64) {
    let pending = "SELECT count(*) FROM alerts WHERE state = 'pending'";
    eventually("alerts that are seen to", async || {
        (count(world, pending).await <= left).then_some(())
    })
    .await;
}

/// An endpoint that adds what it is asked for, and says so with the key of the project.
async fn repair_endpoint(world: &World, keys: BTreeMap<ProjectId, ApiKey>) -> HttpServer {
    let reporter = Arc::new(Reporter { http: world.http.clone(), url: world.url.clone(), keys });
    HttpServer::reading(move |callback: &Received, stream| {
        let (reporter, body) = (Arc::clone(&reporter), callback.body.clone());
        async move {
            write(stream, response("200 OK", "", "added")).await;
            if let Ok(asked) = serde_json::from_slice(&body) {
                reporter.report(&asked).await;
            }
        }
    })
    .await
}

/// Reports what was added.
struct Reporter {
    http: reqwest::Client,
    url: String,
    keys: BTreeMap<ProjectId, ApiKey>,
}

impl Reporter {
    async fn report(&self, asked: &Value) {
        while !self.is_taken(asked).await {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Reports it once, and says whether the API took it.
    async fn is_taken(&self, asked: &Value) -> bool {
        let (event_id, replay_id) = (&asked["event_id"], &asked["replay_id"]);
        let added = json!({ "event_id": event_id, "status": "success", "replay_id": replay_id });
        let key = &self.keys[&parse::<ProjectId>(&asked["project_id"])];
        let request = self.http.post(format!("{}/api/v1/result", self.url));
        let request = request
            .bearer_auth(key.reveal())
            .header("idempotency-key", replay_id.as_str().expect("an id"))
            .header("content-type", "application/json")
            .body(added.to_string());
        request.send().await.is_ok_and(|response| response.status().as_u16() == 202)
    }
}
