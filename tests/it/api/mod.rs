//! The two calls over HTTP, status and body, rule by rule of `docs/api.md`.
//!
//! One API runs per world, without a worker and with Temporal nowhere: receipts need neither.

mod accept;
mod admission;
mod bodies;
mod credentials;
mod early;
mod forms;
mod health;
mod idempotency;
mod outage;
mod receipts;
mod rejections;
mod results;
mod several_receipts;
mod texts;
mod together;

use domain::api_key::ApiKey;
use domain::ids::{EventId, ProjectId};
use domain::project::Mode;
use e2e::world::new_key;
use e2e::{World, WorldOptions};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use store::projects::{self, ProjectSettings};

pub const RECEIPT: &str = "/api/v1/receipt";
pub const RESULT: &str = "/api/v1/result";

/// A Temporal that is not there.
const NOWHERE: &str = "127.0.0.1:1";

/// A world with an API only, and a client that sends exactly what it is given.
pub struct Api {
    pub world: World,
    pub http: Client,
}

/// A response as it came.
pub struct ApiResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl ApiResponse {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    /// The event that the response names.
    pub fn event_id(&self) -> EventId {
        let id = self.json()["event_id"].as_str().map(str::parse);
        id.and_then(Result::ok).unwrap_or_else(|| panic!("no event: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn code(&self) -> String {
        let code = self.json()["error"]["code"].clone();
        code.as_str().map_or_else(|| self.status.to_string(), ToOwned::to_owned)
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields that a `validation_error` names, in order.
    pub fn fields(&self) -> Vec<String> {
        let fields = self.json()["error"]["fields"].clone();
        let fields = fields.as_array().cloned().unwrap_or_default();
        fields.iter().map(|one| one["field"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Status and body with everything that differs from run to run replaced.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, redact(&self.text))
    }
}

/// Replaces ids by their prefix and moments by `now`.
fn redact(text: &str) -> String {
    let ids = ["ev_", "inc_", "rpl_", "req_", "prj_"];
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = ids.iter().find(|prefix| rest.starts_with(**prefix) && is_id(rest, prefix.len()));
        if let Some(prefix) = id {
            shown.push_str(prefix);
            rest = &rest[prefix.len() + 26..];
        } else if let Some(length) = moment(rest) {
            shown.push_str("\"now\"");
            rest = &rest[length..];
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}

fn is_id(text: &str, start: usize) -> bool {
    let digits = text.as_bytes().get(start..start + 26).unwrap_or_default();
    digits.len() == 26 && digits.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// The length of a quoted moment in UTC at the start of a text.
fn moment(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('"')?;
    let end = inner.find('"')?;
    let candidate = &inner[..end];
    let format = &time::format_description::well_known::Rfc3339;
    let moment = time::OffsetDateTime::parse(candidate, format);
    (moment.is_ok() && candidate.ends_with('Z')).then_some(end + 2)
}

impl Api {
    pub async fn start() -> Self {
        let options = WorldOptions::default().without_worker();
        Self::around(World::start_on(NOWHERE.to_owned(), options).await)
    }

    pub fn around(world: World) -> Self {
        Self { world, http: Client::builder().no_proxy().build().expect("a client") }
    }

    /// A request without any header of ours.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.world.url))
    }

    /// A POST with all headers in order.
    pub fn request(&self, path: &str, key: &ApiKey, idempotency: &str) -> RequestBuilder {
        self.bare(Method::POST, path)
            .header("authorization", format!("Bearer {}", key.reveal()))
            .header("idempotency-key", idempotency)
            .header("content-type", "application/json")
    }

    /// Posts these very bytes under an idempotency key.
    pub async fn send(
        &self,
        path: &str,
        idempotency: &str,
        body: impl Into<String>,
    ) -> ApiResponse {
        let request = self.request(path, &self.world.key, idempotency);
        ApiResponse::of(request.body(body.into())).await
    }

    /// Posts these very bytes, UTF-8 or not, under a fresh idempotency key.
    pub async fn send_bytes(&self, path: &str, body: Vec<u8>) -> ApiResponse {
        ApiResponse::of(self.request(path, &self.world.key, &fresh()).body(body)).await
    }

    /// Posts JSON under a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> ApiResponse {
        self.send(path, &fresh(), body.to_string()).await
    }

    /// Posts JSON with another key, under a fresh idempotency key.
    pub async fn post_as(&self, key: &ApiKey, path: &str, body: &Value) -> ApiResponse {
        ApiResponse::of(self.request(path, key, &fresh()).body(body.to_string())).await
    }

    /// Posts a receipt with some fields changed; `null` leaves one out.
    pub async fn receipt(&self, provider_event_id: &str, change: &Value) -> ApiResponse {
        self.post(RECEIPT, &receipt_with(provider_event_id, change)).await
    }

    /// An event that was taken.
    pub async fn take(&self, provider_event_id: &str) -> EventId {
        self.world.receipt(provider_event_id).await
    }

    /// A project of another customer, with its key.
    pub async fn stranger(&self) -> (ProjectId, ApiKey) {
        let settings = ProjectSettings::new("Charlie's".to_owned(), Mode::Test);
        let pool = &self.world.pool;
        let project_id = projects::insert_project(pool, &settings).await.expect("a project");
        let key = new_key().expect("a key");
        store::api_keys::insert_key(pool, project_id, "charlie", &key).await.expect("a key");
        (project_id, key)
    }

    /// How many rows a query counts.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.world.pool).await.expect("a count")
    }

    /// What a query says of one value.
    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.world.pool).await.expect("a text")
    }
}

pub fn fresh() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The body of a receipt with some fields changed; `null` leaves one out.
pub fn receipt_with(provider_event_id: &str, change: &Value) -> Value {
    let mut body = e2e::world::receipt(provider_event_id);
    for (field, value) in change.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    body.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    body
}
