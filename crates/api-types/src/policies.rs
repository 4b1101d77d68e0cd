//! Policies for automatic reprocesses.

use domain::catalogue::EffectType;
use domain::ids::CauseId;
use domain::incident::Reason;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a project lets be reprocessed without a person, for one effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Policy))]
pub struct PolicyResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect_type: EffectType,
    /// Whether reprocesses start without a person.
    pub auto_reprocess: bool,
    /// How many are started for one incident.
    pub attempts: i32,
    /// How long before each of them.
    pub delay_seconds: i32,
    /// It stops for a cause when so many…
    pub stop_failed: i32,
    /// … of so many latest automatic reprocesses failed,
    pub stop_of: i32,
    /// or when more customers than these are affected at once.
    pub stop_customers: i32,
    /// Whether alerts wait for the outcome.
    pub wait_alerts: bool,
    /// The effect's own name where it takes something from customers and an admin said that it may.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub allow: Option<EffectType>,
    /// The causes for which it is stopped, the newest first, at most 100.
    pub stopped_for: Vec<PolicyStopResponse>,
}

/// A cause for which a policy is stopped until somebody resets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PolicyStop))]
pub struct PolicyStopResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cause_id: CauseId,
    pub event_type: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Reason,
    pub error_code: Option<String>,
    /// Why, as a sentence without a full stop.
    pub why: String,
    #[serde(with = "time::serde::rfc3339")]
    pub stopped_at: OffsetDateTime,
}

/// A policy as it shall be. What is absent gets its default.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PolicyBody))]
pub struct PolicyRequest {
    /// Whether reprocesses start without a person; false by default.
    pub auto_reprocess: Option<bool>,
    /// 1 to 5, by default 1.
    pub attempts: Option<i32>,
    /// 0 to 86400, by default 0.
    pub delay_seconds: Option<i32>,
    /// By default 5.
    pub stop_failed: Option<i32>,
    /// 1 to 100, by default 10.
    pub stop_of: Option<i32>,
    /// 1 to 1000, by default 20.
    pub stop_customers: Option<i32>,
    /// False by default.
    pub wait_alerts: Option<bool>,
    /// The effect's own name, `access_revocation` or `credit_deduction`, without which these are
    /// never reprocessed automatically.
    pub allow: Option<String>,
}

/// Which cause a policy shall go on for; all of them where none is named.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PolicyResetBody))]
pub struct PolicyResetRequest {
    pub cause_id: Option<String>,
}

/// The causes for which a policy goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PolicyReset))]
pub struct PolicyResetResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub causes: Vec<CauseId>,
}
