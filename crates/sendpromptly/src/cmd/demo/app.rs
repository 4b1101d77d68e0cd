//! The fake shop: it reports receipts and results, repairs when it is asked to, and says whether
//! something was granted.
//!
//! Its two endpoints do what good ones do: they check the signature over the raw body, and reject
//! an old timestamp and a nonce that they have seen. The repair does the work once per `replay_id`
//! and reports; the probe looks into the ledger and says no more than stands there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use api_types::ingest::{ReceiptRequest, ReceiptResponse, ResultRequest, ResultResponse};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use domain::effect_result::Outcome;
use domain::extension::ProbeAnswer;
use domain::ids::EventId;
use domain::money::Amount;
use domain::signature::SigningSecret;
use sendpromptly::test_shop::{ShopClient, verify};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What the shop's endpoints are signed with.
pub(super) struct DemoSecrets {
    pub(super) repair: SigningSecret,
    pub(super) probe: SigningSecret,
}

/// The shop. Its endpoints end with it.
pub(super) struct DemoApp {
    client: ShopClient,
    base_url: String,
    ledger: Ledger,
    _endpoints: AbortOnDropHandle<()>,
}

/// The provider's events whose effects were granted.
type Ledger = Arc<Mutex<BTreeSet<String>>>;

struct Endpoints {
    client: ShopClient,
    secrets: DemoSecrets,
    ledger: Ledger,
    /// Nonces and replay ids that were seen.
    seen: Mutex<BTreeSet<String>>,
}

impl DemoApp {
    pub(super) async fn open(url: &str, key: &str, secrets: DemoSecrets) -> anyhow::Result<Self> {
        let client = ShopClient::new(url, key)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free")?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let ledger = Ledger::default();
        let endpoints = Endpoints {
            client: client.clone(),
            secrets,
            ledger: Arc::clone(&ledger),
            seen: Mutex::new(BTreeSet::new()),
        };
        let router = Router::new()
            .route("/repair", post(repair))
            .route("/probe", post(probe))
            .with_state(Arc::new(endpoints));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the shop's endpoints have ended");
            }
        });
        Ok(Self { client, base_url, ledger, _endpoints: AbortOnDropHandle::new(serving) })
    }

    pub(super) fn repair_url(&self) -> String {
        format!("{}/repair", self.base_url)
    }

    pub(super) fn probe_url(&self) -> String {
        format!("{}/probe", self.base_url)
    }

    /// Grants what was paid for, and tells nobody.
    pub(super) fn grant(&self, event: &str) {
        insert(&self.ledger, event);
    }

    /// "I took this payment event."
    pub(super) async fn receipt(
        &self,
        event: &str,
        effect: &str,
        customer: &str,
    ) -> anyhow::Result<ReceiptResponse> {
        let receipt = ReceiptRequest {
            provider: "stripe".to_owned(),
            provider_event_id: event.to_owned(),
            event_type: "invoice.paid".to_owned(),
            effect_type: effect.to_owned(),
            internal_reference: customer.to_owned(),
            effect_key: None,
            occurred_at: OffsetDateTime::now_utc(),
            shopify_shop_domain: None,
            timeout_minutes: None,
            amount: Some(Amount { value: 4900, currency: "USD".parse()? }),
            payload: None,
        };
        self.client.receipt(&receipt).await
    }

    /// "Applied", or not.
    pub(super) async fn result(&self, result: &ResultRequest) -> anyhow::Result<ResultResponse> {
        self.client.result(result).await
    }
}

/// What a callback asks to repair.
#[derive(Deserialize)]
struct Asked {
    event_id: EventId,
}

async fn repair(State(app): State<Arc<Endpoints>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(replay_id) = app.check(&app.secrets.repair, &headers, &body) else {
        return StatusCode::UNAUTHORIZED;
    };
    if !insert(&app.seen, &replay_id) {
        return StatusCode::OK;
    }
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else { return StatusCode::BAD_REQUEST };
    let done = ResultRequest {
        replay_id: Some(replay_id),
        ..ResultRequest::new(asked.event_id, Outcome::Succeeded)
    };
    tokio::spawn(async move {
        if let Err(error) = app.client.result(&done).await {
            tracing::warn!(%error, "the shop could not report its repair");
        }
    });
    StatusCode::ACCEPTED
}

/// Says yes only for what the ledger has. That something is not in it yet is no proof of anything.
async fn probe(
    State(app): State<Arc<Endpoints>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ProbeAnswer>, StatusCode> {
    let Some(_call_id) = app.check(&app.secrets.probe, &headers, &body) else {
        return Err(StatusCode::UNAUTHORIZED);
    };
    let asked: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let event = asked["provider_event_id"].as_str().ok_or(StatusCode::BAD_REQUEST)?;
    let granted = app.ledger.lock().unwrap_or_else(PoisonError::into_inner).contains(event);
    let settled = granted.then_some(true);
    let evidence = granted.then(|| ("ledger".to_owned(), event.into())).into_iter().collect();
    Ok(Json(ProbeAnswer { settled, note: None, evidence }))
}

impl Endpoints {
    /// The `replay_id` or `call_id` of a request that is genuine, fresh and new.
    fn check(&self, secret: &SigningSecret, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let secrets = std::slice::from_ref(secret);
        let (id, nonce) = verify(secrets, headers, body, OffsetDateTime::now_utc())?;
        insert(&self.seen, nonce).then(|| id.to_owned())
    }
}

/// Whether it was not there.
fn insert(set: &Mutex<BTreeSet<String>>, what: &str) -> bool {
    set.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
}
