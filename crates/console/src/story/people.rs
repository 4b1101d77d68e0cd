//! Who did it, as a person would say it.

use std::collections::BTreeMap;

use domain::alert::one_line;
use domain::ids::{DestinationId, KeyId, ProjectId};
use store::{PgPool, StoreError, api_keys, destinations};

/// What the keys and destinations of projects are called, removed ones too.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub(super) keys: BTreeMap<KeyId, String>,
    pub(super) destinations: BTreeMap<DestinationId, String>,
}

impl Names {
    /// The names of these projects.
    pub async fn of(pool: &PgPool, project_ids: &[ProjectId]) -> Result<Self, StoreError> {
        let keys = api_keys::list_names(pool, project_ids).await?;
        let destinations = destinations::list_names(pool, project_ids).await?;
        Ok(Self {
            keys: keys.into_iter().collect(),
            destinations: destinations.into_iter().collect(),
        })
    }
}

/// An actor of the audit by name: `alice@cometcart.test`, `alice by the command line`.
#[must_use]
pub fn name_of(actor: &str) -> String {
    let name = match actor.split_once(':') {
        Some(("operator", email)) => email.to_owned(),
        Some(("cli", name)) => format!("{name} by the command line"),
        Some(("temporal", name)) => format!("{name} by a Temporal signal"),
        Some(("key", id)) => format!("the app, key {id}"),
        _ if actor == "system" => "sendpromptly".to_owned(),
        _ => actor.to_owned(),
    };
    one_line(&name)
}

/// An actor of the audit as colleagues call them: `alice`.
#[must_use]
pub fn short_name_of(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("operator", email)) => one_line(email.split('@').next().unwrap_or(email)),
        Some(("cli" | "temporal", name)) => one_line(name),
        _ => name_of(actor),
    }
}

/// Who it was: `alice@cometcart.test`, `key “Production worker”`.
#[must_use]
pub fn who(actor: &str, names: &Names) -> String {
    label_of(actor, names).map_or_else(|| name_of(actor), |label| format!("key “{label}”"))
}

/// Who stands behind a line; the product itself is not worth a word.
pub(super) fn by(actor: &str, names: &Names) -> Option<String> {
    if actor == "system" {
        return None;
    }
    Some(match label_of(actor, names) {
        Some(label) => format!("with key “{label}”"),
        None => format!("by {}", name_of(actor)),
    })
}

/// What the key that did it is called.
fn label_of(actor: &str, names: &Names) -> Option<String> {
    let key = actor.strip_prefix("key:").and_then(|id| id.parse::<KeyId>().ok())?;
    names.keys.get(&key).map(|label| one_line(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colleagues_are_called_by_their_short_names() {
        for (actor, expected) in
            [("operator:bob@cometcart.test", "bob"), ("cli:bob", "bob"), ("system", "sendpromptly")]
        {
            assert_eq!(short_name_of(actor), expected);
        }
    }

    #[test]
    fn people_are_called_by_name_and_keys_by_label() {
        let key: KeyId = "key_00000000000000000000000001".parse().expect("an id");
        let keys = BTreeMap::from([(key, "Production worker".to_owned())]);
        let names = Names { keys, ..Names::default() };
        for (actor, expected) in [
            ("operator:alice@cometcart.test", Some("by alice@cometcart.test")),
            ("cli:alice", Some("by alice by the command line")),
            ("temporal:bob", Some("by bob by a Temporal signal")),
            ("key:key_00000000000000000000000001", Some("with key “Production worker”")),
            (
                "key:key_00000000000000000000000002",
                Some("by the app, key key_00000000000000000000000002"),
            ),
            ("system", None),
        ] {
            assert_eq!(by(actor, &names).as_deref(), expected, "{actor}");
        }
    }
}
