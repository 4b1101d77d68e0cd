//! Who works at the console in these tests, and what the audit says of it.

use domain::audit::{Actor, AuditEvent};
use domain::ids::{OperatorId, SessionId};
use domain::operator::Role;
use domain::secret_token::SessionToken;
use serde_json::Value;
use store::administration::operator::add_operator;
use store::operators::{self, Login};
use store::{Insertion, pool, sessions};

use super::shop::Shop;

pub const ALICE: &str = "alice@cometcart.test";
pub const BOB: &str = "bob@cometcart.test";
pub const CHARLIE: &str = "charlie@cometcart.test";

/// Alice, who changes things.
pub fn alice() -> Actor {
    Actor::Operator(ALICE.to_owned())
}

impl Shop {
    /// Adds an operator; `Existing` if the address is taken.
    pub async fn try_hire(&self, email: &str, role: Role) -> Insertion<OperatorId> {
        let mut tx = self.begin().await;
        let added = add_operator(&mut tx, &alice(), email, role, "hash").await.expect("a database");
        pool::commit(tx).await.expect("a commit");
        added
    }

    /// Adds an operator under an address that is free.
    pub async fn hire(&self, email: &str, role: Role) -> OperatorId {
        match self.try_hire(email, role).await {
            Insertion::Inserted(id) => id,
            Insertion::Existing(id) => panic!("{email} is taken by {id}"),
        }
    }

    /// What a sign-in under this address is held against.
    pub async fn login(&self, email: &str) -> Login {
        let found = operators::find_login(&self.pool, email).await.expect("a database");
        found.expect("an operator")
    }

    /// Begins a session with a token of these bytes.
    pub async fn sit_down(&self, operator_id: OperatorId, token: u8) -> SessionId {
        let hash = token_hash(token);
        let begun = sessions::insert_session(&self.pool, operator_id, &hash, Some("Firefox")).await;
        begun.expect("a session")
    }

    /// The entries that are about no event, oldest first, with ids replaced by their kind.
    pub async fn administration(&self) -> String {
        let entries: Vec<(String, String, Value)> = sqlx::query_as(
            "SELECT actor, action, detail FROM audit_log WHERE event_id IS NULL ORDER BY at, id",
        )
        .fetch_all(&self.pool)
        .await
        .expect("entries");
        let lines = entries.into_iter().map(|(actor, action, detail)| {
            format!("{actor} {}", without_ids(&known(&action, detail)))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub fn token_hash(token: u8) -> [u8; 32] {
    SessionToken::from_bytes([token; 32]).hash()
}

/// An entry as it is stored, which must be one that the code knows.
pub fn known(action: &str, detail: Value) -> String {
    let stored = format!("{action} {detail}");
    let event = AuditEvent::read(action, detail);
    assert!(!matches!(event, AuditEvent::Unknown { .. }), "{stored}");
    assert_eq!(format!("{} {}", event.action(), event.detail()), stored);
    stored
}

/// The text with each id cut off after its prefix.
pub fn without_ids(text: &str) -> String {
    let mut parts = text.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| {
        let id = part.len() >= 26 && part.is_char_boundary(26);
        let id =
            id && part[..26].bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        format!("{kept}_{}", if id { &part[26..] } else { part })
    })
}
