//! The floor: what the statements of a receipt cost without HTTP and without anything behind them.
//!
//! They are the store's own, in the order of the API's handler, on a Postgres of its own with the
//! settings of `dev`'s. What HTTP, the relay, Temporal and the worker take is what lies above it.

use std::iter::repeat;
use std::sync::Arc;

use anyhow::Context as _;
use domain::api_key::ApiKey;
use domain::project::Mode;
use domain::receipt::{Receipt, ReceiptContext};
use store::idempotency::{self, Claim, KeyUse, ResponseScope, StoredResponse};
use store::projects::{self, ProjectSettings};
use store::transitions::receipt::{Delivery, accept_receipt};
use store::{MasterKey, PgPool, api_keys};
use uuid::Uuid;

use crate::app::{TIMEOUT_MINUTES, receipt_body};
use crate::load::{self, Measured, Timing};
use crate::postgres;

pub const CONNECTIONS: u32 = 16;

struct Handler {
    pool: PgPool,
    master_key: MasterKey,
    key: ApiKey,
}

/// How many receipts a second the statements alone allow, one transaction each.
pub async fn measure(timing: Timing) -> anyhow::Result<Measured> {
    postgres::alone(async |url| {
        let pool = store::pool::connect_lazily(url, CONNECTIONS)?;
        let handler = Arc::new(Handler::seed(pool).await?);
        load::closed(CONNECTIONS, timing, repeat(()), move |()| {
            let handler = Arc::clone(&handler);
            async move { handler.accept().await }
        })
        .await
    })
    .await
}

impl Handler {
    async fn seed(pool: PgPool) -> anyhow::Result<Self> {
        let settings = ProjectSettings::new("CometCart".to_owned(), Mode::Test);
        let mut random = [0; 128];
        getrandom::fill(&mut random)?;
        let key = ApiKey::from_random(Mode::Test, &random).context("too few random bytes")?;
        let project_id = projects::insert_project(&pool, &settings).await?;
        api_keys::insert_key(&pool, project_id, "loadtest", &key).await?;
        Ok(Self { pool, master_key: MasterKey::parse(&MasterKey::generate())?, key })
    }

    /// What the API's handler does between reading a request and responding to it.
    async fn accept(&self) -> anyhow::Result<()> {
        let owner = api_keys::find_owner(&self.pool, &self.key).await?.context("no such key")?;
        let context = ReceiptContext { catalogue: &owner.catalogue, mode: owner.mode };
        let provider_event_id = format!("evt_{}", Uuid::now_v7().simple());
        let receipt = Receipt::parse(&receipt_body(&provider_event_id, TIMEOUT_MINUTES), context);
        let receipt = receipt.map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?;
        let idempotency_key = Uuid::now_v7().to_string();
        let event_key = receipt.identity(&idempotency_key).key();
        let used = KeyUse {
            project_id: owner.project_id,
            route: "receipt",
            scope: "",
            key: &idempotency_key,
            fingerprint: &event_key,
            request_hash: &event_key,
        };
        let mut tx = store::pool::begin(&self.pool).await?;
        let claim = idempotency::claim(&mut tx, used).await?;
        anyhow::ensure!(claim == Claim::New(ResponseScope::Route), "a new key was used before");
        let delivery = Delivery::new(&receipt, &event_key);
        let taken = accept_receipt(&mut tx, &self.master_key, &owner, delivery).await?;
        let body = taken.event_id.to_string().into_bytes();
        let answer = StoredResponse { status: 202, body };
        let stored =
            idempotency::insert_response(&mut *tx, used, ResponseScope::Route, &answer).await?;
        anyhow::ensure!(stored, "a new key was answered before");
        Ok(store::pool::commit(tx).await?)
    }
}
