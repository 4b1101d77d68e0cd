//! Taking several receipts in one transaction: what [`receipt`](super::receipt) does for one, in
//! three statements for all, and one more for names that projects declare.
//!
//! It guarantees that each receipt gets the outcome and leaves the rows that it would alone, and
//! that none waits for another transaction on behalf of the others: locks are tried, not awaited.
//! What cannot be taken this way is left [`Alone`](SharedOutcome::Alone), without a trace: a
//! provider event that someone else holds or that has early results, a customer who was erased, a declared name that is
//! about to be removed, and a key with a response of the release before. An error means that all of them are left; a row
//! that the database rejects is then found by taking each alone.
//!
//! The rules are where they are for one: `idempotency` judges the keys, and the database has the
//! last word on what is there already.

use std::collections::BTreeSet;

use domain::audit::{Action, Actor};
use domain::catalogue::Declaration;
use domain::ids::{EventId, ProjectId};
use domain::outbox::OutboxMessage;
use domain::receipt::Receipt;
use uuid::Uuid;

use super::receipt::{AcceptedReceipt, Delivery, accepted};
use crate::api_keys::KeyOwner;
use crate::error::expect_all;
use crate::idempotency::{
    self, ClaimRequest, KeyUse, ResponseScope, SharedOutcome, StoredResponse,
};
use crate::seal::MasterKey;
use crate::snapshot_keys::{self, SnapshotKeys};
use crate::{PgConnection, StoreError, audit, column, declared_names, events};

/// A receipt that is taken together with others.
#[derive(Debug, Clone, Copy)]
pub struct SharedDelivery<'a> {
    /// Who sends it.
    pub owner: &'a KeyOwner,
    /// The key that it uses up; no other of the same batch has it.
    pub used: KeyUse<'a>,
    pub delivery: Delivery<'a>,
}

impl SharedDelivery<'_> {
    fn timeout_minutes(&self) -> i32 {
        self.delivery.timeout_minutes(self.owner)
    }

    /// The names that it has because its project declares them.
    fn declared_names(&self) -> impl Iterator<Item = (ProjectId, Declaration)> {
        let project_id = self.owner.project_id;
        self.delivery.receipt.declared_names().into_iter().map(move |name| (project_id, name))
    }

    /// Whether a new event of it is to be added by itself.
    fn is_left(&self, key: &MasterKey, gone: &BTreeSet<(ProjectId, Declaration)>) -> bool {
        let is_named = || self.declared_names().all(|name| !gone.contains(&name));
        !gone.is_empty() && !is_named() || self.delivery.find_returned(key, self.owner).is_some()
    }
}

/// Takes receipts; the outcome of each, in their order. `respond` makes the response that is stored
/// for one of them; a receipt that it has none for is left alone.
///
/// # Errors
/// When the database rejects a row. Nothing may be committed then.
pub async fn accept_receipts(
    tx: &mut PgConnection,
    key: &MasterKey,
    batch: &[SharedDelivery<'_>],
    respond: impl Fn(usize, AcceptedReceipt) -> Option<StoredResponse>,
) -> Result<Vec<SharedOutcome>, StoreError> {
    let wanted = column(batch, |it| ClaimRequest {
        used: it.used,
        provider_event_id: Some(it.delivery.receipt.provider_event_id.as_str()),
    });
    let (mut outcomes, claimed) = idempotency::claim_together(tx, &wanted).await?;
    let found = find_events(tx, &column(&claimed, |(n, _)| batch[*n])).await?;
    let added = claimed.iter().zip(&found).filter(|(_, found)| found.is_new());
    let added: Vec<_> = added.map(|((n, _), _)| batch[*n]).collect();
    let names = added.iter().flat_map(SharedDelivery::declared_names).collect();
    let gone = declared_names::try_hold_names(tx, names).await?;
    let with_snapshot = added.iter().filter(|it| it.delivery.snapshot.is_some());
    let with_snapshot = with_snapshot.map(|it| it.owner.project_id);
    let keys = snapshot_keys::ensure(tx, key, with_snapshot).await?;
    let (mut new, mut responses, mut responded) = (Vec::new(), Vec::new(), Vec::new());
    for ((n, scope), found) in claimed.into_iter().zip(found) {
        let it = batch[n];
        if found.is_awaited || found.is_new() && it.is_left(key, &gone) {
            continue;
        }
        let event = found.is_new().then(|| NewEvent::seal(&keys, batch[n], found.taken));
        let event = event.transpose()?;
        let taken = event.as_ref().map_or(found.taken, |event| event.taken);
        let Some(response) = respond(n, taken) else { continue };
        new.extend(event);
        responses.push((batch[n].used, scope, response));
        responded.push(n);
    }
    if !responses.is_empty() {
        insert_all(tx, &new, &responses).await?;
    }
    for (n, (.., response)) in responded.into_iter().zip(responses) {
        outcomes[n] = SharedOutcome::Accepted(response);
    }
    Ok(outcomes)
}

/// A receipt whose key and provider event are claimed.
struct Found {
    /// What is said of it once it is written.
    taken: AcceptedReceipt,
    /// Whether early results name its provider event.
    is_awaited: bool,
}

impl Found {
    /// Whether it is added here.
    const fn is_new(&self) -> bool {
        !self.is_awaited && !self.taken.duplicate
    }
}

async fn find_events(
    tx: &mut PgConnection,
    batch: &[SharedDelivery<'_>],
) -> Result<Vec<Found>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query_file!(
        "src/transitions/receipts/find.sql",
        &column(batch, |it| it.owner.project_id.as_uuid()),
        &column(batch, |it| it.delivery.event_key.as_slice()) as &[&[u8]],
        &column(batch, |it| it.delivery.receipt.provider.as_str()) as &[&str],
        &column(batch, |it| it.delivery.receipt.provider_event_id.as_str()) as &[&str],
        &column(batch, |it| it.delivery.receipt.effect_type.as_str()) as &[&str],
        &column(batch, SharedDelivery::timeout_minutes),
    )
    .fetch_all(tx)
    .await?;
    let found = found.into_iter().map(|row| Found {
        taken: AcceptedReceipt {
            event_id: row.existing.map_or_else(events::new_id, EventId::from_uuid),
            timeout_at: row.timeout_at,
            duplicate: row.existing.is_some(),
            snapshot_kept: false,
        },
        is_awaited: row.is_awaited && row.existing.is_none(),
    });
    Ok(found.collect())
}

/// An event that is about to be added.
struct NewEvent<'a> {
    from: SharedDelivery<'a>,
    taken: AcceptedReceipt,
    snapshot: Option<Vec<u8>>,
}

impl<'a> NewEvent<'a> {
    fn seal(
        keys: &SnapshotKeys,
        from: SharedDelivery<'a>,
        taken: AcceptedReceipt,
    ) -> Result<Self, StoreError> {
        let project_id = from.owner.project_id;
        let snapshot = from.delivery.sealed_snapshot(keys, project_id, taken.event_id)?;
        let taken = AcceptedReceipt { snapshot_kept: snapshot.is_some(), ..taken };
        Ok(Self { from, taken, snapshot })
    }

    fn receipt(&self) -> &'a Receipt {
        self.from.delivery.receipt
    }

    fn currency(&self) -> Option<String> {
        self.receipt().amount.map(|amount| amount.currency.to_string())
    }
}

/// Adds the events with all that they are, and stores the responses.
async fn insert_all(
    tx: &mut PgConnection,
    new: &[NewEvent<'_>],
    responses: &[(KeyUse<'_>, ResponseScope, StoredResponse)],
) -> Result<(), StoreError> {
    let inserted = sqlx::query_file!(
        "src/transitions/receipts/insert.sql",
        &column(new, |it| it.taken.event_id.as_uuid()),
        &column(new, |it| it.from.owner.project_id.as_uuid()),
        &column(new, |it| it.from.delivery.event_key.as_slice()) as &[&[u8]],
        &column(new, |it| it.receipt().provider.as_str()) as &[&str],
        &column(new, |it| it.receipt().provider_event_id.as_str()) as &[&str],
        &column(new, |it| it.receipt().effect_type.as_str()) as &[&str],
        &column(new, |it| it.receipt().event_type.as_str()) as &[&str],
        &column(new, |it| it.receipt().internal_reference.as_str()) as &[&str],
        &column(new, |it| it.receipt().occurred_at),
        &column(new, |it| it.receipt().shopify_shop_domain.as_deref()) as &[Option<&str>],
        &column(new, |it| it.from.owner.key_id.as_uuid()),
        &column(new, |it| it.snapshot.as_deref()) as &[Option<&[u8]>],
        &column(new, |it| it.from.timeout_minutes()),
        &column(new, |it| it.taken.timeout_at),
        &column(new, |it| it.receipt().effect_key.as_deref()) as &[Option<&str>],
        &column(new, |_| audit::new_id().as_uuid()),
        &column(new, |it| Actor::Key(it.from.owner.key_id).to_string()),
        &column(new, |it| accepted(it.receipt()).detail()),
        &column(new, |_| Uuid::now_v7()),
        Action::ReceiptAccepted.as_str(),
        OutboxMessage::Start.kind().as_str(),
        &column(responses, |(used, ..)| used.project_id.as_uuid()),
        &column(responses, |(used, scope, _)| used.route_of(*scope)),
        &column(responses, |(used, ..)| used.key) as &[&str],
        &column(responses, |(used, ..)| used.request_hash) as &[&[u8]],
        &column(responses, |(used, ..)| used.fingerprint) as &[&[u8]],
        &column(responses, |(.., response)| i16::try_from(response.status).unwrap_or_default()),
        &column(responses, |(.., response)| response.body.as_slice()) as &[&[u8]],
        &column(new, |it| it.from.delivery.trace_parent) as &[Option<&str>],
        &column(new, |it| it.receipt().amount.map(|it| it.value)) as &[Option<i64>],
        &column(new, NewEvent::currency) as &[Option<String>],
    )
    .fetch_one(tx)
    .await?;
    expect_all("event_keys", new.len(), inserted.events.unsigned_abs())?;
    expect_all("idempotency_keys", responses.len(), inserted.responses.unsigned_abs())
}
