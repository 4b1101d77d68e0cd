//! What the release before hashes of a request, for as long as both may run side by side.
//!
//! That release compares whole requests by this hash. It is written beside the fingerprint, so that
//! either release recognises a request that the other one served. Where that release would have
//! rejected the request, the hash is only a hash. This module goes with the next release.

use domain::catalogue::Provider;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;
use web::error::ApiError;

use super::ingest_body::IngestBody;

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
struct HashedReport<'a> {
    event: Reference<'a>,
    result: EffectResult<'a>,
}

/// The largest payload that the release before took, and so hashed.
const MAX_PAYLOAD: usize = 256 * 1024;

pub(super) fn hash_receipt(body: &IngestBody) -> Result<[u8; 32], ApiError> {
    let text = |name: &str| body.fields.get(name).and_then(Value::as_str);
    let provider = text("provider");
    let occurred_at =
        text("occurred_at").and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let payload = body.payload.as_ref().filter(|payload| payload.len() <= MAX_PAYLOAD);
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
        payload: payload.and_then(|payload| serde_json::from_slice(payload).ok()),
    })
}

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
    hash(&HashedReport { event, result })
}

fn hash(request: &impl Serialize) -> Result<[u8; 32], ApiError> {
    let mut hasher = Sha256::new();
    serde_json::to_writer(&mut hasher, request).map_err(ApiError::internal)?;
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    fn body(text: &str) -> IngestBody {
        let mut fields: Map<String, Value> = serde_json::from_str(text).expect("JSON");
        let payload = fields.remove("payload").filter(|payload| !payload.is_null());
        let payload = payload.map(|it| Bytes::from(it.to_string()));
        IngestBody { fields, payload, ..IngestBody::default() }
    }

    /// What commit 7cdce11 stored for these requests.
    #[test]
    fn hashes_are_those_of_the_release_before() {
        for (text, hash) in [
            (
                r#"{"provider":"stripe","provider_event_id":"evt_1","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","occurred_at":"2026-11-21T14:02:09+01:00","timeout_minutes":5,"payload":{"b":1.5,"a":[1,{"z":null,"y":"é"}]}}"#,
                "e7d31c2051055e7d4f5d484a378cf77560e2aec56125985494a44eface7c3cdb",
            ),
            (
                r#"{"provider":"shopify","provider_event_id":"7","event_type":"orders/paid","effect_type":"seat_update","internal_reference":"user_456","occurred_at":"2026-11-21T14:02:09.5Z","shopify_shop_domain":"Shop.myshopify.com","payload":null}"#,
                "806f6ad89273ba872834926b6384b2bf9b773daddb1306ba7deb90badc09d82d",
            ),
            (
                r#"{"provider":"stripe","stripe_event_id":"evt_3","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","occurred_at":"2026-11-21T14:02:09Z","shopify_shop_domain":"x"}"#,
                "df7223cd28fd055207965f5d4f02f463862f757b635f7c509b291ebc004c4b59",
            ),
        ] {
            let computed = hash_receipt(&body(text)).expect("a hash");
            assert_eq!(hex::encode(computed), hash, "{text}");
        }
        for (text, hash) in [
            (
                r#"{"provider_event_id":"evt_1","status":"failed","error_code":"E1","error_message":"disk full"}"#,
                "5250f95012efd9a3696a389c0f959738ad1d554810c9a7922300feee09246a5c",
            ),
            (
                r#"{"stripe_event_id":"evt_1","effect_type":"credit_grant","status":"success"}"#,
                "81027aa6fb794a664f869fc70f2d242ea90049d8371e393620698cf99cd0a3f2",
            ),
        ] {
            let computed = hash_result(&body(text).fields).expect("a hash");
            assert_eq!(hex::encode(computed), hash, "{text}");
        }
    }
}
