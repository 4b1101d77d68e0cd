//! Receipts that are committed together.
//!
//! A batch whose database cannot be reached is over for all of its members: whether it was
//! committed is not known, and the same request again finds out. Where the database rejects it, a
//! single row is to blame, so each receipt is taken alone. So is what a batch leaves because it
//! needs more than the usual statements.

use std::hash::{DefaultHasher, Hash, Hasher};

use store::idempotency::StoredResponse;
use store::transitions::receipts::{SharedDelivery, SharedOutcome, accept_receipts};
use store::{StoreError, pool};
use web::error::ApiError;
use web::group_commit::{Group, Member, Name};
use web::state::AppState;

use super::ingest::{IngestRequest, undo};
use super::receipt::ReceiptCall;

/// What commits them.
pub(super) struct Receipts(AppState);

impl Receipts {
    pub(super) const fn new(state: AppState) -> Self {
        Self(state)
    }

    async fn accept(&self, batch: &[Member<Self>]) -> Result<Vec<SharedOutcome>, StoreError> {
        let deliveries: Vec<_> = batch.iter().map(|member| delivery(member.work())).collect();
        let respond = |n: usize, taken| batch[n].work().call.response(taken).ok();
        let mut tx = pool::begin(&self.0.pool).await?;
        match accept_receipts(&mut tx, &self.0.master_key, &deliveries, respond).await {
            Ok(outcomes) => pool::commit(tx).await.map(|()| outcomes),
            Err(error) => {
                undo(tx).await;
                Err(error)
            }
        }
    }

    /// Takes a receipt by itself, in a task of its own: what it waits for keeps no batch waiting.
    fn take_alone(&self, member: Member<Self>) {
        let state = self.0.clone();
        self.0.detached.spawn(async move {
            let response = member.work().answer(&state).await;
            member.respond(response);
        });
    }
}

impl Group for Receipts {
    type Work = IngestRequest<ReceiptCall>;
    type Output = StoredResponse;

    fn names(&self, work: &Self::Work) -> [Name; 2] {
        let used = work.used();
        let event = &work.call.delivery().receipt.provider_event_id;
        [("key", used.key), ("event", event.as_str())].map(|named| {
            let mut hasher = DefaultHasher::new();
            (used.project_id, named).hash(&mut hasher);
            hasher.finish()
        })
    }

    async fn commit(&self, batch: Vec<Member<Self>>) {
        let outcomes = match self.accept(&batch).await {
            Ok(outcomes) => outcomes,
            Err(error) if error.is_unavailable() => {
                return batch.into_iter().for_each(|it| it.respond(Err(unavailable(&error))));
            }
            Err(error) => {
                tracing::warn!(%error, receipts = batch.len(), "taking the receipts of a batch one by one");
                vec![SharedOutcome::Alone; batch.len()]
            }
        };
        for (member, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                SharedOutcome::Accepted(_, response) => {
                    self.0.relay.wake();
                    member.respond(Ok(response));
                }
                SharedOutcome::Answered(response) => member.respond(Ok(response)),
                SharedOutcome::InProgress => member.respond(Err(ApiError::IdempotencyInProgress)),
                SharedOutcome::Conflict => member.respond(Err(ApiError::IdempotencyConflict)),
                SharedOutcome::Alone => self.take_alone(member),
            }
        }
    }
}

fn delivery(request: &IngestRequest<ReceiptCall>) -> SharedDelivery<'_> {
    SharedDelivery {
        owner: &request.owner,
        used: request.used(),
        delivery: request.call.delivery(),
    }
}

/// The same failure for each of many.
fn unavailable(error: &StoreError) -> ApiError {
    let why = error.to_string();
    if error.is_read_only() {
        ApiError::ReadOnly { source: why.into() }
    } else {
        ApiError::unavailable(why)
    }
}
