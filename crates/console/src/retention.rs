//! What is kept for how long, for admins: the rules, their last runs, and the schedule, which may be paused.
//!
//! Runs are the database's, the schedule is Temporal's. Where Temporal does not respond within a moment the page says so
//! and shows the rest.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::alert::one_line;
use domain::retention::{Period, Rule};
use domain::timeline::actor_name;
use engine::EngineError;
use engine::retention::ScheduleSeen;
use store::retention::runs::{LastRun, list_last};
use time::OffsetDateTime;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::badge::Badge;
use super::layout::{Layout, Section};
use super::page::page_with;
use super::session::{Message, SignedIn};
use super::when::When;
use crate::state::ConsoleState;

const PATH: &str = "/retention";
/// How long a page waits for Temporal.
const TIMEOUT: Duration = Duration::from_secs(2);

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Admin, get).post("/retention/pause", Access::Admin, pause).post(
        "/retention/resume",
        Access::Admin,
        resume,
    )
}

#[derive(Template)]
#[template(path = "pages/retention.html")]
struct RetentionPage {
    layout: Layout,
    heading: &'static str,
    schedule: Option<ScheduleSeen>,
    /// Whose namespace it is and what to do, where it is another database's.
    foreign: Option<String>,
    next_at: Option<When>,
    rows: Vec<RuleItem>,
}

struct RuleItem {
    what: &'static str,
    kept: String,
    is_of_project: bool,
    last: Option<LastItem>,
}

struct LastItem {
    at: When,
    badge: Badge,
    deleted: i64,
    error: Option<String>,
}

impl LastItem {
    fn new(run: &LastRun, now: OffsetDateTime) -> Self {
        let badge = match (&run.error, run.ended_at, run.was_cut_off) {
            (Some(_), ..) => Badge::new("open", "Failed"),
            (None, Some(_), _) => Badge::new("done", "Done"),
            (None, None, true) => Badge::new("ack", "Cut off"),
            (None, None, false) => Badge::new("work", "Running"),
        };
        Self {
            at: When::ago(run.started_at, now),
            badge,
            deleted: run.deleted,
            error: run.error.as_deref().map(one_line),
        }
    }
}

async fn get(State(state): State<ConsoleState>, signed_in: SignedIn) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let runs = list_last(&state.pool).await?;
    let rows = Rule::ALL.iter().map(|rule| {
        let last = runs.iter().find(|run| run.rule == *rule);
        RuleItem {
            what: rule.what(),
            kept: format!("{} {}", rule.period(), rule.since()),
            is_of_project: rule.period() == Period::OfProject,
            last: last.map(|run| LastItem::new(run, now)),
        }
    });
    let rows = rows.collect();
    let asking = state.engine.find_own_retention_schedule(&state.pool);
    let (schedule, foreign) = match tokio::time::timeout(TIMEOUT, asking).await {
        Ok(Ok(schedule)) => (schedule, None),
        Ok(Err(error @ EngineError::Foreign(_))) => (None, Some(error.to_string())),
        Ok(Err(_)) | Err(_) => (None, None),
    };
    let heading = match schedule.as_ref().map(|seen| seen.is_paused) {
        Some(true) => "Retention is paused.",
        Some(false) => "Retention runs every hour.",
        None => "What is kept for how long.",
    };
    let next_at = schedule.as_ref().and_then(|seen| seen.next_at);
    let next_at = next_at.map(|at| When::brief(at.into()));
    let layout = Layout::load(&state, &signed_in, Section::Account, "Retention").await?;
    let page = RetentionPage { layout, heading, schedule, foreign, next_at, rows };
    page_with(StatusCode::OK, &page)
}

async fn pause(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    change(&state, &signed_in, true).await
}

async fn resume(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    change(&state, &signed_in, false).await
}

async fn change(
    state: &ConsoleState,
    signed_in: &SignedIn,
    paused: bool,
) -> Result<Response, ApiError> {
    let verb = if paused { "paused" } else { "resumed" };
    let note = format!("{verb} by {}", actor_name(&signed_in.actor().to_string()));
    let message = match state.engine.pause_retention(&state.pool, paused, &note).await {
        Ok(true) if paused => {
            Message::done("Retention is paused: nothing leaves by itself until it is resumed.")
        }
        Ok(true) => Message::done("Retention runs every hour again."),
        Ok(false) => {
            Message::rejected("There is no schedule yet: a worker makes it when it starts.")
        }
        Err(error) => Message::rejected(describe(&error)),
    };
    signed_in.lead_to(state, PATH, &message).await
}

/// Why it may not be as an operator wanted it. The page says how it is.
fn describe(error: &EngineError) -> String {
    if matches!(error, EngineError::Foreign(_)) {
        return format!("Nothing was changed: {error}.");
    }
    "Temporal or the database did not respond. See here whether it was done, and try again."
        .to_owned()
}

#[cfg(test)]
mod tests {
    use engine::environment::Foreign;

    use super::*;

    #[test]
    fn nothing_is_said_to_be_unchanged_that_may_have_been_changed() {
        let [namespace, theirs, ours] = ["shop", "env_1", "env_2"].map(str::to_owned);
        let said = describe(&EngineError::Foreign(Foreign { namespace, theirs, ours }));
        assert!(said.starts_with("Nothing was changed: the namespace shop belongs to"), "{said}");
        assert!(said.contains("TEMPORAL_NAMESPACE"), "{said}");
        let said = describe(&EngineError::Unreachable("the database failed".to_owned()));
        assert!(!said.contains("Nothing was changed"), "{said}");
    }
}
