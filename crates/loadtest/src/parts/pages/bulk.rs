//! How long it takes until everything that waits is frozen and its repair has begun.

use std::time::Instant;

use anyhow::Context as _;
use api_types::bulk::BulkStartRequest;
use api_types::bulk_sets::{BulkSetFilter, BulkSetPreviewRequest, BulkSetPreviewResponse};
use domain::ids::OperatorId;
use domain::secret_token::OperatorToken;
use serde::Serialize;
use store::PgPool;
use store::operator_tokens::insert_token;

use crate::http::Http;
use crate::report::{Figure, Threshold};

const SETS: &str = "/api/v1/bulk-sets";
/// Seconds.
const SOON: Threshold = Threshold::AtMost(1.0);
/// Without one nothing can be reprocessed. Nobody is there.
const REPAIR_URL: &str =
    "UPDATE projects SET repair_url = 'https://shop.invalid/repair' WHERE repair_url IS NULL";

/// A token of the operator, whose projects can be reprocessed from now on.
pub async fn prepare(pool: &PgPool, operator: OperatorId) -> anyhow::Result<String> {
    sqlx::query(REPAIR_URL).execute(pool).await?;
    let mut random = [0; 64];
    getrandom::fill(&mut random)?;
    let token = OperatorToken::from_random(&random).context("a token")?;
    insert_token(pool, operator, "bench", &token).await?;
    Ok(token.reveal().to_owned())
}

/// Freezes all that waits in live projects, and starts it.
pub async fn start_all(http: &Http, token: &str) -> anyhow::Result<Figure> {
    let filter = BulkSetFilter { mode: Some("live".to_owned()), ..BulkSetFilter::default() };
    let all = BulkSetPreviewRequest {
        filter: Some(filter),
        include_taking: Some(true),
        ..BulkSetPreviewRequest::default()
    };
    let begin = Instant::now();
    let frozen = post(http, token, SETS, &all).await?;
    let frozen: BulkSetPreviewResponse = serde_json::from_slice(&frozen)?;
    let go = BulkStartRequest { note: "measured".to_owned(), ..BulkStartRequest::default() };
    post(http, token, &format!("{SETS}/{}/start", frozen.set_id), &go).await?;
    let took = begin.elapsed().as_secs_f64();
    let name = "bulk reprocess of all that waits, frozen and started";
    Ok(Figure::new(name, took, "s", SOON).noting(format!("{} incidents", frozen.incidents)))
}

async fn post(
    http: &Http,
    token: &str,
    path: &str,
    body: &impl Serialize,
) -> anyhow::Result<bytes::Bytes> {
    let body = serde_json::to_string(body)?;
    let (status, answer) = http.post(path, (token, "bench"), body).await?;
    let said = || String::from_utf8_lossy(&answer).into_owned();
    anyhow::ensure!(status.is_success(), "{path} responded {status}: {}", said());
    Ok(answer)
}
