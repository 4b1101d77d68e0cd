//! Taking a receipt: the event, its audit entry, the message that starts its watch, and results
//! that came early.
//!
//! Every receipt and early result of one provider event is serialised by one advisory lock, so what
//! is read and written after it misses none. The receipt itself is one statement: the rows that it
//! adds are atomic, and each round trip less is time that no other receipt waits.

use domain::audit::detail::{AmbiguityDetail, ReceiptDetail, ReturnedDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{EventId, ProjectId};
use domain::outbox::OutboxMessage;
use domain::receipt::Receipt;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::api_keys::KeyOwner;
use crate::audit::Subject;
use crate::erasure::Returned;
use crate::seal::{Cell, MasterKey, SealError};
use crate::snapshot_keys::{self, SnapshotKeys};
use crate::transitions::result::{self, ReportedResult};
use crate::{PgConnection, StoreError, audit, events, results};

/// The response to a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedReceipt {
    pub event_id: EventId,
    /// Until when the app may report in time.
    pub timeout_at: OffsetDateTime,
    /// Whether it was taken before.
    pub duplicate: bool,
    /// Whether the snapshot that came with it is kept.
    pub snapshot_kept: bool,
}

/// A receipt on its way in.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// What it says.
    pub receipt: &'a Receipt,
    /// The key under which the event is found again.
    pub event_key: &'a [u8; 32],
    /// The snapshot to keep, as JSON.
    pub snapshot: Option<&'a str>,
    /// The trace that what is done for the event later follows.
    pub trace_parent: Option<&'a str>,
}

impl<'a> Delivery<'a> {
    /// A receipt alone, without what may come with it.
    #[must_use]
    pub const fn new(receipt: &'a Receipt, event_key: &'a [u8; 32]) -> Self {
        Self { receipt, event_key, snapshot: None, trace_parent: None }
    }

    /// How long the app has: as the receipt says, or as long as its project gives.
    pub(crate) fn timeout_minutes(&self, owner: &KeyOwner) -> i32 {
        self.receipt.timeout_minutes.unwrap_or(owner.timeout_minutes)
    }

    /// The customer, if they were erased. A key that does not open costs this knowledge, never the receipt.
    pub(crate) fn find_returned(&self, key: &MasterKey, owner: &KeyOwner) -> Option<Returned> {
        let reference = &self.receipt.internal_reference;
        let found = owner.erased.find(key, owner.project_id, reference, self.event_key);
        found.unwrap_or_else(|error| {
            let project_id = owner.project_id;
            tracing::warn!(%project_id, %error, "whether a customer was erased is not known, for want of a key");
            None
        })
    }

    /// Seals the snapshot, if there is one. A key that does not open costs the snapshot, never the receipt.
    pub(crate) fn sealed_snapshot(
        &self,
        keys: &SnapshotKeys,
        project_id: ProjectId,
        event_id: EventId,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let Some((json, key)) = self.snapshot.zip(keys.get(&project_id)) else {
            return Ok(None);
        };
        match key {
            Ok(key) => key.seal(&Cell::snapshot(project_id, event_id), json.as_bytes()).map(Some),
            Err(error) => {
                tracing::warn!(%project_id, %event_id, %error, "a snapshot is not kept, for want of its project's key");
                Ok(None)
            }
        }
    }
}

/// The first entry of an event's timeline.
pub(crate) fn accepted(receipt: &Receipt) -> AuditEvent {
    AuditEvent::ReceiptAccepted(ReceiptDetail {
        event_type: receipt.event_type.clone(),
        effect_type: receipt.effect_type.clone(),
        amount: receipt.amount,
    })
}

/// Takes a receipt, or finds the one that was taken before.
pub async fn accept_receipt(
    tx: &mut PgConnection,
    key: &MasterKey,
    owner: &KeyOwner,
    delivery: Delivery<'_>,
) -> Result<AcceptedReceipt, StoreError> {
    let receipt = delivery.receipt;
    events::lock_provider_event(tx, owner.project_id, &receipt.provider_event_id).await?;
    let returned = delivery.find_returned(key, owner);
    if let Some(returned) = &returned {
        // Its erasure may overwrite the event at this moment: one question finds it under either key.
        let keys = [delivery.event_key.as_slice(), returned.event_key.as_slice()];
        if let Some(existing) = find_keyed(tx, owner, &keys).await? {
            return Ok(existing);
        }
    }
    let event_id = events::new_id();
    let of_snapshot = delivery.snapshot.map(|_| owner.project_id);
    let keys = snapshot_keys::ensure(tx, key, of_snapshot).await?;
    let snapshot = delivery.sealed_snapshot(&keys, owner.project_id, event_id)?;
    let snapshot_kept = snapshot.is_some();
    let new = insert_receipt(tx, owner, delivery, event_id, snapshot).await?;
    let Some(new) = new else {
        return find_existing(tx, owner, delivery).await;
    };
    if let Some(returned) = returned {
        note_returned(tx, owner, event_id, returned).await?;
    }
    if new.has_claimed {
        note_claimed(tx, owner, receipt, event_id).await?;
    }
    if new.has_early {
        apply_early(tx, owner, receipt, event_id).await?;
    }
    Ok(AcceptedReceipt { event_id, timeout_at: new.timeout_at, duplicate: false, snapshot_kept })
}

/// What only the database knows of a new event.
struct NewEvent {
    timeout_at: OffsetDateTime,
    /// Whether any early result names the provider event; not each of them means this effect.
    has_early: bool,
    /// Whether any early result that names it has settled another event.
    has_claimed: bool,
}

/// Adds everything that a receipt is. `None` if the event is there already.
async fn insert_receipt(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    delivery: Delivery<'_>,
    event_id: EventId,
    snapshot: Option<Vec<u8>>,
) -> Result<Option<NewEvent>, StoreError> {
    let Delivery { receipt, event_key, .. } = delivery;
    let accepted = accepted(receipt);
    let new = sqlx::query_file_as!(
        NewEvent,
        "src/transitions/receipt.sql",
        event_id.as_uuid(),
        owner.project_id.as_uuid(),
        receipt.provider.as_str(),
        receipt.provider_event_id,
        receipt.effect_type.as_str(),
        receipt.event_type,
        receipt.internal_reference,
        receipt.occurred_at,
        receipt.shopify_shop_domain,
        owner.key_id.as_uuid(),
        snapshot,
        delivery.timeout_minutes(owner),
        audit::new_id().as_uuid(),
        Actor::Key(owner.key_id).to_string(),
        accepted.action(),
        accepted.detail(),
        Uuid::now_v7(),
        OutboxMessage::Start.kind().as_str(),
        receipt.effect_key,
        event_key.as_slice(),
        delivery.trace_parent,
        receipt.amount.map(|amount| amount.value),
        receipt.amount.map(|amount| amount.currency.to_string()),
    )
    .fetch_optional(tx)
    .await?;
    Ok(new)
}

/// The event that has the key, had it before keys were, or had it until it went.
async fn find_existing(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    Delivery { receipt, event_key, .. }: Delivery<'_>,
) -> Result<AcceptedReceipt, StoreError> {
    let existing = sqlx::query!(
        r#"SELECT k.event_id AS "id!: EventId", coalesce(e.timeout_at, x.timeout_at) AS "timeout_at!"
           FROM event_keys k LEFT JOIN payment_events e ON e.id = k.event_id LEFT JOIN expired_events x ON x.event_id = k.event_id
           WHERE k.project_id = $1 AND k.key = $2 AND (e.id IS NOT NULL OR x.event_id IS NOT NULL)
           UNION ALL
           SELECT e.id, e.timeout_at FROM event_identities i JOIN payment_events e ON e.id = i.event_id
           WHERE i.project_id = $1 AND i.provider = $3 AND i.provider_event_id = $4 AND i.effect_type = $5
           LIMIT 1"#,
        owner.project_id.as_uuid(),
        event_key.as_slice(),
        receipt.provider.as_str(),
        receipt.provider_event_id,
        receipt.effect_type.as_str(),
    )
    .fetch_optional(tx)
    .await?
    .ok_or(StoreError::Missing("payment_events"))?;
    Ok(AcceptedReceipt {
        event_id: existing.id,
        timeout_at: existing.timeout_at,
        duplicate: true,
        snapshot_kept: false,
    })
}

/// The event that has one of these keys, or had it until it went.
async fn find_keyed(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    keys: &[&[u8]],
) -> Result<Option<AcceptedReceipt>, StoreError> {
    let existing = sqlx::query!(
        r#"SELECT k.event_id AS "id: EventId", coalesce(e.timeout_at, x.timeout_at) AS "timeout_at!"
           FROM event_keys k LEFT JOIN payment_events e ON e.id = k.event_id LEFT JOIN expired_events x ON x.event_id = k.event_id
           WHERE k.project_id = $1 AND k.key = ANY ($2) AND (e.id IS NOT NULL OR x.event_id IS NOT NULL) LIMIT 1"#,
        owner.project_id.as_uuid(),
        keys as &[&[u8]],
    )
    .fetch_optional(tx)
    .await?;
    Ok(existing.map(|row| AcceptedReceipt {
        event_id: row.id,
        timeout_at: row.timeout_at,
        duplicate: true,
        snapshot_kept: false,
    }))
}

/// Says on the timeline that the customer was erased before.
async fn note_returned(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    event_id: EventId,
    returned: Returned,
) -> Result<(), StoreError> {
    let detail = ReturnedDetail { tombstone: returned.customer };
    let subject = Subject::event(owner.project_id, event_id);
    audit::record(tx, &Actor::System, subject, &AuditEvent::CustomerReturned(detail)).await
}

async fn apply_early(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    receipt: &Receipt,
    event_id: EventId,
) -> Result<(), StoreError> {
    for early in results::claim_early(tx, owner.project_id, event_id, receipt).await? {
        let actor = Actor::Key(early.key_id);
        let report =
            ReportedResult { result_id: results::new_id(), result: &early.result, signal: true };
        result::accept_result(tx, &actor, event_id, report).await?;
    }
    Ok(())
}

/// Says on the timeline that a result which fits this event too was taken for another one.
async fn note_claimed(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    receipt: &Receipt,
    event_id: EventId,
) -> Result<(), StoreError> {
    for other in results::list_claimed(&mut *tx, owner.project_id, receipt).await? {
        let subject = Subject::event(owner.project_id, event_id);
        let taken = AmbiguityDetail::Taken { settled_event_id: other };
        let ambiguous = AuditEvent::ResultAmbiguous(taken);
        audit::record(&mut *tx, &Actor::System, subject, &ambiguous).await?;
    }
    Ok(())
}
