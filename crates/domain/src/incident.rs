//! The incident: a customer paid and the effect did not come.

use crate::text_enum::text_enum;

text_enum! {
    /// Where an incident stands.
    IncidentState {
        Open = "open",
        Acknowledged = "acknowledged",
        Reprocessing = "reprocessing",
        Resolved = "resolved",
    }
}

text_enum! {
    /// Why an incident was opened.
    Reason { MissingResult = "missing_result", FailedResult = "failed_result" }
}

text_enum! {
    /// How an incident ended.
    Resolution {
        Reprocessed = "reprocessed",
        LateSuccess = "late_success",
        Manual = "manual",
    }
}
