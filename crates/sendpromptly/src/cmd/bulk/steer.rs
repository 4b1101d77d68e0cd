//! `bulk pause`, `bulk resume` and `bulk cancel`.

use domain::bulk::Steering;
use store::bulk;
use store::pool::transaction;

use super::{find, rejected, show};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub(super) async fn run(
    id: &str,
    steering: Steering,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let found = find(&admin.pool, id).await?;
    let steered = transaction(&admin.pool, async |tx| {
        bulk::steer(tx, found.id, &admin.actor, steering).await
    });
    steered.await.map_err(rejected)?;
    show::describe(&admin.pool, find(&admin.pool, id).await?).await
}
