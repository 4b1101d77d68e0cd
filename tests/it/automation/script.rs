//! A script that calls the automation API, and reads its responses as clients do.

use api_types::error::{ErrorDetail, ErrorResponse};
use domain::operator::Role;
use e2e::{World, console};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::operator_tokens;

/// A script that acts for an operator.
pub struct Script<'a> {
    world: &'a World,
    pub token: String,
}

impl<'a> Script<'a> {
    pub async fn new(world: &'a World, role: Role) -> Self {
        let email = format!("{role}@cometcart.test");
        let operator = console::add(&world.pool, &email, role).await;
        let token = web::random::operator_token().expect("a token");
        operator_tokens::insert_token(&world.pool, operator, "nightly", &token)
            .await
            .expect("a token");
        Self { world, token: token.reveal().to_owned() }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_at(method, &format!("/projects{path}"), body).await
    }

    /// Of what is of no one project; the path is below `/api/v1`.
    pub async fn call_at(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.world.url);
        let mut request = self.world.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.expect("a response");
        let status = response.status().as_u16();
        let text = response.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    /// What is at this path.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> T {
        accepted(self.get(path).await)
    }

    /// The response to what is accepted.
    pub async fn send<T: DeserializeOwned>(&self, path: &str, body: Value) -> T {
        accepted(self.post(path, body).await)
    }

    /// The status and the error of what is rejected.
    pub async fn reject(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, ErrorDetail) {
        let (status, response) = self.call(method, path, body).await;
        let response: ErrorResponse = serde_json::from_value(response).expect("an error");
        (status, response.error)
    }
}

pub fn accepted<T: DeserializeOwned>((status, response): (u16, Value)) -> T {
    assert!((200..300).contains(&status), "{status}: {response}");
    serde_json::from_value(response).expect("a response")
}

/// The names of the fields that a rejection is about.
pub fn bad_fields(error: &ErrorDetail) -> Vec<&str> {
    error.fields.iter().flatten().map(|one| one.field.as_str()).collect()
}
