//! Causes, as the API lists them.

use api_types::causes::CauseResponse;
use store::search::causes::CauseRow;

pub fn cause(row: CauseRow) -> CauseResponse {
    CauseResponse {
        cause_id: row.id,
        reason: row.cause.reason,
        error_code: row.cause.error_code,
        event_type: row.cause.event_type,
        effect_type: row.cause.effect_type,
        incidents: row.incidents,
        open: row.open,
        customers: row.customers,
        at_risk: row.at_risk,
        urgency: row.urgency,
        opened_lately: row.opened_lately,
        oldest_opened_at: row.oldest_opened_at,
        newest_opened_at: row.newest_opened_at,
    }
}
