//! The chain beside the audit: what its digests and hashes are over.
//!
//! A link's hash is over the hash before it, what stands in the link and the digest of its entry; the digest is over every
//! column of the entry and over the commitment to its text. So an entry, or a link, that was changed, removed, added
//! or moved by whoever may write to the tables leaves a hash that does not follow from the one before. A commitment is
//! salted: it stays when a text is erased, and nobody can guess the text from it.
//!
//! Each field is written with its length before it, and what is absent is not what is empty. These bytes are kept for ever:
//! [`FORM`] begins each, and another form would be another number.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// SHA-256.
pub type Hash = [u8; 32];

const FORM: &[u8] = b"sendpromptly audit 1";

/// An entry as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedEntry {
    pub id: Uuid,
    /// Microseconds since 1970.
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub project_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub incident_id: Option<Uuid>,
    /// As Postgres writes it, without the text.
    pub detail: String,
    /// To the text, where there is one.
    pub commitment: Option<Vec<u8>>,
}

impl ChainedEntry {
    /// What a link says of it.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let mut fields = Fields::new("entry");
        fields.add(self.id.as_bytes());
        fields.add(&self.at.to_be_bytes());
        fields.add(self.actor.as_bytes());
        fields.add(self.action.as_bytes());
        for id in [self.project_id, self.event_id, self.incident_id] {
            fields.add_optional(id.as_ref().map(|id| id.as_bytes().as_slice()));
        }
        fields.add(self.detail.as_bytes());
        fields.add_optional(self.commitment.as_deref());
        fields.hash()
    }

    /// Whether retention may ever take it: with its event, or as a result that never had one.
    #[must_use]
    pub fn may_leave(&self) -> bool {
        self.event_id.is_some()
            || self.project_id.is_some() && self.action == super::Action::ResultUnclaimed.as_str()
    }
}

/// A link, without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The project, or the nil id.
    pub scope: Uuid,
    /// From 1.
    pub sequence: i64,
    pub entry_id: Uuid,
    /// Of the entry, in microseconds since 1970.
    pub at: i64,
    pub event_id: Option<Uuid>,
    pub may_leave: bool,
    /// Of the entry.
    pub digest: Vec<u8>,
}

impl Link {
    /// The link of an entry.
    #[must_use]
    pub fn new(sequence: i64, entry: &ChainedEntry) -> Self {
        Self {
            scope: entry.project_id.unwrap_or_default(),
            sequence,
            entry_id: entry.id,
            at: entry.at,
            event_id: entry.event_id,
            may_leave: entry.may_leave(),
            digest: entry.digest().to_vec(),
        }
    }

    /// The hash of the link that follows this one.
    #[must_use]
    pub fn hash(&self, before: &[u8]) -> Hash {
        let mut fields = Fields::new("link");
        fields.add(before);
        fields.add(self.scope.as_bytes());
        fields.add(&self.sequence.to_be_bytes());
        fields.add(self.entry_id.as_bytes());
        fields.add(&self.at.to_be_bytes());
        fields.add_optional(self.event_id.as_ref().map(|id| id.as_bytes().as_slice()));
        fields.add(&[u8::from(self.may_leave)]);
        fields.add(&self.digest);
        fields.hash()
    }
}

/// What the first link follows.
#[must_use]
pub fn beginning(scope: Uuid) -> Hash {
    let mut fields = Fields::new("beginning");
    fields.add(scope.as_bytes());
    fields.hash()
}

/// What binds an entry to its text, as Postgres writes it.
#[must_use]
pub fn commitment(salt: &[u8], text: &str) -> Hash {
    Sha256::new().chain_update(salt).chain_update(text).finalize().into()
}

struct Fields(Sha256);

impl Fields {
    fn new(what: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.add(FORM);
        fields.add(what.as_bytes());
        fields
    }

    fn add(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    /// No field has the length of one that is absent.
    fn add_optional(&mut self, field: Option<&[u8]>) {
        match field {
            Some(field) => self.add(field),
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
    }

    fn hash(self) -> Hash {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn entry() -> ChainedEntry {
        ChainedEntry {
            id: Uuid::from_u128(1),
            at: 1_764_000_000_000_000,
            actor: "cli:bob".to_owned(),
            action: "incident.acknowledged".to_owned(),
            project_id: Some(Uuid::from_u128(2)),
            event_id: Some(Uuid::from_u128(3)),
            incident_id: None,
            detail: "{}".to_owned(),
            commitment: Some(commitment(&[7; 16], r#"{"note": "on it"}"#).to_vec()),
        }
    }

    #[test]
    fn the_bytes_are_kept_for_ever() {
        let link = Link::new(1, &entry());
        let hash = link.hash(&beginning(link.scope));
        insta::assert_snapshot!(format!("{}\n{}", hex::encode(&link.digest), hex::encode(hash)));
    }

    #[test]
    fn every_field_of_an_entry_changes_its_digest() {
        let mut others = vec![entry(); 11];
        others[1].id = Uuid::from_u128(9);
        others[2].at += 1;
        others[3].actor = "cli:eve".to_owned();
        others[4].action = "incident.resolved".to_owned();
        others[5].project_id = None;
        others[6].event_id = None;
        others[7].incident_id = Some(Uuid::from_u128(3));
        others[8].detail = "{ }".to_owned();
        others[9].commitment = None;
        others[10].actor = "cli:bobincident".to_owned();
        others[10].action = ".acknowledged".to_owned();
        let digests: BTreeSet<_> = others.iter().map(ChainedEntry::digest).collect();
        assert_eq!(digests.len(), others.len());
    }

    #[test]
    fn every_field_of_a_link_and_the_hash_before_change_its_hash() {
        let mut others = vec![Link::new(1, &entry()); 8];
        others[1].scope = Uuid::nil();
        others[2].sequence = 2;
        others[3].entry_id = Uuid::from_u128(9);
        others[4].at += 1;
        others[5].event_id = None;
        others[6].may_leave = false;
        others[7].digest = vec![0; 32];
        let before = beginning(Uuid::from_u128(2));
        let mut hashes: BTreeSet<_> = others.iter().map(|link| link.hash(&before)).collect();
        hashes.insert(others[0].hash(&beginning(Uuid::nil())));
        assert_eq!(hashes.len(), others.len() + 1);
    }

    #[test]
    fn what_says_who_changed_the_installation_never_leaves() {
        let mut entry = entry();
        assert!(entry.may_leave());
        entry.event_id = None;
        assert!(!entry.may_leave());
        entry.action = "result.unclaimed".to_owned();
        assert!(entry.may_leave());
        entry.project_id = None;
        assert!(!entry.may_leave());
    }
}
