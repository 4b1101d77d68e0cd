//! An incoming webhook of Discord, as it documents itself: it checks embeds, keeps its messages by their ids, and lets
//! them be edited (<https://discord.com/developers/docs/resources/webhook>).

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::http_server::{HttpServer, Received, response, write};

/// Where the webhook is.
const PATH: &str = "/api/webhooks/1234567890/abcdefghijklmnopqrstuvwxyz";
/// The longest text of each part of an embed, in characters.
const LONGEST: [(&str, usize); 2] = [("title", 256), ("description", 4_096)];

/// A message of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub id: String,
    /// As it was posted or edited last.
    pub content: Value,
    pub edits: usize,
}

#[derive(Default)]
struct Channel {
    messages: Vec<ChatMessage>,
    posted: usize,
    limited: usize,
    is_removed: bool,
}

/// A running Discord with one webhook. It ends with this value.
pub struct Discord {
    server: HttpServer,
    channel: Arc<Mutex<Channel>>,
}

impl Discord {
    pub async fn start() -> Self {
        let channel = Arc::<Mutex<Channel>>::default();
        let kept = Arc::clone(&channel);
        let server = HttpServer::reading(move |request: &Received, stream| {
            write(stream, kept.lock().expect("no panic while locked").answer(request))
        })
        .await;
        Self { server, channel }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.server.port)
    }

    /// Turns the next requests away for 1.5 seconds.
    pub fn limit_next(&self, requests: usize) {
        self.channel().limited = requests;
    }

    /// Deletes all messages, as a moderator may.
    pub fn delete_messages(&self) {
        self.channel().messages.clear();
    }

    /// Deletes the webhook.
    pub fn remove(&self) {
        self.channel().is_removed = true;
    }

    /// What is in the channel, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<ChatMessage> {
        self.channel().messages.clone()
    }

    /// Every request so far, those that were turned away too.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().expect("no panic while locked")
    }
}

impl Channel {
    fn answer(&mut self, request: &Received) -> String {
        let mut words = request.head.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some(rest) = path.strip_prefix(PATH).filter(|_| !self.is_removed) else {
            return error("404 Not Found", 10_015, "Unknown Webhook");
        };
        if self.limited > 0 {
            self.limited -= 1;
            let said = json!({ "message": "You are being rate limited.", "retry_after": 1.5, "global": false });
            let headers =
                "Retry-After: 2\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: 1.5\r\n";
            return response("429 Too Many Requests", headers, &said.to_string());
        }
        let content: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        if !is_valid(&content) {
            return error("400 Bad Request", 50_035, "Invalid Form Body");
        }
        match (method, rest.strip_prefix("/messages/")) {
            ("POST", None) if rest.is_empty() => {
                self.post(content, query.to_ascii_lowercase().contains("wait=true"))
            }
            ("PATCH", Some(id)) => self.edit(id, content),
            _ => error("405 Method Not Allowed", 0, "405: Method Not Allowed"),
        }
    }

    fn post(&mut self, content: Value, waits: bool) -> String {
        self.posted += 1;
        let id = (1_000_000 + self.posted).to_string();
        let taken = taken(&id, &content);
        self.messages.push(ChatMessage { id, content, edits: 0 });
        if waits { taken } else { response("204 No Content", "", "") }
    }

    fn edit(&mut self, id: &str, content: Value) -> String {
        let Some(message) = self.messages.iter_mut().find(|message| message.id == id) else {
            return error("404 Not Found", 10_008, "Unknown Message");
        };
        message.content = content;
        message.edits += 1;
        taken(id, &message.content)
    }
}

/// The message as it is given back; its id comes late.
fn taken(id: &str, content: &Value) -> String {
    let message = json!({
        "type": 0, "content": "", "embeds": content["embeds"], "attachments": [], "id": id,
    });
    let headers =
        "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\nX-RateLimit-Reset-After: 2\r\n";
    response("200 OK", headers, &message.to_string())
}

fn error(status: &str, code: u32, message: &str) -> String {
    response(status, "", &json!({ "message": message, "code": code }).to_string())
}

/// Whether there is something in it and nothing is too long.
fn is_valid(content: &Value) -> bool {
    let length = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
    let embeds = content["embeds"].as_array().map(Vec::as_slice).unwrap_or_default();
    (1..=10).contains(&embeds.len())
        && embeds.iter().all(|embed| {
            let fields = embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
            let whole = fields.iter().all(|field| {
                (1..=256).contains(&length(&field["name"]))
                    && (1..=1_024).contains(&length(&field["value"]))
            });
            let host = embed["url"].as_str().map(|url| url.split('/').nth(2).unwrap_or_default());
            whole
                && fields.len() <= 25
                && host.is_none_or(|host| host.contains('.'))
                && LONGEST.iter().all(|(name, longest)| length(&embed[*name]) <= *longest)
        })
}
