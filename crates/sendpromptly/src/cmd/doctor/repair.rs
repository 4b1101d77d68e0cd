//! The checks of one project's repair endpoint, and the round trip behind them.

use domain::ids::ProjectId;
use sendpromptly::repair_check::{Check, Found, URL, check_endpoint};
use store::projects;

use super::parts::Database;
use super::round_trip;
use crate::Context;
use crate::failure::{no_such, parse_id};
use crate::progress::while_waiting;

/// Tests the repair endpoint of a project.
pub(super) async fn check(
    database: &Database,
    project: &str,
    round_trip: bool,
    context: &Context,
) -> anyhow::Result<Vec<Check>> {
    let id: ProjectId = parse_id("project", project)?;
    let (Some(pool), Some(key), Some(target)) = (&database.pool, &database.key, &database.target)
    else {
        return Ok(vec![Check::skip(URL, "needs the database and the master key")]);
    };
    let project = projects::find_project(pool, id).await?.ok_or_else(|| no_such("project", id))?;
    let allow = target.callback_allow(context)?;
    let checking = check_endpoint(pool, key, allow, &project);
    let found = while_waiting("waiting for the repair endpoint", checking).await?;
    let Found { mut checks, takes_good_ones } = found;
    if let Some(takes_good_ones) = takes_good_ones.filter(|_| round_trip) {
        checks.push(if takes_good_ones {
            round_trip::check(pool, key, &project).await?
        } else {
            Check::skip(round_trip::NAME, "needs an endpoint that takes a good probe")
        });
    }
    Ok(checks)
}
