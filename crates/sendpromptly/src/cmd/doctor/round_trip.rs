//! The round trip: one made-up event of a test project, from its failure to the result of its
//! repair.
//!
//! The probes show that the endpoint takes callbacks. This shows that it reports what came of them,
//! without which every reprocess ends as `no_result`. The event is of the same kind as the
//! project's newest one and is about no customer. It is written in one transaction with its
//! incident and its reprocess, and no one is alerted. Its incident is resolved in the end, whatever
//! came of it; a doctor that is killed half-way leaves one behind, which says who made it. In a
//! live project nothing is made up.

use std::time::Duration;

use anyhow::Context as _;
use domain::audit::Actor;
use domain::effect_result::EffectResult;
use domain::field::FieldError;
use domain::ids::{EventId, KeyId, ReplayId};
use domain::project::Mode;
use domain::receipt::{Receipt, ReceiptContext};
use domain::rejection::Rejection;
use domain::reprocess::ReprocessState;
use sendpromptly::repair_check::{REFERENCE, quote};
use serde_json::{Map, Value, json};
use store::alerts::{self, IncidentIds};
use store::api_keys::{self, KeyOwner};
use store::attempts::{self, CallbackAttempt};
use store::erasure::ErasedCustomers;
use store::pool::transaction;
use store::projects::Project;
use store::search::events::{EventRow, EventSearch, search_events};
use store::transitions::receipt::{Delivery, accept_receipt};
use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
use store::transitions::resolve::{ResolveRequest, resolve_incident};
use store::transitions::result::{ReportedResult, ResultOutcome, accept_result};
use store::{
    ChangeError, MasterKey, PgPool, StoreError, declared_names, incidents, reprocesses, results,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::Check;
use crate::progress::while_waiting;
use crate::{admin_context, random};

/// What the check is called.
pub(super) const NAME: &str = "repair_round_trip";

/// How long the endpoint has for its result, and a worker for taking the callback up.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(200);
/// The error of the failure that opens the incident; another one is the endpoint's.
const ERROR_CODE: &str = "sendpromptly_doctor";
const NOTE: &str = "the round trip of sendpromptly doctor";

/// The reprocess that is under way.
struct Trip<'a> {
    pool: &'a PgPool,
    actor: Actor,
    event_id: EventId,
    replay_id: ReplayId,
}

/// How far it came.
struct Seen {
    state: ReprocessState,
    last: Option<CallbackAttempt>,
    /// The error of the incident, which a failure without a `replay_id` changes.
    error_code: Option<String>,
}

/// Makes the round trip of a project whose endpoint takes good probes.
pub(super) async fn check(
    pool: &PgPool,
    key: &MasterKey,
    project: &Project,
) -> anyhow::Result<Check> {
    if project.mode == Mode::Live {
        let why = "not tried, because this project is live: no event is made up there. Try the same \
                   endpoint in a test project";
        return Ok(Check::skip(NAME, why));
    }
    let keys = api_keys::list_keys(pool, Some(project.id)).await?;
    let Some(api_key) = keys.into_iter().rev().find(|key| key.revoked_at.is_none()) else {
        let cure = "the project has no valid API key, so no result can be reported: make one with \
                    `key create`";
        return Ok(Check::fail(NAME, cure));
    };
    let trip = Trip::begin(pool, key, project, api_key.id).await?;
    let seen = while_waiting("waiting for the result of a made-up reprocess", trip.watch()).await;
    trip.close().await?;
    Ok(judge(&seen?))
}

fn reprocess(replay_id: ReplayId, actor: &Actor) -> ReprocessRequest<'_> {
    ReprocessRequest { replay_id, actor, note: Some(NOTE), bulk_id: None, signal: true }
}

impl<'a> Trip<'a> {
    async fn begin(
        pool: &'a PgPool,
        key: &MasterKey,
        project: &Project,
        key_id: KeyId,
    ) -> anyhow::Result<Self> {
        let search =
            EventSearch { project_id: Some(project.id), limit: 1, ..EventSearch::default() };
        let newest = search_events(pool, &search).await?.data.into_iter().next();
        let (actor, replay_id) = (admin_context::actor(), reprocesses::new_id());
        let owner = KeyOwner {
            key_id,
            project_id: project.id,
            timeout_minutes: project.timeout_minutes,
            snapshots: false,
            mode: project.mode,
            catalogue: declared_names::load_catalogue(pool, project.id).await?,
            erased: ErasedCustomers::default(),
        };
        let receipt = receipt(newest.as_ref(), &owner)?;
        let event_key = receipt.identity("").key();
        let delivery = Delivery::new(&receipt, &event_key);
        let failure = failure()?;
        let made = transaction(pool, async |tx| {
            let event_id = accept_receipt(tx, key, &owner, delivery).await?.event_id;
            let report =
                ReportedResult { result_id: results::new_id(), result: &failure, signal: true };
            let outcome = accept_result(tx, &actor, event_id, report).await?;
            let ResultOutcome::Accepted { incident: Some(incident), .. } = outcome else {
                anyhow::bail!("the made-up failure opened no incident: {outcome:?}");
            };
            let request = reprocess(replay_id, &actor);
            let replay_id = match request_reprocess(tx, event_id, request).await {
                Ok(()) => replay_id,
                // The project's own policy was faster, in the same transaction.
                Err(ChangeError::Rejected(Rejection::Reprocessing(Some(running), _))) => running,
                Err(error) => return Err(error.into()),
            };
            let ids = IncidentIds { project_id: project.id, event_id, incident_id: incident.id };
            alerts::mute_incident(tx, ids, replay_id, "made up by sendpromptly doctor").await?;
            Ok((event_id, replay_id))
        });
        let (event_id, replay_id) = made.await?;
        Ok(Self { pool, actor, event_id, replay_id })
    }

    async fn watch(&self) -> anyhow::Result<Seen> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let seen = self.poll().await?;
            if seen.is_over() || Instant::now() >= deadline {
                return Ok(seen);
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    async fn poll(&self) -> Result<Seen, StoreError> {
        let reprocess = reprocesses::find_reprocess(self.pool, self.replay_id).await?;
        let incident = incidents::find_for_event(self.pool, self.event_id).await?;
        let attempts = attempts::list_for_reprocess(self.pool, self.replay_id).await?;
        Ok(Seen {
            state: reprocess.ok_or(StoreError::Missing("reprocesses"))?.state,
            last: attempts.into_iter().next_back(),
            error_code: incident.ok_or(StoreError::Missing("incidents"))?.error.code,
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (actor, note) = (&self.actor, Some(NOTE));
        let resolving = ResolveRequest { actor, note, evidence: None, bulk_id: None, signal: true };
        let resolved =
            transaction(self.pool, async |tx| resolve_incident(tx, self.event_id, resolving).await);
        // Where it was resolved in the meantime, nothing is left to close.
        resolved.await.or_else(|error| error.rejection().map(|_| ()))
    }
}

impl Seen {
    /// Whether waiting longer would show nothing else.
    fn is_over(&self) -> bool {
        !self.state.is_running() || self.reported_without_replay() || self.not_taken().is_some()
    }

    fn reported_without_replay(&self) -> bool {
        self.state.is_running() && self.error_code.as_deref() != Some(ERROR_CODE)
    }

    /// What the endpoint responded to a callback that it did not accept.
    fn not_taken(&self) -> Option<String> {
        let last = self.last.as_ref()?;
        let said = quote(last.answer.as_deref().unwrap_or_default());
        match (last.status, last.error.as_deref()) {
            (Some(200..=299), _) | (None, None | Some("interrupted")) => None,
            (Some(status), _) => Some(format!("answered {status}{said}")),
            (None, Some(error)) => Some(format!("not answered ({error}{said})")),
        }
    }
}

fn judge(seen: &Seen) -> Check {
    if let Some(answer) = seen.not_taken() {
        let what = "the endpoint takes probes, but a callback about a made-up customer was";
        return Check::fail(NAME, format!("{what} {answer}: take it, and report what came of it"));
    }
    let seconds = TIMEOUT.as_secs();
    match (seen.state, &seen.last) {
        (ReprocessState::Succeeded, _) => {
            Check::pass(NAME, "the endpoint took the callback and reported success")
        }
        (ReprocessState::Failed, _) => {
            let code = quote(seen.error_code.as_deref().unwrap_or_default());
            let what = "the endpoint took the callback and reported a failure with its replay_id";
            Check::pass(NAME, format!("{what}{code}; the customer of this event is made up"))
        }
        (ReprocessState::Requested | ReprocessState::Delivering, None) => Check::warn(
            NAME,
            format!("no worker took the callback up within {seconds} s: is one running?"),
        ),
        (ReprocessState::Delivering, Some(_)) => Check::fail(
            NAME,
            format!("the endpoint did not answer the callback within {seconds} s"),
        ),
        _ if seen.reported_without_replay() => Check::fail(
            NAME,
            "the endpoint reported a failure without the replay_id of the callback: send it along, \
             or the reprocess ends as no_result",
        ),
        _ => Check::fail(
            NAME,
            format!(
                "the endpoint took the callback, but no result came within {seconds} s: it must \
                 call POST /api/v1/result with the replay_id"
            ),
        ),
    }
}

/// A receipt of the kind that the app knows: that of the newest event, else the first one of the
/// documents.
fn receipt(newest: Option<&EventRow>, owner: &KeyOwner) -> anyhow::Result<Receipt> {
    let id = format!("evt_doctor_{}", hex::encode(random::bytes::<8>()?));
    let now = OffsetDateTime::now_utc().format(&Rfc3339)?;
    let mut body = json!({
        "provider": "stripe", "provider_event_id": id, "event_type": "checkout.session.completed",
        "effect_type": "credit_grant", "internal_reference": REFERENCE, "occurred_at": now,
    });
    if let Some(EventRow { event, .. }) = newest {
        body["provider"] = json!(event.provider);
        body["event_type"] = json!(event.event_type);
        body["effect_type"] = json!(event.effect_type);
        body["shopify_shop_domain"] = json!(event.shopify_shop_domain);
    }
    let context = ReceiptContext { catalogue: &owner.catalogue, mode: owner.mode };
    parsed(&body, |body| Receipt::parse(body, context))
}

fn failure() -> anyhow::Result<EffectResult> {
    let body = json!({
        "status": "failed", "error_code": ERROR_CODE,
        "error_message": "made up by sendpromptly doctor, to see whether a reprocess is answered",
    });
    parsed(&body, EffectResult::parse)
}

fn parsed<T>(
    body: &Value,
    parse: impl Fn(&Map<String, Value>) -> Result<T, Vec<FieldError>>,
) -> anyhow::Result<T> {
    let read = parse(body.as_object().context("an object")?);
    read.map_err(|field_errors| {
        anyhow::anyhow!("a made-up call breaks the rules: {field_errors:?}")
    })
}

#[cfg(test)]
#[path = "round_trip_tests.rs"]
mod tests;
