//! Typed ids: an `IncidentId` is no `EventId`.
//!
//! An id is a prefix and 26 characters of Crockford's base 32 over 128 bits
//! (<https://www.crockford.com/base32.html>). The bits are a UUID: version 7 from the store, so
//! that ids sort by time and stay next to each other in an index, or version 4 from a workflow,
//! which must not read a clock. Parsing accepts exactly what is printed.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must look like {prefix}… with 26 characters of base 32")]
pub struct MalformedId {
    /// The prefix that the id should have had, with its underscore.
    pub prefix: &'static str,
}

macro_rules! typed_id {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(Uuid);

        impl $name {
            /// What the text of this kind of id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps the bits of an id.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bits of the id, as the database keeps them.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; $prefix.len() + LENGTH];
                let (prefix, digits) = text.split_at_mut($prefix.len());
                prefix.copy_from_slice($prefix.as_bytes());
                encode(self.0, digits);
                f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .and_then(decode)
                    .map(Self)
                    .ok_or(MalformedId { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

typed_id! {
    /// A monitored payment flow.
    ProjectId = "prj_",
    /// A project's API key.
    KeyId = "key_",
    /// A payment event that the app took.
    EventId = "ev_",
    /// A reported result.
    ResultId = "res_",
    IncidentId = "inc_",
    /// One reprocess, stable over all of its attempts.
    ReplayId = "rpl_",
    /// Where alerts go.
    DestinationId = "dst_",
    /// One alert to one destination.
    AlertId = "alr_",
    /// A person who may sign in.
    OperatorId = "opr_",
    /// A signing secret, of a project or of a destination.
    SecretId = "sec_",
    /// One audit entry.
    AuditId = "aud_",
    /// One committed message for Temporal.
    OutboxId = "obx_",
    /// A signed-in browser.
    SessionId = "ses_",
    /// An operator's own token.
    TokenId = "tok_",
    ProofLinkId = "prf_",
    /// A registered extension.
    ExtensionId = "ext_",
    /// One call of an extension: its key for idempotency.
    CallId = "cal_",
    /// What incidents have in common that one defect opens; computed, not drawn.
    CauseId = "cau_",
    /// A time in which expected receipts did not come.
    SilenceId = "sil_",
    /// A maintenance window.
    MaintenanceId = "mnt_",
    /// A bulk reprocess.
    BulkId = "blk_",
    /// Bulk reprocesses of several projects that start together.
    BulkSetId = "bls_",
    /// Whom something is about, as a keyed hash: what stands in the place of an erased reference.
    CustomerHash = "erased:",
    /// One erasure of a customer.
    ErasureId = "era_",
    /// A saved filter of a list.
    FilterId = "flt_",
}

/// Writes the bits as digits, the last one first.
fn encode(uuid: Uuid, digits: &mut [u8]) {
    let mut bits = uuid.as_u128();
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(bits & 31).unwrap_or_default()];
        bits >>= 5;
    }
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 digits hold 130 bits: the first one may only carry the top three.
    if text.len() != LENGTH || !text.starts_with(|c: char| ('0'..='7').contains(&c)) {
        return None;
    }
    let bits = text.bytes().try_fold(0_u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|a| *a == byte)?;
        Some((bits << 5) | u128::try_from(digit).ok()?)
    })?;
    Some(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_prints_its_prefix_and_26_characters() {
        let id = EventId::from_uuid(Uuid::from_u128(u128::MAX));
        assert_eq!(id.to_string(), "ev_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(format!("{id:>31}"), "  ev_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    #[test]
    fn another_kind_of_id_is_rejected() {
        let id = EventId::from_uuid(Uuid::nil()).to_string();
        assert_eq!(id.parse::<IncidentId>(), Err(MalformedId { prefix: "inc_" }));
    }

    #[test]
    fn lower_case_overflow_and_wrong_length_are_rejected() {
        for text in
            ["ev_0000000000000000000000000a", "ev_80000000000000000000000000", "ev_0", "ev_", ""]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_reads_back(bits in any::<u128>()) {
            let id = ReplayId::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<ReplayId>(), Ok(id));
        }

        #[test]
        fn ids_sort_as_their_bits_do(a in any::<u128>(), b in any::<u128>()) {
            let (x, y) = (EventId::from_uuid(Uuid::from_u128(a)), EventId::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(x.to_string().cmp(&y.to_string()), a.cmp(&b));
        }
    }
}
