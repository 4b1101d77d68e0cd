//! Calls that are committed together.
//!
//! A batch whose database cannot be reached is over for all of its members: whether it was
//! committed is not known, and the same request again finds out. Where the database rejects it, a
//! single row is to blame, so each call is taken alone. So is what a batch leaves because it needs
//! more than the usual statements.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

use store::idempotency::{SharedOutcome, StoredResponse};
use store::{PgConnection, StoreError, pool};
use telemetry::Taken;
use web::error::ApiError;
use web::group_commit::{Group, GroupCommit, Member, Name};
use web::state::AppState;

use super::ingest::{self, IngestCall, IngestRequest, rollback};
use super::taken_alone::TakenAlone;

/// A call of which several can be taken together.
pub(super) trait SharedCall: IngestCall {
    /// Whether this one can be.
    fn is_usual(&self) -> bool;

    /// What it calls its event.
    fn event_name(&self) -> &str;

    /// Does the work of several requests that share neither key nor event.
    fn accept_all(
        state: &AppState,
        tx: &mut PgConnection,
        batch: &[&IngestRequest<Self>],
    ) -> impl Future<Output = Result<Vec<SharedOutcome>, StoreError>> + Send;
}

/// What commits calls of one kind.
pub(super) struct CallGroup<C> {
    state: AppState,
    alone: TakenAlone,
    calls: PhantomData<fn() -> C>,
}

/// What calls of one kind are sent through.
pub(super) type Calls<C> = GroupCommit<CallGroup<C>>;

impl<C: SharedCall> CallGroup<C> {
    /// Its batches run on the pool of requests.
    pub(super) fn start(state: &AppState, alone: &TakenAlone) -> Calls<C> {
        let group = Self { state: state.clone(), alone: alone.clone(), calls: PhantomData };
        GroupCommit::new(group, state.pool.clone(), state.detached.clone())
    }

    /// `None` for those that have waited for too long.
    async fn accept(
        &self,
        batch: &[Member<Self>],
    ) -> Result<Vec<Option<SharedOutcome>>, StoreError> {
        let mut tx = pool::begin_by_index(&self.state.pool).await?;
        let in_time = batch.iter().map(|it| Some(it.work()).filter(|request| !request.is_late()));
        let in_time: Vec<_> = in_time.collect();
        let requests: Vec<_> = in_time.iter().copied().flatten().collect();
        match C::accept_all(&self.state, &mut tx, &requests).await {
            Ok(outcomes) => {
                pool::commit(tx).await?;
                crash_points::pass("call.committed");
                let mut outcomes = outcomes.into_iter();
                Ok(in_time
                    .into_iter()
                    .map(|request| request.and_then(|_| outcomes.next()))
                    .collect())
            }
            Err(error) => {
                rollback(tx).await;
                Err(error)
            }
        }
    }

    /// Takes a call by itself, in a task of its own: what it waits for keeps no batch waiting.
    fn take_alone(&self, member: Member<Self>) {
        let (state, alone) = (self.state.clone(), self.alone.clone());
        self.state.detached.spawn(async move {
            let response = alone.run(Box::pin(member.work().complete(&state))).await;
            member.respond(response);
        });
    }
}

impl<C: SharedCall> Group for CallGroup<C> {
    type Work = IngestRequest<C>;
    type Output = StoredResponse;

    fn names(&self, work: &Self::Work) -> [Name; 2] {
        let used = work.used();
        [("key", used.key), ("event", work.call.event_name())].map(|named| {
            let mut hasher = DefaultHasher::new();
            (used.project_id, named).hash(&mut hasher);
            hasher.finish()
        })
    }

    async fn commit(&self, batch: Vec<Member<Self>>) {
        self.state.relay.note_calls(batch.len());
        let outcomes = match self.accept(&batch).await {
            Ok(outcomes) => outcomes,
            Err(error) if error.is_unavailable() => {
                return batch.into_iter().for_each(|it| it.respond(Err(unavailable(&error))));
            }
            Err(error) => {
                let (route, calls) = (C::ROUTE, batch.len());
                tracing::warn!(%error, route, calls, "taking the calls of a batch one by one");
                vec![Some(SharedOutcome::Alone); batch.len()]
            }
        };
        for (member, outcome) in batch.into_iter().zip(outcomes) {
            let Some(outcome) = outcome else {
                member.respond(Err(ingest::late()));
                continue;
            };
            match outcome {
                SharedOutcome::Accepted(response) => {
                    telemetry::call_taken(C::ROUTE, C::taken(&response));
                    self.state.relay.wake();
                    member.respond(Ok(response));
                }
                SharedOutcome::Completed(response) => {
                    telemetry::call_taken(C::ROUTE, Taken::Again);
                    member.respond(Ok(response));
                }
                SharedOutcome::InProgress => member.respond(Err(ApiError::IdempotencyInProgress)),
                SharedOutcome::Conflict => member.respond(Err(ApiError::IdempotencyConflict)),
                SharedOutcome::Alone => self.take_alone(member),
            }
        }
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
