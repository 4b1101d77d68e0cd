//! `retention status`: the rules, and the last run of each.

use domain::alert::one_line;
use domain::retention::Rule;
use engine::EngineError;
use engine::retention::ScheduleSeen;
use serde::Serialize;
use store::retention::runs::{self, LastRun};
use time::OffsetDateTime;

use crate::Context;
use crate::admin_context::{self, AdminContext, DatabaseTarget};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{NOTHING, Tone, format_optional_timestamp, plain, table};

pub const HELP: &str = "\
Example:
  sendpromptly retention status

How long events are kept is a setting of their project.";

#[derive(Serialize)]
struct StatusReport {
    schedule: ScheduleStatus,
    rules: Vec<RuleStatus>,
}

/// What Temporal says; all is unknown where it does not respond.
#[derive(Default, Serialize)]
struct ScheduleStatus {
    paused: Option<bool>,
    note: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    next_run_at: Option<OffsetDateTime>,
    error: Option<String>,
}

#[derive(Serialize)]
struct RuleStatus {
    rule: Rule,
    what: &'static str,
    /// As people say it, such as `7 days after the first use`.
    kept: String,
    last_run: Option<RunStatus>,
    #[serde(with = "time::serde::rfc3339::option")]
    succeeded_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct RunStatus {
    started_by: String,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    outcome: &'static str,
    deleted: i64,
    error: Option<String>,
}

pub(super) async fn run(context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let mut last = runs::list_last(&admin.pool).await?;
    let rules = Rule::ALL.iter().map(|rule| {
        let place = last.iter().position(|run| run.rule == *rule);
        rule_status(*rule, place.map(|place| last.swap_remove(place)))
    });
    let engine = admin_context::engine(DatabaseTarget::find(context)?.dev.as_ref(), context);
    let asking = engine.find_own_retention_schedule(&admin.pool);
    let seen = while_waiting("asking Temporal", asking).await;
    let report = StatusReport { schedule: schedule_status(seen), rules: rules.collect() };
    CommandOutput::new(&report, describe(&report))
}

fn schedule_status(seen: Result<Option<ScheduleSeen>, EngineError>) -> ScheduleStatus {
    match seen {
        Ok(Some(seen)) => ScheduleStatus {
            paused: Some(seen.is_paused),
            note: Some(seen.note).filter(|note| !note.is_empty()),
            next_run_at: seen.next_at.map(OffsetDateTime::from),
            error: None,
        },
        Ok(None) => ScheduleStatus {
            error: Some("there is no schedule: a worker makes it when it starts".to_owned()),
            ..ScheduleStatus::default()
        },
        Err(error) => {
            ScheduleStatus { error: Some(error.to_string()), ..ScheduleStatus::default() }
        }
    }
}

fn rule_status(rule: Rule, last: Option<LastRun>) -> RuleStatus {
    RuleStatus {
        rule,
        what: rule.what(),
        kept: format!("{} {}", rule.period(), rule.since()),
        succeeded_at: last.as_ref().and_then(|run| run.succeeded_at),
        last_run: last.map(|run| RunStatus {
            outcome: outcome(&run),
            started_by: run.started_by,
            started_at: run.started_at,
            ended_at: run.ended_at,
            deleted: run.deleted,
            error: run.error,
        }),
    }
}

const fn outcome(run: &LastRun) -> &'static str {
    match (run.ended_at.is_some(), run.error.is_some(), run.was_cut_off) {
        (_, true, _) => "failed",
        (true, false, _) => "done",
        (false, false, true) => "cut off",
        (false, false, false) => "running",
    }
}

fn describe(report: &StatusReport) -> String {
    let headers = ["RULE", "LAST RUN", "OUTCOME", "DELETED", "WHAT IS KEPT FOR HOW LONG"];
    let rules = table(&headers, report.rules.iter().map(row).collect());
    format!("{rules}\n\n{}", describe_schedule(&report.schedule))
}

fn describe_schedule(schedule: &ScheduleStatus) -> String {
    let note = schedule.note.as_deref().map(|note| format!(" ({})", one_line(note)));
    let note = note.unwrap_or_default();
    match (&schedule.error, schedule.paused) {
        (Some(error), _) => format!("When it runs next is not known: {}", one_line(error)),
        (None, Some(true)) => {
            format!("It is paused{note}. To let it go on: sendpromptly retention resume")
        }
        (None, _) => {
            format!("It runs next at {}{note}.", format_optional_timestamp(schedule.next_run_at))
        }
    }
}

fn row(status: &RuleStatus) -> Vec<(String, Tone)> {
    let last = status.last_run.as_ref();
    let outcome = match last {
        None => (NOTHING.to_owned(), Tone::Plain),
        Some(RunStatus { error: Some(error), .. }) => {
            (format!("failed: {}", one_line(error)), Tone::Bad)
        }
        Some(run) if run.outcome == "cut off" => (run.outcome.to_owned(), Tone::Careful),
        Some(run) => (run.outcome.to_owned(), Tone::Good),
    };
    let deleted = last.map_or_else(|| NOTHING.to_owned(), |run| run.deleted.to_string());
    vec![
        plain(&status.rule),
        plain(&format_optional_timestamp(last.map(|run| run.started_at))),
        outcome,
        plain(&deleted),
        plain(&format!("{}: {}", status.what, status.kept)),
    ]
}
