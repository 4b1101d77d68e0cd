//! What the neighbours got: mails, messages to Slack, callbacks.

use crate::shop::Callback;
use crate::stage::Stage;
use crate::stage::neighbours::{ELSEWHERE, Neighbour};

/// A message that a destination took or was offered.
#[derive(Debug, Clone)]
pub struct Message {
    /// `a` or `b`, by where it went.
    pub shop: &'static str,
    /// Equal for each copy of the same message.
    pub identity: String,
    pub text: String,
}

/// All messages, in the order in which they came.
pub fn read(stage: &Stage) -> Vec<Message> {
    let mut messages = Vec::new();
    for mail in stage.neighbours.mail.received().mails {
        for shop in &stage.shops {
            if mail.to.iter().any(|to| to.contains(&shop.email)) {
                let identity = message_id(&mail.text).unwrap_or_default().to_owned();
                messages.push(Message { shop: shop.name, identity, text: mail.text.clone() });
            }
        }
    }
    for post in stage.neighbours.slack.received() {
        let path = post.head.split(' ').nth(1).unwrap_or_default();
        for shop in &stage.shops {
            if path.ends_with(&shop.slack_token) {
                let text = String::from_utf8_lossy(&post.body).into_owned();
                messages.push(Message { shop: shop.name, identity: slack_identity(&text), text });
            }
        }
    }
    messages.extend(relayed(stage));
    messages
}

/// Those of the third destination. A message is known by its id where it has one, and by all that it says.
fn relayed(stage: &Stage) -> Vec<Message> {
    let mut messages = Vec::new();
    for post in stage.neighbours.relay.received() {
        let body = String::from_utf8_lossy(&post.body).into_owned();
        let line = post.head.lines().next().unwrap_or_default();
        for shop in &stage.shops {
            if !line.contains(&shop.relay_token) && !body.contains(&shop.relay_token) {
                continue;
            }
            // Its own secret is how the service knows whose a message is.
            let text = body.replace(&shop.relay_token, "…");
            let id = Some(post.header("webhook-id")).filter(|id| !id.is_empty());
            let method = line.split(' ').next().unwrap_or_default();
            let identity = id.map_or_else(|| format!("{method} {text}"), str::to_owned);
            messages.push(Message { shop: shop.name, identity, text });
        }
    }
    messages
}

/// All callbacks, read as the shop does that each came in for.
pub fn callbacks(stage: &Stage) -> Vec<Callback> {
    let received = stage.neighbours.repair.received();
    // A connection that ended before its request was there is no callback.
    let whole = received.iter().filter(|request| !request.head.is_empty());
    let read = whole.map(|request| {
        let place = usize::from(crate::shop::repair_path(request) == "b");
        Callback::read(request, &stage.shops[place])
    });
    read.collect()
}

/// What came in where the redirects of a round's neighbours lead: nobody may follow them.
pub fn followed(stage: &Stage) -> Vec<String> {
    let neighbours = &stage.neighbours;
    let all = [&neighbours.slack, &neighbours.repair, &neighbours.relay];
    let lines = all.into_iter().flat_map(Neighbour::received).filter_map(|request| {
        let line = request.head.lines().next()?;
        (line.split(' ').nth(1) == Some(ELSEWHERE)).then(|| line.to_owned())
    });
    lines.collect()
}

fn message_id(mail: &str) -> Option<&str> {
    let headers = mail.split("\r\n\r\n").next()?;
    headers.split("\r\n").find_map(|line| line.strip_prefix("Message-ID: "))
}

/// Slack has no ids: the incident that it links to and the heading are the same in each copy. A cause may end twice with as
/// many incidents, so what is about no incident is known by all that it says.
fn slack_identity(body: &str) -> String {
    let Some(incident) = incident_of(body) else {
        return format!("slack {body}");
    };
    let message: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let heading = message["blocks"][0]["text"]["text"].as_str().unwrap_or_default();
    format!("slack {incident} {heading}")
}

/// The first incident that a text links to.
pub fn incident_of(text: &str) -> Option<&str> {
    let begins = text.find("inc_")?;
    let rest = &text[begins..];
    let length = rest.char_indices().skip(4).find(|(_, char)| !char.is_ascii_alphanumeric());
    Some(length.map_or(rest, |(end, _)| &rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_message_are_known_as_such() {
        let mail =
            "From: a\r\nMessage-ID: <inc_1.incident_opened.dst_1@x>\r\n\r\nMessage-ID: <no>\r\n";
        assert_eq!(message_id(mail), Some("<inc_1.incident_opened.dst_1@x>"));
        let slack = r#"{"blocks":[{"text":{"text":"Missing"}},{"text":{"text":"<http://x/incidents/inc_0a|Open>"}}]}"#;
        assert_eq!(slack_identity(slack), "slack inc_0a Missing");
        let ends = ["10:00", "10:05"].map(|at| {
            let texts = format!(
                r#"{{"text":{{"text":"All 2 are resolved"}}}},{{"text":{{"text":"at {at}"}}}}"#
            );
            format!(r#"{{"blocks":[{texts}]}}"#)
        });
        assert_ne!(slack_identity(&ends[0]), slack_identity(&ends[1]));
        assert_eq!(incident_of("none"), None);
        assert_eq!(incident_of("inc_9z"), Some("inc_9z"));
    }
}
