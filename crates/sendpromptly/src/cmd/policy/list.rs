//! `policy list`.

use api::v1::responses;
use api_types::list::Listed;
use api_types::policies::PolicyResponse;
use domain::alert::one_line;
use store::policies::{self, PolicyStop};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, plain, table_or};

pub const HELP: &str = "\
Example:
  sendpromptly policy list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K

Of an effect without a policy nothing is reprocessed automatically.";

pub(super) async fn run(project: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(project).await?.id;
    let all = policies::list_policies(&admin.pool, project_id).await?;
    let stops = policies::list_stops(&admin.pool, project_id, responses::MAX_STOPS).await?;
    let all: Vec<_> = all.into_iter().map(|policy| responses::policy(policy, &stops)).collect();
    let nothing =
        "No policies: nothing is reprocessed automatically. See: sendpromptly policy set --help";
    let headers = ["EFFECT", "AUTOMATIC", "ATTEMPTS", "DELAY", "STOPS AT", "ALERTS"];
    let mut human = table_or(nothing, &headers, all.iter().map(row).collect());
    if !stops.is_empty() {
        let headers = ["STOPPED FOR", "EFFECT", "EVENT TYPE", "INCIDENTS", "WHY", "SINCE"];
        human.push_str("\n\n");
        human.push_str(&table_or("", &headers, stops.iter().map(stop_row).collect()));
        human.push_str(
            "\n\nThese wait for an operator. To let a policy go on: sendpromptly policy reset --help",
        );
    }
    CommandOutput::new(&Listed::whole(all), human)
}

fn row(policy: &PolicyResponse) -> Vec<(String, Tone)> {
    let automatic = match (policy.auto_reprocess, policy.stopped_for.len()) {
        (false, _) => ("off".to_owned(), Tone::Plain),
        (true, 0) => ("on".to_owned(), Tone::Good),
        (true, 1) => ("stopped for 1 cause".to_owned(), Tone::Bad),
        (true, count) => (format!("stopped for {count} causes"), Tone::Bad),
    };
    vec![
        plain(&policy.effect_type),
        automatic,
        plain(&policy.attempts),
        plain(&format!("{} s", policy.delay_seconds)),
        plain(&format!(
            "{}/{} failed, {} customers",
            policy.stop_failed, policy.stop_of, policy.stop_customers
        )),
        plain(&if policy.wait_alerts { "wait" } else { "go out" }),
    ]
}

fn stop_row(stop: &PolicyStop) -> Vec<(String, Tone)> {
    let incidents = match &stop.error_code {
        Some(code) => format!("{}: {}", stop.reason, one_line(code)),
        None => stop.reason.to_string(),
    };
    vec![
        plain(&stop.cause_id),
        plain(&stop.effect_type),
        plain(&one_line(&stop.event_type)),
        plain(&incidents),
        (stop.why.to_string(), Tone::Bad),
        plain(&format_timestamp(stop.stopped_at)),
    ]
}
