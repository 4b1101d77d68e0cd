//! Taking a receipt: the event, its audit entry, the wish to watch it, and results that came early.

use domain::audit::{Action, Actor};
use domain::ids::EventId;
use domain::receipt::Receipt;
use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::api_keys::KeyOwner;
use crate::audit::{self, Subject};
use crate::events::{self, Taken};
use crate::outbox::{self, WishKind};
use crate::seal::MasterKey;
use crate::transitions::result::{self, Report};
use crate::{Insertion, StoreError, results};

/// What a receipt is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenReceipt {
    /// The event.
    pub event_id: EventId,
    /// Until when the app may report in time.
    pub timeout_at: OffsetDateTime,
    /// Whether it was taken before.
    pub duplicate: bool,
}

/// Takes a receipt, or finds the one that was taken before.
///
/// # Errors
/// When the database fails.
pub async fn accept_receipt(
    tx: &mut PgConnection,
    key: &MasterKey,
    owner: &KeyOwner,
    receipt: &Receipt,
) -> Result<TakenReceipt, StoreError> {
    events::lock_provider_event(tx, owner.project_id, &receipt.provider_event_id).await?;
    let event_id = events::new_id();
    let snapshot = seal_snapshot(key, owner, receipt, event_id)?;
    let taken = Taken {
        project_id: owner.project_id,
        key_id: owner.key_id,
        timeout_minutes: receipt.timeout_minutes.unwrap_or(owner.timeout_minutes),
        event_id,
        snapshot: snapshot.as_deref(),
    };
    let (event_id, duplicate) = match events::insert_event(tx, receipt, taken).await? {
        Insertion::Existing(event_id) => (event_id, true),
        Insertion::Inserted(event_id) => {
            begin_watch(tx, owner, receipt, event_id).await?;
            (event_id, false)
        }
    };
    let event =
        events::find_event(tx, event_id).await?.ok_or(StoreError::Missing("payment_events"))?;
    Ok(TakenReceipt { event_id, timeout_at: event.timeout_at, duplicate })
}

async fn begin_watch(
    tx: &mut PgConnection,
    owner: &KeyOwner,
    receipt: &Receipt,
    event_id: EventId,
) -> Result<(), StoreError> {
    let actor = Actor::Key(owner.key_id);
    let subject = Subject::event(owner.project_id, event_id);
    let detail = json!({ "event_type": receipt.event_type, "effect_type": receipt.effect_type });
    audit::insert_entry(&mut *tx, &actor, Action::ReceiptAccepted, subject, detail).await?;
    outbox::insert_wish(&mut *tx, event_id, WishKind::Start, json!({})).await?;
    for early in results::list_early(tx, owner.project_id, receipt).await? {
        let actor = Actor::Key(early.key_id);
        let report = Report { result_id: results::new_id(), result: &early.result, signal: true };
        result::accept_result(tx, &actor, event_id, report).await?;
    }
    Ok(())
}

fn seal_snapshot(
    key: &MasterKey,
    owner: &KeyOwner,
    receipt: &Receipt,
    event_id: EventId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(payload) = receipt.payload.as_ref().filter(|_| owner.snapshots) else {
        return Ok(None);
    };
    let text = serde_json::Value::Object(payload.clone()).to_string();
    Ok(Some(key.seal(&format!("payment_events.snapshot:{event_id}"), text.as_bytes())?))
}
