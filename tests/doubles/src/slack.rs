//! Slack, as it documents itself: a workspace with one channel and one app in it. The Web API posts and edits messages
//! and answers 200 to what it rejects (<https://docs.slack.dev/apis/web-api/>); [`Slack::press`] gives the request that
//! Slack sends when somebody presses a button, signed
//! (<https://docs.slack.dev/authentication/verifying-requests-from-slack>), and what is posted to its `response_url` is
//! kept.

use std::sync::{Arc, Mutex, MutexGuard};

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::http_server::{HttpServer, Received, response, write};

pub const TOKEN: &str = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy";
pub const CHANNEL: &str = "C0123ABCDEF";
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99badc0de5a5";

/// The longest texts of blocks, in UTF-16 units.
const HEADER: usize = 150;
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
const BUTTON: usize = 75;
/// The longest fields of a button (<https://docs.slack.dev/reference/block-kit/block-elements/button-element>).
const BUTTON_FIELDS: [(&str, usize); 3] = [("action_id", 255), ("url", 3_000), ("value", 2_000)];

/// A message of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMessage {
    pub ts: String,
    /// The fields that it was posted or edited with last.
    pub content: Value,
    /// The message in whose thread it is.
    pub thread: Option<String>,
    pub edits: usize,
}

/// What Slack sends of a pressed button.
#[derive(Debug, Clone)]
pub struct Press {
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

#[derive(Default)]
struct Workspace {
    messages: Vec<ChannelMessage>,
    posted: usize,
    limited: usize,
    error: Option<&'static str>,
    pressed: usize,
    /// The path of each `response_url` and what was posted to it.
    answers: Vec<(String, Value)>,
}

/// A running Slack. It ends with this value.
pub struct Slack {
    server: HttpServer,
    workspace: Arc<Mutex<Workspace>>,
}

impl Slack {
    pub async fn start() -> Self {
        let workspace = Arc::<Mutex<Workspace>>::default();
        let kept = Arc::clone(&workspace);
        let server = HttpServer::reading(move |request: &Received, stream| {
            write(stream, kept.lock().expect("no panic while locked").answer(request))
        })
        .await;
        Self { server, workspace }
    }

    /// Where the methods are.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}/api/", self.server.port)
    }

    /// Turns the next requests away for 30 seconds.
    pub fn limit_next(&self, requests: usize) {
        self.workspace().limited = requests;
    }

    /// Lets each method answer with this error, or with none.
    pub fn fail_with(&self, error: Option<&'static str>) {
        self.workspace().error = error;
    }

    /// Deletes all messages, as an administrator may.
    pub fn delete_messages(&self) {
        self.workspace().messages.clear();
    }

    /// What is in the channel and its threads, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<ChannelMessage> {
        self.workspace().messages.clone()
    }

    /// What was posted to the `response_url` of this press, oldest first.
    ///
    /// # Panics
    /// When Slack sends no such press.
    #[must_use]
    pub fn answers(&self, press: &Press) -> Vec<Value> {
        let fields = url::form_urlencoded::parse(press.body.as_bytes());
        let payload = fields.into_iter().find(|(name, _)| name == "payload").expect("a payload").1;
        let payload: Value = serde_json::from_str(&payload).expect("JSON");
        let url = payload["response_url"].as_str().expect("a URL").to_owned();
        let workspace = self.workspace();
        let answers = workspace.answers.iter().filter(|(path, _)| url.ends_with(path));
        answers.map(|(_, said)| said.clone()).collect()
    }

    /// The button of a message that somebody presses at this moment.
    ///
    /// # Panics
    /// When the message has no such button.
    #[must_use]
    pub fn press(&self, message: &ChannelMessage, action_id: &str, user: &str, at: i64) -> Press {
        let action = find_button(&message.content, action_id).expect("the button");
        let action = pressed_button(action, at);
        let port = self.server.port;
        let pressed = {
            let mut workspace = self.workspace();
            workspace.pressed += 1;
            workspace.pressed
        };
        let payload = json!({
            "type": "block_actions",
            "user": { "id": user, "username": "bob", "team_id": "T0123ABCDEF" },
            "api_app_id": "A0123ABCDEF",
            "token": "Shh_its_a_seekrit",
            "container": { "type": "message", "message_ts": message.ts, "channel_id": CHANNEL },
            "trigger_id": "12466734323.1395872398",
            "team": { "id": "T0123ABCDEF", "domain": "cometcart" },
            "channel": { "id": CHANNEL, "name": "payments" },
            "response_url": format!("http://127.0.0.1:{port}/actions/T0123ABCDEF/{pressed}/abc"),
            "actions": [action],
        });
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        sign(body, at)
    }

    fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().expect("no panic while locked")
    }
}

/// A request of Slack's with this body, signed at this moment.
///
/// # Panics
/// Never: every key is one of HMAC.
#[must_use]
pub fn sign(body: String, at: i64) -> Press {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).expect("a key");
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    Press { timestamp: at.to_string(), signature, body }
}

/// A button and the name of its block.
fn find_button<'a>(content: &'a Value, action_id: &str) -> Option<(&'a str, &'a Value)> {
    content["blocks"].as_array()?.iter().find_map(|block| {
        let elements = block["elements"].as_array()?;
        let button = elements.iter().find(|element| element["action_id"] == action_id)?;
        Some((block["block_id"].as_str()?, button))
    })
}

/// What is sent of a button that was pressed, also of one that opens a page. It has a value only where the button has one.
fn pressed_button((block_id, button): (&str, &Value), at: i64) -> Value {
    let action_id = button["action_id"].as_str().unwrap_or_default();
    let mut action = json!({
        "action_id": action_id, "block_id": block_id, "type": "button", "text": button["text"],
        "action_ts": format!("{at}.{:06}", action_id.len()),
    });
    if let Some(value) = button.get("value") {
        action["value"] = value.clone();
    }
    action
}

impl Workspace {
    fn answer(&mut self, request: &Received) -> String {
        let path = request.head.split_whitespace().nth(1).unwrap_or_default();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        if path.starts_with("/actions/") {
            self.answers.push((path.to_owned(), body));
            return response("200 OK", "", "ok");
        }
        let Some(method) = path.strip_prefix("/api/") else {
            return response("404 Not Found", "", "");
        };
        if self.limited > 0 {
            self.limited -= 1;
            let said = json!({ "ok": false, "error": "ratelimited" }).to_string();
            return response("429 Too Many Requests", "Retry-After: 30\r\n", &said);
        }
        let answer = self.reject(request, &body).map_or_else(|| self.call(method, body), error);
        response("200 OK", "", &answer.to_string())
    }

    fn reject(&self, request: &Received, body: &Value) -> Option<&'static str> {
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return Some("invalid_auth");
        }
        if body["channel"] != CHANNEL {
            return Some("channel_not_found");
        }
        if !is_valid(body) {
            return Some("invalid_blocks");
        }
        self.error
    }

    fn call(&mut self, method: &str, content: Value) -> Value {
        match method {
            "chat.postMessage" => {
                self.posted += 1;
                let ts = format!("1503435956.{:06}", self.posted);
                let thread = content["thread_ts"].as_str().map(str::to_owned);
                let message = ChannelMessage { ts: ts.clone(), content, thread, edits: 0 };
                let taken = taken(&message);
                self.messages.push(message);
                taken
            }
            "chat.update" => {
                let ts = content["ts"].as_str().unwrap_or_default().to_owned();
                match self.messages.iter_mut().find(|message| message.ts == ts) {
                    Some(message) => {
                        message.content = content;
                        message.edits += 1;
                        taken(message)
                    }
                    None => error("message_not_found"),
                }
            }
            _ => error("unknown_method"),
        }
    }
}

fn taken(message: &ChannelMessage) -> Value {
    let content = &message.content;
    json!({
        "ok": true, "channel": CHANNEL, "ts": message.ts,
        "message": { "type": "message", "text": content["text"], "blocks": content["blocks"] },
    })
}

fn error(name: &str) -> Value {
    json!({ "ok": false, "error": name })
}

/// Whether there are at most 50 blocks, and nothing in them is empty or too long.
fn is_valid(content: &Value) -> bool {
    let is_block = |block: &Value| match block["type"].as_str() {
        Some("header") => fits(&block["text"], HEADER),
        Some("section") if block["fields"].is_array() => {
            all(&block["fields"], &|field| fits(field, FIELD))
        }
        Some("section") => fits(&block["text"], SECTION),
        Some("context") => all(&block["elements"], &|element| fits(element, FIELD)),
        Some("actions") => are_buttons(&block["elements"]),
        _ => false,
    };
    let blocks = &content["blocks"];
    content["text"].as_str().is_some_and(|text| !text.is_empty())
        && blocks.as_array().is_some_and(|blocks| blocks.len() <= 50)
        && all(blocks, &is_block)
}

fn fits(text: &Value, longest: usize) -> bool {
    is_text(&text["text"], longest)
}

fn is_text(text: &Value, longest: usize) -> bool {
    let units = text.as_str().map_or(0, |text| text.encode_utf16().count());
    (1..=longest).contains(&units)
}

fn all(list: &Value, fits: &dyn Fn(&Value) -> bool) -> bool {
    list.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(fits))
}

/// At most 25, each with an `action_id` of its own; what they hold and where they lead is optional.
fn are_buttons(elements: &Value) -> bool {
    let is_button = |button: &Value| {
        let holds = |(name, longest): &(&str, usize)| {
            button.get(*name).is_none_or(|field| is_text(field, *longest))
        };
        button["type"] == "button"
            && fits(&button["text"], BUTTON)
            && BUTTON_FIELDS.iter().all(holds)
    };
    let ids = elements.as_array().into_iter().flatten().map(|button| button["action_id"].as_str());
    let ids: Vec<_> = ids.collect();
    let own: std::collections::BTreeSet<_> = ids.iter().collect();
    ids.len() <= 25 && own.len() == ids.len() && all(elements, &is_button)
}
