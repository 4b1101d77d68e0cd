//! `bulk list`.

use api::v1::responses;
use api_types::bulk::BulkResponse;
use store::bulk::{count_items_of, list_bulks};

use super::tone;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{Tone, format_optional_timestamp, plain, table_or};

pub(super) async fn run(project: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = admin.project(project).await?;
    let bulks = list_bulks(&admin.pool, project.id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let all = responses::bulks(bulks, &count_items_of(&admin.pool, &ids).await?);
    let headers = [
        "BULK",
        "ACTION",
        "STATE",
        "INCIDENTS",
        "SUCCEEDED",
        "FAILED",
        "SKIPPED",
        "NOT STARTED",
        "STARTED",
    ];
    let human = table_or("None was started.", &headers, all.data.iter().map(row).collect());
    CommandOutput::new(&all, human)
}

fn row(bulk: &BulkResponse) -> Vec<(String, Tone)> {
    vec![
        plain(&bulk.bulk_id),
        plain(&bulk.action),
        (bulk.state.to_string(), tone(bulk.state, bulk.failed)),
        plain(&bulk.incidents),
        plain(&bulk.succeeded),
        plain(&bulk.failed),
        plain(&bulk.skipped),
        plain(&bulk.waiting),
        plain(&format_optional_timestamp(bulk.started_at)),
    ]
}
