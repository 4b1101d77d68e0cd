//! The shop's repair endpoint.
//!
//! It responds first and reports afterwards, as the documents advise. What it reports has the idempotency key of its
//! reprocess, so that a callback that comes twice is one report.
//!
//! Anyone may send to it, so a body is read for a test project alone, within a deadline: while a request is at work its connection
//! makes room for no other.

use std::time::Duration;

use api_types::ingest::ResultRequest;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use domain::effect_result::Outcome;
use domain::ids::{EventId, ProjectId};
use domain::project::Mode;
use serde::Deserialize;
use store::administration::test_shop::find_test_shop_key;
use store::projects::find_project;
use store::signing_secrets::list_valid_secrets;
use time::OffsetDateTime;
use web::extract::{BodyLimits, read_body};

use super::{Shop, ShopClient, verify};

/// The largest callback that is read: one with a snapshot fits.
const LIMITS: BodyLimits = BodyLimits {
    bytes: 1024 * 1024,
    shown: "1048576 bytes (1 MiB)",
    deadline: Duration::from_secs(10),
};

/// What a callback asks for.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Asked {
    /// To do the work again.
    Reprocess { event_id: EventId },
    /// Nothing: `doctor` looks whether the endpoint is right.
    Probe,
}

pub(super) async fn repair(
    State(shop): State<Shop>,
    Path(project_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let Ok(project_id) = project_id.parse() else { return StatusCode::NOT_FOUND };
    match take(&shop, project_id, &headers, body).await {
        Ok(status) => status,
        Err(error) => {
            tracing::warn!(%project_id, error = %format!("{error:#}"), "the test shop could not take a callback");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

async fn take(
    shop: &Shop,
    project_id: ProjectId,
    headers: &HeaderMap,
    body: Body,
) -> anyhow::Result<StatusCode> {
    let project = find_project(&shop.pool, project_id).await?;
    if project.is_none_or(|project| project.mode == Mode::Live) {
        return Ok(StatusCode::NOT_FOUND);
    }
    let body = match read_body(body, LIMITS).await {
        Ok(body) => body,
        Err(error) => return Ok(error.status()),
    };
    let secrets = list_valid_secrets(&shop.pool, &shop.master_key, project_id).await?;
    let Some((replay_id, _)) = verify(&secrets, headers, &body, OffsetDateTime::now_utc()) else {
        return Ok(StatusCode::UNAUTHORIZED);
    };
    let event_id = match serde_json::from_slice(&body) {
        Ok(Asked::Reprocess { event_id }) => event_id,
        Ok(Asked::Probe) => return Ok(StatusCode::OK),
        Err(_) => return Ok(StatusCode::UNPROCESSABLE_ENTITY),
    };
    let mut db = shop.pool.acquire().await?;
    let key = find_test_shop_key(&mut db, &shop.master_key, project_id).await?;
    let Some(key) = key else { return Ok(StatusCode::FORBIDDEN) };
    let client = ShopClient::new(&shop.api, key.reveal())?;
    let done = ResultRequest {
        replay_id: Some(replay_id.to_owned()),
        ..ResultRequest::new(event_id, Outcome::Succeeded)
    };
    tokio::spawn(async move {
        if let Err(error) = client.result(&done).await {
            tracing::warn!(error = %format!("{error:#}"), "the test shop could not report its repair");
        }
    });
    Ok(StatusCode::ACCEPTED)
}
