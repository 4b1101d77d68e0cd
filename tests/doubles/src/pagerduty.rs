//! PagerDuty's Events API v2, as it documents itself: it checks an event, and keeps the alerts of one service by their
//! keys (<https://developer.pagerduty.com/docs/send-alert-event>).

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::http_server::{HttpServer, Received, response, write};

/// How an alert stands at PagerDuty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    Triggered,
    Acknowledged,
    Resolved,
}

/// An alert of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerAlert {
    pub dedup_key: String,
    pub state: AlertState,
    /// That of the event that made it.
    pub summary: String,
    /// How many events were applied to it.
    pub events: usize,
}

#[derive(Default)]
struct Service {
    key: String,
    alerts: Vec<PagerAlert>,
    /// Events that came to nothing, because there was no open alert for them.
    dropped: usize,
    /// How many requests are still turned away.
    limited: usize,
}

/// A running PagerDuty with one service. It ends with this value.
pub struct PagerDuty {
    server: HttpServer,
    service: Arc<Mutex<Service>>,
}

impl PagerDuty {
    /// Starts with a service that has this integration key and no alerts.
    pub async fn start(key: &str) -> Self {
        let service = Service { key: key.to_owned(), ..Service::default() };
        let service = Arc::new(Mutex::new(service));
        let kept = Arc::clone(&service);
        let server = HttpServer::reading(move |request: &Received, stream| {
            let answered = kept.lock().expect("no panic while locked").answer(request);
            write(stream, answered)
        })
        .await;
        Self { server, service }
    }

    /// What takes events.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/v2/enqueue", self.base())
    }

    /// What PagerDuty's own client takes for the API.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// Turns the next requests away, as when the service got too many.
    pub fn limit_next(&self, requests: usize) {
        self.service().limited = requests;
    }

    /// Takes the integration away: its key is nobody's any more.
    pub fn remove_integration(&self) {
        self.service().key.clear();
    }

    /// Every alert so far, oldest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<PagerAlert> {
        self.service().alerts.clone()
    }

    /// How many acknowledgements and resolutions found no open alert.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.service().dropped
    }

    /// Every request so far, those that were turned away too.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().expect("no panic while locked")
    }
}

impl Service {
    fn answer(&mut self, request: &Received) -> String {
        if !request.head.starts_with("POST /v2/enqueue ") {
            return response("404 Not Found", "", "");
        }
        if self.limited > 0 {
            self.limited -= 1;
            return response("429 Too Many Requests", "", "Request Limit Exceeded");
        }
        let event = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let errors = self.find_errors(&event);
        if !errors.is_empty() {
            let said = json!({
                "status": "invalid event", "message": "Event object is invalid", "errors": errors,
            });
            return response("400 Bad Request", "", &said.to_string());
        }
        let key = self.apply(&event);
        let said = json!({ "status": "success", "message": "Event processed", "dedup_key": key });
        response("202 Accepted", "", &said.to_string())
    }

    fn find_errors(&self, event: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        let key = event["routing_key"].as_str().unwrap_or_default();
        if key.len() != 32 {
            errors
                .push("Length of 'routing_key' is incorrect (should be 32 characters)".to_owned());
        } else if key != self.key {
            errors.push("Invalid routing key".to_owned());
        }
        let action = event["event_action"].as_str().unwrap_or_default();
        if !["trigger", "acknowledge", "resolve"].contains(&action) {
            errors.push("'event_action' is invalid".to_owned());
        }
        let dedup_key = event["dedup_key"].as_str();
        if action != "trigger" && dedup_key.is_none_or(str::is_empty) {
            errors.push("'dedup_key' is missing or blank".to_owned());
        }
        if dedup_key.is_some_and(|key| key.len() > 255) {
            errors.push("'dedup_key' is too long".to_owned());
        }
        if action == "trigger" {
            errors.extend(find_payload_errors(&event["payload"]));
        }
        errors
    }

    /// Applies an event that is one, and gives the key of its alert.
    fn apply(&mut self, event: &Value) -> String {
        let generated = format!("generated-{}", self.alerts.len());
        let key = event["dedup_key"].as_str().unwrap_or(&generated).to_owned();
        let open = self
            .alerts
            .iter_mut()
            .find(|alert| alert.dedup_key == key && alert.state != AlertState::Resolved);
        match (open, event["event_action"].as_str().unwrap_or_default()) {
            (Some(alert), action) => {
                alert.events += 1;
                match action {
                    "acknowledge" => alert.state = AlertState::Acknowledged,
                    "resolve" => alert.state = AlertState::Resolved,
                    _ => {}
                }
            }
            (None, "trigger") => self.alerts.push(PagerAlert {
                dedup_key: key.clone(),
                state: AlertState::Triggered,
                summary: event["payload"]["summary"].as_str().unwrap_or_default().to_owned(),
                events: 1,
            }),
            (None, _) => self.dropped += 1,
        }
        key
    }
}

fn find_payload_errors(payload: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    for field in ["summary", "source", "severity"] {
        if payload[field].as_str().unwrap_or_default().trim().is_empty() {
            errors.push(format!("'payload.{field}' is missing or blank"));
        }
    }
    if payload["summary"].as_str().is_some_and(|summary| summary.chars().count() > 1024) {
        errors.push("'payload.summary' is too long (maximum is 1024 characters)".to_owned());
    }
    let severity = payload["severity"].as_str().unwrap_or_default();
    if !["critical", "error", "warning", "info"].contains(&severity) {
        errors.push("'payload.severity' is invalid".to_owned());
    }
    errors
}
