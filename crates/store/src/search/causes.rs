//! What incidents have in common, for those who look at two hundred of them at once.
//!
//! A cause is not a row: it is what its incidents say, so it opens with the first of them and is
//! over with the last. Of incidents that a release opened which knew no causes, none is known; they
//! are in the lists alone.

mod offer;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::{CauseId, ProjectId};
use domain::incident::Reason;
use domain::money::Amount;
use domain::project::Mode;
use domain::urgency::{AtStake, Urgency};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::offer::{CauseOffer, offer_causes};
use super::at_risk::sum_by_cause;
use super::keyset::{KeysetScan, in_direction};
use super::{Cursor, Sort, reading};
use crate::page::Page;
use crate::{PgConnection, PgPool, StoreError, column};

/// A cause with incidents that are not resolved.
#[derive(Debug, Clone)]
pub struct CauseRow {
    pub id: CauseId,
    pub cause: Cause,
    pub project_name: String,
    pub mode: Mode,
    /// How many incidents are not resolved.
    pub incidents: i64,
    /// How many of them wait for an operator: neither acknowledged nor being reprocessed.
    pub open: i64,
    /// How many references they are about.
    pub customers: i64,
    /// What they paid, one sum per currency, as far as receipts said so.
    pub at_risk: Vec<Amount>,
    pub urgency: Urgency,
    /// How many of them opened within the last fifteen minutes.
    pub opened_lately: i64,
    pub oldest_opened_at: OffsetDateTime,
    pub newest_opened_at: OffsetDateTime,
}

/// Which causes are wanted; the default is the first page of all.
#[derive(Debug, Clone, Default)]
pub struct CauseSearch {
    /// Those of one project, which may be archived; else of all that are not.
    pub project_id: Option<ProjectId>,
    /// Those of projects in this mode.
    pub mode: Option<Mode>,
    /// Where the page lies; without it, at the beginning.
    pub cursor: Option<Cursor<CauseKey>>,
    /// How many causes the page has at most; as many as usual with 0.
    pub limit: i64,
}

impl CauseSearch {
    /// Down from the top, as lists go from the newest.
    fn scan(&self) -> KeysetScan<CauseKey> {
        let (top, bottom) = (CauseKey::TOP, CauseKey::BOTTOM);
        KeysetScan::new(Sort::Newest, self.cursor, bottom, top, self.limit)
    }
}

/// Where a cause stands in the list: live projects first, in each mode the one with the most customers, of as many the one
/// with the most incidents. It is the cursor too, so a page goes on where the one before ended whatever became of that cause;
/// one whose numbers change in the meantime may be met twice, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseKey {
    is_live: bool,
    customers: i64,
    incidents: i64,
    id: CauseId,
}

/// A text is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the cursor of a page of causes")]
pub struct InvalidCauseKey;

impl CauseKey {
    /// Above all causes.
    const TOP: Self = Self {
        is_live: true,
        customers: i64::MAX,
        incidents: i64::MAX,
        id: CauseId::from_uuid(Uuid::max()),
    };
    /// Below all of them.
    const BOTTOM: Self =
        Self { is_live: false, customers: 0, incidents: 0, id: CauseId::from_uuid(Uuid::nil()) };
}

/// `live.12.30.cau_…`: the mode, customers, incidents, and the cause.
impl fmt::Display for CauseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.is_live { Mode::Live } else { Mode::Test };
        write!(f, "{}.{}.{}.{}", mode.as_str(), self.customers, self.incidents, self.id)
    }
}

impl FromStr for CauseKey {
    type Err = InvalidCauseKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split('.').collect();
        let [mode, customers, incidents, id] = parts[..] else { return Err(InvalidCauseKey) };
        let mode: Mode = mode.parse().map_err(|_| InvalidCauseKey)?;
        Ok(Self {
            is_live: mode == Mode::Live,
            customers: customers.parse().map_err(|_| InvalidCauseKey)?,
            incidents: incidents.parse().map_err(|_| InvalidCauseKey)?,
            id: id.parse().map_err(|_| InvalidCauseKey)?,
        })
    }
}

/// One page of the causes of what is not resolved. The incidents that are not resolved are counted in one pass through their
/// index; what a cause is about and what is at risk is read of those on the page alone.
pub async fn search_causes(
    db: &PgPool,
    search: &CauseSearch,
) -> Result<Page<CauseRow>, StoreError> {
    let scan = search.scan();
    let mut tx = reading::begin(db).await?;
    let counted = count(&mut tx, search, &scan).await?;
    let found = scan.cut(counted.iter().map(Counted::key).collect(), None);
    let mut counted: BTreeMap<_, _> = counted.into_iter().map(|of| (of.id, of)).collect();
    let shown = column(&found.keys, |key| key.id);
    let mut causes = list_causes(&mut *tx, &shown).await?;
    let of_projects: Vec<_> = causes.iter().map(|(id, cause)| (cause.project_id, *id)).collect();
    let mut at_risk = sum_by_cause(&mut *tx, &of_projects).await?;
    tx.commit().await?;
    let rows = shown.iter().filter_map(|id| {
        let sums = at_risk.remove(id).unwrap_or_default();
        Some(counted.remove(id)?.into_row(causes.remove(id)?, sums))
    });
    let rows = rows.collect();
    Ok(found.page(rows, |key| key))
}

/// How many causes there are of what is not resolved: of one project, or of all of a mode that are not archived.
pub async fn count_causes(
    db: &PgPool,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<i64, StoreError> {
    let mut tx = reading::begin(db).await?;
    let causes = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(n.causes), 0)::bigint AS "causes!" FROM projects p CROSS JOIN LATERAL (
               SELECT count(DISTINCT i.cause) AS causes FROM incidents i
               WHERE i.project_id = p.id AND i.state <> 'resolved' AND i.cause IS NOT NULL) AS n
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)"#,
        project_id.map(ProjectId::as_uuid),
        mode.map(Mode::as_str),
    );
    let causes = causes.fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(causes)
}

/// What is counted of a cause.
#[derive(Debug)]
struct Counted {
    is_live: bool,
    customers: i64,
    incidents: i64,
    id: CauseId,
    project_name: String,
    mode: Mode,
    open: i64,
    opened_lately: i64,
    oldest_opened_at: OffsetDateTime,
    newest_opened_at: OffsetDateTime,
    now: OffsetDateTime,
}

impl Counted {
    const fn key(&self) -> CauseKey {
        let Self { is_live, customers, incidents, id, .. } = *self;
        CauseKey { is_live, customers, incidents, id }
    }

    fn into_row(self, cause: Cause, at_risk: Vec<Amount>) -> CauseRow {
        let (age, customers) = (self.now - self.oldest_opened_at, self.customers);
        let urgency = Urgency::decide(self.mode, &AtStake { age, customers, at_risk: &at_risk });
        CauseRow {
            id: self.id,
            cause,
            project_name: self.project_name,
            mode: self.mode,
            incidents: self.incidents,
            open: self.open,
            customers,
            at_risk,
            urgency,
            opened_lately: self.opened_lately,
            oldest_opened_at: self.oldest_opened_at,
            newest_opened_at: self.newest_opened_at,
        }
    }
}

/// The causes of a page and one more, as far as they are counted. In each project they are grouped as its index has them:
/// nothing is sorted for that.
async fn count(
    db: &mut PgConnection,
    search: &CauseSearch,
    scan: &KeysetScan<CauseKey>,
) -> Result<Vec<Counted>, StoreError> {
    let (above, below) = (scan.above, scan.below);
    macro_rules! query {
        ($order:literal) => {
            sqlx::query_as!(
                Counted,
                r#"SELECT found.is_live AS "is_live!", found.customers AS "customers!", found.incidents AS "incidents!",
                       found.cause AS "id!: CauseId", found.project_name AS "project_name!", found.mode AS "mode!: Mode",
                       found.open AS "open!", found.opened_lately AS "opened_lately!",
                       found.oldest_opened_at AS "oldest_opened_at!", found.newest_opened_at AS "newest_opened_at!", now() AS "now!"
                   FROM (SELECT p.name AS project_name, p.mode, p.mode = 'live' AS is_live, counted.*
                         FROM projects p CROSS JOIN LATERAL (
                             SELECT i.cause, count(*) AS incidents, count(*) FILTER (WHERE i.state = 'open') AS open,
                                 count(DISTINCT i.internal_reference) AS customers,
                                 count(*) FILTER (WHERE i.opened_at > now() - interval '15 minutes') AS opened_lately,
                                 min(i.opened_at) AS oldest_opened_at, max(i.opened_at) AS newest_opened_at
                             FROM incidents i
                             WHERE i.project_id = p.id AND i.state <> 'resolved' AND i.cause IS NOT NULL
                             GROUP BY i.cause) AS counted
                         WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)) AS found
                   WHERE (found.is_live, found.customers, found.incidents, found.cause) > ($3::bool, $4::bigint, $5::bigint, $6::uuid)
                     AND (found.is_live, found.customers, found.incidents, found.cause) < ($7::bool, $8::bigint, $9::bigint, $10::uuid)
                   ORDER BY found.is_live "#
                    + $order + ", found.customers " + $order + ", found.incidents " + $order
                    + ", found.cause " + $order + " LIMIT $11",
                search.project_id.map(ProjectId::as_uuid),
                search.mode.map(Mode::as_str),
                above.is_live, above.customers, above.incidents, above.id.as_uuid(),
                below.is_live, below.customers, below.incidents, below.id.as_uuid(),
                scan.rows(),
            )
        };
    }
    Ok(in_direction!(scan.direction, query, &mut *db)?)
}

/// What incidents of each of these have in common with others.
pub async fn list_causes(
    db: impl PgExecutor<'_>,
    ids: &[CauseId],
) -> Result<BTreeMap<CauseId, Cause>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT wanted.id AS "id!: CauseId", i.project_id AS "project_id!: ProjectId", i.reason AS "reason!: Reason",
               i.cause_code AS "cause_code?", i.event_type AS "event_type!", i.effect_type AS "effect_type!: EffectType"
           FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
               SELECT project_id, reason, cause_code, event_type, effect_type FROM incidents
               WHERE cause = wanted.id ORDER BY cause, state, id LIMIT 1) AS i"#,
        &column(ids, |id| id.as_uuid()),
    );
    let causes = rows.fetch_all(db).await?.into_iter().map(|row| {
        let cause = Cause {
            project_id: row.project_id,
            reason: row.reason,
            error_code: row.cause_code,
            event_type: row.event_type,
            effect_type: row.effect_type,
        };
        (row.id, cause)
    });
    Ok(causes.collect())
}

/// How many incidents of a cause are not resolved, counted no further than `most`.
pub async fn count_waiting(
    db: impl PgExecutor<'_>,
    id: CauseId,
    most: i64,
) -> Result<i64, StoreError> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "waiting!" FROM (
               SELECT FROM incidents WHERE cause = $1 AND state <> 'resolved' LIMIT $2) AS waiting"#,
        id.as_uuid(),
        most,
    );
    Ok(waiting.fetch_one(db).await?)
}

/// What an incident has in common with others.
pub async fn find_cause(db: impl PgExecutor<'_>, id: CauseId) -> Result<Option<Cause>, StoreError> {
    Ok(list_causes(db, &[id]).await?.remove(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(is_live: bool, customers: i64, incidents: i64, id: u128) -> CauseKey {
        CauseKey { is_live, customers, incidents, id: CauseId::from_uuid(Uuid::from_u128(id)) }
    }

    #[test]
    fn live_projects_come_first_and_then_those_with_the_most_customers() {
        let mut keys = [
            key(false, 900, 900, 1),
            key(true, 1, 1, 2),
            key(true, 2, 2, 3),
            key(true, 2, 5, 4),
            key(true, 2, 5, 5),
        ];
        keys.sort_unstable_by(|a, b| b.cmp(a));
        let ids = keys.map(|key| key.id.as_uuid().as_u128());
        assert_eq!(ids, [5, 4, 3, 2, 1]);
        assert!(keys.iter().all(|key| CauseKey::BOTTOM < *key && *key < CauseKey::TOP));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        for key in [key(true, 12, 30, 7), key(false, 0, 1, 8)] {
            assert_eq!(key.to_string().parse::<CauseKey>(), Ok(key));
        }
        let id = key(true, 1, 1, 7).id;
        assert_eq!(key(true, 12, 30, 7).to_string(), format!("live.12.30.{id}"));
        for wrong in [
            "",
            "2",
            &id.to_string(),
            "live.1.1.cau_1",
            &format!("both.1.1.{id}"),
            &format!("live.1.{id}"),
        ] {
            assert_eq!(wrong.parse::<CauseKey>(), Err(InvalidCauseKey), "{wrong}");
        }
    }
}
