//! Asking extensions, and recording how that ended.
//!
//! Each activity is one transaction and safe to repeat: a call keeps its id, and only its first end
//! counts.

use std::sync::Arc;
use std::time::Duration;

use domain::extension::{Silence, Unanswered};
use domain::watch::WatchState;
use store::flows::About;
use store::pool::transaction;
use store::transitions::extension::{self, Asked};
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{AskInput, EndedCall, definition};

use crate::decide::{retry_after, stored};
use crate::deps::Deps;
use crate::observed::observed;
use crate::state;

/// How soon an extension that has its calls of this second is asked again, and how much later at
/// most, so that many events do not come back together.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const SPREAD_MS: u64 = 2_000;

/// Implements [`workflows::activity_contract::Extensions`].
pub struct Extensions {
    deps: Arc<Deps>,
}

impl Extensions {
    /// Extensions of the projects in this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Extensions {
    #[activity(definition = definition::AskExtensions)]
    pub async fn ask_extensions(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: AskInput,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Event(of.event_id);
        observed(&self.deps, &ctx, about, ask_extensions(&self.deps, of)).await
    }

    #[activity(definition = definition::RecordAnswer)]
    pub async fn record_answer(
        self: Arc<Self>,
        ctx: ActivityContext,
        ended: EndedCall,
    ) -> Result<WatchState, ActivityError> {
        let about = About::Call(ended.call_id);
        observed(&self.deps, &ctx, about, record_answer(&self.deps, &ended)).await
    }
}

/// The activity `ask_extensions`, without a worker around it. While an extension has its calls of
/// the second and the deadline is ahead, it fails, to be tried again soon; calls that were written
/// stay, and the watch is signalled to make them.
///
/// # Errors
/// As [`stored`] decides, or because an extension is to be asked later.
pub async fn ask_extensions(deps: &Deps, of: AskInput) -> Result<WatchState, ActivityError> {
    let lead = Duration::from_millis(of.lead_ms);
    let asked = transaction(&deps.pool, async |tx| {
        let asked = extension::ask_before_incident(tx, of.event_id, lead).await?;
        Ok((asked, state::read(deps, tx, of.event_id).await?))
    });
    match stored(asked.await)? {
        (Asked::All, watch_state) => Ok(watch_state),
        (Asked::Later, _) => {
            let mut random = [0_u8; 8];
            // Without random bytes they come back together, which only costs time.
            let _unspread = getrandom::fill(&mut random);
            let spread = Duration::from_millis(u64::from_le_bytes(random) % SPREAD_MS);
            let words = "the extension has its calls of this second".to_owned();
            Err(retry_after(ASK_AGAIN + spread, words))
        }
    }
}

/// The activity `record_answer`, without a worker around it.
///
/// # Errors
/// As [`stored`] decides.
pub async fn record_answer(deps: &Deps, ended: &EndedCall) -> Result<WatchState, ActivityError> {
    let answer = ended.answer.as_deref().ok_or_else(|| {
        ended.silence.clone().unwrap_or_else(|| Silence::new(Unanswered::Unreadable))
    });
    let recorded = transaction(&deps.pool, async |tx| {
        extension::record_answer(tx, ended.event_id, ended.call_id, answer).await?;
        state::read(deps, tx, ended.event_id).await
    });
    stored(recorded.await)
}
