//! Opens and ends the silences of a project.
//!
//! Receipts are read from the events themselves, so that one of a second ago counts; only what is
//! usual comes from counts by hour. While our own API is away, and in the grace after that, nothing
//! is opened. Where the whole project is silent its event types are not told apart.

use domain::ids::ProjectId;
use domain::notice::NoticeKind;
use domain::silence::{ExpectedReceipts, Flow, Interruption, Usual};
use time::OffsetDateTime;

use super::{
    Newest, Silence, end, find_first_receipt, find_last_resumed, insert, list_newest_receipts,
    list_open, withdraw,
};
use crate::pool::commit;
use crate::search::reading::FOLLOW_INDEXES;
use crate::{PgConnection, PgPool, StoreError, notices, outages, receipt_hours};

/// A project that is being judged, whose row is locked.
struct Locked {
    project_id: ProjectId,
    expected: ExpectedReceipts,
    /// When it was restored from the archive: nothing was expected before.
    restored_at: Option<OffsetDateTime>,
    now: OffsetDateTime,
}

/// The projects whose silence is noticed, or of which a silence is open.
pub async fn list_judged(pool: &PgPool) -> Result<Vec<ProjectId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM projects WHERE expected_receipts <> 'off' AND archived_at IS NULL
             OR EXISTS (SELECT FROM silences WHERE project_id = projects.id AND ended_at IS NULL) ORDER BY id"
    )
    .fetch_all(pool)
    .await?;
    Ok(ids)
}

/// Opens and ends the silences of a project, with the notices about them. Where another process is at
/// it, or an operator changes the project, nothing is done.
pub async fn judge(pool: &PgPool, project_id: ProjectId) -> Result<(), StoreError> {
    let begin = format!("BEGIN; {FOLLOW_INDEXES}");
    let mut tx = pool.begin_with(sqlx::AssertSqlSafe(begin)).await?;
    let row = sqlx::query!(
        r#"SELECT expected_receipts, restored_at, archived_at IS NOT NULL AS "archived!", now() AS "now!"
           FROM projects WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED"#,
        project_id.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let locked = Locked {
        project_id,
        expected: row.expected_receipts,
        restored_at: row.restored_at,
        now: row.now,
    };
    if row.archived || locked.expected == ExpectedReceipts::Off {
        withdraw(&mut *tx, project_id).await?;
    } else {
        judge_locked(&mut tx, &locked).await?;
    }
    commit(tx).await
}

async fn judge_locked(tx: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    let newest = list_newest_receipts(tx, locked.project_id).await?;
    let open = list_open(&mut *tx, Some(locked.project_id)).await?;
    let open = end_resumed(tx, open, &newest).await?;
    let deadline = outages::judge(&mut *tx, locked.now, locked.now).await?;
    if deadline.judged_at > locked.now {
        return Ok(());
    }
    let is_open =
        |event_type: Option<&str>| open.iter().any(|one| one.event_type.as_deref() == event_type);
    let Some(last_at) = newest.iter().map(|one| one.last_at).max() else { return Ok(()) };
    if is_open(None) || open_if_silent(tx, locked, None, last_at, None).await? {
        return Ok(());
    }
    let again_from = find_last_resumed(&mut *tx, locked.project_id).await?;
    for Newest { event_type, last_at } in &newest {
        if !is_open(Some(event_type)) {
            open_if_silent(tx, locked, Some(event_type), *last_at, again_from).await?;
        }
    }
    Ok(())
}

/// Ends the silences after which receipts came, and says so. Returns those that last.
async fn end_resumed(
    tx: &mut PgConnection,
    open: Vec<Silence>,
    newest: &[Newest],
) -> Result<Vec<Silence>, StoreError> {
    let mut lasting = Vec::new();
    for one in open {
        let event_type = one.event_type.as_deref();
        let is_its = |newest: &&Newest| event_type.is_none_or(|its| its == newest.event_type);
        let resumed_at = if newest.iter().filter(is_its).any(|newest| newest.last_at > one.since) {
            find_first_receipt(tx, one.project_id, event_type, one.since).await?
        } else {
            None
        };
        let Some(resumed_at) = resumed_at else {
            lasting.push(one);
            continue;
        };
        end(&mut *tx, one.id, resumed_at).await?;
        let kind = NoticeKind::ReceiptsResumed;
        notices::enqueue_about(&mut *tx, one.project_id, kind, one.id.as_uuid()).await?;
    }
    Ok(lasting)
}

/// Opens the silence of a flow, if it is silent; whether it did.
async fn open_if_silent(
    tx: &mut PgConnection,
    locked: &Locked,
    event_type: Option<&str>,
    last_at: OffsetDateTime,
    again_from: Option<OffsetDateTime>,
) -> Result<bool, StoreError> {
    let Locked { project_id, expected, restored_at, now } = *locked;
    let again_from = again_from.max(restored_at);
    let quiet_since = again_from.map_or(last_at, |again| again.max(last_at));
    if expected.soonest().is_none_or(|soonest| now - quiet_since < soonest) {
        return Ok(false);
    }
    let hours = receipt_hours::load(&mut *tx, project_id, event_type).await?;
    let interruptions = list_interruptions(tx, quiet_since).await?;
    let is_whole = event_type.is_none();
    let flow =
        Flow { is_whole, last_at, quiet_since, hours: &hours, interruptions: &interruptions };
    let Some(usual) = expected.judge(&flow, now) else { return Ok(false) };
    open(tx, project_id, event_type, last_at, usual).await?;
    Ok(true)
}

async fn open(
    tx: &mut PgConnection,
    project_id: ProjectId,
    event_type: Option<&str>,
    since: OffsetDateTime,
    usual: Usual,
) -> Result<(), StoreError> {
    let id = insert(&mut *tx, project_id, event_type, since, usual).await?;
    notices::enqueue_about(tx, project_id, NoticeKind::ReceiptsSilent, id.as_uuid()).await
}

/// The outages that are over, and their graces, since a moment.
async fn list_interruptions(
    tx: &mut PgConnection,
    since: OffsetDateTime,
) -> Result<Vec<Interruption>, StoreError> {
    let noted = outages::list_ended(tx, since).await?;
    let interruption = |(began_at, until)| Interruption { began_at, until };
    Ok(noted.into_iter().map(interruption).collect())
}
