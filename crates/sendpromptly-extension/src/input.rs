//! What an extension is given: ids and facts, equal on every attempt.

use serde::{Deserialize, Serialize};

/// The input of an extension. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Input {
    /// [`CONTRACT`](crate::CONTRACT), or a later version.
    pub contract: String,
    /// Equal on every attempt. A later reprocess of the same event has another one.
    pub call_id: String,
    pub point: Point,
    /// An answer after this moment comes too late for what the point is for.
    pub answer_by: String,
    /// `test` or `live`.
    pub mode: String,
    pub project_id: String,
    pub event_id: String,
    pub incident_id: Option<String>,
    /// The reprocess, at [`Point::Reprocess`].
    pub replay_id: Option<String>,
    pub provider: String,
    pub provider_event_id: String,
    pub event_type: String,
    pub effect_type: String,
    /// Your own reference, as your receipt named it.
    pub internal_reference: String,
    pub effect_key: Option<String>,
    pub shopify_shop_domain: Option<String>,
    /// What was paid, where your receipt said it.
    #[serde(default)]
    pub amount: Option<Amount>,
    pub occurred_at: String,
    pub received_at: String,
    pub timeout_at: String,
    /// Why there is an incident, if there is one.
    pub reason: Option<Reason>,
}

/// What was paid: 4900 of `USD` are 49.00 dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In the currency's minor units.
    pub value: i64,
    /// Three capital letters of ISO 4217.
    pub currency: String,
}

/// Where in the flow an extension is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Shortly before an incident would open, because nobody reported.
    BeforeIncident,
    /// Beside an incident that opened.
    AfterFailure,
    /// Instead of the signed callback of a reprocess, or before it.
    Reprocess,
    /// One that a later version of the contract has.
    #[serde(other)]
    Unknown,
}

/// Why there is an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `missing_result` or `failed_result`.
    pub kind: String,
    /// The app's last error code.
    pub error_code: Option<String>,
}
