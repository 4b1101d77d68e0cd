//! One extension: what it is, whether it answers, and its last calls.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::alert::{format_duration, one_line};
use domain::extension::{ExtensionKind, SILENT_AFTER, describe_evidence};
use domain::ids::{EventId, ExtensionId};
use domain::timeline::actor_name;
use store::extension_calls::{ExtensionCall, list_last};
use store::extensions::Extension;
use time::OffsetDateTime;
use web::error::ApiError;

use super::polling::{self, WorkerState};
use super::{asked, place, trusted};
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::projects::{Head, PathProject, Tab};
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::when::When;

/// How many calls are shown.
const CALLS: i64 = 20;

#[derive(Template)]
#[template(path = "pages/extension.html")]
struct ExtensionPage {
    layout: Layout,
    head: Head,
    id: ExtensionId,
    name: String,
    is_activity: bool,
    place: String,
    asked: &'static str,
    trust: &'static str,
    fallback: Option<&'static str>,
    budget: i32,
    heartbeat: Option<i32>,
    rate: i32,
    made: When,
    made_by: String,
    paused: Option<When>,
    unanswered: i32,
    /// Whether that is so many that people were told.
    is_silent: bool,
    worker: Option<WorkerState>,
    /// Why the latest call had no answer.
    problem: Option<String>,
    last_answer: Option<When>,
    calls: Vec<CallItem>,
}

struct CallItem {
    event: EventId,
    asked: When,
    /// What came of it.
    outcome: String,
    is_bad: bool,
    /// The note, or why there was no answer.
    text: String,
    evidence: Vec<(String, String)>,
    took: Option<String>,
}

/// `GET /projects/{project_id}/extensions/{extension_id}`.
///
/// # Errors
/// `not_found`.
pub(super) async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Path((_, extension_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let extension = super::find(&state, &project, &extension_id).await?;
    let calls = list_last(&state.pool, extension.id, CALLS).await?;
    let worker = polling::find(&state, &extension.target).await;
    let name = one_line(&extension.name());
    let heading = format!("{name} is asked {}", asked(extension.point));
    let head = Head::new(&project, Tab::Extensions, heading);
    let layout = Layout::load(&state, &signed_in, Section::Projects, head.title()).await?;
    page_with(StatusCode::OK, &page(layout, head, &extension, &calls, worker))
}

fn page(
    layout: Layout,
    head: Head,
    extension: &Extension,
    calls: &[ExtensionCall],
    worker: Option<WorkerState>,
) -> ExtensionPage {
    let now = OffsetDateTime::now_utc();
    let kind = extension.target.kind();
    let ended = calls.iter().find(|call| call.answered_at.is_some());
    let silence = ended.and_then(|call| call.silence.as_ref());
    let answered = calls.iter().find(|call| call.answer.is_some());
    ExtensionPage {
        layout,
        head,
        id: extension.id,
        name: one_line(&extension.name()),
        is_activity: kind == ExtensionKind::Activity,
        place: place(extension),
        asked: asked(extension.point),
        trust: trusted(extension.trust),
        fallback: extension.fallback.map(domain::extension::Fallback::as_str),
        budget: extension.budget_seconds,
        heartbeat: extension.heartbeat_seconds,
        rate: extension.calls_per_second,
        made: When::ago(extension.created_at, now),
        made_by: actor_name(&extension.created_by),
        paused: extension.paused_at.map(|at| When::ago(at, now)),
        unanswered: extension.unanswered_in_a_row,
        is_silent: extension.unanswered_in_a_row >= SILENT_AFTER,
        worker,
        problem: silence.map(|silence| one_line(&silence.sentence(kind))),
        last_answer: answered.and_then(|call| call.answered_at).map(|at| When::ago(at, now)),
        calls: calls.iter().map(|call| item(call, kind, now)).collect(),
    }
}

fn item(call: &ExtensionCall, kind: ExtensionKind, now: OffsetDateTime) -> CallItem {
    let answer = call.read_answer();
    let text = match (&answer, &call.silence) {
        (Some(answer), _) => one_line(answer.note().unwrap_or_default()),
        (None, Some(silence)) => one_line(&silence.sentence(kind)),
        (None, None) => String::new(),
    };
    let evidence = answer.as_ref().map(|answer| describe_evidence(answer.evidence()));
    CallItem {
        event: call.event_id,
        asked: When::ago(call.asked_at, now),
        outcome: call.outcome.as_deref().map_or_else(|| "asked".to_owned(), word),
        is_bad: call.silence.is_some(),
        text,
        evidence: evidence.unwrap_or_default(),
        took: call.latency().map(describe_latency),
    }
}

/// How long a call took, in the unit that people would say it in.
pub(super) fn describe_latency(took: time::Duration) -> String {
    match took.whole_milliseconds() {
        milliseconds @ ..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{:.1} s", took.as_seconds_f64()),
        _ => format_duration(took),
    }
}

/// `not_settled` as people write it.
fn word(outcome: &str) -> String {
    one_line(&outcome.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::describe_latency;

    #[test]
    fn a_latency_is_in_the_unit_that_people_would_say_it_in() {
        for (took, words) in [
            (Duration::milliseconds(312), "312 ms"),
            (Duration::milliseconds(1_250), "1.2 s"),
            (Duration::seconds(20), "20.0 s"),
            (Duration::seconds(61), "1 minute"),
        ] {
            assert_eq!(describe_latency(took), words);
        }
    }
}
