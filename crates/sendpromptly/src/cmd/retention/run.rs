//! `retention run`: deletes what is due, or counts it.
//!
//! What it does is [`store::retention`]'s to say. A rule that fails keeps no other from being applied. The command may
//! be cut off and run again, and run while api and worker do their work.

use domain::retention::Rule;
use serde::Serialize;
use store::StoreError;
use store::retention::{self, MonthRows, Tally};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, counted, plain, table};

pub const HELP: &str = "\
Examples:
  sendpromptly retention run --dry-run
  sendpromptly retention run --rule events

Deletes what is kept no longer, in small batches, while everything runs. With --dry-run it only says how many \
rows would leave, by table and by the month that they belong to. A run that is cut off leaves the rest for the next \
one. How long events are kept is a setting of their project. The exit code is 1 when a rule failed.";

/// What is deleted.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Only say what would leave.
    #[arg(long)]
    dry_run: bool,
    /// Apply this rule, as `retention status` names it, and no other. May be given more than once.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RunReport {
    dry_run: bool,
    rules: Vec<RuleReport>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RuleReport {
    rule: Rule,
    /// All rows together.
    total: i64,
    rows: Vec<RowReport>,
    error: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RowReport {
    table: String,
    /// As in `2025-09`.
    month: String,
    rows: i64,
}

pub(super) async fn run(args: RunArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let rules = read_rules(&args.rule)?;
    let admin = AdminContext::open(context).await?;
    let mut report = RunReport { dry_run: args.dry_run, rules: Vec::new() };
    for rule in rules {
        let mut deleted = 0;
        let done = if args.dry_run {
            while_waiting(format!("counting {rule}"), retention::count_due(&admin.pool, rule)).await
        } else {
            let mut note = |total| deleted = total;
            let deleting = retention::run(&admin.pool, rule, &admin.actor, &mut note);
            while_waiting(format!("deleting {rule}"), deleting).await
        };
        report.rules.push(rule_report(rule, done, deleted));
    }
    let is_well = report.rules.iter().all(|one| one.error.is_none());
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(is_well))
}

fn read_rules(named: &[String]) -> Result<Vec<Rule>, Failure> {
    if named.is_empty() {
        return Ok(Rule::ALL.to_vec());
    }
    let read =
        |text: &String| text.trim().parse::<Rule>().map_err(|why| Failure::option("rule", why));
    named.iter().map(read).collect()
}

/// What became of a rule; of one that failed it is known how many rows were `deleted` before, and not of which tables.
fn rule_report(rule: Rule, done: Result<Tally, StoreError>, deleted: i64) -> RuleReport {
    let (tally, total, error) = match done {
        Ok(tally) => (tally.rows(), tally.total(), None),
        Err(error) => (Vec::new(), deleted, Some(error.to_string())),
    };
    let rows = tally.into_iter().map(|MonthRows { table, month, rows }| RowReport {
        table,
        month: format!("{}-{:02}", month.year(), u8::from(month.month())),
        rows,
    });
    RuleReport { rule, total, rows: rows.collect(), error }
}

fn describe(report: &RunReport) -> String {
    let mut rows = Vec::new();
    for one in &report.rules {
        for row in &one.rows {
            rows.push(vec![
                plain(&one.rule),
                plain(&row.table),
                plain(&row.month),
                plain(&row.rows),
            ]);
        }
        if let Some(error) = &one.error {
            rows.push(vec![plain(&one.rule), (error.clone(), Tone::Bad), plain(&""), plain(&"")]);
        }
    }
    let end = conclude(report);
    if rows.is_empty() {
        return end;
    }
    format!("{}\n\n{end}", table(&["RULE", "TABLE", "MONTH", "ROWS"], rows))
}

/// How many rows in all, and months of tables, of which no row leaves.
fn conclude(report: &RunReport) -> String {
    let rows: i64 = report.rules.iter().map(|one| one.total).sum();
    let months = report.rules.iter().filter(|one| one.rule == Rule::Partitions);
    let months: usize = months.map(|one| one.rows.len()).sum();
    let dropped = (months > 0).then(|| counted(months, "month", "months"));
    let deleted = (rows > 0 || months == 0).then(|| counted(rows, "row", "rows"));
    let is_one = matches!((rows, months), (1, 0) | (0, 1));
    let all: Vec<_> = deleted.into_iter().chain(dropped).collect();
    let (all, failed) = (all.join(" and "), report.rules.iter().any(|one| one.error.is_some()));
    match (report.dry_run, rows, months) {
        (true, 0, 0) if failed => "Nothing was deleted.".to_owned(),
        (true, 0, 0) => "Nothing is due. Nothing was deleted.".to_owned(),
        (true, ..) => {
            format!("{all} {} due. Nothing was deleted.", if is_one { "is" } else { "are" })
        }
        (false, ..) => format!("{all} {} deleted.", if is_one { "was" } else { "were" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_named_as_they_are_shown_and_an_unknown_one_names_them_all() {
        assert_eq!(read_rules(&[]).expect("all"), Rule::ALL);
        assert_eq!(read_rules(&["events".into(), " sessions ".into()]).expect("two").len(), 2);
        let message = read_rules(&["event".into()]).expect_err("none").to_string();
        assert!(message.starts_with("rule must be one of events, identities"), "{message}");
    }

    #[test]
    fn a_rule_that_failed_says_why() {
        let failed = rule_report(Rule::Events, Err(StoreError::Missing("projects")), 0);
        let report = RunReport { dry_run: false, rules: vec![failed] };
        assert!(describe(&report).contains("a row of projects is missing"), "{report:?}");
        assert!(describe(&report).ends_with("0 rows were deleted."));
        let report = RunReport { dry_run: true, ..report };
        assert!(describe(&report).ends_with("\n\nNothing was deleted."), "{}", describe(&report));
    }

    #[test]
    fn a_rule_that_failed_half_way_says_how_many_rows_went() {
        let failed = rule_report(Rule::Events, Err(StoreError::Missing("projects")), 500);
        let report = RunReport { dry_run: false, rules: vec![failed] };
        assert_eq!((report.rules[0].total, report.rules[0].rows.len()), (500, 0));
        assert!(describe(&report).ends_with("500 rows were deleted."), "{}", describe(&report));
    }

    #[test]
    fn what_is_due_is_counted_with_the_months_that_are_dropped() {
        let end = |dry_run, rows: i64, months: usize| {
            let row = |rows| RowReport { table: "alerts".into(), month: "2025-09".into(), rows };
            let rule = |rule, rows: Vec<RowReport>| RuleReport {
                rule,
                total: rows.iter().map(|row| row.rows).sum(),
                rows,
                error: None,
            };
            let months = (0..months).map(|_| row(0)).collect();
            let events = if rows == 0 { Vec::new() } else { vec![row(rows)] };
            let rules = vec![rule(Rule::Events, events), rule(Rule::Partitions, months)];
            conclude(&RunReport { dry_run, rules })
        };
        assert_eq!(end(true, 0, 0), "Nothing is due. Nothing was deleted.");
        assert_eq!(end(true, 1, 0), "1 row is due. Nothing was deleted.");
        assert_eq!(end(true, 0, 1), "1 month is due. Nothing was deleted.");
        assert_eq!(end(true, 12, 1), "12 rows and 1 month are due. Nothing was deleted.");
        assert_eq!(end(false, 1, 0), "1 row was deleted.");
        assert_eq!(end(false, 2, 3), "2 rows and 3 months were deleted.");
    }
}
