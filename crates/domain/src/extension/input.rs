//! What an extension is given: ids and facts, equal on every attempt.
//!
//! Histories keep it and many may read them, so there is no snapshot, no secret and no error text
//! in it. Later versions only add fields, so a field that is not known is to be ignored.

use sendpromptly_extension::CONTRACT;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::Point;
use crate::catalogue::{EffectType, Provider};
use crate::ids::{CallId, EventId, IncidentId, ProjectId, ReplayId};
use crate::incident::Reason;
use crate::money::Amount;
use crate::project::Mode;

/// The input of an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionInput {
    /// Always [`CONTRACT`].
    pub contract: String,
    /// Equal on every attempt: the key for the extension's idempotency.
    pub call_id: CallId,
    pub point: Point,
    /// An answer after this moment comes too late for what the point is for.
    #[serde(with = "time::serde::rfc3339")]
    pub answer_by: OffsetDateTime,
    pub mode: Mode,
    pub project_id: ProjectId,
    pub event_id: EventId,
    pub incident_id: Option<IncidentId>,
    /// The reprocess, at [`Point::Reprocess`].
    pub replay_id: Option<ReplayId>,
    pub provider: Provider,
    pub provider_event_id: String,
    pub event_type: String,
    pub effect_type: EffectType,
    pub internal_reference: String,
    pub effect_key: Option<String>,
    pub shopify_shop_domain: Option<String>,
    /// What was paid, where the receipt said it; older histories have no such field.
    #[serde(default)]
    pub amount: Option<Amount>,
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    /// Why there is an incident, if there is one.
    pub reason: Option<InputReason>,
}

/// Why there is an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputReason {
    pub kind: Reason,
    /// The app's last error code.
    pub error_code: Option<String>,
}

/// An input like a real one, about an event that does not exist: for trials without an event,
/// and for the examples of the documents.
#[must_use]
pub fn example_input(
    point: Point,
    call_id: CallId,
    project_id: ProjectId,
    mode: Mode,
) -> ExtensionInput {
    let made_up = Uuid::from_u128(0x0192_d1a0_0000_7000_8000_0000_0000_0001);
    let is_incident = point != Point::BeforeIncident;
    ExtensionInput {
        contract: CONTRACT.to_owned(),
        call_id,
        point,
        answer_by: datetime!(2026-12-01 14:32:09 UTC),
        mode,
        project_id,
        event_id: EventId::from_uuid(made_up),
        incident_id: is_incident.then_some(IncidentId::from_uuid(made_up)),
        replay_id: (point == Point::Reprocess).then_some(ReplayId::from_uuid(made_up)),
        provider: Provider::Stripe,
        provider_event_id: "evt_1QExample".to_owned(),
        event_type: "invoice.paid".to_owned(),
        effect_type: EffectType::CreditGrant,
        internal_reference: "user_456".to_owned(),
        effect_key: None,
        shopify_shop_domain: None,
        amount: "USD".parse().ok().map(|currency| Amount { value: 4900, currency }),
        occurred_at: datetime!(2026-12-01 14:02:08 UTC),
        received_at: datetime!(2026-12-01 14:02:09 UTC),
        timeout_at: datetime!(2026-12-01 14:32:09 UTC),
        reason: is_incident
            .then_some(InputReason { kind: Reason::MissingResult, error_code: None }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_is_there_on_every_attempt_and_unknown_ones_are_ignored() {
        let nil = (CallId::from_uuid(Uuid::nil()), ProjectId::from_uuid(Uuid::nil()));
        for point in Point::ALL {
            let input = example_input(*point, nil.0, nil.1, Mode::Test);
            let mut json = json!(input);
            let names: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
            let all = "amount answer_by call_id contract effect_key effect_type event_id event_type \
                 incident_id internal_reference mode occurred_at point project_id provider \
                 provider_event_id reason received_at replay_id shopify_shop_domain timeout_at";
            assert_eq!(names.join(" "), all);
            json["severity"] = json!("high");
            assert_eq!(
                serde_json::from_value::<ExtensionInput>(json.clone()).expect("read"),
                input
            );
            json.as_object_mut().expect("an object").remove("amount");
            let older = serde_json::from_value::<ExtensionInput>(json).expect("read");
            assert_eq!(older, ExtensionInput { amount: None, ..input });
        }
    }
}
