//! What an erasure would erase, and what was sent of the customer already and cannot be erased.

use domain::ids::{CustomerHash, IncidentId, ProjectId};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Erasure, Rows, find_last_before};
use crate::pool::transaction;
use crate::seal::MasterKey;
use crate::{PgConnection, PgPool, StoreError, reference_keys};

/// So many sent messages are listed.
const MAX_SENT: i64 = 1_000;

/// What there is of a customer.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What would be erased.
    pub rows: Rows,
    /// Alerts that were delivered, the oldest first, at most 1,000.
    pub sent: Vec<SentMessage>,
    /// The last erasure of the same customer.
    pub erased_before: Option<Erasure>,
}

impl Preview {
    /// Whether nothing is known of the reference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A message that reached its destination: it lies with whoever received it.
#[derive(Debug, Clone)]
pub struct SentMessage {
    pub incident_id: IncidentId,
    /// What it reported.
    pub kind: String,
    /// The destination's label, or its address.
    pub destination: String,
    pub sent_at: OffsetDateTime,
}

/// Counts what there is of a customer, and changes nothing.
///
/// # Errors
/// When the key of the project's hashes does not open.
pub async fn preview(
    pool: &PgPool,
    master_key: &MasterKey,
    project_id: ProjectId,
    reference: &str,
) -> Result<Preview, StoreError> {
    transaction(pool, async |tx| read(tx, master_key, project_id, reference).await).await
}

async fn read(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
    reference: &str,
) -> Result<Preview, StoreError> {
    // No text of the database holds it, nor may a question to it.
    if reference.contains('\0') {
        return Ok(Preview { rows: Rows::new(), sent: Vec::new(), erased_before: None });
    }
    // Where the project has hashed nothing, nobody was erased, and no key is made for a look.
    let key = reference_keys::find(tx, master_key, project_id).await?;
    let customer = key.map(|key| key.hash(project_id, reference));
    let customer = customer.unwrap_or(CustomerHash::from_uuid(Uuid::nil()));
    let references = [reference.to_owned(), customer.to_string()];
    let mut rows = count_rows(&mut *tx, project_id, &references).await?;
    // What has neither a letter nor a digit is no word that anybody could be named by.
    if reference.chars().any(char::is_alphanumeric) {
        for (table, found) in count_words(&mut *tx, project_id, &references).await? {
            *rows.entry(table).or_default() += found;
        }
    }
    rows.retain(|_, rows| *rows > 0);
    let sent = list_sent(&mut *tx, project_id, &references).await?;
    let now = OffsetDateTime::now_utc();
    let erased_before = find_last_before(tx, project_id, customer, now).await?;
    Ok(Preview { rows, sent, erased_before })
}

/// Rows that still say something of the customer, by table. Of an event that was erased before they are what came since.
async fn count_rows(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    references: &[String; 2],
) -> Result<Rows, StoreError> {
    let counts = sqlx::query!(
        r#"WITH event AS MATERIALIZED (
               SELECT id, snapshot IS NOT NULL AS has_snapshot, internal_reference <> $3 AS is_named
               FROM payment_events WHERE project_id = $1 AND internal_reference IN ($2, $3)
           ), incident AS MATERIALIZED (
               SELECT i.id, e.is_named, i.error_message, i.resolution_note FROM event e JOIN incidents i ON i.event_id = e.id
           ), reprocess AS MATERIALIZED (
               SELECT r.id, i.is_named, r.note, r.body FROM incident i JOIN reprocesses r ON r.incident_id = i.id
           )
           SELECT 'payment_events' AS "table!", count(*) AS "rows!" FROM event WHERE is_named
           UNION ALL SELECT 'snapshots', count(*) FROM event WHERE has_snapshot
           UNION ALL SELECT 'results', count(*) FROM event e JOIN results r ON r.event_id = e.id WHERE r.error_message <> '[erased]'
           UNION ALL SELECT 'incidents', count(*) FROM incident
               WHERE is_named OR error_message <> '[erased]' OR resolution_note <> '[erased]'
           UNION ALL SELECT 'reprocesses', count(*) FROM reprocess
               WHERE is_named OR note <> '[erased]' OR body::jsonb #>> '{reason,error_message}' <> '[erased]'
           UNION ALL SELECT 'callback_attempts', count(*) FROM reprocess r JOIN callback_attempts a ON a.replay_id = r.id
               WHERE a.answer <> '[erased]' OR a.redirect_to IS NOT NULL
           UNION ALL SELECT 'alerts', count(*) FROM incident i JOIN alerts a ON a.incident_id = i.id WHERE a.last_answer <> '[erased]'
           UNION ALL SELECT 'proof_links', count(*) FROM incident i JOIN proof_links l ON l.incident_id = i.id
               WHERE l.revoked_at IS NULL
           UNION ALL SELECT 'extension_calls', count(*) FROM event e JOIN extension_calls c ON c.event_id = e.id
               WHERE c.answer ?| '{note,evidence,error_message}'
           UNION ALL SELECT 'claimed_early_results', count(*) FROM event e JOIN claimed_early_results c ON c.event_id = e.id
           UNION ALL SELECT 'early_results', count(*) FROM early_results WHERE project_id = $1 AND internal_reference = $2
           UNION ALL SELECT 'audit_texts', (
               SELECT count(*) FROM event e JOIN audit_texts t ON t.event_id = e.id WHERE t.erased_by IS NULL
           ) + (
               SELECT count(*) FROM audit_texts t WHERE t.project_id = $1 AND t.event_id IS NULL AND t.erased_by IS NULL
                 AND t.text ? 'internal_reference' AND t.text ->> 'internal_reference' = $2
           )"#,
        project_id.as_uuid(),
        references[0],
        references[1],
    )
    .fetch_all(db)
    .await?;
    Ok(counts.into_iter().map(|row| (row.table, row.rows)).collect())
}

/// Words about several customers that name this one, and saved filters, by table: of whom no event is known, or none any more,
/// they are all that there is. The copies of a bulk's note at incidents of others go with it and are not counted.
async fn count_words(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    references: &[String; 2],
) -> Result<Rows, StoreError> {
    let counts = sqlx::query!(
        r#"WITH e AS (SELECT $2::text COLLATE "C" AS reference, $3::text AS tombstone)
           SELECT 'bulk_reprocesses' AS "table!", count(*) AS "rows!" FROM e JOIN bulk_reprocesses t
               ON t.note <> erased_text(t.note, e.reference, e.tombstone) AND (t.project_id = $1
                   OR t.set_id IN (SELECT s.set_id FROM bulk_reprocesses s WHERE s.project_id = $1))
           UNION ALL SELECT 'destinations', count(*) FROM e JOIN destinations t
               ON t.project_id = $1 AND t.last_failure <> erased_text(t.last_failure, e.reference, e.tombstone)
           UNION ALL SELECT 'notices', count(*) FROM e JOIN notices t
               ON t.project_id = $1 AND t.last_answer <> erased_text(t.last_answer, e.reference, e.tombstone)
           UNION ALL SELECT 'maintenance_windows', count(*) FROM e JOIN maintenance_windows t
               ON t.project_id = $1 AND t.reason <> erased_text(t.reason, e.reference, e.tombstone)
           UNION ALL SELECT 'saved_filters', count(*) FROM e JOIN saved_filters t
               ON t.name <> erased_text(t.name, e.reference, e.tombstone)
                   OR t.filter ->> 'q' <> erased_text(t.filter ->> 'q', e.reference, e.tombstone)
           UNION ALL SELECT 'audit_texts', count(*) FROM e JOIN audit_texts t
               ON (t.project_id = $1 OR t.project_id IS NULL) AND t.event_id IS NULL AND NOT t.text ? 'internal_reference'
                   AND t.erased_by IS NULL AND audit_text_names(t.text, $2)"#,
        project_id.as_uuid(),
        references[0],
        references[1],
    )
    .fetch_all(db)
    .await?;
    Ok(counts.into_iter().map(|row| (row.table, row.rows)).collect())
}

/// The delivered alerts about a customer, by the reference or its tombstone; the oldest first, at most 1,000.
pub async fn list_sent(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    references: &[String],
) -> Result<Vec<SentMessage>, StoreError> {
    let sent = sqlx::query_as!(
        SentMessage,
        r#"SELECT a.incident_id, a.kind::text AS "kind!: String", coalesce(d.label, d.address) AS "destination!",
               a.finished_at AS "sent_at!"
           FROM incidents i JOIN alerts a ON a.incident_id = i.id JOIN destinations d ON d.id = a.destination_id
           WHERE i.project_id = $1 AND i.internal_reference = ANY ($2) AND a.state IN ('delivered', 'told') AND a.finished_at IS NOT NULL
           ORDER BY a.finished_at, a.id LIMIT $3"#,
        project_id.as_uuid(),
        references,
        MAX_SENT,
    )
    .fetch_all(db)
    .await?;
    Ok(sent)
}
