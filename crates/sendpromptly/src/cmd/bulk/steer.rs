//! `bulk pause`, `bulk resume` and `bulk cancel`.

use domain::bulk::Steering;
use store::bulk;
use store::pool::transaction;

use super::{Target, rejected, show};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub(super) async fn run(
    id: &str,
    steering: Steering,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let target = Target::find(&admin.pool, id).await?;
    let actor = &admin.actor;
    let steered = transaction(&admin.pool, async |tx| match &target {
        Target::One(found) => bulk::steer(tx, found.id, actor, steering).await,
        Target::Set(id) => bulk::steer_set(tx, *id, actor, steering).await,
    });
    steered.await.map_err(rejected)?;
    show::run(id, context).await
}
