//! The payment event and what became of its effect.

use crate::text_enum::text_enum;

text_enum! {
    /// What became of the effect that an event makes due. `Succeeded` is final; `Superseded` gives
    /// way to a later success only.
    Effect {
        Pending = "pending",
        Succeeded = "succeeded",
        Failed = "failed",
        Missing = "missing",
        Superseded = "superseded",
    }
}

impl Effect {
    /// Whether nothing is due any more.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Succeeded | Self::Superseded => true,
            Self::Pending | Self::Failed | Self::Missing => false,
        }
    }
}
