//! Providers, their event types, and effect types: one catalogue.
//!
//! Adding a provider is adding a row to [`PROVIDERS`] and a variant to [`Provider`]. Nothing else in
//! the code knows which event types exist.

use crate::text_enum::{UnknownText, text_enum};

text_enum! {
    /// Who took the customer's money.
    Provider { Stripe = "stripe", Shopify = "shopify" }
}

text_enum! {
    /// The business consequence that was paid for.
    EffectType {
        AccessUnlock = "access_unlock",
        CreditGrant = "credit_grant",
        SeatUpdate = "seat_update",
        SubscriptionStateApply = "subscription_state_apply",
        AccessRevocation = "access_revocation",
        CreditDeduction = "credit_deduction",
    }
}

impl EffectType {
    /// What takes something from the customer; the others give what was paid for.
    pub const TAKING: [Self; 2] = [Self::AccessRevocation, Self::CreditDeduction];
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct ProviderRow {
    /// The provider.
    pub provider: Provider,
    /// Its name as people write it.
    pub name: &'static str,
    /// The event types that are watched, as the provider spells them.
    pub event_types: &'static [&'static str],
}

/// The catalogue.
///
/// Sources: <https://docs.stripe.com/api/events/types> and
/// <https://shopify.dev/docs/api/webhooks>.
pub const PROVIDERS: &[ProviderRow] = &[
    ProviderRow {
        provider: Provider::Stripe,
        name: "Stripe",
        event_types: &[
            "checkout.session.completed",
            "invoice.paid",
            "customer.subscription.deleted",
            "customer.subscription.updated",
            "charge.refunded",
            "charge.dispute.created",
        ],
    },
    ProviderRow {
        provider: Provider::Shopify,
        name: "Shopify",
        event_types: &["orders/paid", "orders/fulfilled", "customers/create", "checkouts/create"],
    },
];

impl Provider {
    /// This provider's row of the catalogue.
    #[must_use]
    pub fn row(self) -> &'static ProviderRow {
        match self {
            Self::Stripe => &PROVIDERS[0],
            Self::Shopify => &PROVIDERS[1],
        }
    }
}

/// The event types of all providers.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().flat_map(|row| row.event_types).copied()
}

/// The event type of any provider that a text names.
///
/// # Errors
/// When no provider has such a one.
pub fn find_event_type(text: &str) -> Result<&'static str, UnknownText> {
    let known = event_types().find(|known| *known == text);
    known.ok_or_else(|| UnknownText { allowed: event_types().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_type_is_refused_with_those_that_there_are() {
        assert_eq!(find_event_type("orders/paid"), Ok("orders/paid"));
        for unknown in ["", "\0", "orders/", "invoice.paid\0"] {
            let refused = find_event_type(unknown).expect_err("unknown").to_string();
            assert!(refused.contains("invoice.paid, ") && refused.ends_with("checkouts/create"));
        }
    }

    #[test]
    fn every_provider_has_its_row() {
        for provider in Provider::ALL {
            assert_eq!(provider.row().provider, *provider);
        }
        assert_eq!(PROVIDERS.len(), Provider::ALL.len());
    }
}
