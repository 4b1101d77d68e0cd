//! `extension pause`, `resume` and `remove`, each effective immediately.

use api::v1::responses;
use domain::ids::{ExtensionId, ProjectId};
use serde::Serialize;
use store::administration::extension;
use store::extensions::{self, Extension};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{no_such, parse_id};
use crate::output::CommandOutput;

#[derive(Serialize)]
struct Removed {
    extension_id: ExtensionId,
    project_id: ProjectId,
}

/// The extension that the user entered.
pub(super) async fn find(admin: &AdminContext, id: &str) -> anyhow::Result<Extension> {
    let id: ExtensionId = parse_id("extension", id)?;
    let found = extensions::find_extension(&admin.pool, id).await?;
    Ok(found.ok_or_else(|| no_such("extension", id))?)
}

pub(super) async fn set_paused(
    id: &str,
    paused: bool,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let Extension { id, project_id, .. } = find(&admin, id).await?;
    let changed = admin.transaction(async |tx| {
        extension::set_paused(tx, &admin.actor, project_id, id, paused).await
    });
    let changed = changed.await?.ok_or_else(|| no_such("extension", id))?;
    let human = if paused {
        format!("Extension {id} is paused: it is not asked until it is resumed.")
    } else {
        format!("Extension {id} is asked again.")
    };
    CommandOutput::new(&responses::extension(changed), human)
}

pub(super) async fn remove(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let Extension { id, project_id, .. } = find(&admin, id).await?;
    let removed = admin.transaction(async |tx| {
        extension::remove_extension(tx, &admin.actor, project_id, id).await
    });
    removed.await?.ok_or_else(|| no_such("extension", id))?;
    let removed = Removed { extension_id: id, project_id };
    CommandOutput::new(&removed, format!("Extension {id} is removed: it is asked no more."))
}
