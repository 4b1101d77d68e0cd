//! What the release before hashes of a request, for as long as both may run side by side.
//!
//! That release compares whole requests by this hash. It is written beside the fingerprint, so that
//! either release recognises a request that the other one answered. Where that release would have
//! refused the request, the hash is only a hash. This module goes with the next release.

use domain::catalogue::Provider;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

use crate::error::ApiError;
use crate::extract::IngestBody;

#[derive(Serialize)]
struct Receipt<'a> {
    provider: Option<&'a str>,
    provider_event_id: Option<&'a str>,
    event_type: Option<&'a str>,
    effect_type: Option<&'a str>,
    internal_reference: Option<&'a str>,
    #[serde(with = "time::serde::rfc3339::option")]
    occurred_at: Option<OffsetDateTime>,
    shopify_shop_domain: Option<&'a str>,
    timeout_minutes: Option<i64>,
    payload: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct Reference<'a> {
    event_id: Option<&'a str>,
    provider_event_id: Option<&'a str>,
    provider: Option<&'a str>,
    effect_type: Option<&'a str>,
}

#[derive(Serialize)]
struct EffectResult<'a> {
    outcome: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: Option<&'a str>,
    replay_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Report<'a> {
    event: Reference<'a>,
    result: EffectResult<'a>,
}

/// The largest payload that the release before took, and so hashed.
const MAX_PAYLOAD: usize = 256 * 1024;

/// The hash of a receipt.
pub(super) fn hash_receipt(body: &IngestBody) -> Result<[u8; 32], ApiError> {
    let text = |name: &str| body.fields.get(name).and_then(Value::as_str);
    let provider = text("provider");
    let occurred_at =
        text("occurred_at").and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let payload = body.payload.as_ref().map(|payload| payload.get());
    let payload = payload.filter(|payload| payload.len() <= MAX_PAYLOAD);
    hash(&Receipt {
        provider,
        provider_event_id: text("provider_event_id").or_else(|| text("stripe_event_id")),
        event_type: text("event_type"),
        effect_type: text("effect_type"),
        internal_reference: text("internal_reference"),
        occurred_at: occurred_at.and_then(|at| at.checked_to_offset(UtcOffset::UTC)),
        shopify_shop_domain: text("shopify_shop_domain")
            .filter(|_| provider == Some(Provider::Shopify.as_str())),
        timeout_minutes: body.fields.get("timeout_minutes").and_then(Value::as_i64),
        payload: payload.and_then(|payload| serde_json::from_str(payload).ok()),
    })
}

/// The hash of a result.
pub(super) fn hash_result(body: &Map<String, Value>) -> Result<[u8; 32], ApiError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let (canonical, stripe) = (text("provider_event_id"), text("stripe_event_id"));
    let stripe_only = canonical.is_none() && stripe.is_some();
    let event = Reference {
        event_id: text("event_id"),
        provider_event_id: canonical.or(stripe),
        provider: text("provider").or(stripe_only.then_some(Provider::Stripe.as_str())),
        effect_type: text("effect_type"),
    };
    let result = EffectResult {
        outcome: text("status"),
        error_code: text("error_code"),
        error_message: text("error_message"),
        replay_id: text("replay_id"),
    };
    hash(&Report { event, result })
}

fn hash(request: &impl Serialize) -> Result<[u8; 32], ApiError> {
    match serde_json::to_vec(request) {
        Ok(bytes) => Ok(Sha256::digest(bytes).into()),
        Err(error) => Err(ApiError::internal(error)),
    }
}
