//! How a project's people are told: its rules, and maintenance windows.

use domain::alert_rules::RuleTime;
use domain::ids::{DestinationId, MaintenanceId};
use domain::maintenance::HoldReason;
use domain::quiet_hours::QuietHours;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A project's rules for alerts, and whether telling waits now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AlertRules))]
pub struct AlertRulesResponse {
    /// When telling waits each day, by the clock of a time zone. Null where it never does.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "22:00-07:00 Europe/Berlin")
    )]
    pub quiet_hours: Option<QuietHours>,
    /// How often people are told again of incidents that nobody acknowledges.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "30m"))]
    pub remind_every: Option<RuleTime>,
    /// After how long without that the next destination of `escalate_to` is told.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "1h"))]
    pub escalate_after: Option<RuleTime>,
    /// The destinations that are told only then, in order.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub escalate_to: Vec<DestinationId>,
    /// After how long people are told again of what was acknowledged and still stands.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "1d"))]
    pub come_back_after: Option<RuleTime>,
    /// `maintenance` or `quiet_hours` while telling waits.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub held_by: Option<HoldReason>,
    /// Until when it does.
    #[serde(with = "time::serde::rfc3339::option")]
    pub held_until: Option<OffsetDateTime>,
}

/// Rules for alerts as they shall be. What is absent is off.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AlertRulesBody))]
pub struct AlertRulesRequest {
    /// Two times of the day and a time zone, or `off`.
    #[cfg_attr(feature = "openapi", schema(example = "22:00-07:00 Europe/Berlin"))]
    pub quiet_hours: Option<String>,
    /// `5m` to `7d`, or `off`.
    #[cfg_attr(feature = "openapi", schema(example = "30m"))]
    pub remind_every: Option<String>,
    /// `5m` to `7d`, or `off`. Needs `escalate_to`.
    #[cfg_attr(feature = "openapi", schema(example = "1h"))]
    pub escalate_after: Option<String>,
    /// Ids of 1 to 3 destinations of the project; one must be left that is told at once.
    pub escalate_to: Option<Vec<String>>,
    /// `5m` to `7d`, or `off`.
    #[cfg_attr(feature = "openapi", schema(example = "1d"))]
    pub come_back_after: Option<String>,
}

/// Until when an incident is snoozed. One of `until`, `for` and `until_next` is given.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SnoozeBody))]
pub struct SnoozeRequest {
    /// An RFC 3339 time, at most 30 days from now.
    pub until: Option<String>,
    /// `5m` to `7d`.
    #[serde(rename = "for")]
    #[cfg_attr(feature = "openapi", schema(example = "4h"))]
    pub length: Option<String>,
    /// Until the next incident of its cause opens.
    pub until_next: Option<bool>,
    /// 1 to 2,000 characters.
    pub note: Option<String>,
}

/// Whether an incident is snoozed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Snooze))]
pub struct SnoozeResponse {
    pub snoozed: bool,
    /// Null where it lasts until the next incident of its cause.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    pub snoozed_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub snoozed_at: Option<OffsetDateTime>,
}

/// A time in which a project's people are not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Maintenance))]
pub struct MaintenanceResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "mnt_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub maintenance_id: MaintenanceId,
    /// What it is for.
    pub reason: Option<String>,
    pub started_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    pub ends_at: OffsetDateTime,
    /// When somebody ended it before that.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    pub ended_by: Option<String>,
}

/// A maintenance that begins now.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = MaintenanceBody))]
pub struct MaintenanceRequest {
    /// How long it lasts unless it is ended before: `1m` to `7d`, such as `10m` or `2h`.
    #[serde(rename = "for")]
    #[cfg_attr(feature = "openapi", schema(required = true, example = "10m"))]
    pub length: String,
    /// 1 to 2,000 characters.
    pub reason: Option<String>,
}

/// Which maintenance shall end; all that last where none is named.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = MaintenanceEndBody))]
pub struct MaintenanceEndRequest {
    pub maintenance_id: Option<String>,
}
