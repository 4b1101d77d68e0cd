//! The ledger: what the shop knows of each of its requests, to be held against everything else afterwards.
//!
//! A request is *acked* by a 202, *refused* by a 4xx that says why, and *ambiguous* by anything else: a 5xx, a
//! reset, silence. An error never says that nothing was stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::http::Answer;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Acked(Vec<u8>),
    Refused(u16),
    Ambiguous,
}

/// A request, with everything that is needed to send it again.
#[derive(Debug, Clone)]
pub struct Request {
    /// `a` or `b`.
    pub shop: &'static str,
    pub path: &'static str,
    pub idempotency_key: String,
    pub body: String,
}

/// What the app meant to do about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Applies the effect immediately.
    Apply,
    /// Applies it about when the deadline is.
    Race,
    /// Reports that it failed.
    Fail,
    /// Crashes, and says nothing.
    Forget,
}

#[derive(Debug, Clone)]
pub struct SentReceipt {
    pub request: Request,
    pub provider_event_id: String,
    pub intent: Intent,
    pub outcome: Outcome,
    /// Of an acked one.
    pub event_id: Option<Uuid>,
}

#[derive(Debug, Clone)]
pub struct SentResult {
    pub request: Request,
    pub event_id: Uuid,
    pub success: bool,
    /// Of a repair.
    pub replay_id: Option<String>,
    pub outcome: Outcome,
    pub acked_at: Option<OffsetDateTime>,
}

/// One exchange on the plot: when it was due, how long its first response took, and whether that was a 202.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    pub due: f64,
    pub took: f64,
    pub acked: bool,
}

/// What the shop knows. Cheap to clone, written by all who send.
#[derive(Clone)]
pub struct Ledger {
    began: Instant,
    entries: Arc<Mutex<Entries>>,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    pub receipts: Vec<SentReceipt>,
    pub results: Vec<SentResult>,
    pub samples: Vec<Sample>,
}

impl Ledger {
    pub fn new(began: Instant) -> Self {
        Self { began, entries: Arc::default() }
    }

    pub fn enter_receipt(&self, receipt: SentReceipt) {
        self.lock().receipts.push(receipt);
    }

    pub fn enter_result(&self, result: SentResult) {
        self.lock().results.push(result);
    }

    /// Notes one exchange that was due then and has ended now.
    pub fn sample(&self, due: Instant, acked: bool) {
        let (due, took) = ((due - self.began).as_secs_f64(), due.elapsed().as_secs_f64());
        self.lock().samples.push(Sample { due, took, acked });
    }

    /// A copy of everything so far.
    pub fn entries(&self) -> Entries {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// What a response says, or its absence. A 429 or a 409 of a request that still runs says to come back.
    pub fn of(answer: &anyhow::Result<Answer>) -> Self {
        match answer {
            Ok((202, body)) => Self::Acked(body.clone()),
            Ok((status @ 400..=499, _)) if ![408, 409, 425, 429].contains(status) => {
                Self::Refused(*status)
            }
            _ => Self::Ambiguous,
        }
    }

    pub const fn is_acked(&self) -> bool {
        matches!(self, Self::Acked(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_202_is_an_ack_and_only_a_4xx_that_stays_is_a_refusal() {
        let of = |status| Outcome::of(&Ok((status, b"x".to_vec())));
        assert_eq!(of(202), Outcome::Acked(b"x".to_vec()));
        for refused in [400, 401, 404, 413, 422] {
            assert_eq!(of(refused), Outcome::Refused(refused));
        }
        for unknown in [200, 408, 409, 429, 500, 503] {
            assert_eq!(of(unknown), Outcome::Ambiguous, "{unknown}");
        }
        assert_eq!(Outcome::of(&Err(anyhow::anyhow!("reset"))), Outcome::Ambiguous);
    }
}
