//! Noticing that receipts stopped, and that they come again.

use store::silences;

use crate::deps::Deps;

/// Opens and ends the silences of all projects, each with the notices about it. A project that cannot
/// be judged is logged and keeps no other from that; the next look judges it again.
pub async fn judge(deps: &Deps) {
    let projects = match silences::list_judged(&deps.pool).await {
        Ok(projects) => projects,
        Err(error) => {
            tracing::warn!(%error, "could not look for silences");
            return;
        }
    };
    for project_id in projects {
        if let Err(error) = silences::judge(&deps.pool, project_id).await {
            tracing::warn!(%project_id, %error, "could not look for silences");
        }
    }
}
