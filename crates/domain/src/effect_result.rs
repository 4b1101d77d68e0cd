//! The result: the app's statement that an effect was applied, was not, or is not due any more.
//!
//! Which event it means is read strictly; what it says about a failure is never a reason to lose
//! it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::app_error::AppError;
use crate::catalogue::{EffectType, Provider};
use crate::diagnostics;
use crate::field::{FieldError, Fields};
use crate::identifier::check_identifier;
use crate::identity::{EventIdentity, digest};
use crate::receipt::{self, MAX_EFFECT_KEY, ReceiptContext};
use crate::shop_domain;
use crate::text_enum::text_enum;

/// The fields that a result is read from strictly. Every other one but the diagnostics is ignored,
/// whatever it holds.
pub const FIELDS: &[&str] = &[
    "event_id",
    "provider_event_id",
    "stripe_event_id",
    "provider",
    "shopify_shop_domain",
    "event_type",
    "effect_type",
    "internal_reference",
    "effect_key",
    "status",
    "replay_id",
];

/// What is said about a failure: read as far as it can be, whatever it holds.
pub const DIAGNOSTICS: &[&str] = &["error_code", "error_message"];

text_enum! {
    /// What the app says became of the effect; the texts are those of the request's `status`.
    Outcome { Succeeded = "success", Failed = "failed", Superseded = "superseded" }
}

/// What the app reports, whatever event it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectResult {
    /// Applied, not applied, or not due any more.
    pub outcome: Outcome,
    /// What the app says about a failure.
    #[serde(flatten)]
    pub error: AppError,
    /// Which reprocess the app reports on, exactly as the app wrote it.
    pub replay_id: Option<String>,
}

/// Which event a result is about: everything that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSelector {
    /// Our id, as the app wrote it; an unreadable one is simply unknown.
    pub event_id: Option<String>,
    /// The provider's id.
    pub provider_event_id: Option<String>,
    /// Who took the money.
    pub provider: Option<Provider>,
    pub shopify_shop_domain: Option<String>,
    /// The provider's event type.
    pub event_type: Option<String>,
    pub effect_type: Option<EffectType>,
    /// To whom it is due.
    pub internal_reference: Option<String>,
    /// Which of several such effects.
    pub effect_key: Option<String>,
}

/// The body of `POST /api/v1/result`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultReport {
    pub event: EventSelector,
    /// What became of its effect.
    pub result: EffectResult,
    /// The fields whose text was changed so that it could be kept.
    pub adjusted: Vec<&'static str>,
}

impl ResultReport {
    /// Reads the body of `POST /api/v1/result`.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(
        body: &Map<String, Value>,
        context: ReceiptContext<'_>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::for_report(body);
        let event = event_selector(&mut fields, context);
        let (result, adjusted) = effect_result(&mut fields);
        let report = result.map(|result| Self { event, result, adjusted });
        fields.finish(report)
    }
}

impl EffectResult {
    /// Reads the part of a result that says what happened, as the `result` signal carries it.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::for_report(body);
        let (result, _) = effect_result(&mut fields);
        fields.finish(result)
    }
}

impl EventSelector {
    /// What two calls that mean the same event and have the same content have in common.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let fields = [
            self.event_id.as_deref(),
            self.provider_event_id.as_deref(),
            self.provider.as_ref().map(Provider::as_str),
            self.shopify_shop_domain.as_deref(),
            self.event_type.as_deref(),
            self.effect_type.as_ref().map(EffectType::as_str),
            self.internal_reference.as_deref(),
            self.effect_key.as_deref(),
        ];
        digest(fields.into_iter().map(Option::unwrap_or_default))
    }

    /// Whether it says all that the event's receipt said, and nothing else. Then it means this event, also where it fits
    /// another one that an effect key, which it does not name, distinguishes.
    #[must_use]
    pub fn repeats(&self, event: &EventIdentity<'_>) -> bool {
        let shop = event.shopify_shop_domain.map(str::to_ascii_lowercase);
        self.beside(event, shop.as_deref()).into_iter().all(|(_, said, is)| said == is)
    }

    /// What is said of an event beside its id and is not so; each names what the event has.
    #[must_use]
    pub fn contradictions(&self, event: &EventIdentity<'_>) -> Vec<FieldError> {
        let shop = event.shopify_shop_domain.map(str::to_ascii_lowercase);
        let pairs = self.beside(event, shop.as_deref());
        let differs = pairs.into_iter().filter(|(_, said, is)| said.is_some() && said != is);
        let contradiction = |(field, _, is): (&'static str, _, Option<&str>)| {
            let is = is.map_or_else(|| "absent".to_owned(), |is| format!("{is:?}"));
            FieldError::new(
                field,
                format!(
                    "is {is} in the event of this event_id; send that, leave it out, or send the event_id that you mean"
                ),
            )
        };
        differs.map(contradiction).collect()
    }

    /// Each field but our id: what is said of it, and what the event has. A shop means something for Shopify alone.
    fn beside<'a>(
        &'a self,
        event: &EventIdentity<'a>,
        shop: Option<&'a str>,
    ) -> [(&'static str, Option<&'a str>, Option<&'a str>); 7] {
        let of_shopify =
            |shop: Option<&'a str>| shop.filter(|_| event.provider == Provider::Shopify.as_str());
        let effect_type = self.effect_type.as_ref().map(EffectType::as_str);
        let reference = self.internal_reference.as_deref();
        [
            ("provider_event_id", self.provider_event_id.as_deref(), Some(event.provider_event_id)),
            ("provider", self.provider.as_ref().map(Provider::as_str), Some(event.provider)),
            (
                "shopify_shop_domain",
                of_shopify(self.shopify_shop_domain.as_deref()),
                of_shopify(shop),
            ),
            ("event_type", self.event_type.as_deref(), Some(event.event_type)),
            ("effect_type", effect_type, Some(event.effect_type)),
            ("internal_reference", reference, Some(event.internal_reference)),
            ("effect_key", self.effect_key.as_deref(), event.effect_key),
        ]
    }
}

fn event_selector(
    fields: &mut Fields<'_>,
    ReceiptContext { catalogue, mode }: ReceiptContext<'_>,
) -> EventSelector {
    let event_id = fields.text("event_id").map(|text| text.trim().to_owned());
    let (provider_event_id, by_stripe_name) = receipt::id_by_either_name(fields);
    let provider_event_id = provider_event_id.filter(|id| receipt::may_be_real(fields, id, mode));
    let mut provider = receipt::provider(fields, catalogue);
    if by_stripe_name && fields.value("provider").is_none() {
        provider = Some(Provider::Stripe);
    }
    if by_stripe_name && provider.as_ref().is_some_and(|provider| *provider != Provider::Stripe) {
        fields.reject("stripe_event_id", "is for stripe only; send provider_event_id");
    }
    let event_type =
        fields.named("event_type", |text| catalogue.event_type(provider.as_ref(), text));
    let effect_type = fields.named("effect_type", |text| catalogue.effect_type(text));
    let internal_reference = fields.identifier("internal_reference");
    let effect_key = fields.identifier_of("effect_key", MAX_EFFECT_KEY);
    let shopify_shop_domain = shop_domain_of(fields, provider.as_ref());
    let named = ["event_id", "provider_event_id", "stripe_event_id"];
    if !named.iter().any(|field| fields.value(field).is_some()) {
        fields.reject("event_id", "is required, or provider_event_id, or stripe_event_id");
    }
    EventSelector {
        event_id,
        provider_event_id,
        provider,
        shopify_shop_domain,
        event_type,
        effect_type,
        internal_reference,
        effect_key,
    }
}

/// As in a receipt, the field means nothing for other providers.
fn shop_domain_of(fields: &mut Fields<'_>, provider: Option<&Provider>) -> Option<String> {
    if provider.is_some_and(|provider| *provider != Provider::Shopify) {
        return None;
    }
    fields.named("shopify_shop_domain", |text| {
        shop_domain::normalise(text).ok_or("must look like your-shop.myshopify.com")
    })
}

fn effect_result(fields: &mut Fields<'_>) -> (Option<EffectResult>, Vec<&'static str>) {
    let outcome = fields.choice::<Outcome>("status");
    let outcome = fields.require("status", outcome);
    let mut adjusted = Vec::new();
    let mut diagnostic = |name: &'static str, clean: fn(&str) -> Option<String>| {
        let given = diagnostics::text_of(fields.value(name)?);
        let kept = clean(&given);
        if kept.as_deref().unwrap_or_default() != given {
            adjusted.push(name);
        }
        kept
    };
    let error = AppError {
        code: diagnostic("error_code", diagnostics::clean_code),
        message: diagnostic("error_message", diagnostics::clean_message),
    };
    let replay_id = fields.named("replay_id", |text| {
        let text = text.trim();
        check_identifier(text).map(|()| text.to_owned())
    });
    let result = outcome.map(|outcome| EffectResult { outcome, error, replay_id });
    (result, adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::project::Mode;
    use serde_json::json;

    fn parse(body: &Value) -> Result<ResultReport, Vec<FieldError>> {
        parse_in(Mode::Test, body)
    }

    fn parse_in(mode: Mode, body: &Value) -> Result<ResultReport, Vec<FieldError>> {
        let context = ReceiptContext { catalogue: &Catalogue::default(), mode };
        ResultReport::parse(body.as_object().expect("an object"), context)
    }

    #[test]
    fn what_no_receipt_can_say_is_no_result() {
        for (body, field) in [
            (json!({"stripe_event_id": "evt_1", "provider": "paypal"}), "stripe_event_id"),
            (json!({"stripe_event_id": "evt_1", "event_type": "orders/paid"}), "event_type"),
            (json!({"provider_event_id": "evt_00000000000000"}), "provider_event_id"),
        ] {
            let mut body = body;
            body["status"] = json!("success");
            let rejected = parse_in(Mode::Live, &body).expect_err("rejected");
            assert_eq!((rejected.len(), rejected[0].field.as_str()), (1, field), "{body}");
        }
        let test = json!({"provider_event_id": "evt_00000000000000", "status": "success"});
        assert!(parse(&test).is_ok(), "a test project takes it");
    }

    #[test]
    fn any_of_the_three_names_finds_the_event() {
        for field in ["event_id", "provider_event_id", "stripe_event_id"] {
            assert!(parse(&json!({field: "evt_1", "status": "success"})).is_ok(), "{field}");
        }
    }

    #[test]
    fn each_bad_value_names_its_field() {
        let cases = [
            (json!({"status": "success"}), "event_id"),
            (json!({"event_id": 7, "status": "success"}), "event_id"),
            (json!({"event_id": "ev_1"}), "status"),
            (json!({"event_id": "ev_1", "status": "ok"}), "status"),
            (
                json!({"event_id": "ev_1", "status": "success", "effect_type": "teleport"}),
                "effect_type",
            ),
            (json!({"event_id": "ev_1", "status": "success", "event_type": "bogus"}), "event_type"),
            (
                json!({"event_id": "ev_1", "status": "success", "shopify_shop_domain": "x.com"}),
                "shopify_shop_domain",
            ),
            (json!({"event_id": "ev_1", "status": "failed", "replay_id": 1}), "replay_id"),
            (
                json!({"provider_event_id": "a", "stripe_event_id": "b", "status": "failed"}),
                "stripe_event_id",
            ),
        ];
        for (body, field) in cases {
            let errors = parse(&body).expect_err("rejected");
            assert_eq!(
                errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
                [field],
                "{body}"
            );
        }
    }

    #[test]
    fn blank_text_and_null_are_as_good_as_absent() {
        let plain = parse(&json!({"provider_event_id": "evt_1", "status": "failed"}));
        let plain = plain.expect("taken");
        for blank in [json!(""), json!(" \n"), json!(null)] {
            let mut body = json!({"provider_event_id": " evt_1 ", "status": " Failed"});
            for name in FIELDS.iter().chain(DIAGNOSTICS) {
                if !["provider_event_id", "status"].contains(name) {
                    body[name] = blank.clone();
                }
            }
            assert_eq!(parse(&body).expect("taken"), plain, "{blank}");
            let nothing = parse(&json!({"event_id": blank, "status": "failed"}));
            assert_eq!(nothing.expect_err("rejected")[0].field, "event_id");
        }
        let trimmed = json!({"event_id": " ev_1\n", "replay_id": " rpl_1 ", "status": "failed"});
        let trimmed = parse(&trimmed).expect("taken");
        assert_eq!(trimmed.event.event_id.as_deref(), Some("ev_1"));
        assert_eq!(trimmed.result.replay_id.as_deref(), Some("rpl_1"));
    }

    #[test]
    fn every_field_that_is_read_is_listed() {
        let body = FIELDS.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
        let errors = parse(&Value::Object(body)).expect_err("rejected");
        let mut named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        let mut listed = FIELDS.to_vec();
        named.sort_unstable();
        listed.sort_unstable();
        assert_eq!(named, listed);
    }

    const ORDER: EventIdentity<'_> = EventIdentity {
        provider: "shopify",
        shopify_shop_domain: Some("A.myshopify.com"),
        provider_event_id: "7",
        event_type: "orders/paid",
        effect_type: "seat_update",
        internal_reference: "ws_A",
        effect_key: None,
        delivery: None,
    };

    /// A success that says again all that the receipt of [`ORDER`] said.
    fn receipt_repeated() -> Value {
        json!({
            "provider": "shopify", "shopify_shop_domain": "a.myshopify.com", "event_type": "ORDERS_PAID",
            "effect_type": "seat_update", "internal_reference": "ws_A", "provider_event_id": 7, "status": "success"
        })
    }

    #[test]
    fn what_contradicts_the_event_is_named_with_what_it_has() {
        let selector = |change: Value| {
            let mut body = receipt_repeated();
            body["event_id"] = json!("ev_1");
            body.as_object_mut().expect("one").extend(change.as_object().expect("one").clone());
            parse(&body).expect("taken").event
        };
        assert_eq!(selector(json!({})).contradictions(&ORDER), []);
        for (change, field, is) in [
            (json!({"provider_event_id": "8"}), "provider_event_id", "is \"7\" in"),
            (json!({"effect_type": "credit_grant"}), "effect_type", "is \"seat_update\" in"),
            (json!({"event_type": "refunds/create"}), "event_type", "is \"orders/paid\" in"),
            (json!({"internal_reference": "ws_B"}), "internal_reference", "is \"ws_A\" in"),
            (json!({"effect_key": "1"}), "effect_key", "is absent in"),
            (
                json!({"shopify_shop_domain": "b.myshopify.com"}),
                "shopify_shop_domain",
                "is \"a.myshopify.com\" in",
            ),
        ] {
            let found = selector(change).contradictions(&ORDER);
            assert_eq!((found.len(), found[0].field.as_str()), (1, field));
            assert!(found[0].message.starts_with(is), "{}", found[0].message);
        }
    }

    #[test]
    fn who_repeats_the_whole_receipt_means_its_event() {
        let body = receipt_repeated();
        let whole = parse(&body).expect("taken").event;
        assert!(whole.repeats(&ORDER));
        assert!(!whole.repeats(&EventIdentity { effect_key: Some("pack-2"), ..ORDER }));
        for name in
            ["provider", "shopify_shop_domain", "event_type", "effect_type", "internal_reference"]
        {
            let mut part = body.clone();
            part[name] = json!(null);
            assert!(!parse(&part).expect("taken").event.repeats(&ORDER), "{name}");
        }
        let paypal = EventIdentity { provider: "paypal", shopify_shop_domain: None, ..ORDER };
        let shop = EventSelector { provider: Some(Provider::PayPal), ..whole };
        assert!(shop.repeats(&paypal), "a shop means nothing there");
    }

    #[test]
    fn whatever_tells_events_apart_selects() {
        let body = json!({
            "provider_event_id": "1", "provider": "shopify", "event_type": "ORDERS_PAID", "effect_key": 7,
            "shopify_shop_domain": "A.myshopify.com", "internal_reference": "ws_A", "status": "superseded"
        });
        let report = parse(&body).expect("taken");
        assert_eq!(report.event.event_type.as_deref(), Some("orders/paid"));
        assert_eq!(report.event.shopify_shop_domain.as_deref(), Some("a.myshopify.com"));
        assert_eq!(report.event.effect_key.as_deref(), Some("7"));
        assert_eq!(report.result.outcome, Outcome::Superseded);
        let other = EventSelector { effect_key: None, ..report.event.clone() };
        assert_ne!(other.fingerprint(), report.event.fingerprint());
    }

    #[test]
    fn words_about_a_failure_never_lose_it() {
        let words = "<b>\u{1b}[31m</b> {{x}} <!channel>\r\nBcc: all";
        for (given, kept, adjusted) in [
            (
                json!({"error_code": "ActiveRecord::RecordNotUnique"}),
                Some("ActiveRecord::RecordNotUnique"),
                "",
            ),
            (
                json!({"error_code": "App\\Exceptions\\QueryException"}),
                Some("App\\Exceptions\\QueryException"),
                "",
            ),
            (json!({"error_code": "SQLSTATE[23505]"}), Some("SQLSTATE[23505]"), ""),
            (json!({"error_code": "HTTP 500"}), Some("HTTP 500"), ""),
            (json!({"error_code": ""}), None, ""),
            (json!({"error_code": " a \n b"}), Some("a b"), "error_code"),
            (json!({"error_code": 500}), Some("500"), ""),
            (json!({"error_code": {"a": [1]}}), Some("{\"a\":[1]}"), ""),
            (
                json!({"error_message": words}),
                Some("<b>[31m</b> {{x}} <!channel>\nBcc: all"),
                "error_message",
            ),
            (json!({"error_message": "a\u{0}b"}), Some("ab"), "error_message"),
            (
                json!({"error_message": "x".repeat(2_001)}),
                Some("x".repeat(2_000).as_str()),
                "error_message",
            ),
        ] {
            let mut body = json!({"event_id": "ev_1", "status": "failed"});
            body.as_object_mut()
                .expect("an object")
                .extend(given.as_object().expect("one").clone());
            let ResultReport { result, adjusted: changed, .. } = parse(&body).expect("taken");
            assert_eq!(result.error.parts().next(), kept, "{given}");
            assert_eq!(changed.join(","), adjusted, "{given}");
        }
    }
}
