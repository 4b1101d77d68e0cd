//! `EffectWatch`: waits for one event's result, judges its absence, and sees to the repair.
//!
//! The life of a watch, in the order of [`EffectWatch::run`]: wait for the app's result until the
//! deadline. A recorded success ends the watch with no activity at all. Otherwise the database says
//! whether an incident is due, people are notified, and the watch follows the incident: it receives
//! results, requests to reprocess and resolutions, sends callbacks, and waits for their outcome,
//! until the database says that nothing is left to do.
//!
//! Every decision is the database's: after each wakeup the watch asks for the event's state
//! ([`WatchState`]) and does what comes next. So a lost, late or repeated signal changes nothing,
//! and a watch that is started again after a lost namespace finds its place again.
//!
//! A watch that is canceled ends, but not before a callback that it was sending has ended as
//! undelivered. What it would have done later is the sweep's, which starts a new run.

mod wakeup;

use std::collections::VecDeque;
use std::time::{Duration, UNIX_EPOCH};

use domain::effect_result::Outcome;
use domain::event::Effect;
use domain::ids::EventId;
use domain::or_unknown::OrUnknown;
use domain::outbox::RecordedResult;
use domain::watch::{IncidentView, NextStep, ReprocessView, WatchState};
use serde::{Deserialize, Serialize};
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination,
};
use time::OffsetDateTime;

use crate::activity_contract::{EventInput, Records, ReprocessInput};
use crate::background_activities::BackgroundActivities;
use crate::callback_end;
use crate::details;
use crate::extension_call;
use crate::manual::{self, ManualCommand};
use crate::names::search_attribute;
use crate::options;
use crate::progress_poll::{self, ProgressPoll};
use crate::signals::SignalMessage;
pub use crate::watch_input::WatchInput;
use wakeup::{Timeout, Wakeup, remaining};

/// How long a watch waits before it asks again about a step that only another release knows.
/// Upgrades replace all workers within minutes.
const ASK_AGAIN: Duration = Duration::from_mins(1);

// What each activity is for, as a history says it.
const READ: &str = "read the event's state";
const OPEN: &str = "open the incident if it is due";
const RESULT: &str = "record the result that was signalled";
const REPROCESS: &str = "record the reprocess that was signalled";
const RESOLVE: &str = "record the resolution that was signalled";
const END: &str = "end the reprocess if no result came";

/// How a watch ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchOutcome {
    /// `applied` or `superseded` where no incident was needed, else the incident's last state.
    pub ended: String,
}

/// The result of the `status` query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchStatus {
    /// `pending`, `applied`, `superseded`, or the incident's state.
    pub state: String,
    /// Until when the app may report in time.
    #[serde(with = "time::serde::rfc3339")]
    pub deadline: OffsetDateTime,
    /// The incident, if there is one.
    pub incident: Option<IncidentView>,
    /// The latest reprocess, if there was one.
    pub reprocess: Option<ReprocessView>,
    /// How many callback attempts the latest reprocess made.
    pub attempts: u32,
}

/// The watch over one event.
#[workflow]
pub struct EffectWatch {
    input: WatchInput,
    pending_signals: VecDeque<SignalMessage>,
    watch_state: Option<WatchState>,
    /// The recorded result that settled the event before an incident was due.
    settled_by: Option<Outcome>,
    /// The state that is shown, and since when.
    shown: Option<(String, OffsetDateTime)>,
}

#[workflow_methods]
#[expect(clippy::needless_pass_by_value, reason = "the SDK hands signals over by value")]
impl EffectWatch {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: WatchInput) -> Self {
        Self {
            input,
            pending_signals: VecDeque::new(),
            watch_state: None,
            settled_by: None,
            shown: None,
        }
    }

    /// The watch of one event.
    ///
    /// # Errors
    /// When an activity failed in a way that a person must handle, or the watch was canceled.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<WatchOutcome> {
        let ended = Self::follow(ctx).await;
        if let Err(why) = &ended
            && let Some(replay_id) = callback_end::left_behind(ctx, why)
        {
            let event_id = ctx.state(|watch| watch.input.event_id);
            let why = "the watch was canceled in Temporal".to_owned();
            let watch_state = callback_end::end_undelivered(ctx, event_id, replay_id, why).await?;
            Self::note(ctx, &watch_state);
            return Err(WorkflowTermination::cancelled());
        }
        ended
    }

    /// The app, or a person, reports a result.
    #[signal]
    pub fn result(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.pending_signals.push_back(SignalMessage::result(self.input.event_id, &input));
    }

    /// An operator asks for the work to be done again.
    #[signal]
    pub fn reprocess(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.pending_signals.push_back(SignalMessage::reprocess(self.input.event_id, &input));
    }

    /// An operator resolved it manually.
    #[signal]
    pub fn resolve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        self.pending_signals.push_back(SignalMessage::resolve(self.input.event_id, &input));
    }

    /// An operator acknowledged it; that is recorded already.
    #[signal]
    pub fn acknowledged(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.pending_signals.push_back(SignalMessage::Acknowledged);
    }

    /// The watch's state.
    #[query]
    pub fn status(&self, _ctx: &WorkflowContextView) -> WatchStatus {
        let incident =
            self.watch_state.as_ref().and_then(|watch_state| watch_state.incident.clone());
        let reprocess =
            self.watch_state.as_ref().and_then(|watch_state| watch_state.reprocess.clone());
        WatchStatus {
            state: self.state_name(),
            deadline: self.input.timeout_at,
            attempts: reprocess.as_ref().map_or(0, |reprocess| reprocess.attempts),
            incident,
            reprocess,
        }
    }
}

impl EffectWatch {
    /// Follows the event until nothing is left to do.
    async fn follow(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<WatchOutcome> {
        let (mut background, mut progress_poll) =
            (BackgroundActivities::default(), ProgressPoll::default());
        let input = ctx.state(|watch| watch.input.clone());
        ctx.set_current_details(details::pending(input.timeout_at));
        let mut leads: VecDeque<_> = input.ask_before_ms.iter().copied().collect();
        let first = Self::first_signal(ctx, &mut background, &input, &mut leads).await?;
        let Some(mut watch_state) = first else {
            return Ok(WatchOutcome { ended: ctx.state(Self::state_name) });
        };
        loop {
            Self::note(ctx, &watch_state);
            background.deliver(ctx, &watch_state.alerts);
            background.call(ctx, input.event_id, &watch_state.asks);
            let waiting =
                Self::wait(ctx, &mut background, &mut progress_poll, &mut leads, &watch_state);
            let Some(wakeup) = waiting.await? else { break };
            watch_state = Self::judge(ctx, wakeup, watch_state.next).await?;
        }
        Ok(WatchOutcome { ended: ctx.state(Self::state_name) })
    }

    /// Waits for what the watch's state says; `None` when nothing is left to wait for.
    async fn wait(
        ctx: &mut WorkflowContext<Self>,
        background: &mut BackgroundActivities,
        progress_poll: &mut ProgressPoll,
        leads: &mut VecDeque<u64>,
        watch_state: &WatchState,
    ) -> Result<Option<Wakeup>, WorkflowTermination> {
        let input = ctx.state(|watch| watch.input.clone());
        let wakeup = match watch_state.next {
            NextStep::Finish => return Self::last_wakeup(ctx, background).await,
            NextStep::WaitForResult { wait_ms } => {
                let wait = Duration::from_millis(wait_ms);
                Self::result_or_deadline(ctx, background, wait, leads).await?
            }
            NextStep::WaitForRepair { wait_ms, .. } => {
                let until =
                    Timeout::new(Duration::from_millis(wait_ms), "the reprocess has no result");
                Self::next_wakeup(ctx, background, Some(until)).await?
            }
            NextStep::WaitForExtension { wait_ms, .. } if ctx.patched(extension_call::PATCH) => {
                let until =
                    Timeout::new(Duration::from_millis(wait_ms), "no extension took it over");
                Self::next_wakeup(ctx, background, Some(until)).await?
            }
            NextStep::WaitForPeople => {
                Self::continue_if_long(ctx, background, &input)?;
                Self::next_wakeup(ctx, background, None).await?
            }
            NextStep::WaitForExtension { .. } | NextStep::Unknown => {
                Self::continue_if_long(ctx, background, &input)?;
                let until = Timeout::new(ASK_AGAIN, "ask the database again");
                Self::next_wakeup(ctx, background, Some(until)).await?
            }
            NextStep::SendCallback { replay_id } => {
                background.send_callback(ctx, input.event_id, replay_id);
                let made = watch_state.reprocess.as_ref().map_or(0, |latest| latest.attempts);
                let poll_after =
                    progress_poll.next(made).filter(|_| ctx.patched(progress_poll::PATCH));
                let until =
                    poll_after.map(|wait| Timeout::new(wait, "read the callback's progress"));
                Self::next_wakeup(ctx, background, until).await?
            }
        };
        Ok(Some(wakeup))
    }

    /// Waits for the first signal or the deadline. `None` is the happy ending: a recorded result
    /// that is no failure, which the database settled before it signalled us.
    async fn first_signal(
        ctx: &mut WorkflowContext<Self>,
        background: &mut BackgroundActivities,
        input: &WatchInput,
        leads: &mut VecDeque<u64>,
    ) -> Result<Option<WatchState>, WorkflowTermination> {
        let event = EventInput { event_id: input.event_id };
        if input.resumed {
            let options = options::records(READ);
            return Ok(Some(ctx.execute_activity(Records::read_standing, event, options).await?));
        }
        let timeout = remaining(ctx, input.timeout_at);
        match Self::result_or_deadline(ctx, background, timeout, leads).await? {
            Wakeup::Signal(SignalMessage::Recorded(
                RecordedResult {
                    status: OrUnknown::Known(outcome @ (Outcome::Succeeded | Outcome::Superseded)),
                    ..
                },
                said,
            )) if said.is_bare() || !ctx.patched(manual::JUDGE_FIRST) => {
                ctx.state_mut(|watch| watch.settled_by = Some(outcome));
                Ok(None)
            }
            wakeup => {
                let waiting = NextStep::WaitForResult { wait_ms: 0 };
                Self::judge(ctx, wakeup, waiting).await.map(Some)
            }
        }
    }

    /// Has the database judge what just happened.
    async fn judge(
        ctx: &WorkflowContext<Self>,
        wakeup: Wakeup,
        waiting_for: NextStep,
    ) -> Result<WatchState, WorkflowTermination> {
        let event_id = ctx.state(|watch| watch.input.event_id);
        let event = EventInput { event_id };
        let records = options::records;
        let watch_state = match (wakeup, waiting_for) {
            (Wakeup::CallbackEnded(watch_state), NextStep::SendCallback { .. }) => watch_state,
            (Wakeup::CallbackFailed(replay_id, why), _) => {
                callback_end::end_undelivered(ctx, event_id, replay_id, why).await?
            }
            // What is over stays so; so does what was waited for before and after.
            (Wakeup::Answered(watch_state), waiting_for)
                if watch_state.next == NextStep::Finish || watch_state.next == waiting_for =>
            {
                watch_state
            }
            // While the callback or the call ran, the database was asked about something else. Which
            // of the two results is the newer one cannot be seen from here. Where it still runs, the
            // state is read again.
            (Wakeup::CallbackEnded(_) | Wakeup::Answered(_), _)
            | (
                Wakeup::TimeUp,
                NextStep::SendCallback { .. }
                | NextStep::WaitForExtension { .. }
                | NextStep::Unknown,
            ) => ctx.execute_activity(Records::read_standing, event, records(READ)).await?,
            (Wakeup::TimeUp, NextStep::WaitForRepair { replay_id, .. }) => {
                let reprocess_input = ReprocessInput { event_id, replay_id };
                let options = records(END);
                ctx.execute_activity(Records::end_reprocess_if_due, reprocess_input, options)
                    .await?
            }
            (Wakeup::TimeUp, _) => {
                ctx.execute_activity(Records::open_incident_if_due, event, records(OPEN)).await?
            }
            (Wakeup::Signal(message), _) => {
                Self::record(ctx, event_id, message, waiting_for).await?
            }
        };
        Ok(watch_state)
    }

    /// Has the database record what was signalled, or check whether it is recorded.
    async fn record(
        ctx: &WorkflowContext<Self>,
        event_id: EventId,
        message: SignalMessage,
        waiting_for: NextStep,
    ) -> Result<WatchState, WorkflowTermination> {
        let event = EventInput { event_id };
        let records = options::records;
        let waits_for_result = matches!(waiting_for, NextStep::WaitForResult { .. });
        let watch_state = match ManualCommand::new(ctx, event_id, message) {
            ManualCommand::RecordedResult if waits_for_result => {
                ctx.execute_activity(Records::open_incident_if_due, event, records(OPEN)).await?
            }
            ManualCommand::Recorded | ManualCommand::RecordedResult => {
                ctx.execute_activity(Records::read_standing, event, records(READ)).await?
            }
            ManualCommand::Result(input) => {
                ctx.execute_activity(Records::record_result, input, records(RESULT)).await?
            }
            ManualCommand::Reprocess(input) => {
                ctx.execute_activity(Records::request_reprocess, input, records(REPROCESS)).await?
            }
            ManualCommand::Resolve(input) => {
                ctx.execute_activity(Records::resolve_incident, input, records(RESOLVE)).await?
            }
        };
        Ok(watch_state)
    }

    /// Keeps the event state for queries, and shows a change of the incident's state to searches.
    /// The happy path never comes here, so it pays for no upsert.
    fn note(ctx: &WorkflowContext<Self>, watch_state: &WatchState) {
        ctx.state_mut(|watch| watch.watch_state = Some(watch_state.clone()));
        let now = ctx.state(Self::state_name);
        Self::show(ctx, &now, watch_state);
        if ctx.search_attributes().get(&search_attribute::STATE).as_deref() != Some(&now) {
            ctx.upsert_search_attributes([search_attribute::STATE.value_set(now)]);
        }
    }

    /// Says in words what the state is since when, and what comes next.
    fn show(ctx: &WorkflowContext<Self>, state: &str, watch_state: &WatchState) {
        let now = OffsetDateTime::from(ctx.workflow_time().unwrap_or(UNIX_EPOCH));
        let since = ctx.state_mut(|watch| match &watch.shown {
            Some((shown, since)) if shown == state => *since,
            _ => watch.shown.insert((state.to_owned(), now)).1,
        });
        ctx.set_current_details(details::render(state, since, now, watch_state));
    }

    /// A watch over an incident that stays unresolved for months may grow long: it goes on in a
    /// fresh run while nothing is under way.
    fn continue_if_long(
        ctx: &WorkflowContext<Self>,
        background: &BackgroundActivities,
        input: &WatchInput,
    ) -> Result<(), WorkflowTermination> {
        let pending = ctx.state(|watch| !watch.pending_signals.is_empty());
        if ctx.continue_as_new_suggested() && background.is_idle() && !pending {
            let resumed = WatchInput { resumed: true, ..input.clone() };
            ctx.continue_as_new(resumed, ContinueAsNewOptions::default())?;
        }
        Ok(())
    }

    /// What the database last said comes next.
    pub(crate) fn next_step(&self) -> Option<NextStep> {
        self.watch_state.as_ref().map(|watch_state| watch_state.next)
    }

    fn state_name(&self) -> String {
        let settled_by = match &self.watch_state {
            None => self.settled_by,
            Some(WatchState { incident: Some(incident), .. }) => {
                return incident.state.to_string();
            }
            Some(watch_state) if watch_state.next != NextStep::Finish => None,
            Some(watch_state) if watch_state.effect == Effect::Superseded => {
                Some(Outcome::Superseded)
            }
            Some(_) => Some(Outcome::Succeeded),
        };
        match settled_by {
            Some(Outcome::Succeeded) => "applied",
            Some(Outcome::Superseded) => "superseded",
            Some(Outcome::Failed) | None => "pending",
        }
        .to_owned()
    }
}
