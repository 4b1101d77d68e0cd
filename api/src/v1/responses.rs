//! What the API says of the rows of the store.

use api_types::error::Candidate;
use store::events::PaymentEvent;

pub(super) fn candidate(event: PaymentEvent) -> Candidate {
    Candidate {
        event_id: event.id,
        provider: event.provider,
        shopify_shop_domain: event.shopify_shop_domain,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        effect_key: event.effect_key,
        effect: event.effect,
    }
}
