//! Asking the app to do the work again.
//!
//! One run of the activity is one attempt: a row in one transaction, the request, its end in
//! another. A worker that dies in between leaves a row without an end; the next run marks it as
//! interrupted and sends the same body with the same `replay_id` and a new nonce. When the next
//! attempt is due is written with the end of the one before and given to Temporal as the next
//! retry's delay.
//!
//! A run that comes before that moment makes no attempt and asks for the rest of the wait: the
//! worker before may have died before it reported to Temporal how long to wait, the activity may
//! have been unpaused or its options changed, the watch may be a new run. Only an operator who
//! resets the activity gets the attempt immediately.

use std::sync::Arc;
use std::time::Duration;

use domain::callback::{self, AnswerVerdict};
use domain::callback_header::CallbackHeader;
use domain::ids::{ProjectId, ReplayId};
use domain::repair_url::RepairUrl;
use domain::signature::Signed;
use domain::snapshot::telling_texts;
use domain::watch::WatchState;
use store::attempts::AttemptEnd;
use store::flows::About;
use store::pool::transaction;
use store::transitions::callback::{self as attempt, AttemptOutcome, CallbackWork};
use telemetry::trace::{self, TRACEPARENT, TraceParent};
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityInfo};
use time::OffsetDateTime;
use workflows::activity_contract::{ReprocessInput, definition};

use crate::decide::{self, Decide, stored};
use crate::deps::Deps;
use crate::http::{ExchangeError, HttpResponse};
use crate::observed::observed;
use crate::signing;
use crate::state;

/// How often a running exchange says that its worker lives.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Implements [`workflows::activity_contract::Callbacks`].
pub struct Callbacks {
    deps: Arc<Deps>,
}

impl Callbacks {
    /// Callbacks for the projects of this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Callbacks {
    #[activity(definition = definition::SendCallback)]
    pub async fn send_callback(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: ReprocessInput,
    ) -> Result<WatchState, ActivityError> {
        let alive = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                // A lost heartbeat only means that another worker takes over, which is safe.
                let _sent = ctx.record_heartbeat(()).await;
            }
        };
        let timing = Timing::from_info(ctx.info());
        let sending = async {
            tokio::select! {
                ended = send(&self.deps, of, timing) => ended,
                never = alive => never,
            }
        };
        observed(&self.deps, &ctx, About::Reprocess(of.event_id, of.replay_id), sending).await
    }
}

/// No operator resets an activity sooner after it was scheduled.
const RESET_AFTER: Duration = Duration::from_millis(50);

/// Whether an attempt waits until it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// As the database says.
    WhenDue,
    /// An operator wants it now.
    Now,
}

impl Timing {
    /// A reset activity counts its attempts from one again, some time after it was scheduled. Both
    /// times are the server's, and equal in an activity that runs for the first time.
    fn from_info(info: &ActivityInfo) -> Self {
        let waited = info
            .current_attempt_scheduled_time
            .zip(info.scheduled_time)
            .and_then(|(attempt, first)| attempt.duration_since(first).ok());
        match waited {
            Some(waited) if info.attempt == 1 && waited > RESET_AFTER => Self::Now,
            _ => Self::WhenDue,
        }
    }
}

/// One attempt, from its row to its consequence: the activity without its heartbeat.
///
/// # Errors
/// When another attempt is due, with its delay, or when the database fails.
pub async fn send(
    deps: &Deps,
    of: ReprocessInput,
    timing: Timing,
) -> Result<WatchState, ActivityError> {
    let nonce = signing::nonce().or_retry()?;
    let mut tx = deps.pool.begin().await.or_retry()?;
    if timing == Timing::WhenDue
        && let Some(left) = stored(attempt::time_left(&mut tx, of.event_id, of.replay_id).await)?
    {
        let words = format!("the next attempt is due in {} s", left.as_secs());
        return Err(decide::retry_after(left, words));
    }
    let (event_id, replay_id) = (of.event_id, of.replay_id);
    let key = &deps.master_key;
    let work = attempt::begin_attempt(&mut tx, key, event_id, replay_id, &nonce).await;
    let work = stored(work)?;
    tx.commit().await.or_retry()?;
    if let Some(work) = work {
        crash_points::pass("callback.begun");
        let kept = work.trace_parent.as_deref().and_then(TraceParent::parse);
        let (span, trace_parent) = trace::callback(kept);
        let exchange = exchange(deps, replay_id, &work, &nonce, trace_parent.as_ref());
        let ending = span.run(exchange).await;
        let is_delivered = ending.verdict == AnswerVerdict::Delivered;
        span.called(ending.status, is_delivered, ending.error);
        drop(span);
        crash_points::pass("callback.sent");
        ending.tell(work.project_id);
        end(deps, of, work.attempt, ending).await?;
        crash_points::pass("callback.noted");
    }
    let state = transaction(&deps.pool, async |tx| state::read(deps, tx, event_id).await);
    stored(state.await)
}

/// How an attempt ended.
struct ExchangeOutcome {
    verdict: AnswerVerdict,
    status: Option<u16>,
    error: Option<&'static str>,
    latency_ms: i64,
    answer: String,
    redirect_to: Option<String>,
    retry_after: Option<Duration>,
}

async fn exchange(
    deps: &Deps,
    replay_id: ReplayId,
    work: &CallbackWork,
    nonce: &str,
    trace_parent: Option<&TraceParent>,
) -> ExchangeOutcome {
    let Some(text) = &work.repair_url else {
        return ExchangeOutcome::unsendable(
            "no_repair_url",
            "the project has no repair URL".to_owned(),
        );
    };
    let url = match RepairUrl::parse(text, work.mode, &deps.allow) {
        Ok(url) => url,
        Err(error) => return ExchangeOutcome::unsendable("repair_url_refused", error.to_string()),
    };
    let mut headers = headers(replay_id, work, nonce);
    headers.extend(own(trace_parent, work));
    headers.extend(added(&work.headers));
    let snapshot = work.snapshot.as_deref().map(telling_texts).unwrap_or_default();
    let hidden = work.headers.iter().flat_map(CallbackHeader::secrets);
    let hidden: Vec<_> = hidden.chain(snapshot.iter().map(String::as_str)).collect();
    let body = work.body.clone().into_bytes();
    match deps.http.post_hiding(url.as_url(), &headers, body, &hidden).await {
        Ok(answer) => ExchangeOutcome::answered(answer),
        Err(error) => ExchangeOutcome::unanswered(&error),
    }
}

/// The trace, unless the project sends a header of that name itself.
fn own(trace: Option<&TraceParent>, work: &CallbackWork) -> Option<(&'static str, String)> {
    let names = || work.headers.iter().map(|header| header.name.as_str());
    let trace = trace.filter(|_| !names().any(|name| name.eq_ignore_ascii_case(TRACEPARENT)))?;
    Some((TRACEPARENT, trace.as_str().to_owned()))
}

/// What the project adds, to let its callbacks pass a gateway.
fn added(headers: &[CallbackHeader]) -> impl Iterator<Item = (&str, String)> {
    headers.iter().map(|header| (header.name.as_str(), header.value().to_owned()))
}

/// The headers of one attempt.
fn headers<'a>(replay_id: ReplayId, work: &CallbackWork, nonce: &str) -> Vec<(&'a str, String)> {
    let (id, timestamp) = (replay_id.to_string(), work.at.unix_timestamp());
    let signed = Signed { id: &id, timestamp, nonce, body: work.body.as_bytes() };
    let mut headers = signing::headers(&work.secrets, signed).to_vec();
    headers.push(("x-sp-attempt", work.attempt.to_string()));
    headers
}

impl ExchangeOutcome {
    fn unsendable(error: &'static str, words: String) -> Self {
        let verdict = AnswerVerdict::Stop;
        Self {
            verdict,
            status: None,
            error: Some(error),
            latency_ms: 0,
            answer: words,
            redirect_to: None,
            retry_after: None,
        }
    }

    fn answered(answer: HttpResponse) -> Self {
        let retry_after = answer.retry_after.as_deref();
        Self {
            verdict: callback::judge_answer(answer.status),
            status: Some(answer.status),
            error: None,
            latency_ms: answer.latency_ms,
            retry_after: retry_after
                .and_then(|text| crate::http::retry_after(text, OffsetDateTime::now_utc())),
            answer: answer.excerpt,
            redirect_to: answer.redirect_to,
        }
    }

    fn unanswered(error: &ExchangeError) -> Self {
        Self {
            verdict: if error.is_retryable() { AnswerVerdict::Retry } else { AnswerVerdict::Stop },
            status: None,
            error: Some(error.class.as_str()),
            latency_ms: error.latency_ms,
            answer: error.message.clone(),
            redirect_to: None,
            retry_after: None,
        }
    }

    fn tell(&self, project_id: ProjectId) {
        let outcome = match self.verdict {
            AnswerVerdict::Delivered => "delivered",
            AnswerVerdict::Retry | AnswerVerdict::RetryOnce => "failed",
            AnswerVerdict::Stop => "refused",
        };
        let took = Duration::from_millis(u64::try_from(self.latency_ms).unwrap_or_default());
        telemetry::callback_attempt(&project_id.to_string(), outcome, took);
    }

    fn words(&self) -> String {
        match (self.status, self.error) {
            (Some(status), _) => format!("the repair endpoint answered {status}"),
            (None, error) => format!("{}: {}", error.unwrap_or("error"), self.answer),
        }
    }
}

/// Completes the attempt; another one that is due is a retry for Temporal.
async fn end(
    deps: &Deps,
    of: ReprocessInput,
    number: i32,
    ending: ExchangeOutcome,
) -> Result<(), ActivityError> {
    let end = AttemptEnd {
        status: ending.status,
        error: ending.error,
        latency_ms: ending.latency_ms,
        answer: Some(&ending.answer),
        redirect_to: ending.redirect_to.as_deref(),
        retry_after: ending.retry_after,
        jitter: jitter()?,
    };
    let ended = transaction(&deps.pool, async |tx| {
        attempt::end_attempt(tx, of.event_id, of.replay_id, number, end, ending.verdict).await
    });
    match stored(ended.await)? {
        AttemptOutcome::Done => Ok(()),
        AttemptOutcome::Retry(delay) => Err(decide::retry_after(delay, ending.words())),
    }
}

/// A random number from 0 to 1.
fn jitter() -> Result<f64, ActivityError> {
    let mut byte = [0_u8; 1];
    getrandom::fill(&mut byte).or_retry()?;
    Ok(f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::project::Mode;
    use domain::signature::SigningSecret;
    use time::macros::datetime;

    #[test]
    fn an_attempt_carries_every_header_of_both_schemes() {
        let replay_id: ReplayId = "rpl_00000000000000000000000001".parse().expect("an id");
        let work = CallbackWork {
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            attempt: 2,
            body: "{}".to_owned(),
            snapshot: None,
            repair_url: None,
            mode: Mode::Test,
            headers: Vec::new(),
            secrets: vec![SigningSecret::from_bytes([1; 32]), SigningSecret::from_bytes([2; 32])],
            at: datetime!(2023-11-14 22:13:20 UTC),
            trace_parent: None,
        };
        let headers = headers(replay_id, &work, "abc");
        let value = |name| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("webhook-id"), Some("rpl_00000000000000000000000001"));
        assert_eq!(value("x-sp-attempt"), Some("2"));
        assert_eq!(value("x-sp-timestamp"), Some("1700000000"), "the attempt's, not the worker's");
        assert_eq!(value("webhook-timestamp"), Some("1700000000"));
        assert_eq!(value("x-sp-signature").map(|v| v.matches("v1=").count()), Some(2));
        assert_eq!(value("webhook-signature").map(|v| v.matches("v1,").count()), Some(2));
    }
}
