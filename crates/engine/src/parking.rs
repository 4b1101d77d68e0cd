//! Setting messages aside that Temporal rejects.
//!
//! A rejection is counted in the transaction that parks the message and says so on its event's timeline: a
//! process that dies half-way leaves none of the three. A parked message has another chance every hour; timeline
//! and log say so once.

use domain::audit::detail::ParkedDetail;
use domain::audit::{Actor, AuditEvent};
use store::audit::{self, Subject};
use store::events;
use store::outbox::{self, ClaimedMessage, Rejected};
use store::pool::transaction;
use store::{PgConnection, PgPool, StoreError};

/// Counts a rejection; whether the message is parked with it.
pub(crate) async fn reject(
    pool: &PgPool,
    message: &ClaimedMessage,
    why: &str,
) -> Result<bool, StoreError> {
    let rejected: Result<Rejected, StoreError> = transaction(pool, async |tx| {
        let rejected = outbox::reject(&mut *tx, message.id, why).await?;
        if rejected == Rejected::Parked {
            note(tx, message, why).await?;
        }
        Ok(rejected)
    })
    .await;
    match rejected? {
        Rejected::TriedAgain => return Ok(false),
        Rejected::Parked => {
            tracing::error!(event_id = %message.event_id, message = message.kind.as_str(), why, "parked an outbox message that Temporal rejects");
        }
        Rejected::ParkedAgain => {
            tracing::debug!(event_id = %message.event_id, why, "Temporal rejects a parked outbox message still");
        }
    }
    telemetry::parked();
    Ok(true)
}

async fn note(
    tx: &mut PgConnection,
    message: &ClaimedMessage,
    why: &str,
) -> Result<(), StoreError> {
    let Some(event) = events::find_event(&mut *tx, message.event_id).await? else {
        return Ok(());
    };
    let subject = Subject::event(event.project_id, event.id);
    let parked = AuditEvent::RelayParked(ParkedDetail { wish: message.kind, why: why.to_owned() });
    audit::record(tx, &Actor::System, subject, &parked).await
}
