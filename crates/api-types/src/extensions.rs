//! Extensions of a project.

use domain::extension::{ExtensionKind, Fallback, Point, Trust};
use domain::ids::{ExtensionId, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// A team's own activity, or HTTPS endpoint, in the flow of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Extension))]
pub struct ExtensionResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ext_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub extension_id: ExtensionId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub project_id: ProjectId,
    /// `before_incident`, `after_failure` or `reprocess`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub point: Point,
    /// `activity` or `https`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: ExtensionKind,
    /// The activity's name; null over HTTPS.
    pub activity: Option<String>,
    /// The activity's task queue; null over HTTPS.
    pub queue: Option<String>,
    /// The endpoint; null for an activity.
    pub url: Option<String>,
    /// `propose` or `settle`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trust: Trust,
    /// How long it may take to answer, 5 to 600.
    pub budget_seconds: i32,
    /// How long an activity may be silent while it works; null for one that sends no heartbeats.
    pub heartbeat_seconds: Option<i32>,
    /// `callback` or `none`; null but at `reprocess`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub fallback: Option<Fallback>,
    /// Calls above so many a second are not made.
    pub calls_per_second: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Who registered it.
    pub created_by: String,
    /// Since when it is not asked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub paused_at: Option<OffsetDateTime>,
    /// How many calls had no answer since the last one that had.
    pub unanswered_in_a_row: i32,
}

/// A new extension: `activity` and `queue`, or `url`.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExtensionBody))]
pub struct ExtensionRequest {
    /// `before_incident`, `after_failure` or `reprocess`.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub point: String,
    /// The activity's name, as its worker registered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// The activity's task queue. Begins with `sendpromptly-ext.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// An endpoint, under the rules of a repair URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `propose`, the default in live projects, or `settle`, the default in test projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// How long it may take to answer, 5 to 600. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_seconds: Option<i32>,
    /// For an activity that sends heartbeats: how long it may be silent while it works, 2 to 15. Its
    /// worker counts as dead then, and another one is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<i32>,
    /// `callback`, the default, or `none`. Only for the point `reprocess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// 1 to 1000. Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<i32>,
}

/// An extension that was registered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddedExtension {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ext_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub extension_id: ExtensionId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub point: Point,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: ExtensionKind,
    pub queue: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trust: Trust,
    pub budget_seconds: i32,
    /// What signs the requests to an endpoint, shown this once. Absent for an activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}

domain::debug_without!(AddedExtension {
    shown: [extension_id, point, kind, queue, trust, budget_seconds],
    hidden: [signing_secret],
});

/// With what an extension is tried.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TrialBody))]
pub struct TrialRequest {
    /// An event of the project. Without one, an example of an event that does not exist. Not at the
    /// point `reprocess`, where the extension would do its work for that event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
}

/// What came of a trial, which changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Trial))]
pub struct TrialResponse {
    /// What was answered, as it came; null where nothing was.
    pub answer: Value,
    /// Whether it is an answer as the contract says.
    pub valid: bool,
    /// `settled`, `proposed`, `not_settled` or `undecided`; at `reprocess` `applied`, `accepted`,
    /// `failed` or `declined`; `unanswered` without a valid answer.
    pub would_count_as: String,
    pub latency_ms: i64,
    /// Why there is no valid answer. Absent with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What of a valid answer would be cut or changed to keep it. Absent where nothing would.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub adjusted: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::is_json;

    #[test]
    fn an_added_extension_has_exactly_the_fields_of_the_contract() {
        let added = AddedExtension {
            extension_id: "ext_00000000000000000000000001".parse().expect("an id"),
            point: Point::BeforeIncident,
            kind: ExtensionKind::Activity,
            queue: Some("sendpromptly-ext.credits".into()),
            trust: Trust::Propose,
            budget_seconds: 60,
            signing_secret: None,
        };
        is_json(
            &added,
            r#"{"extension_id":"ext_00000000000000000000000001","point":"before_incident","kind":"activity","queue":"sendpromptly-ext.credits","trust":"propose","budget_seconds":60}"#,
        );
    }

    #[test]
    fn a_valid_trial_has_exactly_the_fields_of_the_contract() {
        let trial = TrialResponse {
            answer: serde_json::json!({ "settled": true }),
            valid: true,
            would_count_as: "settled".into(),
            latency_ms: 300,
            problem: None,
            adjusted: Vec::new(),
        };
        is_json(
            &trial,
            r#"{"answer":{"settled":true},"valid":true,"would_count_as":"settled","latency_ms":300}"#,
        );
    }
}
