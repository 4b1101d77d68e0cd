//! The receipt: the app's statement that it took a payment event and owes an effect.
//!
//! Parsing is total: it returns a [`Receipt`] that satisfies every rule of the contract, or every
//! field that does not. Nothing here touches the clock; `occurred_at` is the provider's claim and
//! never decides a deadline.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::catalogue::{EffectType, Provider, event_types};
use crate::field::{FieldError, Fields};
use crate::project::MAX_TIMEOUT_MINUTES;

/// A receipt that satisfies every rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Who took the money.
    pub provider: Provider,
    /// The provider's own id of the event.
    pub provider_event_id: String,
    /// The provider's event type, one of the catalogue's.
    pub event_type: String,
    /// The effect that is due.
    pub effect_type: EffectType,
    /// The app's user, account, workspace or order.
    pub internal_reference: String,
    /// When the provider says that it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<String>,
    /// Minutes until silence is an incident; `None` means the project's.
    pub timeout_minutes: Option<i32>,
    /// The snapshot, kept only where the project wants it.
    pub payload: Option<Map<String, Value>>,
}

impl Receipt {
    /// Reads the body of `POST /api/v1/receipt`.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(body);
        let provider = fields.choice::<Provider>("provider");
        let provider = fields.require("provider", provider);
        let provider_event_id = event_id(&mut fields, provider);
        let event_type = event_type(&mut fields, provider);
        let effect_type = fields.choice::<EffectType>("effect_type");
        let effect_type = fields.require("effect_type", effect_type);
        let internal_reference = fields.identifier("internal_reference");
        let internal_reference = fields.require("internal_reference", internal_reference);
        let occurred_at = fields.moment("occurred_at");
        let occurred_at = fields.require("occurred_at", occurred_at);
        let shopify_shop_domain = shop_domain(&mut fields, provider);
        let timeout_minutes = fields
            .whole_number("timeout_minutes", 1, i64::from(MAX_TIMEOUT_MINUTES))
            .and_then(|minutes| i32::try_from(minutes).ok());
        let payload = payload(&mut fields);

        let receipt = (|| {
            Some(Self {
                provider: provider?,
                provider_event_id: provider_event_id?,
                event_type: event_type?,
                effect_type: effect_type?,
                internal_reference: internal_reference?,
                occurred_at: occurred_at?,
                shopify_shop_domain,
                timeout_minutes,
                payload,
            })
        })();
        fields.finish(receipt)
    }
}

/// The canonical event id, or its older Stripe name; both only if they agree.
fn event_id(fields: &mut Fields<'_>, provider: Option<Provider>) -> Option<String> {
    let canonical = fields.identifier("provider_event_id");
    let stripe = fields.identifier("stripe_event_id");
    match (canonical, stripe) {
        (Some(canonical), Some(stripe)) if canonical != stripe => {
            fields.refuse("stripe_event_id", "differs from provider_event_id; send one of them");
            None
        }
        (None, Some(_)) if provider == Some(Provider::Shopify) => {
            fields.refuse(
                "provider_event_id",
                "is required for shopify; stripe_event_id is for stripe",
            );
            None
        }
        (canonical, stripe) => {
            let id = canonical.or(stripe);
            let refused = fields.value("stripe_event_id").is_some() && id.is_none();
            if refused { None } else { fields.require("provider_event_id", id) }
        }
    }
}

fn event_type(fields: &mut Fields<'_>, provider: Option<Provider>) -> Option<String> {
    let text = fields.text("event_type");
    let text = fields.require("event_type", text)?;
    // Where the provider itself is not known, those of all are held against it.
    let allowed = provider
        .map_or_else(|| event_types().collect(), |provider| provider.row().event_types.to_vec());
    if allowed.contains(&text) {
        return Some(text.to_owned());
    }
    fields.refuse("event_type", format!("must be one of {}", allowed.join(", ")));
    None
}

/// Shopify only; for other providers the field is ignored as any unknown field is.
fn shop_domain(fields: &mut Fields<'_>, provider: Option<Provider>) -> Option<String> {
    if provider != Some(Provider::Shopify) {
        return None;
    }
    let text = fields.text("shopify_shop_domain");
    let text = fields.require("shopify_shop_domain", text)?;
    if is_shop_domain(text) {
        return Some(text.to_owned());
    }
    fields.refuse("shopify_shop_domain", "must look like your-shop.myshopify.com");
    None
}

fn is_shop_domain(text: &str) -> bool {
    let Some(name) = text.strip_suffix(".myshopify.com") else {
        return false;
    };
    (1..=100).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn payload(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    if let Value::Object(object) = fields.value("payload")? {
        return Some(object.clone());
    }
    fields.refuse("payload", "must be an object");
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stripe() -> Value {
        json!({
            "provider": "stripe", "provider_event_id": "evt_1", "event_type": "invoice.paid",
            "effect_type": "credit_grant", "internal_reference": "user_456",
            "occurred_at": "2026-11-21T14:02:09Z"
        })
    }

    fn parse(body: &Value) -> Result<Receipt, Vec<FieldError>> {
        Receipt::parse(body.as_object().expect("an object"))
    }

    fn refused(change: &Value) -> Vec<String> {
        let mut body = stripe();
        for (field, value) in change.as_object().expect("an object") {
            body[field] = value.clone();
        }
        parse(&body).expect_err("refused").into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_stripe_receipt_is_taken() {
        let receipt = parse(&stripe()).expect("taken");
        assert_eq!(receipt.provider_event_id, "evt_1");
        assert_eq!(receipt.timeout_minutes, None);
    }

    #[test]
    fn the_older_stripe_name_of_the_event_id_is_taken() {
        let mut body = stripe();
        body["stripe_event_id"] = body["provider_event_id"].take();
        assert_eq!(parse(&body).expect("taken").provider_event_id, "evt_1");
    }

    #[test]
    fn a_shopify_receipt_needs_its_shop() {
        let change = json!({"provider": "shopify", "event_type": "orders/paid"});
        assert_eq!(refused(&change), ["shopify_shop_domain"]);
    }

    #[test]
    fn the_event_type_is_checked_even_where_the_provider_is_not_known() {
        for provider in [json!("paypal"), json!(null)] {
            let known = json!({"provider": provider, "event_type": "orders/paid"});
            assert_eq!(refused(&known), ["provider"]);
            let unknown = json!({"provider": provider, "event_type": "bogus"});
            assert_eq!(refused(&unknown), ["provider", "event_type"]);
        }
    }

    #[test]
    fn each_bad_value_names_its_field() {
        let cases = [
            (json!({"provider": "paypal"}), "provider"),
            (json!({"provider": 7}), "provider"),
            (json!({"provider_event_id": ""}), "provider_event_id"),
            (json!({"provider_event_id": "x".repeat(10_000)}), "provider_event_id"),
            (json!({"provider_event_id": null}), "provider_event_id"),
            (json!({"stripe_event_id": "evt_2"}), "stripe_event_id"),
            (json!({"event_type": "orders/paid"}), "event_type"),
            (json!({"effect_type": "teleport"}), "effect_type"),
            (json!({"internal_reference": "a\u{0}b"}), "internal_reference"),
            (json!({"occurred_at": "2026-11-21T14:02:09"}), "occurred_at"),
            (json!({"occurred_at": 1_700_000_000}), "occurred_at"),
            (json!({"timeout_minutes": 0}), "timeout_minutes"),
            (json!({"timeout_minutes": -1}), "timeout_minutes"),
            (json!({"timeout_minutes": 1.5}), "timeout_minutes"),
            (json!({"timeout_minutes": "30"}), "timeout_minutes"),
            (json!({"timeout_minutes": 1_000_000_000}), "timeout_minutes"),
            (json!({"payload": [1]}), "payload"),
        ];
        for (change, field) in cases {
            assert_eq!(refused(&change), [field], "{change}");
        }
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = parse(&json!({})).expect_err("refused");
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "provider",
                "provider_event_id",
                "event_type",
                "effect_type",
                "internal_reference",
                "occurred_at"
            ]
        );
    }

    #[test]
    fn old_and_far_claims_of_time_are_kept_as_claims() {
        for moment in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59+02:00"] {
            let mut body = stripe();
            body["occurred_at"] = json!(moment);
            assert!(parse(&body).is_ok(), "{moment}");
        }
    }
}
