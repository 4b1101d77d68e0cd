//! The repair endpoint: verifies each callback with two verifiers that share no code with the product, and does the
//! work again, once per `replay_id`.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doubles::http_server::Received;
use ring::hmac;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::App;
use crate::stage::cast::Shop;

/// What a callback was, for the checker.
#[derive(Debug, Clone)]
pub struct Callback {
    /// `a` or `b`, by the path that it came in on.
    pub shop: String,
    pub replay_id: String,
    pub nonce: String,
    pub body: Vec<u8>,
    /// Why it must not be believed.
    pub rejected: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    replay_id: String,
    event_id: domain::ids::EventId,
    project_id: domain::ids::ProjectId,
    /// What it is about, for whoever reads it.
    internal_reference: String,
}

/// Repairs what it is asked to until nobody asks any more, then waits for what is under way.
pub async fn run(apps: [App; 2], mut asked: mpsc::UnboundedReceiver<Received>) {
    let (mut done, mut running) = (BTreeSet::new(), JoinSet::new());
    let over = apps[0].over.clone();
    while let Some(Some(request)) = over.run_until_cancelled(asked.recv()).await {
        let app = &apps[usize::from(shop_of(&request) == "b")];
        let callback = Callback::read(&request, &app.shop);
        let (None, Ok(body)) = (&callback.rejected, serde_json::from_slice::<Body>(&callback.body))
        else {
            continue;
        };
        if done.insert(body.replay_id.clone()) {
            let app = app.clone();
            running.spawn(Box::pin(async move {
                app.report(body.event_id.as_uuid(), true, Some(&body.replay_id)).await;
            }));
        }
    }
    while running.join_next().await.is_some() {}
}

impl Callback {
    /// Reads a request as the shop does that it came in for.
    pub fn read(request: &Received, shop: &Shop) -> Self {
        Self {
            shop: shop_of(request).to_owned(),
            replay_id: request.header("webhook-id").to_owned(),
            nonce: request.header("x-sp-nonce").to_owned(),
            body: request.body.clone(),
            rejected: verify(request, shop).err(),
        }
    }
}

/// The last part of the path.
pub fn shop_of(request: &Received) -> &str {
    let path = request.head.split(' ').nth(1).unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

fn verify(request: &Received, shop: &Shop) -> Result<(), String> {
    let secret = shop.secret.reveal();
    let standard = standardwebhooks::Webhook::new(&secret).map_err(|error| error.to_string())?;
    standard
        .verify(&request.body, &request.headers)
        .map_err(|error| format!("standard: {error}"))?;
    let key =
        STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|error| error.to_string())?;
    let (timestamp, nonce) = (request.header("x-sp-timestamp"), request.header("x-sp-nonce"));
    let signed = [timestamp.as_bytes(), b".", nonce.as_bytes(), b".", &request.body].concat();
    let ours = format!(
        "v1={}",
        hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed))
    );
    if !request.header("x-sp-signature").split(',').any(|one| one.trim() == ours) {
        return Err("X-SP-Signature does not fit".to_owned());
    }
    if nonce.contains('.') || nonce.len() < 22 {
        return Err(format!("the nonce {nonce:?} is not 128 random bits"));
    }
    let body: Body = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    if body.replay_id != request.header("webhook-id") {
        return Err("the body names another replay_id than webhook-id".to_owned());
    }
    if body.project_id != shop.project {
        return Err(format!("it is about {}, another shop's", body.internal_reference));
    }
    Ok(())
}
