//! Looking for incidents by words: of the app's reference, of the error code, and of the beginning of the error message.
//!
//! The database splits both what is kept and what was typed, so that they cannot differ. All words must be there, each as a
//! word or as how one begins. By the longest of them incidents are found, the rest narrows these: of those that have just that
//! word one page reads the next 500 and says where it stopped, as of a reference; of those with a word that begins with it
//! at most 500 are found, by the order of the words.

use domain::ids::{IncidentId, ProjectId};
use domain::project::Mode;

use super::keyset::{KeysetScan, in_direction};
use super::lookup::{Hits, Scope};
use super::term::prefix_range;
use crate::{PgConnection, StoreError};

/// How many incidents one word finds on one page.
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
    let longest = words.pop().unwrap_or_default();
    let Some((from, until)) = prefix_range(&longest) else {
        return Ok(Hits::complete(Vec::new()));
    };
    let ids = find_word(&mut *db, scope, scan, from).await?;
    let stopped_at = ids.last().copied().filter(|_| ids.len() >= MAX_HITS);
    let mut others = find_beginning(&mut *db, scope, from, until).await?;
    let capped = others.len() > MAX_HITS;
    others.truncate(MAX_HITS);
    let others = Hits { capped, ..Hits::complete(others) };
    let mut hits = Hits { stopped_at, ..Hits::complete(ids) }.and(others, scan.direction);
    if !words.is_empty() {
        hits.ids = with_all(db, &hits.ids, &words).await?;
    }
    Ok(hits)
}

/// Incidents that have just this word, as far as one page looks, in the order of the walk.
async fn find_word(
    db: &mut PgConnection,
    scope: Scope,
    scan: &KeysetScan<IncidentId>,
    word: &str,
) -> Result<Vec<IncidentId>, StoreError> {
    macro_rules! query {
        ($order:tt) => {
            sqlx::query_scalar!(
                r#"SELECT hit.incident_id AS "incident_id!: IncidentId" FROM projects p CROSS JOIN LATERAL (
                       SELECT w.incident_id FROM incident_words w
                       WHERE (w.project_id, w.word, w.incident_id) > (p.id, $3, $4) AND (w.project_id, w.word, w.incident_id) < (p.id, $3, $5)
                       ORDER BY w.project_id "# + $order + ", w.word " + $order + ", w.incident_id " + $order + r#" LIMIT $6) AS hit
                   WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                   ORDER BY hit.incident_id "# + $order + " LIMIT $6",
                scope.project_id.map(ProjectId::as_uuid),
                scope.mode.map(Mode::as_str),
                word,
                scan.above.as_uuid(),
                scan.below.as_uuid(),
                i64::try_from(MAX_HITS).unwrap_or_default(),
            )
        };
    }
    Ok(in_direction!(scan.direction, query, db)?)
}

/// Incidents with a longer word that begins like this, the first ones by that word.
async fn find_beginning(
    db: &mut PgConnection,
    scope: Scope,
    from: &str,
    until: String,
) -> Result<Vec<IncidentId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT hit.incident_id AS "incident_id!: IncidentId" FROM projects p CROSS JOIN LATERAL (
               SELECT w.incident_id FROM incident_words w
               WHERE (w.project_id, w.word) > (p.id, $3) AND (w.project_id, w.word) < (p.id, $4)
               ORDER BY w.project_id, w.word LIMIT $5) AS hit
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
           LIMIT $5"#,
        scope.project_id.map(ProjectId::as_uuid),
        scope.mode.map(Mode::as_str),
        from,
        until,
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
