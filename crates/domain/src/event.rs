//! The payment event and what became of its effect.

use crate::text_enum::text_enum;

text_enum! {
    /// What became of the effect that an event makes due. `Succeeded` is final.
    Effect {
        Pending = "pending",
        Succeeded = "succeeded",
        Failed = "failed",
        Missing = "missing",
    }
}
