//! The receipt: the app's statement that it took a payment event and owes an effect.
//!
//! Parsing is total: it returns a [`Receipt`] that satisfies every rule of the contract, or every
//! field that does not. Names are brought into the catalogue's spelling, so that two frameworks
//! that report one event report the same one. Nothing here touches the clock; `occurred_at` is the
//! provider's claim and never decides a deadline.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::catalogue::{Catalogue, Declaration, EffectType, Provider};
use crate::field::{FieldError, Fields};
use crate::identity::{EventIdentity, is_test_id};
use crate::money::Amount;
use crate::project::{MAX_TIMEOUT_MINUTES, Mode};
use crate::shop_domain;

/// The fields that a receipt is read from. Every other one is ignored, whatever it holds.
pub const FIELDS: &[&str] = &[
    "provider",
    "provider_event_id",
    "stripe_event_id",
    "event_type",
    "effect_type",
    "internal_reference",
    "effect_key",
    "occurred_at",
    "shopify_shop_domain",
    "timeout_minutes",
    "amount",
];

/// The longest effect key, in characters.
pub const MAX_EFFECT_KEY: usize = 100;

/// A receipt that satisfies every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Which of several such effects to the same reference.
    pub effect_key: Option<String>,
    /// When the provider says that it happened.
    pub occurred_at: OffsetDateTime,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<String>,
    /// Minutes until silence is an incident; `None` means the project's.
    pub timeout_minutes: Option<i32>,
    /// What was paid. No part of the identity: what a repetition says differently does not count.
    pub amount: Option<Amount>,
}

/// Whose receipt is read.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptContext<'a> {
    /// The names that the project may use.
    pub catalogue: &'a Catalogue,
    /// Whether real money is concerned.
    pub mode: Mode,
}

impl Receipt {
    /// Reads the body of `POST /api/v1/receipt`, all but its payload.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(
        body: &Map<String, Value>,
        context: ReceiptContext<'_>,
    ) -> Result<Self, Vec<FieldError>> {
        let ReceiptContext { catalogue, mode } = context;
        let mut fields = Fields::for_report(body);
        let provider = provider(&mut fields, catalogue);
        let provider = fields.require("provider", provider);
        let provider_event_id = event_id(&mut fields, provider.as_ref(), mode);
        let event_type =
            fields.named("event_type", |text| catalogue.event_type(provider.as_ref(), text));
        let event_type = fields.require("event_type", event_type);
        let effect_type = fields.named("effect_type", |text| catalogue.effect_type(text));
        let effect_type = fields.require("effect_type", effect_type);
        let internal_reference = fields.identifier("internal_reference");
        let internal_reference = fields.require("internal_reference", internal_reference);
        let effect_key = fields.identifier_of("effect_key", MAX_EFFECT_KEY);
        let occurred_at = fields.moment("occurred_at");
        let occurred_at = fields.require("occurred_at", occurred_at);
        let shopify_shop_domain = shop_domain_of(&mut fields, provider.as_ref());
        let timeout_minutes = fields
            .whole_number("timeout_minutes", 1, i64::from(MAX_TIMEOUT_MINUTES))
            .and_then(|minutes| i32::try_from(minutes).ok());
        let amount = Amount::read(&mut fields);

        let receipt = (|| {
            Some(Self {
                provider: provider?,
                provider_event_id: provider_event_id?,
                event_type: event_type?,
                effect_type: effect_type?,
                internal_reference: internal_reference?,
                effect_key,
                occurred_at: occurred_at?,
                shopify_shop_domain,
                timeout_minutes,
                amount,
            })
        })();
        fields.finish(receipt)
    }

    /// The names that are not built in: it may use them as long as its project declares them.
    #[must_use]
    pub fn declared_names(&self) -> Vec<Declaration> {
        let is_built_in = self.provider.has_built_in_type(&self.event_type);
        let event_type = if is_built_in { None } else { self.event_type.parse().ok() };
        let event_type = event_type.map(|name| Declaration::EventType(self.provider.clone(), name));
        let effect_type = match &self.effect_type {
            EffectType::Declared(name) => Some(Declaration::EffectType(name.clone())),
            _ => None,
        };
        let names = event_type.into_iter().chain(effect_type);
        names.filter(|name| !name.is_built_in()).collect()
    }

    /// What makes it the same event as another. Where a provider's test events all carry one id,
    /// each idempotency key is an event of its own.
    #[must_use]
    pub fn identity<'a>(&'a self, idempotency_key: &'a str) -> EventIdentity<'a> {
        EventIdentity {
            provider: self.provider.as_str(),
            shopify_shop_domain: self.shopify_shop_domain.as_deref(),
            provider_event_id: &self.provider_event_id,
            event_type: &self.event_type,
            effect_type: self.effect_type.as_str(),
            internal_reference: &self.internal_reference,
            effect_key: self.effect_key.as_deref(),
            delivery: is_test_id(&self.provider_event_id).then_some(idempotency_key),
        }
    }
}

/// The provider; what the event type beside it is called belongs to the cure of an unknown one.
pub(crate) fn provider(fields: &mut Fields<'_>, catalogue: &Catalogue) -> Option<Provider> {
    let event_type = fields.value("event_type").and_then(Value::as_str);
    fields.named("provider", |text| catalogue.provider(text, event_type))
}

/// The provider's id of the event.
fn event_id(fields: &mut Fields<'_>, provider: Option<&Provider>, mode: Mode) -> Option<String> {
    let (id, by_stripe_name) = id_by_either_name(fields);
    if by_stripe_name && provider.is_some_and(|provider| *provider != Provider::Stripe) {
        fields.reject("provider_event_id", "is required; stripe_event_id is for stripe only");
        return None;
    }
    let rejected = fields.value("stripe_event_id").is_some() && id.is_none();
    let id = if rejected { None } else { fields.require("provider_event_id", id) };
    id.filter(|id| may_be_real(fields, id, mode))
}

/// The id under its canonical name or its older Stripe name, both only if they agree, and whether
/// only the older one is there.
pub(crate) fn id_by_either_name(fields: &mut Fields<'_>) -> (Option<String>, bool) {
    let canonical = fields.identifier("provider_event_id");
    let stripe = fields.identifier("stripe_event_id");
    match (canonical, stripe) {
        (Some(canonical), Some(stripe)) if canonical != stripe => {
            fields.reject("stripe_event_id", "differs from provider_event_id; send one of them");
            (None, false)
        }
        (Some(canonical), _) => (Some(canonical), false),
        (None, stripe) => {
            let by_stripe_name = stripe.is_some();
            (stripe, by_stripe_name)
        }
    }
}

/// In a live project the id of a test event would hide every later payment behind the first.
pub(crate) fn may_be_real(fields: &mut Fields<'_>, id: &str, mode: Mode) -> bool {
    let test = mode == Mode::Live && is_test_id(id);
    if test {
        fields.reject(
            "provider_event_id",
            "is the id that the provider gives to every test event; send test webhooks to a test project",
        );
    }
    !test
}

/// Shopify only; for other providers the field is ignored as any unknown field is.
fn shop_domain_of(fields: &mut Fields<'_>, provider: Option<&Provider>) -> Option<String> {
    if provider != Some(&Provider::Shopify) {
        return None;
    }
    let domain = fields.named("shopify_shop_domain", |text| {
        shop_domain::normalise(text).ok_or("must look like your-shop.myshopify.com")
    });
    fields.require("shopify_shop_domain", domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProjectId;
    use serde_json::json;
    use uuid::Uuid;

    fn stripe() -> Value {
        json!({
            "provider": "stripe", "provider_event_id": "evt_1", "event_type": "invoice.paid",
            "effect_type": "credit_grant", "internal_reference": "user_456",
            "occurred_at": "2026-11-21T14:02:09Z"
        })
    }

    fn parse(body: &Value) -> Result<Receipt, Vec<FieldError>> {
        let catalogue = &Catalogue::default();
        let context = ReceiptContext { catalogue, mode: Mode::Test };
        Receipt::parse(body.as_object().expect("an object"), context)
    }

    fn rejected(change: &Value) -> Vec<String> {
        let mut body = stripe();
        for (field, value) in change.as_object().expect("an object") {
            body[field] = value.clone();
        }
        parse(&body).expect_err("rejected").into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_stripe_receipt_is_taken() {
        let receipt = parse(&stripe()).expect("taken");
        assert_eq!(receipt.provider_event_id, "evt_1");
        assert_eq!(receipt.timeout_minutes, None);
    }

    #[test]
    fn the_names_that_a_project_declares_are_known_from_the_built_in_ones() {
        assert!(parse(&stripe()).expect("taken").declared_names().is_empty());
        let event_type = Declaration::event_type("stripe:charge.captured").expect("a declaration");
        let effect_type = Declaration::effect_type("license_issue").expect("a declaration");
        let declared = vec![event_type, effect_type];
        let catalogue = &Catalogue::new(ProjectId::from_uuid(Uuid::nil()), declared.clone());
        let mut body = stripe();
        body["event_type"] = json!("charge.captured");
        body["effect_type"] = json!("license_issue");
        let context = ReceiptContext { catalogue, mode: Mode::Test };
        let receipt = Receipt::parse(body.as_object().expect("an object"), context);
        assert_eq!(receipt.expect("taken").declared_names(), declared);
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
        assert_eq!(rejected(&change), ["shopify_shop_domain"]);
    }

    #[test]
    fn the_event_type_is_checked_even_where_the_provider_is_not_known() {
        for provider in [json!("acme"), json!(null)] {
            let known = json!({"provider": provider, "event_type": "orders/paid"});
            assert_eq!(rejected(&known), ["provider"]);
            let unknown = json!({"provider": provider, "event_type": "bogus"});
            assert_eq!(rejected(&unknown), ["provider", "event_type"]);
        }
    }

    #[test]
    fn each_bad_value_names_its_field() {
        let cases = [
            (json!({"provider": "acme"}), "provider"),
            (json!({"provider": 7}), "provider"),
            (json!({"provider_event_id": ""}), "provider_event_id"),
            (json!({"provider_event_id": "x".repeat(10_000)}), "provider_event_id"),
            (json!({"provider_event_id": null}), "provider_event_id"),
            (json!({"stripe_event_id": "evt_2"}), "stripe_event_id"),
            (json!({"event_type": "orders/paid"}), "event_type"),
            (json!({"effect_type": "teleport"}), "effect_type"),
            (json!({"internal_reference": "a\u{0}b"}), "internal_reference"),
            (json!({"occurred_at": "2026-11-21T14:02:09"}), "occurred_at"),
            (json!({"occurred_at": 1_700_000_000_000_i64}), "occurred_at"),
            (json!({"effect_key": true}), "effect_key"),
            (json!({"effect_key": ["1"]}), "effect_key"),
            (json!({"provider_event_id": ["evt_1"]}), "provider_event_id"),
            (json!({"effect_key": "x".repeat(101)}), "effect_key"),
            (json!({"provider_event_id": 9_007_199_254_740_993_u64}), "provider_event_id"),
            (json!({"internal_reference": "a\u{fffd}"}), "internal_reference"),
            (json!({"timeout_minutes": 0}), "timeout_minutes"),
            (json!({"timeout_minutes": -1}), "timeout_minutes"),
            (json!({"timeout_minutes": 1.5}), "timeout_minutes"),
            (json!({"timeout_minutes": "30"}), "timeout_minutes"),
            (json!({"timeout_minutes": 1_000_000_000}), "timeout_minutes"),
            (json!({"amount": 4900}), "amount"),
            (json!({"amount": {"value": 49.0, "currency": "USD"}}), "amount.value"),
            (json!({"amount": {"value": 4900, "currency": "usd"}}), "amount.currency"),
        ];
        for (change, field) in cases {
            assert_eq!(rejected(&change), [field], "{change}");
        }
    }

    #[test]
    fn blank_text_and_null_are_as_good_as_absent() {
        let plain = parse(&stripe()).expect("taken");
        for blank in [json!(""), json!(" \n"), json!(null)] {
            let mut body = stripe();
            for optional in [
                "effect_key",
                "timeout_minutes",
                "shopify_shop_domain",
                "stripe_event_id",
                "amount",
            ] {
                body[optional] = blank.clone();
            }
            assert_eq!(parse(&body).expect("taken"), plain, "{blank}");
            for required in stripe().as_object().expect("an object").keys() {
                let errors = rejected(&json!({ required: blank }));
                assert_eq!(errors, [required.as_str()], "{blank}");
            }
        }
    }

    #[test]
    fn white_space_around_a_field_changes_no_identity() {
        let mut spaced = stripe();
        for (name, value) in spaced.as_object_mut().expect("an object") {
            *value = json!(format!(" {}\n", value.as_str().expect(name)));
        }
        spaced["effect_key"] = json!(" pack-2 ");
        let mut plain = stripe();
        plain["effect_key"] = json!("pack-2");
        assert_eq!(parse(&spaced).expect("taken"), parse(&plain).expect("taken"));
    }

    #[test]
    fn every_field_that_is_read_is_listed() {
        let bad: Map<_, _> = FIELDS.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
        let mut shopify = Value::Object(bad);
        let mut named = rejected(&shopify);
        shopify["provider"] = json!("shopify");
        named.extend(parse(&shopify).expect_err("rejected").into_iter().map(|error| error.field));
        named.sort_unstable();
        named.dedup();
        let mut listed = FIELDS.to_vec();
        listed.sort_unstable();
        assert_eq!(named, listed);
    }

    #[test]
    fn names_are_brought_into_one_spelling() {
        let mut body = stripe();
        for (field, value) in [
            ("provider", json!("Shopify")),
            ("event_type", json!("ORDERS_PAID")),
            ("shopify_shop_domain", json!("https://CometCart.myshopify.com/")),
            ("provider_event_id", json!(820_982_911_946_154_i64)),
            ("internal_reference", json!("gid://shopify/Order/820982911946154508")),
            ("occurred_at", json!(1_700_000_000)),
        ] {
            body[field] = value;
        }
        let receipt = parse(&body).expect("taken");
        assert_eq!(
            (receipt.provider, receipt.event_type.as_str()),
            (Provider::Shopify, "orders/paid")
        );
        assert_eq!(receipt.shopify_shop_domain.as_deref(), Some("cometcart.myshopify.com"));
        assert_eq!(receipt.provider_event_id, "820982911946154");
        assert_eq!(receipt.internal_reference, "gid://shopify/Order/820982911946154508");
    }

    #[test]
    fn a_test_id_is_each_time_an_event_of_its_own_and_never_live() {
        let mut body = stripe();
        body["provider_event_id"] = json!("evt_00000000000000");
        let receipt = parse(&body).expect("taken in a test project");
        assert_ne!(receipt.identity("today").key(), receipt.identity("tomorrow").key());
        assert_eq!(receipt.identity("today").key(), receipt.identity("today").key());
        let context = ReceiptContext { catalogue: &Catalogue::default(), mode: Mode::Live };
        let errors = Receipt::parse(body.as_object().expect("an object"), context);
        assert_eq!(errors.expect_err("rejected")[0].field, "provider_event_id");
        let receipt = parse(&stripe()).expect("taken");
        assert_eq!(receipt.identity("today").key(), receipt.identity("tomorrow").key());
    }

    #[test]
    fn an_amount_is_no_part_of_the_identity() {
        let mut body = stripe();
        body["amount"] = json!({ "value": 4900, "currency": "USD" });
        let receipt = parse(&body).expect("taken");
        assert_eq!(receipt.amount.map(|amount| amount.to_string()).as_deref(), Some("49.00 USD"));
        let plain = parse(&stripe()).expect("taken");
        assert_eq!(plain.amount, None);
        assert_eq!(receipt.identity("a").key(), plain.identity("a").key());
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = parse(&json!({})).expect_err("rejected");
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
