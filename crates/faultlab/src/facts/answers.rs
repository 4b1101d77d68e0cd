//! What the product says when it is asked again, and when a stranger asks.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::shop::App;
use crate::shop::http::Answer;
use crate::shop::ledger::{Entries, Outcome, Request};

/// So many of each kind are enough: a replayed answer is a stored one or it is not.
const SAMPLE: usize = 40;

/// A request that was acked, and what the same request got afterwards.
#[derive(Debug, Clone)]
pub struct Repeated {
    pub request: Request,
    pub first: Vec<u8>,
    pub again: Result<Answer, String>,
}

/// What shop b was told of an event of shop a, beside what it is told of one that does not exist.
#[derive(Debug, Clone)]
pub struct Stranger {
    pub event_id: Uuid,
    pub told: Result<(u16, Value), String>,
    pub told_of_nothing: Result<(u16, Value), String>,
}

/// Sends a sample of what was acked once more, with the same key and body.
pub async fn repeat(apps: &[App; 2], entries: &Entries) -> Vec<Repeated> {
    let receipts = entries.receipts.iter().map(|it| (&it.request, &it.outcome));
    let results = entries.results.iter().map(|it| (&it.request, &it.outcome));
    let mut repeated = Vec::new();
    for (request, outcome) in
        spread(receipts.collect()).into_iter().chain(spread(results.collect()))
    {
        let Outcome::Acked(first) = outcome else { continue };
        let app = &apps[usize::from(request.shop == "b")];
        let again = app.send(request).await.map_err(|error| format!("{error:#}"));
        repeated.push(Repeated { request: request.clone(), first: first.clone(), again });
    }
    repeated
}

/// At most so many, evenly spread.
fn spread<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.into_iter().step_by(step).collect()
}

/// Reports results of shop a's events with shop b's key.
pub async fn ask_as_stranger(apps: &[App; 2], entries: &Entries) -> Vec<Stranger> {
    let of_a = entries.receipts.iter().filter(|it| it.request.shop == "a");
    let mut strangers = Vec::new();
    for event_id in of_a.filter_map(|it| it.event_id).step_by(7).take(SAMPLE / 4) {
        let told = report(&apps[1], event_id).await;
        let told_of_nothing = report(&apps[1], Uuid::now_v7()).await;
        strangers.push(Stranger { event_id, told, told_of_nothing });
    }
    strangers
}

async fn report(app: &App, event_id: Uuid) -> Result<(u16, Value), String> {
    let id = domain::ids::EventId::from_uuid(event_id);
    let request = Request {
        shop: app.shop.name,
        path: "/api/v1/result",
        idempotency_key: Uuid::now_v7().to_string(),
        body: json!({ "event_id": id, "status": "success" }).to_string(),
    };
    let (status, body) = app.send(&request).await.map_err(|error| format!("{error:#}"))?;
    let body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    // What names the request and the id itself differs, and says nothing.
    let mut error = body["error"].clone();
    error["request_id"] = Value::Null;
    let text = error.to_string().replace(&id.to_string(), "ID");
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}
