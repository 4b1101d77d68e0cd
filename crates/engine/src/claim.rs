//! What of the outbox may be claimed now.

use std::time::Duration;

/// During a burst of receipts only what is needed within this time is dispatched: what a person or a
/// near deadline waits for, neither a far start nor the end of a watch.
pub(crate) const NEEDED_NOW: Duration = Duration::from_secs(10);
/// How many that have time are dispatched in each look while many receipts come and Temporal shares their
/// processors: twenty a second.
pub(crate) const BESIDE_CALLS: usize = 5;

/// What may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Whatever is due.
    All,
    /// What is needed within this time, and so many others.
    Needed { within: Duration, others: usize },
}

impl Claim {
    /// Whether so many messages are all that one claim takes, so that there may be more now. However small a batch
    /// is, those that have time wait for the next look.
    pub(crate) const fn is_whole(self, messages: usize, batch: usize) -> bool {
        match self {
            Self::All => messages >= batch,
            Self::Needed { others, .. } => messages >= batch + others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_time_makes_no_whole_batch_however_slow_the_server_is() {
        let beside = Claim::Needed { within: NEEDED_NOW, others: BESIDE_CALLS };
        for batch in [2, 16, 64] {
            assert!(Claim::All.is_whole(batch, batch));
            assert!(!beside.is_whole(BESIDE_CALLS, batch));
            assert!(beside.is_whole(batch + BESIDE_CALLS, batch));
        }
    }
}
