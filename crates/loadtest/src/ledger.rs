//! The ledger: what became of each request, held against the database at the end of every run.
//!
//! Each accepted receipt must be there exactly once, with exactly one entry in the audit log; a
//! rejected one must not be there; one whose response never came, or was a 5xx, may be there once.
//! Each accepted success must have settled its event, once. It reads the tables alone, by columns
//! that have been there since the first release, so that any build can be checked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::{EventId, ProjectId};
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

/// How many are looked up at a time.
const CHUNK: usize = 10_000;

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 202.
    Acked(EventId),
    /// 4xx: nothing was stored.
    Refused,
    /// No response, or a 5xx: an error does not say that nothing was stored.
    Ambiguous,
}

/// What the app knows. Written by all who send.
#[derive(Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    acked: Vec<(EventId, String)>,
    refused: Vec<String>,
    ambiguous: Vec<String>,
    successes: Vec<EventId>,
}

/// What the ledger says, and what the database says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LedgerCheck {
    pub acked: usize,
    pub refused: usize,
    pub ambiguous: usize,
    pub successes: usize,
    /// Ambiguous ones that are there; no fault.
    pub ambiguous_stored: i64,
    /// Accepted, but not there exactly once.
    pub lost_or_doubled: i64,
    /// Accepted, but without exactly one entry in the audit log.
    pub unaudited: i64,
    /// Rejected, but there.
    pub refused_stored: i64,
    /// Ambiguous, and there more than once.
    pub ambiguous_doubled: i64,
    /// Accepted successes that did not settle their event exactly once.
    pub unsettled: i64,
}

/// Events and entries of accepted receipts.
const ACKED: &str = "
    SELECT count(*) FILTER (WHERE stored <> 1 OR same <> 1), count(*) FILTER (WHERE audited <> 1)
    FROM unnest($1::uuid[], $2::text[]) AS acked (event_id, provider_event_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS stored, count(*) FILTER (WHERE e.id = acked.event_id) AS same FROM payment_events e
        WHERE e.project_id = $3 AND e.provider_event_id = acked.provider_event_id
    ) AS events
    CROSS JOIN LATERAL (
        SELECT count(*) AS audited FROM audit_entries a
        WHERE a.event_id = acked.event_id AND a.action = 'receipt.accepted'
    ) AS entries";
/// Events of receipts that may or must not be there.
const OTHERS: &str = "
    SELECT count(*) FILTER (WHERE stored > 0), count(*) FILTER (WHERE stored > 1)
    FROM unnest($1::text[]) AS sent (provider_event_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS stored FROM payment_events e
        WHERE e.project_id = $2 AND e.provider_event_id = sent.provider_event_id
    ) AS events";
const SUCCESSES: &str = "
    SELECT count(*) FILTER (WHERE settled <> 1 OR recorded <> 1 OR audited <> 1)
    FROM unnest($1::uuid[]) AS reported (event_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS settled FROM payment_events e
        WHERE e.id = reported.event_id AND e.effect = 'succeeded'
    ) AS events
    CROSS JOIN LATERAL (
        SELECT count(*) AS recorded FROM results r WHERE r.event_id = reported.event_id
    ) AS records
    CROSS JOIN LATERAL (
        SELECT count(*) AS audited FROM audit_entries a
        WHERE a.event_id = reported.event_id AND a.action = 'result.succeeded'
    ) AS entries";

impl Ledger {
    pub fn enter_receipt(&self, provider_event_id: String, outcome: Outcome) {
        let mut entries = self.entries();
        match outcome {
            Outcome::Acked(event_id) => entries.acked.push((event_id, provider_event_id)),
            Outcome::Refused => entries.refused.push(provider_event_id),
            Outcome::Ambiguous => entries.ambiguous.push(provider_event_id),
        }
    }

    pub fn enter_success(&self, event_id: EventId) {
        self.entries().successes.push(event_id);
    }

    /// The events of all accepted receipts, in the order of their responses.
    pub fn acked(&self) -> Vec<EventId> {
        self.entries().acked.iter().map(|(event_id, _)| *event_id).collect()
    }

    /// Holds the ledger against the database. Nothing may be sent in the meantime.
    pub async fn check(&self, pool: &PgPool, project: ProjectId) -> anyhow::Result<LedgerCheck> {
        let entries = std::mem::take(&mut *self.entries());
        let (acked, refused) = (entries.acked.len(), entries.refused.len());
        let (ambiguous, successes) = (entries.ambiguous.len(), entries.successes.len());
        let mut check =
            LedgerCheck { acked, refused, ambiguous, successes, ..LedgerCheck::default() };
        for acked in entries.acked.chunks(CHUNK) {
            let (ids, sent): (Vec<Uuid>, Vec<&str>) =
                acked.iter().map(|(id, sent)| (id.as_uuid(), sent.as_str())).unzip();
            let query = sqlx::query_as(ACKED).bind(ids).bind(sent).bind(project.as_uuid());
            let (lost_or_doubled, unaudited): (i64, i64) = query.fetch_one(pool).await?;
            check.lost_or_doubled += lost_or_doubled;
            check.unaudited += unaudited;
        }
        (check.refused_stored, _) = count_stored(pool, project, &entries.refused).await?;
        (check.ambiguous_stored, check.ambiguous_doubled) =
            count_stored(pool, project, &entries.ambiguous).await?;
        for successes in entries.successes.chunks(CHUNK) {
            let ids: Vec<Uuid> = successes.iter().map(|id| id.as_uuid()).collect();
            let unsettled: i64 = sqlx::query_scalar(SUCCESSES).bind(ids).fetch_one(pool).await?;
            check.unsettled += unsettled;
        }
        Ok(check)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many are there, and how many more than once.
async fn count_stored(
    pool: &PgPool,
    project: ProjectId,
    sent: &[String],
) -> anyhow::Result<(i64, i64)> {
    let (mut stored, mut doubled) = (0, 0);
    for sent in sent.chunks(CHUNK) {
        let query = sqlx::query_as(OTHERS).bind(sent).bind(project.as_uuid());
        let (chunk_stored, chunk_doubled): (i64, i64) = query.fetch_one(pool).await?;
        stored += chunk_stored;
        doubled += chunk_doubled;
    }
    Ok((stored, doubled))
}

impl LedgerCheck {
    /// Whether every promise was held.
    pub fn is_clean(&self) -> bool {
        let broken = [
            self.lost_or_doubled,
            self.unaudited,
            self.refused_stored,
            self.ambiguous_doubled,
            self.unsettled,
        ];
        broken.iter().all(|count| *count == 0)
    }

    /// Adds what another run found.
    pub fn add(&mut self, other: &Self) {
        self.acked += other.acked;
        self.refused += other.refused;
        self.ambiguous += other.ambiguous;
        self.successes += other.successes;
        self.ambiguous_stored += other.ambiguous_stored;
        self.lost_or_doubled += other.lost_or_doubled;
        self.unaudited += other.unaudited;
        self.refused_stored += other.refused_stored;
        self.ambiguous_doubled += other.ambiguous_doubled;
        self.unsettled += other.unsettled;
    }
}
