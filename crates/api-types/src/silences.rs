//! Silences: receipts that were expected and did not come.

use domain::ids::SilenceId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A time in which expected receipts did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Silence))]
pub struct SilenceResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "sil_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub silence_id: SilenceId,
    /// Null where nothing of the whole project came.
    pub event_type: Option<String>,
    /// When the last receipt before it came.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// At least one was expected in so many hours; null where it is measured by what is usual.
    pub expected_hours: Option<i32>,
    /// How many usually came in an hour that was missed; null where it is measured by hours.
    pub usual_per_hour: Option<i64>,
    #[serde(with = "time::serde::rfc3339")]
    pub noticed_at: OffsetDateTime,
    /// Null while it lasts.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// When the first receipt after it came. Null where it ended because something else is expected.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resumed_at: Option<OffsetDateTime>,
}
