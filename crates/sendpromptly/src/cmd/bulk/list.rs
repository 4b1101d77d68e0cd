//! `bulk list`.

use api::v1::responses;
use api_types::bulk::BulkResponse;
use api_types::list::Listed;
use store::bulk::{count_items, list_bulks};

use super::tone;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{Tone, format_optional_timestamp, plain, table_or};

pub(super) async fn run(project: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = admin.project(project).await?;
    let mut all = Vec::new();
    for bulk in list_bulks(&admin.pool, project.id).await? {
        let counts = count_items(&admin.pool, bulk.id).await?;
        all.push(responses::bulk(bulk, counts));
    }
    let headers =
        ["BULK", "STATE", "INCIDENTS", "SUCCEEDED", "FAILED", "SKIPPED", "WAIT", "STARTED"];
    let human = table_or("None was started.", &headers, all.iter().map(row).collect());
    CommandOutput::new(&Listed::whole(all), human)
}

fn row(bulk: &BulkResponse) -> Vec<(String, Tone)> {
    vec![
        plain(&bulk.bulk_id),
        (bulk.state.to_string(), tone(bulk.state)),
        plain(&bulk.incidents),
        plain(&bulk.succeeded),
        plain(&bulk.failed),
        plain(&bulk.skipped),
        plain(&bulk.waiting),
        plain(&format_optional_timestamp(bulk.started_at)),
    ]
}
