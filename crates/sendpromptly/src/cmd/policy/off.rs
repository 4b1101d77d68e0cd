//! `policy off`.

use api::v1::responses;
use store::administration::policy::turn_off;
use store::policies;

use super::{PolicyArgs, none_set};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly policy off --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect-type credit_grant

A reprocess that runs goes on; one whose delay is not over does not start, and alerts that waited for it \
go out.";

pub(super) async fn run(args: &PolicyArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let effect_type = args.effect_type()?;
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.project).await?.id;
    let off = admin
        .transaction(async |tx| turn_off(tx, &admin.actor, project_id, &effect_type).await)
        .await?;
    let policy = policies::find_policy(&admin.pool, project_id, &effect_type).await?;
    let (Some(was_on), Some(policy)) = (off, policy) else {
        return Err(none_set(project_id, &effect_type).into());
    };
    let stops = policies::list_stops(&admin.pool, project_id, responses::MAX_STOPS).await?;
    let state = if was_on { "is" } else { "was" };
    let human = format!("Automatic reprocess of {effect_type} {state} off.");
    CommandOutput::new(&responses::policy(policy, &stops), human)
}
