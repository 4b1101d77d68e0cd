//! A result that was typed at the `temporal` command line.
//!
//! It is judged by the same rules as the API's, but field by field: a replay id that makes no sense
//! is ignored, as every field is that a result does not have. What cannot be a result is rejected,
//! and so is one that names another event than that of its watch, by whatever field.
//! Either is on the timeline, once, because the entries have ids that follow from the result's. One
//! that is recorded already, as the API's are, changes nothing.

use domain::audit::detail::WhyDetail;
use domain::audit::{Actor, AuditEvent};
use domain::diagnostics::text_of;
use domain::effect_result::EffectResult;
use domain::field::FieldError;
use domain::identity::EventIdentity;
use serde_json::{Map, Value};
use store::audit::{self, Subject};
use store::transitions::result::{self, ReportedResult, ResultOutcome};
use store::transitions::signal_notes::note_ignored;
use store::{PgConnection, StoreError, events, results};
use workflows::activity_contract::ManualResult;

use crate::records::name;

/// What a typed result amounts to.
struct Understood {
    result: Result<EffectResult, String>,
    actor: Actor,
    ignored: Vec<String>,
}

/// Records a typed result, or why it is none.
pub(crate) async fn record(tx: &mut PgConnection, typed: &ManualResult) -> Result<(), StoreError> {
    let known = results::find_event_of(&mut *tx, typed.result_id).await?;
    if known == Some(typed.event_id) {
        return Ok(());
    }
    let event = events::find_event(&mut *tx, typed.event_id)
        .await?
        .ok_or(StoreError::Missing("payment_events"))?;
    let Understood { result, actor, ignored } = understand(typed);
    let why = match &result {
        Err(why) => why.clone(),
        Ok(_) if known.is_some() => "result_id is that of another event; leave it out".to_owned(),
        Ok(_) if let Some(why) = contradiction(&typed.body, &event.identity()) => why,
        Ok(result) => {
            let id = typed.result_id.as_uuid();
            note_ignored(tx, typed.event_id, &actor, "result", id, &ignored).await?;
            let report = ReportedResult { result_id: typed.result_id, result, signal: false };
            match result::accept_result(tx, &actor, typed.event_id, report).await? {
                ResultOutcome::Accepted { .. } => return Ok(()),
                ResultOutcome::UnknownEvent => return Err(StoreError::Missing("payment_events")),
                ResultOutcome::UnknownReplay => "replay_id is none of this event's".to_owned(),
            }
        }
    };
    let subject = Subject::event(event.project_id, event.id);
    let rejected = AuditEvent::ResultRefused(WhyDetail { why });
    audit::record_once(tx, typed.result_id.as_uuid(), &actor, subject, &rejected).await
}

fn understand(typed: &ManualResult) -> Understood {
    let mut ignored = typed.notes.ignored.clone();
    if let Some(why) = &typed.notes.rejected {
        return Understood { result: Err(why.clone()), actor: Actor::Temporal(None), ignored };
    }
    let mut body = typed.body.as_object().cloned().unwrap_or_default();
    let actor = match body.get("reported_by") {
        Some(Value::String(text)) => Actor::Temporal(name(text)),
        Some(Value::Null) | None => Actor::Temporal(None),
        Some(other) => {
            ignored.push(format!("reported_by is {other}; write a text"));
            Actor::Temporal(None)
        }
    };
    let result = match EffectResult::parse(&body) {
        Err(field_errors) if is_about(&field_errors, "replay_id") => {
            ignored.extend(field_errors.iter().map(words));
            body.remove("replay_id");
            parse(&body)
        }
        Err(field_errors) => Err(all_words(&field_errors)),
        Ok(result) => Ok(result),
    };
    Understood { result, actor, ignored }
}

/// What a result says of its event and is not so. The texts are compared as they are: another
/// spelling is told the right one, and none can mean another event.
fn contradiction(body: &Value, event: &EventIdentity<'_>) -> Option<String> {
    let provider_event_id = Some(event.provider_event_id);
    let fields = [
        ("provider_event_id", provider_event_id),
        ("stripe_event_id", provider_event_id),
        ("provider", Some(event.provider)),
        ("shopify_shop_domain", event.shopify_shop_domain),
        ("event_type", Some(event.event_type)),
        ("effect_type", Some(event.effect_type)),
        ("internal_reference", Some(event.internal_reference)),
        ("effect_key", event.effect_key),
    ];
    let differs = |(field, is): (&str, Option<&str>)| {
        let said = body.get(field).filter(|said| !said.is_null()).map(text_of)?;
        let said = said.trim();
        let is_so = said.is_empty() || is.is_some_and(|is| is == said);
        (!is_so).then(|| {
            let is = is.map_or_else(|| "absent".to_owned(), |is| format!("{is:?}"));
            format!("{field} is {is} in the event of this watch; send that, leave it out, or signal the watch of the event that you mean")
        })
    };
    let differing: Vec<_> = fields.into_iter().filter_map(differs).collect();
    (!differing.is_empty()).then(|| differing.join("; "))
}

fn parse(body: &Map<String, Value>) -> Result<EffectResult, String> {
    EffectResult::parse(body).map_err(|field_errors| all_words(&field_errors))
}

fn is_about(field_errors: &[FieldError], field: &str) -> bool {
    field_errors.iter().all(|error| error.field == field)
}

fn words(error: &FieldError) -> String {
    format!("{} {}", error.field, error.message)
}

fn all_words(field_errors: &[FieldError]) -> String {
    field_errors.iter().map(words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use domain::effect_result::Outcome;
    use workflows::activity_contract::InputNotes;

    use serde_json::json;

    use super::*;

    fn understood(body: Value) -> Understood {
        let event_id = "ev_00000000000000000000000001".parse().expect("an id");
        let result_id = "res_00000000000000000000000001".parse().expect("an id");
        understand(&ManualResult { event_id, result_id, body, notes: InputNotes::default() })
    }

    #[test]
    fn a_result_without_a_status_is_told_what_it_lacks() {
        for body in [Value::Null, json!({}), json!({ "error_code": "x" })] {
            let why = understood(body).result.expect_err("no result");
            assert!(why.starts_with("status is required"), "{why}");
        }
        let why = understood(json!({ "status": "sucess" })).result.expect_err("no result");
        assert!(why.contains("success") && why.contains("failed"), "{why}");
    }

    #[test]
    fn a_result_names_its_own_event_or_none() {
        let event = EventIdentity {
            provider: "stripe",
            shopify_shop_domain: None,
            provider_event_id: "42",
            event_type: "invoice.paid",
            effect_type: "credit_grant",
            internal_reference: "user_456",
            effect_key: None,
            delivery: None,
        };
        for ours in [
            json!({ "status": "success" }),
            json!({ "stripe_event_id": " 42\n", "provider_event_id": 42, "provider": null }),
            json!({ "provider": "stripe", "event_type": "invoice.paid", "effect_key": "" }),
            json!({ "effect_type": "credit_grant", "internal_reference": "user_456" }),
        ] {
            assert_eq!(contradiction(&ours, &event), None, "{ours}");
        }
        for (theirs, is) in [
            (json!({ "stripe_event_id": "43" }), "stripe_event_id is \"42\" in"),
            (json!({ "provider_event_id": ["42"] }), "provider_event_id is \"42\" in"),
            (json!({ "effect_type": "seat_update" }), "effect_type is \"credit_grant\" in"),
            (json!({ "internal_reference": "user_4567" }), "internal_reference is \"user_456\" in"),
            (json!({ "effect_key": "1" }), "effect_key is absent in"),
        ] {
            let why = contradiction(&theirs, &event).expect("another event");
            assert!(why.starts_with(is), "{why}");
        }
    }

    #[test]
    fn a_field_that_makes_no_sense_costs_itself_only() {
        let body = json!({ "status": "success", "replay_id": 7, "reported_by": ["alice"] });
        let Understood { result, actor, ignored } = understood(body);
        let result = result.expect("a result");
        assert_eq!((result.outcome, result.replay_id), (Outcome::Succeeded, None));
        assert_eq!(actor, Actor::Temporal(None));
        assert_eq!(ignored.len(), 2, "{ignored:?}");
    }
}
