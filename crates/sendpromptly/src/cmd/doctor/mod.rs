//! `doctor`: checks everything that the product needs and reports what is not well.
//!
//! The checks of `/readyz` come first, with the same texts: [`engine::health`]. Each check is made
//! even when others fail, except those that have an unmet dependency, which are skipped. Nothing is
//! changed but by the round trip. With a project, its repair endpoint is sent three probes, whose
//! bodies have the form of a callback's with `"type":"probe"`: see [`sendpromptly::repair_check`]. Where that is a test
//! project, one made-up event then goes the whole path: see [`round_trip`]. Each of its extensions is
//! tried once: see [`extensions`].

mod extensions;
mod first_steps;
mod parts;
mod repair;
mod round_trip;
mod snapshots;

use std::sync::Arc;

use sendpromptly::repair_check::{Check, Status};
use serde::Serialize;

use crate::Context;
use crate::admin_context::{self, DatabaseTarget};
use crate::output::CommandOutput;
use crate::text::{Tone, plain, table};

use self::parts::Database;

const HELP: &str = "\
Examples:
  sendpromptly doctor
  sendpromptly doctor --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K

With a project, its repair endpoint gets three requests with \"type\":\"probe\" in the body: one signed \
well, which it responds to with 2xx and otherwise ignores; one signed with a wrong secret and one with an \
old timestamp, which it rejects with 4xx. In a test project a made-up event then goes the whole path: it \
fails, its incident is reprocessed, and the endpoint has 20 s to report a result with the callback's \
replay_id. Its reference is sendpromptly-doctor, no one is alerted, and its incident is resolved in the \
end. Each of its extensions is called once with an example, which changes nothing. The exit code is 1 when a check fails.";

/// What is checked beside the installation itself.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Also test the repair endpoint of this project.
    #[arg(long)]
    project: Option<String>,
    /// Only send probes to the repair endpoint, and leave no event behind.
    #[arg(long, requires = "project")]
    no_round_trip: bool,
}

#[derive(Serialize)]
struct DoctorReport<'a> {
    checks: &'a [Check],
}

/// Makes every check.
///
/// # Errors
/// When there is no such project; a check that fails is no error.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let target = DatabaseTarget::find(context);
    let dev = target.as_ref().ok().and_then(|target| target.dev.clone());
    let engine = Arc::new(admin_context::engine(dev.as_ref(), context));
    let (database, mut checks) = Database::open(target, &engine, context).await;
    checks.insert(0, parts::settings(&crate::settings::find_unknown(), context));
    checks.insert(1, parts::public_url(context, dev.is_some()));
    checks.push(parts::mail(context, dev.is_some(), database.pool.as_ref()).await);
    if let Some(url) = parts::console_url(context, dev.as_ref()) {
        let api = first_steps::api(&url, &checks).await;
        checks.push(api);
    }
    if let Some(pool) = &database.pool {
        checks.push(parts::restored(&engine, pool).await);
        checks.push(snapshots::check(pool).await);
        checks.extend(first_steps::people_and_projects(pool).await);
    }
    if let Some(project) = &args.project {
        checks.extend(repair::check(&database, project, !args.no_round_trip, context).await?);
        checks.extend(extensions::check(&database, project, &engine, context).await?);
    }
    report(&checks)
}

fn report(checks: &[Check]) -> anyhow::Result<CommandOutput> {
    let failed = checks.iter().filter(|check| check.status == Status::Fail).count();
    let rows = checks
        .iter()
        .map(|check| vec![status_cell(check.status), plain(&check.name), plain(&check.text())]);
    let list = table(&["", "CHECK", "WHAT WAS FOUND"], rows.collect());
    let verdict = match failed {
        0 => "Nothing failed.".to_owned(),
        1 => "1 check failed.".to_owned(),
        many => format!("{many} checks failed."),
    };
    let answer = CommandOutput::new(&DoctorReport { checks }, format!("{list}\n\n{verdict}"))?;
    Ok(answer.with_verdict(failed == 0))
}

fn status_cell(status: Status) -> (String, Tone) {
    let (text, tone) = match status {
        Status::Pass => ("pass", Tone::Good),
        Status::Fail => ("FAIL", Tone::Bad),
        Status::Warn => ("warn", Tone::Careful),
        Status::Skip => ("skip", Tone::Plain),
    };
    (text.to_owned(), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_the_promised_shape_and_fails_with_its_checks() {
        let checks = [Check::pass("database", "answers"), Check::fail("smtp", "refused")];
        let output = report(&checks).expect("a report");
        assert_eq!(
            output.json(),
            r#"{"checks":[{"name":"database","status":"pass","message":"answers"},{"name":"smtp","status":"fail","message":"refused"}]}"#
        );
        assert!(output.human().ends_with("1 check failed."));
        assert!(!output.passed());
    }

    #[test]
    fn warnings_and_skipped_checks_fail_nothing() {
        let checks = [Check::warn("smtp", "not set"), Check::skip("master_key", "no database")];
        assert!(report(&checks).expect("a report").passed());
    }
}
