//! The stored responses about the customer's events. A request that is repeated is known by its event from then on.

use std::collections::BTreeSet;

use domain::erasure::ErasureState;
use domain::ids::EventId;

use super::step::Locked;
use crate::idempotency::StoredResponse;
use crate::{PgConnection, StoreError, column};

/// So many responses are looked at in one step.
const LOOKED_AT: i64 = 2_000;

struct Row {
    route: String,
    key: String,
    body: Vec<u8>,
}

impl Row {
    fn event_id(&self) -> Option<EventId> {
        StoredResponse { status: 0, body: self.body.clone() }.event_id()
    }
}

pub(super) async fn erase(
    tx: &mut PgConnection,
    locked: &mut Locked,
) -> Result<ErasureState, StoreError> {
    let found = sqlx::query_as!(
        Row,
        "SELECT route, key, body FROM idempotency_keys WHERE project_id = $1 AND (route, key) > ($2, $3)
         ORDER BY route, key LIMIT $4",
        locked.project_id.as_uuid(),
        locked.last_route.clone().unwrap_or_default(),
        locked.last_key.clone().unwrap_or_default(),
        LOOKED_AT,
    )
    .fetch_all(&mut *tx)
    .await?;
    let Some(last) = found.last() else {
        (locked.last_route, locked.last_key) = (None, None);
        return Ok(ErasureState::Rest);
    };
    (locked.last_route, locked.last_key) = (Some(last.route.clone()), Some(last.key.clone()));
    let erased = list_erased(tx, locked, &found).await?;
    let due: Vec<_> =
        found.iter().filter(|row| row.event_id().is_some_and(|id| erased.contains(&id))).collect();
    let deleted = sqlx::query!(
        "DELETE FROM idempotency_keys t USING unnest($2::text[], $3::text[]) AS due (route, key)
         WHERE t.project_id = $1 AND t.route = due.route AND t.key = due.key",
        locked.project_id.as_uuid(),
        &column(&due, |row| row.route.clone()),
        &column(&due, |row| row.key.clone()),
    )
    .execute(tx)
    .await?;
    locked.add("idempotency_keys", deleted.rows_affected());
    Ok(ErasureState::Responses)
}

/// Which of the events that responses name are the customer's.
async fn list_erased(
    tx: &mut PgConnection,
    locked: &Locked,
    found: &[Row],
) -> Result<BTreeSet<EventId>, StoreError> {
    let named: Vec<_> = found.iter().filter_map(Row::event_id).collect();
    let erased = sqlx::query_scalar!(
        "SELECT id FROM payment_events WHERE id = ANY ($1) AND project_id = $2 AND internal_reference = $3",
        &named as &[EventId],
        locked.project_id.as_uuid(),
        locked.customer.to_string(),
    )
    .fetch_all(tx)
    .await?;
    Ok(erased.into_iter().collect())
}
