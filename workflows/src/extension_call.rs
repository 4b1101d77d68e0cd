//! One call of an extension: made by its own worker, and its end recorded by ours.
//!
//! Whatever comes back, or does not, becomes an answer or a reason, so that nothing an extension
//! does can fail the watch. A call that was canceled with its watch is not recorded: a watch that
//! begins again makes it again, under the same id.

use std::time::Duration;

use domain::extension::{MAX_ANSWER_BYTES, Silence, Unanswered};
use domain::ids::EventId;
use domain::watch::{Ask, AskTarget, WatchState};
use futures::future::LocalBoxFuture;
use temporalio_common::UntypedActivity;
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::enums::v1::TimeoutType;
use temporalio_common::protos::temporal::api::failure::v1::Failure;
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_workflow::{ActivityExecutionError, WorkflowContext};

use crate::EffectWatch;
use crate::activity_contract::{EndedCall, EndpointInput, Endpoints, Extensions};
use crate::{names, options};

/// The change that made watches ask extensions. A run that a worker without it began goes on without.
pub(crate) const PATCH: &str = "ask-extensions";

/// The longest type of a failure that is kept, in characters.
const MAX_TYPE: usize = 100;
/// How many failures, one the cause of the other, are looked through for what failed first.
const MAX_CAUSES: usize = 8;

/// Makes a call, and has its end recorded. The future ends with the event's state afterwards, unless
/// nothing was recorded. `None` for a call that only another release knows how to make.
pub(crate) fn make(
    ctx: &WorkflowContext<EffectWatch>,
    event_id: EventId,
    ask: &Ask,
) -> Option<LocalBoxFuture<'static, Option<WatchState>>> {
    let (ctx, call_id) = (ctx.clone(), ask.call_id);
    let budget = Duration::from_millis(ask.budget_ms);
    let heartbeat = ask.heartbeat_ms.map(Duration::from_millis);
    let summary = format!("ask {}, {call_id}", ask.name);
    let options = |queue| options::extension(queue, budget, heartbeat, summary);
    let is_ours = ask.target == AskTarget::Https;
    let calling: LocalBoxFuture<'static, _> = match &ask.target {
        AskTarget::Activity { activity, queue, input } => {
            let (activity, input) = (UntypedActivity::new(activity.clone()), plain_json(input));
            let (ctx, options) = (ctx.clone(), options(queue.clone()));
            Box::pin(async move { ctx.execute_activity(activity, input, options).await })
        }
        AskTarget::Https => {
            let options = options(names::endpoint_queue(ctx.task_queue()));
            let (ctx, input) = (ctx.clone(), EndpointInput { call_id });
            Box::pin(
                async move { ctx.execute_activity(Endpoints::ask_endpoint, input, options).await },
            )
        }
        AskTarget::Unknown => return None,
    };
    Some(Box::pin(async move {
        let read = match calling.await {
            Ok(answer) => read_answer(answer),
            Err(ActivityExecutionError::Cancelled(_)) => return None,
            Err(ActivityExecutionError::Failed(failed)) => {
                Err(silence(failed.failure().cause.as_deref(), is_ours))
            }
            Err(_) => Err(Silence::new(Unanswered::Unreadable)),
        };
        let (answer, silence) = match read {
            Ok(answer) => (Some(answer), None),
            Err(silence) => (None, Some(silence)),
        };
        let ended = EndedCall { event_id, call_id, answer, silence };
        let options = options::records("record how the call ended");
        ctx.execute_activity(Extensions::record_answer, ended, options).await.ok()
    }))
}

fn plain_json(input: &serde_json::Value) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: input.to_string().into_bytes(),
        ..Payload::default()
    }])
}

/// The answer as text, if it came as JSON. What is too large goes no further than here.
fn read_answer(answer: RawValue) -> Result<String, Silence> {
    let unreadable = || Silence::new(Unanswered::Unreadable);
    let payload = answer.payloads.into_iter().next().ok_or_else(unreadable)?;
    if payload.data.len() > MAX_ANSWER_BYTES {
        return Err(Silence::new(Unanswered::TooLarge));
    }
    match payload.metadata.get("encoding").map(Vec::as_slice).unwrap_or_default() {
        b"binary/null" => Err(unreadable()),
        encoding if !encoding.starts_with(b"json/") => Err(Silence::encoded(encoding)),
        _ => String::from_utf8(payload.data).map_err(|_| unreadable()),
    }
}

/// Why an activity has no answer. A failure that its worker named, and a heartbeat that was missed, say
/// more than the time limit at which its retries ended. Where it is ours, which asks an endpoint, it
/// names its failures by why that did not answer; a team's may mean something else by the same words.
fn silence(failure: Option<&Failure>, is_ours: bool) -> Silence {
    let causes = std::iter::successors(failure, |failure| failure.cause.as_deref());
    let mut timeout = None;
    for failure in causes.take(MAX_CAUSES) {
        match &failure.failure_info {
            Some(FailureInfo::TimeoutFailureInfo(info)) => {
                let died = info.timeout_type() == TimeoutType::Heartbeat;
                timeout = timeout.filter(|_| !died).or(Some(info.timeout_type()));
            }
            Some(FailureInfo::ApplicationFailureInfo(info))
                if timeout != Some(TimeoutType::ScheduleToStart) =>
            {
                let line = info.r#type.chars().filter(|c| !c.is_control());
                let name: String = line.take(MAX_TYPE).collect();
                return if is_ours { Silence::from_type(&name) } else { Silence::failed(name) };
            }
            _ => {}
        }
    }
    Silence::new(match timeout {
        Some(TimeoutType::ScheduleToStart) => Unanswered::NobodyTookIt,
        Some(TimeoutType::Heartbeat) => Unanswered::Died,
        Some(_) => Unanswered::TooSlow,
        None => Unanswered::Failed,
    })
}

#[cfg(test)]
mod tests {
    use temporalio_common::protos::temporal::api::failure::v1::{
        ApplicationFailureInfo, TimeoutFailureInfo,
    };

    use super::*;

    fn answered(encoding: &str, data: &[u8]) -> Result<String, Silence> {
        read_answer(RawValue::new(vec![Payload {
            metadata: [("encoding".to_owned(), encoding.as_bytes().to_vec())].into(),
            data: data.to_vec(),
            ..Payload::default()
        }]))
    }

    fn why(read: Result<String, Silence>) -> String {
        read.expect_err("no answer").to_string()
    }

    #[test]
    fn only_json_of_a_bounded_size_goes_on() {
        assert_eq!(answered("json/plain", b"{}").as_deref(), Ok("{}"));
        assert_eq!(why(answered("binary/plain", b"{}")), "unreadable (binary/plain)");
        assert_eq!(why(answered("", b"{}")), "unreadable");
        assert_eq!(why(answered("binary/null", b"")), "unreadable");
        assert_eq!(why(answered("json/plain", b"\xff")), "unreadable");
        assert_eq!(why(read_answer(RawValue::new(vec![]))), "unreadable");
        let longest = vec![b' '; MAX_ANSWER_BYTES];
        assert!(answered("json/plain", &longest).is_ok());
        assert_eq!(why(answered("json/plain", &[longest, vec![b' ']].concat())), "too_large");
        assert_eq!(why(answered("binary/plain", &vec![0; 3_000_000])), "too_large");
    }

    #[test]
    fn each_way_not_to_answer_has_its_reason() {
        let timeout = |timeout_type: TimeoutType, cause: Option<Failure>| Failure {
            failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
                timeout_type: timeout_type.into(),
                ..TimeoutFailureInfo::default()
            })),
            cause: cause.map(Box::new),
            ..Failure::default()
        };
        let raised = |name: &str| Failure {
            failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                r#type: name.to_owned(),
                ..ApplicationFailureInfo::default()
            })),
            message: "a secret".to_owned(),
            ..Failure::default()
        };
        let words = |failure: &Failure| silence(Some(failure), false).to_string();
        assert_eq!(words(&timeout(TimeoutType::ScheduleToStart, None)), "nobody_took_it");
        assert_eq!(words(&timeout(TimeoutType::Heartbeat, None)), "died");
        assert_eq!(words(&timeout(TimeoutType::StartToClose, None)), "too_slow");
        let ran_out =
            timeout(TimeoutType::ScheduleToClose, Some(timeout(TimeoutType::StartToClose, None)));
        assert_eq!(words(&ran_out), "too_slow");
        for limit in [TimeoutType::ScheduleToStart, TimeoutType::ScheduleToClose] {
            let died = timeout(limit, Some(timeout(TimeoutType::Heartbeat, None)));
            assert_eq!(words(&died), "died", "{limit:?}");
        }
        assert_eq!(words(&raised("ValueError")), "failed (ValueError)");
        assert_eq!(words(&raised("busy")), "failed (busy)");
        let of_an_endpoint = silence(Some(&raised("nobody_took_it (dns)")), true);
        assert_eq!(of_an_endpoint.to_string(), "nobody_took_it (dns)");
        let retried = timeout(TimeoutType::ScheduleToClose, Some(raised("ValueError")));
        assert_eq!(words(&retried), "failed (ValueError)");
        assert_eq!(words(&raised("")), "failed");
        assert_eq!(words(&raised(&"x\n".repeat(200))).chars().count(), "failed ()".len() + 100);
        assert_eq!(silence(None, false), Silence::new(Unanswered::Failed));
    }
}
