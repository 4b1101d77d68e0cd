//! Causes: what incidents have in common.

use domain::catalogue::EffectType;
use domain::ids::CauseId;
use domain::incident::Reason;
use domain::money::Amount;
use domain::urgency::Urgency;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A cause with incidents that are not resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Cause))]
pub struct CauseResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "cau_1QGNZHYDQVHDQ886WQFX8FDAKK")
    )]
    pub cause_id: CauseId,
    /// `missing_result` or `failed_result`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Reason,
    /// What the app named when the incidents opened.
    pub error_code: Option<String>,
    pub event_type: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub effect_type: EffectType,
    /// How many incidents are not resolved.
    pub incidents: i64,
    /// How many of them are neither acknowledged nor being reprocessed.
    pub open: i64,
    /// How many customers they are about.
    pub customers: i64,
    /// What was paid for what is not resolved, one sum per currency, as far as receipts said so.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::money::AmountShape>))]
    pub at_risk: Vec<Amount>,
    /// `normal`, `high` or `critical`: by age, customers and money.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub urgency: Urgency,
    /// How many of them opened within the last 15 minutes.
    pub opened_lately: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub oldest_opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub newest_opened_at: OffsetDateTime,
}
