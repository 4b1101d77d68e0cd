//! Projects.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use domain::project::Mode;
use domain::silence::ExpectedReceipts;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A monitored payment flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Project))]
pub struct ProjectResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "prj_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub project_id: ProjectId,
    pub name: String,
    /// `test` or `live`; fixed once made.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub mode: Mode,
    /// Minutes until silence is an incident, 1 to 10080.
    pub timeout_minutes: i32,
    /// Months that events are kept after they ended, 1 to 84.
    pub retention_months: i32,
    /// Where callbacks go; https in live projects.
    pub repair_url: Option<String>,
    /// Whether payloads of receipts are kept, sealed.
    pub snapshots: bool,
    /// For how many days after the receipt they are kept, 1 to 90.
    pub snapshot_days: i32,
    /// Whether callbacks carry them.
    pub snapshot_in_callback: bool,
    /// When it is a silence that no receipt comes: `off`, `learned` from the last weeks, or at least
    /// one in so many hours, such as `6h`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "6h"))]
    pub expected_receipts: ExpectedReceipts,
    /// The headers that callbacks carry beside the product's own. Values are never shown. Absent
    /// where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub callback_header_names: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Since when its keys are rejected and it is in no list. Absent where it is not archived.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub archived_at: Option<OffsetDateTime>,
}

/// A new project and its signing secret, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedProject {
    #[serde(flatten)]
    pub project: ProjectResponse,
    pub signing_secret: String,
}

domain::debug_without!(CreatedProject { shown: [project], hidden: [signing_secret] });

/// What a project is to be. Fields that are left out keep their value, or have their default.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProjectBody))]
pub struct ProjectRequest {
    /// 1 to 255 characters. Required for a new project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `test` (the default) or `live`. Only for a new project.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub mode: Option<Mode>,
    /// 1 to 10080. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<i32>,
    /// Months that events are kept after they ended, 1 to 84. Default: 12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_months: Option<i32>,
    // Left out, it keeps its value; `Some(None)` is sent as null.
    /// A URL, or null for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub repair_url: Option<Option<String>>,
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<bool>,
    /// 1 to 90. It holds for what is kept already, too. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_days: Option<i32>,
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_in_callback: Option<bool>,
    /// `off`, `learned`, or a time from 1h to 30d. Default: learned in a live project, off in a test
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub expected_receipts: Option<ExpectedReceipts>,
    /// Headers that callbacks carry to pass a gateway, by name; null removes one. Headers that are
    /// not named stay. At most 10, names without capitals apart, values of 1 to 2000 visible ASCII
    /// characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_headers: Option<BTreeMap<String, Option<String>>>,
}

domain::debug_without!(ProjectRequest {
    shown: [
        name,
        mode,
        timeout_minutes,
        retention_months,
        repair_url,
        snapshots,
        snapshot_days,
        snapshot_in_callback,
        expected_receipts
    ],
    hidden: [callback_headers],
});

/// What is confirmed of a project that is archived.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ArchiveBody))]
pub struct ArchiveRequest {
    /// How many of its incidents are not resolved, at most. Where there are more, nothing is done.
    /// Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_change_is_not_sent_and_what_is_removed_is_null() {
        let json = |request: ProjectRequest| serde_json::to_string(&request).expect("JSON");
        let renamed = ProjectRequest { name: Some("CometCart".into()), ..Default::default() };
        assert_eq!(json(renamed), r#"{"name":"CometCart"}"#);
        let removed = ProjectRequest { repair_url: Some(None), ..Default::default() };
        assert_eq!(json(removed), r#"{"repair_url":null}"#);
    }
}
