//! Erasing again, in a database that was restored from before an erasure, who was erased since.
//!
//! A line says which customer by the keyed hash, never by the reference. References of a restored database are hashed
//! to find them, those of results without an event too, with the key that the line's hash was made with. A line carries it,
//! sealed: the database may be older than the key, and may have made another one since it was restored. Whoever is found is
//! erased under the database's key, so that their receipts are known to be of someone who was erased.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::Actor;
use domain::customer::ReferenceKey;
use domain::ids::{CustomerHash, ErasureId, ProjectId};
use sqlx::PgExecutor;
use time::OffsetDateTime;

use super::{begin, find_erasure, run};
use crate::pool::transaction;
use crate::seal::MasterKey;
use crate::{PgPool, StoreError, projects, reference_keys};

/// So many references are hashed together.
const BATCH: i32 = 1_000;

/// An erasure as it is kept outside of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRecord {
    pub id: ErasureId,
    pub project_id: ProjectId,
    pub customer: CustomerHash,
    pub requested_by: String,
    pub requested_at: OffsetDateTime,
    /// The key of the project's hashes, sealed.
    pub reference_key: Vec<u8>,
}

/// What became of records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// How many were erased again.
    pub erased: u64,
    /// How many the database knows.
    pub known: u64,
    /// How many are of projects that the database does not have.
    pub without_project: u64,
}

/// Every erasure, the oldest first.
pub async fn list_records(db: impl PgExecutor<'_>) -> Result<Vec<ErasureRecord>, StoreError> {
    let records = sqlx::query_as!(
        ErasureRecord,
        "SELECT e.id, e.project_id, e.customer, e.requested_by, e.requested_at, k.sealed AS reference_key
         FROM erasures e JOIN reference_keys k ON k.project_id = e.project_id ORDER BY e.id",
    )
    .fetch_all(db)
    .await?;
    Ok(records)
}

/// Erases everyone of these records of whom the database does not know that they were. It may be cut off and repeated.
///
/// # Errors
/// When a key does not open. What was erased until then stays so.
pub async fn replay(
    pool: &PgPool,
    master_key: &MasterKey,
    records: &[ErasureRecord],
) -> Result<Replayed, StoreError> {
    let mut done = Replayed::default();
    let mut by_project = BTreeMap::<_, Vec<_>>::new();
    for record in records {
        match find_erasure(pool, record.id).await? {
            Some(known) if known.finished_at.is_some() => done.known += 1,
            // It was cut off and knows whom it is about, of whom nothing may be left to be found by.
            Some(_) => {
                run(pool, master_key, record.id, &mut |_| ()).await?;
                done.erased += 1;
            }
            None => by_project.entry(record.project_id).or_default().push(record),
        }
    }
    for (project_id, records) in by_project {
        if projects::find_project(pool, project_id).await?.is_none() {
            done.without_project += records.len() as u64;
            continue;
        }
        let references = find_references(pool, master_key, project_id, &records).await?;
        let mut left = records;
        while !left.is_empty() {
            let (round, later) = first_of_each(left);
            done.erased += erase(pool, master_key, &round, &references).await?;
            left = later;
        }
    }
    Ok(done)
}

/// The first record of each customer, and the others: one erasure of a customer is under way at a time.
fn first_of_each(records: Vec<&ErasureRecord>) -> (Vec<&ErasureRecord>, Vec<&ErasureRecord>) {
    let mut seen = BTreeSet::new();
    records.into_iter().partition(|record| seen.insert(record.customer))
}

/// Begins them all before the first one is carried out, so that it is waited once until processes know of them.
async fn erase(
    pool: &PgPool,
    master_key: &MasterKey,
    records: &[&ErasureRecord],
    references: &BTreeMap<CustomerHash, String>,
) -> Result<u64, StoreError> {
    let mut begun = Vec::new();
    for record in records {
        let named = references.get(&record.customer).cloned();
        let reference = named.unwrap_or_else(|| record.customer.to_string());
        let actor = Actor::read(&record.requested_by);
        let beginning = transaction(pool, async |tx| {
            begin::insert(tx, master_key, &actor, record.project_id, &reference, record.id).await
        });
        begun.push(beginning.await?.id);
    }
    for id in &begun {
        run(pool, master_key, *id, &mut |_| ()).await?;
    }
    Ok(begun.len() as u64)
}

/// The references of a project whose customers are among these.
async fn find_references(
    pool: &PgPool,
    master_key: &MasterKey,
    project_id: ProjectId,
    records: &[&ErasureRecord],
) -> Result<BTreeMap<CustomerHash, String>, StoreError> {
    let keys = restore_keys(pool, master_key, project_id, records).await?;
    let customers: BTreeSet<_> = records.iter().map(|record| record.customer).collect();
    let mut found = BTreeMap::new();
    let mut look = |references: &[String]| {
        for reference in references {
            let hashes = keys.iter().map(|key| key.hash(project_id, reference));
            for customer in hashes.filter(|customer| customers.contains(customer)) {
                found.insert(customer, reference.clone());
            }
        }
        references.last().cloned()
    };
    let mut after = String::new();
    while let Some(last) = look(&list_references(pool, project_id, &after).await?) {
        after = last;
    }
    after.clear();
    while let Some(last) = look(&list_others(pool, project_id, &after).await?) {
        after = last;
    }
    Ok(found)
}

/// The keys of records, the newest first: that is the project's again where it has none.
async fn restore_keys(
    pool: &PgPool,
    master_key: &MasterKey,
    project_id: ProjectId,
    records: &[&ErasureRecord],
) -> Result<Vec<ReferenceKey>, StoreError> {
    let mut all: Vec<&[u8]> = Vec::new();
    for record in records.iter().rev() {
        if !all.contains(&record.reference_key.as_slice()) {
            all.push(&record.reference_key);
        }
    }
    transaction(pool, async |tx| {
        let mut keys = Vec::with_capacity(all.len());
        for sealed in &all {
            keys.push(reference_keys::restore(tx, master_key, project_id, sealed).await?);
        }
        Ok(keys)
    })
    .await
}

/// The references behind one, in their order. The first of each is found by the index, so a customer's many events
/// cost as much as one.
async fn list_references(
    pool: &PgPool,
    project_id: ProjectId,
    after: &str,
) -> Result<Vec<String>, StoreError> {
    let references = sqlx::query_scalar!(
        r#"WITH RECURSIVE reference AS (
               (SELECT internal_reference, 1 AS place FROM payment_events
                WHERE project_id = $1 AND internal_reference > $2 ORDER BY internal_reference LIMIT 1)
               UNION ALL
               SELECT next.internal_reference, reference.place + 1 FROM reference CROSS JOIN LATERAL (
                   SELECT e.internal_reference FROM payment_events e
                   WHERE e.project_id = $1 AND e.internal_reference > reference.internal_reference
                   ORDER BY e.internal_reference LIMIT 1) AS next
               WHERE reference.place < $3
           )
           SELECT internal_reference AS "reference!" FROM reference ORDER BY internal_reference"#,
        project_id.as_uuid(),
        after,
        BATCH,
    )
    .fetch_all(pool)
    .await?;
    Ok(references)
}

/// The same of references that may have no event: of results that wait for their receipt, or that none claimed.
async fn list_others(
    pool: &PgPool,
    project_id: ProjectId,
    after: &str,
) -> Result<Vec<String>, StoreError> {
    let references = sqlx::query_scalar!(
        r#"(SELECT DISTINCT internal_reference AS "reference!" FROM early_results
            WHERE project_id = $1 AND internal_reference > $2 ORDER BY internal_reference LIMIT $3)
           UNION
           (SELECT DISTINCT text ->> 'internal_reference' FROM audit_texts
            WHERE project_id = $1 AND text ? 'internal_reference' AND text ->> 'internal_reference' > $2
            ORDER BY text ->> 'internal_reference' LIMIT $3)
           ORDER BY 1 LIMIT $3"#,
        project_id.as_uuid(),
        after,
        i64::from(BATCH),
    )
    .fetch_all(pool)
    .await?;
    Ok(references)
}
