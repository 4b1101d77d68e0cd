//! What makes two receipts the same event.
//!
//! An effect is due to a customer: event type, shop, reference and effect key belong to the
//! identity as much as the provider's id. The key of an event is the SHA-256 of its normalised
//! fields, each behind its length; `event_key` of the migrations computes the same.

use sha2::{Digest, Sha256};

/// The fields of an identity, normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventIdentity<'a> {
    /// Who took the money.
    pub provider: &'a str,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<&'a str>,
    /// The provider's own id of the event.
    pub provider_event_id: &'a str,
    /// The provider's event type.
    pub event_type: &'a str,
    /// The effect that is due.
    pub effect_type: &'a str,
    /// To whom it is due.
    pub internal_reference: &'a str,
    /// Which of several such effects.
    pub effect_key: Option<&'a str>,
    /// The delivery, where the provider's id is the same for every test event.
    pub delivery: Option<&'a str>,
}

impl EventIdentity<'_> {
    /// The key under which the event is found again.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        let fields = [
            Some(self.provider),
            self.shopify_shop_domain,
            Some(self.provider_event_id),
            Some(self.event_type),
            Some(self.effect_type),
            Some(self.internal_reference),
            self.effect_key,
        ];
        digest(fields.into_iter().map(Option::unwrap_or_default).chain(self.delivery))
    }
}

/// SHA-256 of texts, each behind its length in four bytes, so that no two lists look alike.
#[must_use]
pub fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// Whether a provider uses this id for every test event: Stripe's test webhooks carry `evt_` and
/// zeros, other senders a zero UUID.
#[must_use]
pub fn is_test_id(provider_event_id: &str) -> bool {
    let digits = provider_event_id.strip_prefix("evt_").unwrap_or(provider_event_id);
    digits.len() >= 8 && digits.bytes().all(|b| b == b'0' || b == b'-') && digits.contains('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: EventIdentity<'_> = EventIdentity {
        provider: "stripe",
        shopify_shop_domain: None,
        provider_event_id: "evt_1",
        event_type: "invoice.paid",
        effect_type: "seat_update",
        internal_reference: "ws_A",
        effect_key: None,
        delivery: None,
    };

    #[test]
    fn every_field_tells_events_apart() {
        let others = [
            EventIdentity { provider: "shopify", ..CART },
            EventIdentity { shopify_shop_domain: Some("a.myshopify.com"), ..CART },
            EventIdentity { provider_event_id: "evt_2", ..CART },
            EventIdentity { event_type: "charge.succeeded", ..CART },
            EventIdentity { effect_type: "credit_grant", ..CART },
            EventIdentity { internal_reference: "ws_B", ..CART },
            EventIdentity { effect_key: Some("pack-2"), ..CART },
            EventIdentity { delivery: Some("receipt-1"), ..CART },
            EventIdentity { event_type: "invoice.pai", effect_type: "dseat_update", ..CART },
        ];
        for other in others {
            assert_ne!(other.key(), CART.key(), "{other:?}");
        }
        assert_eq!(CART.key(), EventIdentity { ..CART }.key());
    }

    #[test]
    fn ids_of_test_events_are_all_zeros() {
        for test in ["evt_00000000000000", "00000000-0000-0000-0000-000000000000", "00000000"] {
            assert!(is_test_id(test), "{test}");
        }
        for real in ["", "evt_", "0", "evt_1", "evt_00000000000001", "--------", "ev_00000000"] {
            assert!(!is_test_id(real), "{real}");
        }
    }
}
