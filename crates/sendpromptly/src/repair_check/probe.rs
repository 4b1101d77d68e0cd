//! The probe: a request that looks like a repair callback and asks for nothing.
//!
//! It has every field and every header of a callback, with `"type":"probe"` instead of `reprocess`
//! and ids that belong to nothing. A receiver checks the signature as always, responds 2xx, and
//! does no work. One that does not check the type finds no customer under the reference.

use domain::app_error::AppError;
use domain::callback::{CallbackBody, CallbackKind, CallbackReason};
use domain::callback_header::CallbackHeader;
use domain::catalogue::{EffectType, Provider};
use domain::ids::IncidentId;
use domain::incident::Reason;
use domain::signature::{Signed, SigningSecret, sp_signature, standard_signature};
use serde_json::json;
use store::projects::Project;
use time::OffsetDateTime;
use web::random;

/// Whom the probe is about: no customer.
pub const REFERENCE: &str = "sendpromptly-doctor";

/// One probe, ready to send.
pub(super) struct Probe<'a> {
    /// Its headers, those of the project among them.
    pub(super) headers: Vec<(&'a str, String)>,
    pub(super) body: Vec<u8>,
}

/// Makes a probe that says it was made at `at`, signed with these secrets.
///
/// # Errors
/// When the system gives no random bytes.
pub(super) fn make<'a>(
    project: &Project,
    secrets: &[SigningSecret],
    added: &'a [CallbackHeader],
    at: OffsetDateTime,
) -> anyhow::Result<Probe<'a>> {
    let (id, body) = body(project, at)?;
    let nonce = hex::encode(random::bytes::<16>()?);
    let timestamp = at.unix_timestamp();
    let signed = Signed { id: &id, timestamp, nonce: &nonce, body: &body };
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-sp-timestamp", timestamp.to_string()),
        ("x-sp-signature", sp_signature(secrets, signed)),
        ("x-sp-attempt", "1".to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", standard_signature(secrets, signed)),
        ("x-sp-nonce", nonce.clone()),
        ("webhook-id", id.clone()),
    ];
    headers.extend(added.iter().map(|one| (one.name.as_str(), one.value().to_owned())));
    Ok(Probe { headers, body })
}

/// The probe's id and its body.
fn body(project: &Project, at: OffsetDateTime) -> anyhow::Result<(String, Vec<u8>)> {
    let replay_id = store::reprocesses::new_id();
    let body = CallbackBody {
        kind: CallbackKind::Reprocess,
        replay_id,
        incident_id: IncidentId::from_uuid(replay_id.as_uuid()),
        event_id: store::events::new_id(),
        project_id: project.id,
        mode: project.mode,
        provider: Provider::Stripe,
        provider_event_id: REFERENCE.to_owned(),
        event_type: "checkout.session.completed".to_owned(),
        effect_type: EffectType::CreditGrant,
        internal_reference: REFERENCE.to_owned(),
        effect_key: None,
        occurred_at: at,
        shopify_shop_domain: None,
        reason: CallbackReason { kind: Reason::MissingResult, error: AppError::default() },
        requested_at: at,
    };
    let mut body = serde_json::to_value(body)?;
    body["type"] = json!("probe");
    Ok((replay_id.to_string(), serde_json::to_vec(&body)?))
}

#[cfg(test)]
mod tests {
    use domain::signature::verify_sp_signature;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_probe_is_a_callback_in_all_but_its_type_and_verifies_as_one() {
        let secret = SigningSecret::from_bytes([7; 32]);
        let at = datetime!(2026-11-21 14:02:09 UTC);
        let added = [CallbackHeader::new("X-Gateway-Key", "canary").expect("a header")];
        let secrets = std::slice::from_ref(&secret);
        let probe = make(&samples::project(), secrets, &added, at).expect("a probe");
        let header = |name| {
            let found = probe.headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.as_str()).expect(name)
        };
        let signed = Signed {
            id: header("webhook-id"),
            timestamp: at.unix_timestamp(),
            nonce: header("x-sp-nonce"),
            body: &probe.body,
        };
        assert_eq!(header("X-Gateway-Key"), "canary");
        assert!(verify_sp_signature(&secret, header("x-sp-signature"), signed));
        let mut body: serde_json::Value = serde_json::from_slice(&probe.body).expect("json");
        assert_eq!(body["type"], "probe");
        assert_eq!(body["replay_id"], header("webhook-id"));
        body["type"] = json!("reprocess");
        assert!(serde_json::from_value::<CallbackBody>(body).is_ok());
    }
}
