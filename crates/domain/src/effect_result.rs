//! The result: the app's statement that an effect was applied, or was not.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::{EffectType, Provider};
use crate::field::{FieldError, Fields};
use crate::text_enum::text_enum;

/// The longest error message in characters.
pub const MAX_ERROR_MESSAGE: usize = 2_000;

text_enum! {
    /// What the app says became of the effect; the texts are those of the request's `status`.
    Outcome { Succeeded = "success", Failed = "failed" }
}

/// What the app reports, whatever event it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectResult {
    /// Applied or not.
    pub outcome: Outcome,
    /// The app's short name of the failure.
    pub error_code: Option<String>,
    /// The app's words about the failure.
    pub error_message: Option<String>,
    /// Which reprocess the app answers, exactly as the app wrote it.
    pub replay_id: Option<String>,
}

/// Which event a result speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventReference {
    /// Our id, as the app wrote it; an unreadable one is simply unknown.
    pub event_id: Option<String>,
    /// The provider's id.
    pub provider_event_id: Option<String>,
    /// Narrows a provider's id.
    pub provider: Option<Provider>,
    /// Tells several effects of one event apart.
    pub effect_type: Option<EffectType>,
}

/// The body of `POST /api/v1/result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResultReport {
    /// The event.
    pub event: EventReference,
    /// What became of its effect.
    pub result: EffectResult,
}

impl ResultReport {
    /// Reads the body of `POST /api/v1/result`.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(body);
        let event = event_reference(&mut fields);
        let result = effect_result(&mut fields);
        let report = event.zip(result).map(|(event, result)| Self { event, result });
        fields.finish(report)
    }
}

impl EffectResult {
    /// Reads the part of a result that says what happened, as the `result` signal carries it.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with the cure.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::of(body);
        let result = effect_result(&mut fields);
        fields.finish(result)
    }
}

fn event_reference(fields: &mut Fields<'_>) -> Option<EventReference> {
    let event_id = fields.text("event_id").map(str::to_owned);
    let canonical = fields.identifier("provider_event_id");
    let stripe = fields.identifier("stripe_event_id");
    let mut provider = fields.choice::<Provider>("provider");
    let effect_type = fields.choice::<EffectType>("effect_type");
    if let (Some(canonical), Some(stripe)) = (&canonical, &stripe)
        && canonical != stripe
    {
        fields.refuse("stripe_event_id", "differs from provider_event_id; send one of them");
        return None;
    }
    if canonical.is_none() && stripe.is_some() {
        provider = provider.or(Some(Provider::Stripe));
    }
    let provider_event_id = canonical.or(stripe);
    let named = ["event_id", "provider_event_id", "stripe_event_id"];
    if !named.iter().any(|field| fields.value(field).is_some()) {
        fields.refuse("event_id", "is required, or provider_event_id, or stripe_event_id");
        return None;
    }
    Some(EventReference { event_id, provider_event_id, provider, effect_type })
}

fn effect_result(fields: &mut Fields<'_>) -> Option<EffectResult> {
    let outcome = fields.choice::<Outcome>("status");
    let outcome = fields.require("status", outcome);
    let error_code = error_code(fields);
    let error_message = error_message(fields);
    let replay_id = fields.identifier("replay_id");
    Some(EffectResult { outcome: outcome?, error_code, error_message, replay_id })
}

fn error_code(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("error_code")?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if (1..=100).contains(&text.len()) && text.bytes().all(allowed) {
        return Some(text.to_owned());
    }
    fields.refuse("error_code", "must have 1 to 100 characters of A-Z a-z 0-9 _ . -");
    None
}

fn error_message(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("error_message")?;
    if text.chars().count() > MAX_ERROR_MESSAGE {
        fields.refuse("error_message", "must have at most 2000 characters");
        return None;
    }
    if text.contains('\0') {
        fields.refuse("error_message", "must not contain the NUL character");
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<ResultReport, Vec<FieldError>> {
        ResultReport::parse(body.as_object().expect("an object"))
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
                json!({"event_id": "ev_1", "status": "failed", "error_code": "no space"}),
                "error_code",
            ),
            (json!({"event_id": "ev_1", "status": "failed", "error_code": ""}), "error_code"),
            (
                json!({"event_id": "ev_1", "status": "failed", "error_message": "a\u{0}"}),
                "error_message",
            ),
            (
                json!({"event_id": "ev_1", "status": "failed", "error_message": "x".repeat(2001)}),
                "error_message",
            ),
            (json!({"event_id": "ev_1", "status": "failed", "replay_id": 1}), "replay_id"),
            (
                json!({"provider_event_id": "a", "stripe_event_id": "b", "status": "failed"}),
                "stripe_event_id",
            ),
        ];
        for (body, field) in cases {
            let errors = parse(&body).expect_err("refused");
            assert_eq!(
                errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
                [field],
                "{body}"
            );
        }
    }

    #[test]
    fn words_of_the_app_are_kept_as_they_are() {
        let words = "<b>\u{1b}[31m</b> {{x}} <!channel>\r\nBcc: all";
        let report =
            parse(&json!({"event_id": "ev_1", "status": "failed", "error_message": words}));
        assert_eq!(report.expect("taken").result.error_message.as_deref(), Some(words));
    }
}
