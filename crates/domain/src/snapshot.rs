//! The snapshot of a payment event: kept where the project wants it, for as long as it wants it, and never a
//! reason to lose a receipt.

use serde_json::{Map, Value};

use crate::text_enum::text_enum;

/// The largest snapshot that is kept, in bytes as it was sent.
pub const MAX_SNAPSHOT: usize = 64 * 1024;

/// How many days a snapshot is kept unless its project says otherwise.
pub const DEFAULT_DAYS: i32 = 30;
/// The most days that a snapshot may be kept.
pub const MAX_DAYS: i32 = 90;

/// Strings of a snapshot that are shorter than this are in any answer, and say nothing.
const SHORTEST_TELLING: usize = 4;

text_enum! {
    /// Why a payload was not kept.
    DropReason {
        Off = "off",
        TooLarge = "too_large",
        Invalid = "invalid",
        Duplicate = "duplicate",
        KeyUnavailable = "key_unavailable",
    }
}

/// What a project wants of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// Whether they are kept.
    pub kept: bool,
    /// For how many days after the receipt.
    pub days: i32,
    /// Whether callbacks carry them.
    pub in_callback: bool,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self { kept: false, days: DEFAULT_DAYS, in_callback: false }
    }
}

/// Snapshots would be kept too shortly or too long. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_DAYS}")]
pub struct InvalidDays;

/// Checks for how many days a project keeps snapshots.
///
/// # Errors
/// When it is less than a day or more than 90.
pub fn check_days(days: i32) -> Result<(), InvalidDays> {
    if (1..=MAX_DAYS).contains(&days) { Ok(()) } else { Err(InvalidDays) }
}

/// What becomes of a receipt's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// It is kept, as the bytes that were sent: a JSON object.
    Kept(String),
    /// It is dropped.
    NotStored(DropReason),
}

impl Snapshot {
    /// Judges the payload exactly as in the body, whatever its bytes are. It is read only where it
    /// is wanted and fits.
    #[must_use]
    pub fn judge(payload: &[u8], wanted: bool) -> Self {
        if !wanted {
            return Self::NotStored(DropReason::Off);
        }
        if payload.len() > MAX_SNAPSHOT {
            return Self::NotStored(DropReason::TooLarge);
        }
        // Numbers and keys stay as they are written: an amount of twenty digits is no float.
        match (serde_json::from_slice::<Map<String, Value>>(payload), std::str::from_utf8(payload))
        {
            (Ok(_), Ok(text)) => Self::Kept(text.to_owned()),
            _ => Self::NotStored(DropReason::Invalid),
        }
    }
}

/// The strings of a snapshot, without names of members, that tell something wherever they are repeated: as they
/// are and as they were written, the longest first.
#[must_use]
pub fn telling_texts(snapshot: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = snapshot;
    while let Some(start) = rest.find('"') {
        let mut literals = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<String>();
        let Some(Ok(text)) = literals.next() else { break };
        let end = start + literals.byte_offset();
        let (written, after) = (&rest[start + 1..end - 1], &rest[end..]);
        let names_a_member = after.trim_start().starts_with(':');
        if !names_a_member && text.chars().count() >= SHORTEST_TELLING {
            if written != text {
                texts.push(written.to_owned());
            }
            texts.push(text);
        }
        rest = after;
    }
    texts.sort_unstable_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_kept_where_it_is_wanted_and_fits() {
        for exact in
            ["{ \"a\": 1 }", "{\"amount\":12345678901234567890123,\"e\":1e5,\"u\":\"\\u00e9\"}"]
        {
            let judged = Snapshot::judge(exact.as_bytes(), true);
            assert_eq!(judged, Snapshot::Kept(exact.to_owned()), "byte for byte");
        }
        let dropped = |payload: &[u8], wanted| match Snapshot::judge(payload, wanted) {
            Snapshot::NotStored(reason) => reason.as_str(),
            Snapshot::Kept(_) => "kept",
        };
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_SNAPSHOT));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for (payload, wanted, reason) in [
            (&b"{}"[..], false, "off"),
            (large.as_bytes(), false, "off"),
            (b"[]", false, "off"),
            (b"{\"a\":NaN}", false, "off"),
            (large.as_bytes(), true, "too_large"),
            (b"[]", true, "invalid"),
            (b"\"text\"", true, "invalid"),
            (b"{\"a\":1e999}", true, "invalid"),
            (b"{\"a\":NaN}", true, "invalid"),
            (b"{\"a\":\"\xff\"}", true, "invalid"),
            (b"{\"a\":\"\\ud83d\"}", true, "invalid"),
            (b"", true, "invalid"),
            (deep.as_bytes(), true, "invalid"),
        ] {
            assert_eq!(dropped(payload, wanted), reason);
        }
    }

    #[test]
    fn days_outside_one_to_ninety_are_rejected() {
        for days in [i32::MIN, 0, 91, i32::MAX] {
            assert_eq!(check_days(days), Err(InvalidDays), "{days}");
        }
        assert_eq!((check_days(1), check_days(90)), (Ok(()), Ok(())));
        assert_eq!(InvalidDays.to_string(), "must be a whole number from 1 to 90");
        assert_eq!(check_days(SnapshotSettings::default().days), Ok(()));
    }

    #[test]
    fn what_an_answer_could_repeat_is_known_in_both_spellings() {
        let snapshot = r#"{"name": "Zo\u00eb K.", "id" : "abc", "list":["x\"yz", {"deep":"4242"}], "n": 4711}"#;
        assert_eq!(
            telling_texts(snapshot),
            ["Zo\\u00eb K.", "Zo\u{eb} K.", "x\\\"yz", "4242", "x\"yz"]
        );
        assert_eq!(telling_texts("{}"), Vec::<String>::new());
    }
}
