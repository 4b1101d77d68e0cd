//! The shop: an app that takes payment events, applies their effects or does not, and repairs what it is asked to.
//!
//! It behaves as the documents ask an app to: what was not acked is sent again with the same key, and a repair is
//! keyed by its `replay_id`.

pub mod http;
pub mod ledger;
mod load;
mod operator;
mod repair;

use std::sync::Arc;
use std::time::Duration;

use api_types::ingest::ReceiptResponse;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::load::run as load;
pub use self::operator::run as operate;
pub use self::repair::{Callback, run as repair, shop_of as repair_path};

use self::http::{Answer, Caller};
use self::ledger::{Ledger, Outcome, Request, SentResult};
use crate::stage::cast::Shop;

/// What payloads hold, and nothing else may.
pub const CANARY: &str = "canary-7f3a9c51e2";
const PAUSE: Duration = Duration::from_secs(1);
/// How often a receipt is sent again; what a customer waits for ends sometime.
const RECEIPT_TRIES: u32 = 4;

/// One of the two shops with its means. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub shop: Arc<Shop>,
    pub caller: Caller,
    pub ledger: Ledger,
    /// Cancelled where nothing is to be sent any more, because the round is over.
    pub over: CancellationToken,
}

impl App {
    /// Sends a request until it is acked or refused, so often at most.
    async fn insist(&self, request: &Request, tries: u32) -> Outcome {
        let mut outcome = Outcome::Ambiguous;
        for _ in 0..tries {
            outcome = Outcome::of(&self.send(request).await);
            if outcome != Outcome::Ambiguous || self.over.is_cancelled() {
                break;
            }
            sleep(PAUSE).await;
        }
        outcome
    }

    /// Sends a request once.
    pub async fn send(&self, request: &Request) -> anyhow::Result<Answer> {
        let Request { path, idempotency_key, body, .. } = request;
        self.caller.post(&self.shop.key, path, idempotency_key, body).await
    }

    /// Reports a result until it is taken, and enters it.
    async fn report(&self, event_id: Uuid, success: bool, replay_id: Option<&str>) {
        let id = domain::ids::EventId::from_uuid(event_id);
        let mut body =
            json!({ "event_id": id, "status": if success { "success" } else { "failed" } });
        if !success {
            body["error_code"] = json!("ledger_locked");
        }
        if let Some(replay_id) = replay_id {
            body["replay_id"] = json!(replay_id);
        }
        // A repair that is asked for twice is done once, and reported by one key.
        let idempotency_key =
            replay_id.map_or_else(|| Uuid::now_v7().to_string(), |id| format!("repair-{id}"));
        let request = Request {
            shop: self.shop.name,
            path: "/api/v1/result",
            idempotency_key,
            body: body.to_string(),
        };
        let outcome = self.insist(&request, u32::MAX).await;
        let acked_at = outcome.is_acked().then(OffsetDateTime::now_utc);
        let replay_id = replay_id.map(str::to_owned);
        self.ledger.enter_result(SentResult {
            request,
            event_id,
            success,
            replay_id,
            outcome,
            acked_at,
        });
    }
}

/// What an acked receipt said.
fn read_receipt(outcome: &Outcome) -> Option<ReceiptResponse> {
    let Outcome::Acked(body) = outcome else { return None };
    serde_json::from_slice(body).ok()
}
