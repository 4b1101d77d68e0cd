//! The reprocesses of an incident.

use domain::ids::ReplayId;
use domain::reprocess::ReprocessState;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One reprocess with its callback attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Reprocess))]
pub struct ReprocessResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "rpl_01K9QG8C2V4X6Z8B0D2F4H6K8M")
    )]
    pub replay_id: ReplayId,
    /// `requested`, `delivering`, `awaiting_result`, `succeeded`, `failed`, `no_result` or
    /// `undelivered`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: ReprocessState,
    pub requested_by: String,
    pub attempts: Vec<AttemptResponse>,
}

/// One callback attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Attempt))]
pub struct AttemptResponse {
    pub attempt: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The HTTP status of the response.
    pub status: Option<i32>,
    /// The kind of failure, where there was no response.
    pub error: Option<String>,
    pub latency_ms: Option<i64>,
    /// The first 2 KiB of the response.
    pub answer: Option<String>,
    /// Where a redirect leads, without credentials and query; redirects are never followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
}

/// A reprocess that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestedReprocess {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "rpl_01K9QG8C2V4X6Z8B0D2F4H6K8M")
    )]
    pub replay_id: ReplayId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: ReprocessState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::is_json;

    #[test]
    fn a_requested_reprocess_has_exactly_the_fields_of_the_contract() {
        let replay_id = "rpl_00000000000000000000000001".parse().expect("an id");
        let requested = RequestedReprocess { replay_id, state: ReprocessState::Requested };
        is_json(
            &requested,
            r#"{"replay_id":"rpl_00000000000000000000000001","state":"requested"}"#,
        );
    }
}
