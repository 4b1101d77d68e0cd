//! The causes above the list: what many incidents have in common, each leading to its own.
//!
//! They are shown above a list that is narrowed by nothing but its project, and only where an
//! incident is not alone: one line for a cause of one says no more than its line of the list.

use std::collections::{BTreeMap, BTreeSet};

use domain::alert::one_line;
use domain::cause::Cause;
use domain::ids::{CauseId, ProjectId};
use domain::money::describe_sums;
use domain::project::Mode;
use store::search::causes::{
    CauseOffer, CauseRow, CauseSearch, count_causes, count_waiting, find_cause, list_causes,
    offer_causes,
};
use store::search::hours::list_begins;
use store::search::incidents::IncidentRow;
use store::{PgPool, StoreError};
use time::OffsetDateTime;
use web::error::ApiError;

use super::all_causes;
use crate::badge::Badge;
use crate::layout::mode_word;
use crate::listing::{ListQuery, Select, address};
use crate::when::When;

/// The most that are shown above the list.
const MAX_SHOWN: usize = 10;
/// The most that are offered as a filter, those with the most customers.
const MAX_OFFERED: i64 = 100;

/// What incidents have in common, and how many there are.
#[derive(Debug)]
pub(super) struct CauseItem {
    pub(super) title: String,
    pub(super) href: String,
    pub(super) effect_type: String,
    pub(super) project: String,
    pub(super) mode: &'static str,
    pub(super) customers: i64,
    /// More than its customers, where some have several.
    pub(super) incidents: i64,
    pub(super) open: i64,
    /// What they paid, as far as receipts said so.
    pub(super) at_risk: Option<String>,
    /// Where it is more urgent than usual.
    pub(super) urgency: Option<Badge>,
    pub(super) opened_lately: i64,
    /// When the first of this time opened, whatever became of it.
    pub(super) since: When,
}

/// The first causes of what is not resolved, and what of them is shown.
pub(super) struct Causes {
    offered: Vec<(CauseId, Cause)>,
    /// Those of more than one incident, above a list that is narrowed by nothing but its project.
    pub(super) shared: Vec<CauseItem>,
    /// There, how many causes there are, and where, if not all of those of more than one incident are shown.
    pub(super) all: Option<(i64, String)>,
    /// The one that the list is narrowed to, where it is none of these.
    named: Option<NamedCause>,
}

/// A cause that is not offered unless it is asked for.
struct NamedCause {
    id: CauseId,
    title: String,
    /// Whether something of it waits: it may be over, or one of many.
    waits: bool,
}

impl Causes {
    pub(super) async fn load(
        db: &PgPool,
        query: &ListQuery,
        mode: Option<Mode>,
        now: OffsetDateTime,
    ) -> Result<Self, ApiError> {
        let project_id = query.project_id();
        let first = CauseSearch { project_id, mode, cursor: None, limit: MAX_OFFERED };
        // A list that is narrowed is not about them.
        let is_wide = query.says_only(&["project", "sort"]);
        let offer = if query.text().is_some() {
            CauseOffer::default()
        } else {
            offer_causes(db, &first, if is_wide { MAX_SHOWN } else { 0 }).await?
        };
        let shared = CauseItem::describe(db, &offer.shown.iter().collect::<Vec<_>>(), now).await?;
        // Those of more than one incident come before all others of their mode, so it is enough to have read the first.
        let all = if is_wide && offer.shared > MAX_SHOWN {
            let count = if offer.is_complete {
                i64::try_from(offer.offered.len()).unwrap_or(i64::MAX)
            } else {
                count_causes(db, project_id, mode).await?
            };
            Some((count, path_of_all(project_id)))
        } else {
            None
        };
        let offered = offer.offered;
        let wanted = query.cause_id().filter(|id| offered.iter().all(|(of, _)| of != id));
        let named = match wanted {
            Some(id) => NamedCause::find(db, id).await?,
            None => None,
        };
        Ok(Self { offered, shared, all, named })
    }

    /// Where a text was searched for, offers the causes of what was found: all that wait need not be counted for that.
    pub(super) async fn with_found(
        self,
        db: &PgPool,
        query: &ListQuery,
        found: &[IncidentRow],
    ) -> Result<Self, StoreError> {
        if query.text().is_none() {
            return Ok(self);
        }
        let named = self.named.as_ref().map(|named| named.id);
        let ids = found.iter().filter_map(|row| row.incident.cause_id);
        let ids: BTreeSet<_> = ids.filter(|id| Some(*id) != named).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let offered = list_causes(db, &ids).await?.into_iter().collect();
        Ok(Self { offered, ..self })
    }

    /// Whether something of this cause waits.
    pub(super) fn waits(&self, id: CauseId) -> bool {
        let named = self.named.as_ref().is_some_and(|named| named.id == id && named.waits);
        named || self.offered.iter().any(|(of, _)| *of == id)
    }

    /// The choice among them.
    pub(super) fn select(&self, query: &ListQuery) -> Select {
        let waiting = self.offered.iter().map(|(id, cause)| (id.to_string(), cause.title()));
        let asked = self.named.iter().map(|named| (named.id.to_string(), named.title.clone()));
        let causes: Vec<_> = waiting.chain(asked).collect();
        let any = [("", "Any cause")].into_iter();
        let named = causes.iter().map(|(id, title)| (id.as_str(), title.as_str()));
        Select::new("cause", "Cause", &query.cause, any.chain(named))
    }
}

impl NamedCause {
    async fn find(db: &PgPool, id: CauseId) -> Result<Option<Self>, StoreError> {
        let Some(cause) = find_cause(db, id).await? else { return Ok(None) };
        let waits = count_waiting(db, id, 1).await? > 0;
        Ok(Some(Self { id, title: cause.title(), waits }))
    }
}

impl CauseItem {
    /// Causes, with since when each has gone on.
    pub(super) async fn describe(
        db: &PgPool,
        rows: &[&CauseRow],
        now: OffsetDateTime,
    ) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let begins = if ids.is_empty() { BTreeMap::new() } else { list_begins(db, &ids).await? };
        // What still waits from before a quiet day did not end.
        let since = |row: &CauseRow| match begins.get(&row.id) {
            Some(began_at) => row.oldest_opened_at.min(*began_at),
            None => row.oldest_opened_at,
        };
        Ok(rows.iter().map(|row| Self::new(row, since(row), now)).collect())
    }

    fn new(row: &CauseRow, since: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self {
            title: row.cause.title(),
            href: href(row.id),
            effect_type: row.cause.effect_type.to_string(),
            project: one_line(&row.project_name),
            mode: mode_word(row.mode),
            customers: row.customers,
            incidents: row.incidents,
            open: row.open,
            at_risk: describe_sums(&row.at_risk),
            urgency: Badge::from_urgency(row.urgency),
            opened_lately: row.opened_lately,
            since: When::ago(since, now),
        }
    }
}

/// The project that a list is about: the one that is asked for, or that of its cause.
pub(super) async fn find_project_of(
    db: &PgPool,
    query: &ListQuery,
) -> Result<Option<ProjectId>, StoreError> {
    let asked = query.project_id();
    let Some(id) = query.cause_id().filter(|_| asked.is_none()) else { return Ok(asked) };
    Ok(find_cause(db, id).await?.map(|cause| cause.project_id))
}

/// Where all causes are.
fn path_of_all(project_id: Option<ProjectId>) -> String {
    let project = project_id.map(|id| id.to_string());
    address(all_causes::PATH, project.as_deref().map(|id| ("project", id)))
}

/// The list of a cause's incidents.
pub(crate) fn href(id: CauseId) -> String {
    address(super::PATH, [("cause", id.to_string().as_str())])
}
