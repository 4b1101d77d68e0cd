//! `policy reset`.

use api_types::policies::PolicyResetResponse;
use domain::ids::CauseId;
use store::administration::policy::reset_policy;

use super::PolicyArgs;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::parse_id;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly policy reset --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect-type credit_grant
  sendpromptly policy reset --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect-type credit_grant \\
      --cause cau_01K9QE0A1B2C3D4E5F6G7H8J9K

`sendpromptly policy list` shows the causes. Counting begins anew: reprocesses and incidents of before do not \
stop it again. Incidents that are open stay so; reprocess or resolve them.";

/// Which policy, and for what it shall go on.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Only this cause; otherwise all for which it is stopped.
    #[arg(long)]
    cause: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let effect_type = args.policy.effect_type()?;
    let cause_id = match &args.cause {
        Some(text) => Some(parse_id::<CauseId>("cause", text)?),
        None => None,
    };
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.policy.project).await?.id;
    let causes = admin
        .transaction(async |tx| {
            reset_policy(tx, &admin.actor, project_id, &effect_type, cause_id).await
        })
        .await?;
    let human = match causes.len() {
        0 => format!("Automatic reprocess of {effect_type} was not stopped; nothing changed."),
        1 => format!("Automatic reprocess of {effect_type} goes on for 1 cause."),
        count => format!("Automatic reprocess of {effect_type} goes on for {count} causes."),
    };
    CommandOutput::new(&PolicyResetResponse { causes }, human)
}
