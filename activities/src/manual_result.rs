//! A result that was typed at the `temporal` command line.
//!
//! It is judged by the same rules as the API's, but field by field: a replay id that makes no sense
//! is ignored, as every field is that a result does not have. What cannot be a result is rejected.
//! Either is on the timeline, once, because the entries have ids that follow from the result's. One
//! that is recorded already, as the API's are, changes nothing.

use domain::audit::detail::WhyDetail;
use domain::audit::{Actor, AuditEvent};
use domain::effect_result::EffectResult;
use domain::field::FieldError;
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
    let Understood { result, actor, ignored } = understand(typed);
    let why = match &result {
        Err(why) => why.clone(),
        Ok(_) if known.is_some() => "result_id is that of another event; leave it out".to_owned(),
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
    let event = events::find_event(&mut *tx, typed.event_id)
        .await?
        .ok_or(StoreError::Missing("payment_events"))?;
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
    fn a_field_that_makes_no_sense_costs_itself_only() {
        let body = json!({ "status": "success", "replay_id": 7, "reported_by": ["alice"] });
        let Understood { result, actor, ignored } = understood(body);
        let result = result.expect("a result");
        assert_eq!((result.outcome, result.replay_id), (Outcome::Succeeded, None));
        assert_eq!(actor, Actor::Temporal(None));
        assert_eq!(ignored.len(), 2, "{ignored:?}");
    }
}
