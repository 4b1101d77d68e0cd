//! The responses to the two calls of apps, which docs/api.md describes.

use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use domain::incident::IncidentState;
use domain::snapshot::DropReason;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::ErrorDetail;

/// The receipt is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptResponse {
    pub event_id: EventId,
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    pub accepted: bool,
    pub duplicate: bool,
    /// There only where the receipt had a payload that is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_reason: Option<DropReason>,
}

/// What became of several receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsResponse {
    /// There only where not all of them were accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
    /// One for each receipt, in their order.
    pub outcomes: Vec<ReceiptOutcome>,
}

/// What became of one of several receipts: the status and what a call of its own would have said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReceiptOutcome {
    Accepted {
        status: u16,
        receipt: ReceiptResponse,
    },
    Rejected {
        status: u16,
        /// Seconds, where the same receipt may be sent again as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        error: ErrorDetail,
    },
}

/// What became of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    NotStored,
}

/// The result is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultResponse {
    /// Null while the receipt is waited for.
    pub event_id: Option<EventId>,
    pub accepted: bool,
    /// There only while the receipt is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending_receipt: bool,
    pub effect: Option<Effect>,
    pub incident: Option<ReportedIncident>,
    /// The fields whose text was changed so that it could be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjusted: Vec<String>,
}

/// The incident of the event that a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedIncident {
    pub id: IncidentId,
    pub state: IncidentState,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::tests::is_json;

    fn receipt() -> ReceiptResponse {
        ReceiptResponse {
            event_id: "ev_00000000000000000000000001".parse().expect("an id"),
            timeout_at: datetime!(2026-11-21 14:32:11.480213 UTC),
            accepted: true,
            duplicate: false,
            snapshot: None,
            snapshot_reason: None,
        }
    }

    #[test]
    fn a_receipt_says_of_its_payload_only_that_it_is_not_kept() {
        is_json(
            &receipt(),
            r#"{"event_id":"ev_00000000000000000000000001","timeout_at":"2026-11-21T14:32:11.480213Z","accepted":true,"duplicate":false}"#,
        );
        let snapshot = Some(SnapshotState::NotStored);
        let snapshot_reason = Some(DropReason::TooLarge);
        is_json(
            &ReceiptResponse { snapshot, snapshot_reason, ..receipt() },
            r#"{"event_id":"ev_00000000000000000000000001","timeout_at":"2026-11-21T14:32:11.480213Z","accepted":true,"duplicate":false,"snapshot":"not_stored","snapshot_reason":"too_large"}"#,
        );
    }

    #[test]
    fn each_of_several_receipts_has_an_outcome() {
        let error = ErrorDetail {
            code: "rate_limited".into(),
            message: "wait".into(),
            fields: None,
            candidates: None,
            request_id: "req_1".into(),
        };
        let accepted = ReceiptOutcome::Accepted { status: 202, receipt: receipt() };
        let rejected =
            ReceiptOutcome::Rejected { status: 429, retry_after: Some(1), error: error.clone() };
        is_json(
            &ReceiptsResponse { error: Some(error), outcomes: vec![accepted, rejected] },
            r#"{"error":{"code":"rate_limited","message":"wait","request_id":"req_1"},"outcomes":[{"status":202,"receipt":{"event_id":"ev_00000000000000000000000001","timeout_at":"2026-11-21T14:32:11.480213Z","accepted":true,"duplicate":false}},{"status":429,"retry_after":1,"error":{"code":"rate_limited","message":"wait","request_id":"req_1"}}]}"#,
        );
    }

    #[test]
    fn a_result_says_only_where_it_is_so_that_it_waits_or_was_changed() {
        let waits = ResultResponse {
            event_id: None,
            accepted: true,
            pending_receipt: true,
            effect: None,
            incident: None,
            adjusted: Vec::new(),
        };
        is_json(
            &waits,
            r#"{"event_id":null,"accepted":true,"pending_receipt":true,"effect":null,"incident":null}"#,
        );
        let applied = ResultResponse {
            event_id: Some(receipt().event_id),
            accepted: true,
            pending_receipt: false,
            effect: Some(Effect::Failed),
            incident: Some(ReportedIncident {
                id: "inc_00000000000000000000000001".parse().expect("an id"),
                state: IncidentState::Open,
            }),
            adjusted: vec!["error_message".into()],
        };
        is_json(
            &applied,
            r#"{"event_id":"ev_00000000000000000000000001","accepted":true,"effect":"failed","incident":{"id":"inc_00000000000000000000000001","state":"open"},"adjusted":["error_message"]}"#,
        );
    }
}
