//! The calls of apps and the responses to them, which docs/api.md describes.
//!
//! The API takes more than these requests can say, so it reads bodies field by field: ids may be
//! numbers, and error texts anything.

use domain::effect_result::Outcome;
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use domain::incident::IncidentState;
use domain::money::Amount;
use domain::snapshot::DropReason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::ErrorDetail;

/// What an app says of a payment event that it took.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReceiptBody))]
pub struct ReceiptRequest {
    /// `stripe`, `shopify`, `paypal`, `paddle`, `lemonsqueezy`, `adyen`, or one that the project declared.
    #[cfg_attr(feature = "openapi", schema(example = "stripe"))]
    pub provider: String,
    /// The provider's own id of the event; a whole number is taken as well.
    #[cfg_attr(feature = "openapi", schema(example = "evt_1QX2b3C4d5E6f7G8"))]
    pub provider_event_id: String,
    /// One of the provider's event types, or one that the project declared.
    #[cfg_attr(feature = "openapi", schema(example = "invoice.paid"))]
    pub event_type: String,
    /// `access_unlock`, `credit_grant`, `seat_update`, `subscription_state_apply`, `access_revocation`,
    /// `credit_deduction`, or one that the project declared.
    #[cfg_attr(feature = "openapi", schema(example = "credit_grant"))]
    pub effect_type: String,
    /// Your user, account, workspace or order, to whom the effect is due; a whole number is taken as well.
    #[cfg_attr(feature = "openapi", schema(example = "user_456"))]
    pub internal_reference: String,
    /// Distinguishes the same effect to the same reference in one event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_key: Option<String>,
    /// The provider's time; Unix seconds as a number are taken as well.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// The shop; required for Shopify, ignored for other providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "comet-cart.myshopify.com"))]
    pub shopify_shop_domain: Option<String>,
    /// How long this event's result may take, instead of the project's time-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<i32>,
    /// What was paid. No part of the identity: of a receipt that comes again the first one's stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::money::AmountBodyShape>))]
    pub amount: Option<Amount>,
    /// A snapshot of the event: kept, encrypted, where the project has snapshots on. It never costs
    /// the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub payload: Option<Map<String, Value>>,
}

/// Receipts that were kept aside.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReceiptsBody))]
pub struct ReceiptsRequest {
    /// 1 to 500 of them.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 500))]
    pub receipts: Vec<ListedReceiptRequest>,
}

/// One of several receipts.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ListedReceiptBody))]
pub struct ListedReceiptRequest {
    /// What the header `Idempotency-Key` would be in a call of its own.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    )]
    pub idempotency_key: String,
    #[serde(flatten)]
    pub receipt: ReceiptRequest,
}

/// What an app says of an effect. What is given beside each other must fit one event.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ResultBody))]
pub struct ResultRequest {
    /// From the receipt's response; it or `provider_event_id` is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub event_id: Option<EventId>,
    /// The provider's own id of the event; it or `event_id` is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "evt_1QX2b3C4d5E6f7G8"))]
    pub provider_event_id: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "stripe"))]
    pub provider: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopify_shop_domain: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "invoice.paid"))]
    pub event_type: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "credit_grant"))]
    pub effect_type: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_reference: Option<String>,
    /// As in the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_key: Option<String>,
    /// Applied, not applied, or not due any more.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub status: Outcome,
    /// Your code for what went wrong; cut at 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "db_write_failed"))]
    pub error_code: Option<String>,
    /// What went wrong; cut at 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Which reprocess you report on, from the callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<String>,
}

impl ResultRequest {
    /// What became of the effect of the event that has this id.
    #[must_use]
    pub const fn new(event_id: EventId, status: Outcome) -> Self {
        Self {
            event_id: Some(event_id),
            provider_event_id: None,
            provider: None,
            shopify_shop_domain: None,
            event_type: None,
            effect_type: None,
            internal_reference: None,
            effect_key: None,
            status,
            error_code: None,
            error_message: None,
            replay_id: None,
        }
    }
}

/// The receipt is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "ev_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub event_id: EventId,
    /// When silence becomes an incident.
    #[serde(with = "time::serde::rfc3339")]
    pub timeout_at: OffsetDateTime,
    pub accepted: bool,
    /// Whether the event was known already.
    pub duplicate: bool,
    /// There only where the receipt had a payload that is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotState>,
    /// Why: `off`, `too_large`, `invalid` or `duplicate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub snapshot_reason: Option<DropReason>,
}

/// What became of several receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptsResponse {
    /// There only where not all of them were accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
    /// One for each receipt, in their order.
    pub outcomes: Vec<ReceiptOutcome>,
}

/// Why not all of several receipts were accepted.
#[cfg(feature = "openapi")]
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = ReceiptsErrorBody)]
pub struct ReceiptsErrorResponse {
    pub error: ErrorDetail,
    /// One for each receipt, in their order; not there where the list itself was rejected.
    #[schema(required = false)]
    pub outcomes: Vec<ReceiptOutcome>,
}

/// What became of one of several receipts: the status and what a call of its own would have said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    NotStored,
}

/// The result is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultResponse {
    /// Null while the receipt is waited for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub event_id: Option<EventId>,
    pub accepted: bool,
    /// There only while the receipt is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub pending_receipt: bool,
    /// `succeeded`, `failed` or `superseded`; null while the receipt is waited for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub effect: Option<Effect>,
    /// That of the event, if it has one.
    pub incident: Option<ReportedIncident>,
    /// The fields whose text was changed so that it could be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub adjusted: Vec<String>,
}

/// The incident of the event that a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportedIncident {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G")
    )]
    pub id: IncidentId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
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
    fn a_request_has_the_fields_that_are_given() {
        let result = ResultRequest {
            replay_id: Some("rpl_1".into()),
            ..ResultRequest::new(receipt().event_id, Outcome::Succeeded)
        };
        let json = serde_json::to_string(&result).expect("JSON");
        assert_eq!(
            json,
            r#"{"event_id":"ev_00000000000000000000000001","status":"success","replay_id":"rpl_1"}"#
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
