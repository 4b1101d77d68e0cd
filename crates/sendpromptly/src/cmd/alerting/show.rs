//! `alerting show`.

use api::v1::alerting::rules_response;
use domain::alert_rules::AlertRules;
use domain::ids::ProjectId;
use domain::maintenance::Hold;
use store::alert_rules;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::format_timestamp;

pub const HELP: &str = "\
Example:
  sendpromptly alerting show --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K";

pub(super) async fn run(project: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(project).await?.id;
    output(&admin, project_id).await
}

/// The rules as they are.
pub(super) async fn output(admin: &AdminContext, id: ProjectId) -> anyhow::Result<CommandOutput> {
    let rules = alert_rules::find_rules(&admin.pool, id).await?;
    let hold = alert_rules::find_hold(&admin.pool, id).await?;
    let human = describe(&rules, hold.as_ref());
    CommandOutput::new(&rules_response(rules, hold), human)
}

fn describe(rules: &AlertRules, hold: Option<&Hold>) -> String {
    let phrases = rules.phrases();
    let text = if phrases.is_empty() {
        "Everything is told at once. See: sendpromptly alerting set --help".to_owned()
    } else {
        phrases.join("\n")
    };
    let Some(hold) = hold else { return text };
    let (until, why) = (format_timestamp(hold.until), hold.reason.words());
    format!("{text}\nTelling waits until {until}: {why}.")
}
