//! Stored responses: the same key and the same request get the same bytes back.
//!
//! Two requests under one key are the same where they mean the same event, which their fingerprints
//! show. Results have a scope as well: a failure and the success after it are two requests under
//! one key. The first request with a key has the row of the route itself; one of another scope has
//! a row of `route/scope`. The release before compares every field instead, finds the first row
//! only, and its rows have no fingerprint: those are distinguished by the event that their response
//! names.
//!
//! A running request holds an advisory lock that dies with its connection, so a crashed one blocks
//! no one. The response is stored in the transaction of what it reports, so a response that was
//! given without being stored cannot exist, nor one stored without its effect.

use domain::ids::{EventId, ProjectId};
use sqlx::PgExecutor;

use crate::events::provider_event_lock;
use crate::{PgConnection, StoreError, column};

/// One use of an `Idempotency-Key`.
#[derive(Debug, Clone, Copy)]
pub struct KeyUse<'a> {
    pub project_id: ProjectId,
    /// The route, such as `receipt`.
    pub route: &'a str,
    /// What distinguishes requests under one key; empty where nothing does.
    pub scope: &'a str,
    /// The caller's key.
    pub key: &'a str,
    /// What makes two requests the same.
    pub fingerprint: &'a [u8],
    /// SHA-256 of the request as the release before computes it.
    pub request_hash: &'a [u8],
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is unused: go on, and store the response.
    New(ResponseScope),
    /// The same request has a stored response.
    Completed {
        response: StoredResponse,
        /// Whether it said the very same then; diagnostics may differ.
        identical: bool,
    },
    /// A request with a different body has a stored response. It is the same one if it meant the
    /// same event.
    CompletedWithOtherBody {
        response: StoredResponse,
        /// Where a response of this request belongs.
        scope: ResponseScope,
    },
    /// The first request with this key is still running.
    InProgress,
    /// Another request used this key.
    Conflict,
}

/// Where the response of a claimed key is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseScope {
    /// Under the route: it is the first request with the key.
    Route,
    /// Under the route and the scope.
    Scope,
}

/// A response that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    pub body: Vec<u8>,
}

impl StoredResponse {
    /// The event that the response names.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        body.get("event_id")?.as_str()?.parse().ok()
    }
}

impl KeyUse<'_> {
    /// Where nothing distinguishes requests, there is one row to look for.
    pub(crate) fn route_of(&self, scope: ResponseScope) -> String {
        match scope {
            ResponseScope::Scope if !self.scope.is_empty() => {
                format!("{}/{}", self.route, self.scope)
            }
            ResponseScope::Route | ResponseScope::Scope => self.route.to_owned(),
        }
    }
}

/// A row of a key that is being claimed.
struct KeyRow {
    route: String,
    scope: Option<String>,
    fingerprint: Option<Vec<u8>>,
    request_hash: Vec<u8>,
    response: StoredResponse,
}

/// A key that is claimed together with others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimRequest<'a> {
    pub used: KeyUse<'a>,
    /// The provider event whose lock its work needs as well.
    pub provider_event_id: Option<&'a str>,
}

/// What became of a key that was claimed together with others.
struct SharedClaim {
    claim: Claim,
    /// Whether another transaction holds the lock of its provider event. Nobody waits for it here,
    /// because all others would wait along.
    event_is_held: bool,
}

/// What became of a request that was taken together with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedOutcome {
    /// Its work is done, with this stored response.
    Accepted(StoredResponse),
    /// The same request has a stored response.
    Completed(StoredResponse),
    /// The first request with its key is still running.
    InProgress,
    /// Another request used its key.
    Conflict,
    /// Nothing was done: it needs a transaction of its own.
    Alone,
}

impl SharedClaim {
    /// Where the response belongs, if the work may be done.
    fn scope(self) -> Result<ResponseScope, SharedOutcome> {
        match self.claim {
            Claim::Completed { response, .. } => Err(SharedOutcome::Completed(response)),
            Claim::InProgress => Err(SharedOutcome::InProgress),
            Claim::Conflict => Err(SharedOutcome::Conflict),
            Claim::New(scope) if !self.event_is_held => Ok(scope),
            Claim::New(_) | Claim::CompletedWithOtherBody { .. } => Err(SharedOutcome::Alone),
        }
    }
}

/// What is found of a claimed key: its locks, and a row if there is one.
struct FoundRow {
    ordinal: i64,
    locked: bool,
    event_is_held: bool,
    route: Option<String>,
    scope: Option<String>,
    fingerprint: Option<Vec<u8>>,
    request_hash: Option<Vec<u8>>,
    status: Option<i16>,
    body: Option<Vec<u8>>,
}

impl FoundRow {
    fn key_row(self) -> Option<KeyRow> {
        let status = u16::try_from(self.status?).unwrap_or_default();
        Some(KeyRow {
            route: self.route?,
            scope: self.scope,
            fingerprint: self.fingerprint,
            request_hash: self.request_hash?,
            response: StoredResponse { status, body: self.body? },
        })
    }
}

/// Claims a key for the rest of the transaction.
///
/// The lock and the search for a response are one statement, whose snapshot is a moment older than
/// its lock. A first request that ends within that moment leaves a response that is not seen here:
/// the claim is `New`, and [`insert_response`], or a second claim, shows the truth.
pub async fn claim(tx: &mut PgConnection, used: KeyUse<'_>) -> Result<Claim, StoreError> {
    let claims = claim_all(tx, &[ClaimRequest { used, provider_event_id: None }]).await?;
    let claim = claims.into_iter().next().map(|claimed| claimed.claim);
    claim.ok_or(StoreError::Missing("idempotency_keys"))
}

/// Claims several keys for the rest of the transaction, and takes the locks of their provider
/// events. The keys are different ones: a transaction does not lock itself out.
///
/// The outcome of each, which is [`SharedOutcome::Alone`] for now where the work may be done; and
/// which those are, with where their responses belong.
pub(crate) async fn claim_together(
    tx: &mut PgConnection,
    wanted: &[ClaimRequest<'_>],
) -> Result<(Vec<SharedOutcome>, Vec<(usize, ResponseScope)>), StoreError> {
    let (mut outcomes, mut claimed) = (Vec::new(), Vec::new());
    for (n, claim) in claim_all(tx, wanted).await?.into_iter().enumerate() {
        match claim.scope() {
            Ok(scope) => {
                claimed.push((n, scope));
                outcomes.push(SharedOutcome::Alone);
            }
            Err(outcome) => outcomes.push(outcome),
        }
    }
    Ok((outcomes, claimed))
}

/// Claims several keys in one statement.
async fn claim_all(
    tx: &mut PgConnection,
    wanted: &[ClaimRequest<'_>],
) -> Result<Vec<SharedClaim>, StoreError> {
    let found = sqlx::query_file_as!(
        FoundRow,
        "src/idempotency/claim_all.sql",
        &column(wanted, |it| format!("{}/{}/{}", it.used.project_id, it.used.route, it.used.key)),
        &column(wanted, |it| it
            .provider_event_id
            .map(|id| provider_event_lock(it.used.project_id, id))) as &[Option<String>],
        &column(wanted, |it| it.used.project_id.as_uuid()),
        &column(wanted, |it| it.used.route) as &[&str],
        &column(wanted, |it| it.used.route_of(ResponseScope::Scope)),
        &column(wanted, |it| it.used.key) as &[&str],
    )
    .fetch_all(tx)
    .await?;
    let mut found = found.into_iter().peekable();
    let claims = wanted.iter().zip(1..).map(|(wanted, ordinal)| {
        let rows = std::iter::from_fn(|| found.next_if(|row| row.ordinal == ordinal));
        shared_claim(wanted.used, rows.collect())
    });
    Ok(claims.collect())
}

fn shared_claim(used: KeyUse<'_>, found: Vec<FoundRow>) -> SharedClaim {
    let event_is_held = found.iter().any(|row| row.event_is_held);
    let claim = if found.iter().all(|row| row.locked) {
        judge(used, found.into_iter().filter_map(FoundRow::key_row).collect())
    } else {
        Claim::InProgress
    };
    SharedClaim { claim, event_is_held }
}

/// The row of the scope decides; without one, the first request with the key has a say.
fn judge(used: KeyUse<'_>, rows: Vec<KeyRow>) -> Claim {
    let (mut first, mut scoped) = (None, None);
    for row in rows {
        if row.scope.as_deref().unwrap_or_default() == used.scope && row.fingerprint.is_some() {
            scoped = Some(row);
        } else if row.route == used.route {
            first = Some(row);
        }
    }
    match (scoped, first) {
        (Some(row), _) if row.fingerprint.as_deref() == Some(used.fingerprint) => {
            let identical = row.request_hash == used.request_hash;
            Claim::Completed { response: row.response, identical }
        }
        (Some(_), _) => Claim::Conflict,
        (None, Some(row)) if row.fingerprint.as_deref() == Some(used.fingerprint) => {
            Claim::New(ResponseScope::Scope)
        }
        (None, Some(row)) if row.fingerprint.is_none() && row.request_hash == used.request_hash => {
            Claim::Completed { response: row.response, identical: true }
        }
        (None, Some(row)) => {
            Claim::CompletedWithOtherBody { response: row.response, scope: ResponseScope::Scope }
        }
        (None, None) => Claim::New(ResponseScope::Route),
    }
}

/// Stores the response of a claimed key. `false` if the key has one already that [`claim`] did not
/// see: then nothing that was done under the claim may stay.
pub async fn insert_response(
    db: impl PgExecutor<'_>,
    used: KeyUse<'_>,
    scope: ResponseScope,
    response: &StoredResponse,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO idempotency_keys AS kept (project_id, route, key, request_hash, fingerprint, scope, status, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
         SET request_hash = excluded.request_hash, fingerprint = excluded.fingerprint, scope = excluded.scope,
             status = excluded.status, body = excluded.body, created_at = now()
         WHERE kept.created_at <= now() - interval '7 days'",
        used.project_id.as_uuid(),
        used.route_of(scope),
        used.key,
        used.request_hash,
        used.fingerprint,
        used.scope,
        i16::try_from(response.status).unwrap_or_default(),
        response.body,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
