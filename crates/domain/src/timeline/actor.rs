//! Who did it, as a person would say it.

use super::Names;
use crate::alert::one_line;
use crate::ids::KeyId;

/// An actor of the audit by name: `alice@cometcart.test`, `alice (command line)`.
#[must_use]
pub fn actor_name(actor: &str) -> String {
    let name = match actor.split_once(':') {
        Some(("operator", email)) => email.to_owned(),
        Some(("cli", name)) => format!("{name} (command line)"),
        Some(("temporal", name)) => format!("{name} (Temporal signal)"),
        Some(("extension", name)) => format!("{name} (extension)"),
        Some(("key", id)) => format!("the app, key {id}"),
        _ if actor == "policy" => "the policy".to_owned(),
        _ if actor == "system" => "sendpromptly".to_owned(),
        _ => actor.to_owned(),
    };
    one_line(&name)
}

/// An actor of the audit as colleagues call them: `alice`.
#[must_use]
pub fn short_actor_name(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("operator", email)) => short_name(email),
        Some(("cli" | "temporal", name)) => one_line(name),
        _ => actor_name(actor),
    }
}

/// An operator by the part of their address that people call them by.
#[must_use]
pub fn short_name(email: &str) -> String {
    one_line(email.split('@').next().unwrap_or(email))
}

/// Who it was, keys by their labels: `alice@cometcart.test`, `key “Production worker”`.
#[must_use]
pub fn actor_label(actor: &str, names: &Names) -> String {
    key_label(actor, names).map_or_else(|| actor_name(actor), |label| format!("key “{label}”"))
}

/// The actor of an item; `None` for the product itself, which goes without saying.
#[must_use]
pub fn byline(actor: &str, names: &Names) -> Option<String> {
    if actor == "system" {
        return None;
    }
    Some(match key_label(actor, names) {
        Some(label) => format!("with key “{label}”"),
        None => format!("by {}", actor_name(actor)),
    })
}

fn key_label(actor: &str, names: &Names) -> Option<String> {
    let key = actor.strip_prefix("key:").and_then(|id| id.parse::<KeyId>().ok())?;
    names.keys.get(&key).map(|label| one_line(label))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn colleagues_are_called_by_their_short_names() {
        for (actor, expected) in
            [("operator:bob@cometcart.test", "bob"), ("cli:bob", "bob"), ("system", "sendpromptly")]
        {
            assert_eq!(short_actor_name(actor), expected);
        }
    }

    #[test]
    fn people_are_called_by_name_and_keys_by_label() {
        let key: KeyId = "key_00000000000000000000000001".parse().expect("an id");
        let keys = BTreeMap::from([(key, "Production worker".to_owned())]);
        let names = Names { keys, ..Names::default() };
        for (actor, expected) in [
            ("operator:alice@cometcart.test", Some("by alice@cometcart.test")),
            ("cli:alice", Some("by alice (command line)")),
            ("temporal:bob", Some("by bob (Temporal signal)")),
            ("key:key_00000000000000000000000001", Some("with key “Production worker”")),
            (
                "key:key_00000000000000000000000002",
                Some("by the app, key key_00000000000000000000000002"),
            ),
            ("policy", Some("by the policy")),
            ("system", None),
        ] {
            assert_eq!(byline(actor, &names).as_deref(), expected, "{actor}");
        }
        assert_eq!(
            actor_label("key:key_00000000000000000000000001", &names),
            "key “Production worker”"
        );
        assert_eq!(actor_label("system", &names), "sendpromptly");
    }
}
