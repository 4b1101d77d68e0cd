//! Filters of lists that operators keep under a name.
//!
//! Saving is one transaction, one at a time, so that of two who save at the same time the second finds what the first kept. What
//! others see, a shared filter, is written with its entry in the audit; one's own is nobody else's matter. A filter that
//! names what is gone stays as it was saved: the list that it opens says what it could not narrow by.

use domain::audit::detail::{FilterDetail, SharedFilterDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{FilterId, OperatorId};
use domain::saved_filter::{FilterValues, FilteredList, Kept, MAX_SAVED, Saving};
use sqlx::PgExecutor;
use sqlx::types::Json;
use uuid::Uuid;

use crate::audit::{self, Subject};
use crate::{ChangeError, PgConnection, StoreError};

/// A filter as an operator who may use it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    pub id: FilterId,
    pub list: FilteredList,
    pub name: String,
    pub filter: FilterValues,
    /// Whether everyone who signs in sees it.
    pub is_shared: bool,
    /// Who saved it last, by address.
    pub saved_by: String,
}

/// What shall be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewFilter<'a> {
    pub owner: OperatorId,
    pub actor: &'a Actor,
    pub list: FilteredList,
    pub name: &'a str,
    pub filter: &'a FilterValues,
    pub is_shared: bool,
}

/// Why a filter is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaveRejection {
    #[error("there are {MAX_SAVED} saved filters of this list already: delete one first")]
    TooMany,
}

/// Reads filters; what follows the tables is the caller's.
macro_rules! query_filters {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query!(
            r#"SELECT f.id, f.list, f.name, f.filter AS "filter: Json<FilterValues>", f.shared, o.email
               FROM saved_filters f JOIN operators o ON o.id = f.owner "# + $tail $(, $argument)*
        )
        .map(|row| SavedFilter {
            id: row.id,
            list: row.list,
            name: row.name,
            filter: row.filter.0,
            is_shared: row.shared,
            saved_by: row.email,
        })
    };
}

/// Those that an operator may use, of all lists: their own first, each by name.
pub async fn list_for(
    db: impl PgExecutor<'_>,
    operator: OperatorId,
) -> Result<Vec<SavedFilter>, StoreError> {
    let all = query_filters!(
        "WHERE f.shared OR f.owner = $1 ORDER BY f.shared, lower(f.name), f.id",
        operator.as_uuid()
    );
    Ok(all.fetch_all(db).await?)
}

/// Those of a list that everyone who signs in sees, by name.
pub async fn list_shared(
    db: impl PgExecutor<'_>,
    list: FilteredList,
) -> Result<Vec<SavedFilter>, StoreError> {
    let all = query_filters!(
        "WHERE f.shared AND f.list = $1 ORDER BY lower(f.name), f.id",
        list.as_str()
    );
    Ok(all.fetch_all(db).await?)
}

/// The one of this name, however it is capitalized; the first of several.
#[must_use]
pub fn find_named<'a>(filters: &'a [SavedFilter], name: &str) -> Option<&'a SavedFilter> {
    let wanted = name.trim().to_lowercase();
    filters.iter().find(|one| one.name.to_lowercase() == wanted)
}

/// Keeps a filter, as [`Saving::decide`] says. What becomes shared is no longer one's own.
///
/// # Errors
/// When there are too many, or the database fails; nothing is changed then.
pub async fn save(
    tx: &mut PgConnection,
    new: NewFilter<'_>,
) -> Result<Saving, ChangeError<SaveRejection>> {
    lock(&mut *tx).await?;
    if new.is_shared {
        delete_own_like(&mut *tx, new).await?;
    }
    let saving = Saving::decide(&list_kept(&mut *tx, new).await?, new.name, new.filter);
    let saving = saving.ok_or(ChangeError::Rejected(SaveRejection::TooMany))?;
    let (id, was) = match &saving {
        Saving::Add => (insert(&mut *tx, new).await?, None),
        Saving::Replace(id) => (update(&mut *tx, *id, new).await?, None),
        Saving::Rename(id, was) => (update(&mut *tx, *id, new).await?, Some(was.clone())),
    };
    if new.is_shared {
        let (list, name) = (new.list, new.name.to_owned());
        let detail = SharedFilterDetail { filter_id: id, list, name, was };
        let shared = AuditEvent::FilterShared(detail);
        audit::record(tx, new.actor, Subject::default(), &shared).await?;
    }
    Ok(saving)
}

/// Deletes a filter, one's own or a shared one. `false` if it was gone already.
pub async fn delete(
    tx: &mut PgConnection,
    filter: &SavedFilter,
    actor: &Actor,
) -> Result<bool, StoreError> {
    let done = sqlx::query!("DELETE FROM saved_filters WHERE id = $1", filter.id.as_uuid())
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if filter.is_shared {
        let SavedFilter { id, list, name, .. } = filter.clone();
        let removed = AuditEvent::FilterRemoved(FilterDetail { filter_id: id, list, name });
        audit::record(tx, actor, Subject::default(), &removed).await?;
    }
    Ok(true)
}

/// Deletes what an operator kept for themselves.
pub(crate) async fn delete_own_of(
    tx: &mut PgConnection,
    owner: OperatorId,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM saved_filters WHERE owner = $1 AND NOT shared", owner.as_uuid())
        .execute(tx)
        .await?;
    Ok(())
}

/// Lets nobody else save until the transaction ends.
async fn lock(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(7270020)").execute(tx).await?;
    Ok(())
}

/// Those among which a name is one of a kind: the shared ones of a list, or one's own.
async fn list_kept(tx: &mut PgConnection, new: NewFilter<'_>) -> Result<Vec<Kept>, StoreError> {
    let kept = sqlx::query!(
        r#"SELECT id, name, filter AS "filter: Json<FilterValues>" FROM saved_filters
           WHERE list = $1 AND shared = $2 AND (shared OR owner = $3) ORDER BY id"#,
        new.list.as_str(),
        new.is_shared,
        new.owner.as_uuid(),
    )
    .map(|row| Kept { id: row.id, name: row.name, filter: row.filter.0 });
    Ok(kept.fetch_all(tx).await?)
}

async fn insert(tx: &mut PgConnection, new: NewFilter<'_>) -> Result<FilterId, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO saved_filters (id, owner, list, name, filter, shared) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        new.owner.as_uuid(),
        new.list.as_str(),
        new.name,
        Json(new.filter) as _,
        new.is_shared,
    )
    .execute(tx)
    .await?;
    Ok(FilterId::from_uuid(id))
}

async fn update(
    tx: &mut PgConnection,
    id: FilterId,
    new: NewFilter<'_>,
) -> Result<FilterId, StoreError> {
    sqlx::query!(
        "UPDATE saved_filters SET owner = $2, name = $3, filter = $4, saved_at = now() WHERE id = $1",
        id.as_uuid(),
        new.owner.as_uuid(),
        new.name,
        Json(new.filter) as _,
    )
    .execute(tx)
    .await?;
    Ok(id)
}

async fn delete_own_like(tx: &mut PgConnection, new: NewFilter<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM saved_filters
         WHERE owner = $1 AND NOT shared AND list = $2 AND (lower(name) = lower($3) OR filter = $4)",
        new.owner.as_uuid(),
        new.list.as_str(),
        new.name,
        Json(new.filter) as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}
