//! The snapshot of a payment event: kept where the project wants it, and never a reason to lose a
//! receipt.

use serde_json::{Map, Value};

use crate::text_enum::text_enum;

/// The largest snapshot that is kept, in bytes as it was sent.
pub const MAX_SNAPSHOT: usize = 64 * 1024;

text_enum! {
    /// Why a payload was not kept.
    DropReason {
        Off = "off",
        TooLarge = "too_large",
        Invalid = "invalid",
        Duplicate = "duplicate",
    }
}

/// What becomes of a receipt's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// It is kept, as this JSON.
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
        match serde_json::from_slice::<Map<String, Value>>(payload) {
            Ok(object) => Self::Kept(Value::Object(object).to_string()),
            Err(_) => Self::NotStored(DropReason::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_kept_where_it_is_wanted_and_fits() {
        assert_eq!(Snapshot::judge(b"{ \"a\": 1 }", true), Snapshot::Kept("{\"a\":1}".to_owned()));
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
}
