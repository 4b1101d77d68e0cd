//! Looking for incidents by words: of the app's reference, of the error code, and of the beginning of the error message.
//!
//! The database splits both what is kept and what was typed, so that they cannot differ. All words must be there, each as a
//! word or as how one begins. By the longest of them at most 500 incidents are found, the newest of those that have just that
//! word first; the rest narrows these.

use domain::ids::{IncidentId, ProjectId};
use domain::project::Mode;

use super::keyset::KeysetScan;
use super::lookup::{Hits, Scope};
use super::term::prefix_range;
use crate::{PgConnection, StoreError};

/// How many incidents one word finds.
const MAX_HITS: usize = 500;

/// Finds incidents that have all words of this text.
pub(super) async fn find(
    db: &mut PgConnection,
    scope: Scope,
    scan: &KeysetScan<IncidentId>,
    as_text: &str,
) -> Result<Hits<IncidentId>, StoreError> {
    let split = sqlx::query_scalar!(r#"SELECT words_of($1) AS "words!""#, as_text);
    let mut words = split.fetch_one(&mut *db).await?;
    words.sort_by_key(|word| word.chars().count());
    let Some(longest) = words.pop() else { return Ok(Hits::complete(Vec::new())) };
    let mut ids = find_word(&mut *db, scope, scan, &longest).await?;
    let capped = ids.len() > MAX_HITS;
    ids.truncate(MAX_HITS);
    if !words.is_empty() {
        ids = with_all(db, &ids, &words).await?;
    }
    Ok(Hits { ids, stopped_at: None, capped, exact: false })
}

async fn find_word(
    db: &mut PgConnection,
    scope: Scope,
    scan: &KeysetScan<IncidentId>,
    word: &str,
) -> Result<Vec<IncidentId>, StoreError> {
    let Some((from, until)) = prefix_range(word) else { return Ok(Vec::new()) };
    let ids = sqlx::query_scalar!(
        r#"SELECT hit.incident_id AS "id!: IncidentId" FROM projects p CROSS JOIN LATERAL (
               (SELECT w.incident_id FROM incident_words w
                WHERE (w.project_id, w.word, w.incident_id) > (p.id, $3, $5) AND (w.project_id, w.word, w.incident_id) < (p.id, $3, $6)
                ORDER BY w.project_id DESC, w.word DESC, w.incident_id DESC LIMIT $7)
               UNION
               (SELECT w.incident_id FROM incident_words w
                WHERE (w.project_id, w.word) > (p.id, $3) AND (w.project_id, w.word) < (p.id, $4)
                ORDER BY w.project_id, w.word LIMIT $7)) AS hit
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
           LIMIT $7"#,
        scope.project_id.map(ProjectId::as_uuid),
        scope.mode.map(Mode::as_str),
        from,
        until,
        scan.above.as_uuid(),
        scan.below.as_uuid(),
        i64::try_from(MAX_HITS + 1).unwrap_or_default(),
    );
    Ok(ids.fetch_all(db).await?)
}

/// Those of these incidents that have the other words too.
async fn with_all(
    db: &mut PgConnection,
    ids: &[IncidentId],
    words: &[String],
) -> Result<Vec<IncidentId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT w.incident_id FROM incident_words w JOIN unnest($2::text[]) AS typed (word) ON starts_with(w.word, typed.word)
           WHERE w.incident_id = ANY ($1) GROUP BY w.incident_id HAVING count(DISTINCT typed.word) = cardinality($2)"#,
        ids as &[IncidentId],
        words,
    );
    Ok(ids.fetch_all(db).await?)
}
