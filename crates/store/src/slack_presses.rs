//! Buttons of Slack messages: what was pressed is done once, for an incident or for a cause.
//!
//! Slack may send a press again that it got no answer to. The press is kept in the transaction of what it asks for, so
//! a process that dies in between leaves neither, and the same press comes again to an untouched incident; of two that
//! come together the second one waits for the first, and then finds it. A rejected one leaves nothing either.
//!
//! All incidents of a cause are acknowledged by a bulk that the press freezes and starts ([`crate::bulk`]): one incident
//! after the other, each under its own lock. Where the process dies after the commit, a worker starts what is due.

use domain::audit::Actor;
use domain::bulk::{BulkAction, BulkSettings};
use domain::destination::SlackUserId;
use domain::ids::{BulkId, CauseId, DestinationId, ProjectId};
use domain::rejection::Rejection;
use domain::slack_action::{SlackCauseOrder, SlackOrder};
use sqlx::PgExecutor;
use time::Duration;

use crate::bulk::{self, NewBulk, PreviewRejection, Selection, SteerRejection, create_preview};
use crate::incidents::Incident;
use crate::operator_actions::{ActionError, OperatorAction};
use crate::pool::transaction;
use crate::snoozes::{SnoozeRejection, SnoozeUntil, snooze, snooze_cause};
use crate::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use crate::transitions::reprocess::{ReprocessRequest, request_reprocess};
use crate::{ChangeError, PgConnection, PgPool, StoreError, reprocesses};

/// How long the button snoozes.
const SNOOZE: Duration = Duration::HOUR;

/// A press, by what tells it from every other.
#[derive(Debug, Clone, Copy)]
pub struct SlackPress<'a> {
    pub destination_id: DestinationId,
    pub user: &'a SlackUserId,
    /// Slack's `action_ts`.
    pub pressed_at: &'a str,
}

/// What became of a press.
#[derive(Debug)]
pub enum PressOutcome {
    Done(Changed),
    /// It was done before.
    Repeated,
    /// A rule forbids it; why, as a sentence without its end.
    Rejected(String),
}

/// What a press changes.
#[derive(Debug, Clone, Copy)]
pub struct Changed {
    /// How many incidents.
    pub incidents: u64,
    /// The bulk that changes them one after the other, where there is one.
    pub bulk_id: Option<BulkId>,
}

impl Changed {
    /// These were changed with the press.
    const fn already(incidents: u64) -> Self {
        Self { incidents, bulk_id: None }
    }
}

impl SlackPress<'_> {
    /// What the audit says beside the operator.
    fn note(self) -> String {
        format!("through Slack, by {}", self.user.as_str())
    }
}

/// Why a press changes nothing.
#[derive(Debug, thiserror::Error)]
enum PressRejection {
    #[error(transparent)]
    Incident(#[from] Rejection),
    #[error(transparent)]
    Snooze(#[from] SnoozeRejection),
}

/// Why a press changes no incident of a cause.
#[derive(Debug, thiserror::Error)]
enum CauseRejection {
    #[error("no incident of this cause is open any more: each is acknowledged, or resolved")]
    NoneOpen,
    #[error("no incident of this cause is left to snooze: each is resolved, or snoozed for longer")]
    NoneLeft,
    #[error(transparent)]
    Preview(#[from] PreviewRejection),
    #[error(transparent)]
    Start(#[from] SteerRejection),
}

/// Does what a button asks for, in the name of the operator who pressed it.
pub async fn act(
    pool: &PgPool,
    press: SlackPress<'_>,
    order: SlackOrder,
    incident: &Incident,
    actor: &Actor,
) -> Result<PressOutcome, StoreError> {
    let note = press.note();
    let action = OperatorAction { incident, actor, note: Some(&note) };
    let done = transaction(pool, async |tx| {
        if !keep(&mut *tx, press).await? {
            return Ok(false);
        }
        change(tx, order, action).await.map(|()| true)
    });
    match done.await {
        Ok(true) => Ok(PressOutcome::Done(Changed::already(1))),
        Ok(false) => Ok(PressOutcome::Repeated),
        Err(error) => match error.rejection()? {
            PressRejection::Snooze(why) => Ok(PressOutcome::Rejected(why.to_string())),
            PressRejection::Incident(why) => {
                match action.explain(pool, Err(ChangeError::Rejected(why))).await {
                    Err(ActionError::Store(error)) => Err(error),
                    Err(ActionError::Rejected(why)) => Ok(PressOutcome::Rejected(why.to_string())),
                    Ok(()) => Ok(PressOutcome::Done(Changed::already(1))),
                }
            }
        },
    }
}

/// The incidents of a project that have a cause in common. What is another project's is not among them.
#[derive(Debug, Clone, Copy)]
pub struct CauseOfProject {
    pub project_id: ProjectId,
    pub cause_id: CauseId,
}

/// Does what a button asks for with the incidents of a cause.
pub async fn act_on_cause(
    pool: &PgPool,
    press: SlackPress<'_>,
    order: SlackCauseOrder,
    of: CauseOfProject,
    actor: &Actor,
) -> Result<PressOutcome, StoreError> {
    let done = transaction(pool, async |tx| change_cause(tx, press, order, of, actor).await);
    match done.await {
        Ok(Some(changed)) => Ok(PressOutcome::Done(changed)),
        Ok(None) => Ok(PressOutcome::Repeated),
        Err(error) => Ok(PressOutcome::Rejected(error.rejection()?.to_string())),
    }
}

/// What it changes; none where the press was done before.
async fn change_cause(
    tx: &mut PgConnection,
    press: SlackPress<'_>,
    order: SlackCauseOrder,
    of: CauseOfProject,
    actor: &Actor,
) -> Result<Option<Changed>, ChangeError<CauseRejection>> {
    if !keep(&mut *tx, press).await? {
        return Ok(None);
    }
    let note = press.note();
    let changed = match order {
        SlackCauseOrder::AcknowledgeAll => acknowledge_all(tx, of, actor, &note).await?,
        SlackCauseOrder::SnoozeAll => snooze_all(tx, of, actor, &note).await?,
    };
    Ok(Some(changed))
}

async fn acknowledge_all(
    tx: &mut PgConnection,
    of: CauseOfProject,
    actor: &Actor,
    note: &str,
) -> Result<Changed, ChangeError<CauseRejection>> {
    let new = NewBulk {
        project_id: of.project_id,
        action: BulkAction::Acknowledge,
        selection: Selection::Cause(of.cause_id),
        include_taking: true,
        actor,
    };
    let frozen = create_preview(tx, &new).await.map_err(rejected::<_, CauseRejection>)?;
    if frozen.items == 0 {
        return Err(ChangeError::Rejected(CauseRejection::NoneOpen));
    }
    let started = bulk::start(tx, frozen.id, actor, BulkSettings::default(), note).await;
    started.map_err(rejected::<_, CauseRejection>)?;
    let incidents = u64::try_from(frozen.items).unwrap_or_default();
    Ok(Changed { incidents, bulk_id: Some(frozen.id) })
}

async fn snooze_all(
    tx: &mut PgConnection,
    of: CauseOfProject,
    actor: &Actor,
    note: &str,
) -> Result<Changed, ChangeError<CauseRejection>> {
    match snooze_cause(tx, of.project_id, of.cause_id, actor, SNOOZE, note).await? {
        0 => Err(ChangeError::Rejected(CauseRejection::NoneLeft)),
        snoozed => Ok(Changed::already(snoozed)),
    }
}

async fn change(
    tx: &mut PgConnection,
    order: SlackOrder,
    OperatorAction { incident, actor, note }: OperatorAction<'_>,
) -> Result<(), ChangeError<PressRejection>> {
    match order {
        SlackOrder::Acknowledge => {
            let request = AcknowledgeRequest { actor, note, bulk_id: None };
            acknowledge_incident(tx, incident.event_id, request).await.map_err(rejected)
        }
        SlackOrder::Reprocess => {
            let replay_id = reprocesses::new_id();
            let request = ReprocessRequest { replay_id, actor, note, bulk_id: None, signal: true };
            request_reprocess(tx, incident.event_id, request).await.map_err(rejected)
        }
        SlackOrder::Snooze => {
            let until = SnoozeUntil::After(SNOOZE);
            snooze(tx, incident, actor, until, note).await.map_err(rejected)
        }
    }
}

fn rejected<R: Into<W>, W>(error: ChangeError<R>) -> ChangeError<W> {
    match error {
        ChangeError::Rejected(why) => ChangeError::Rejected(why.into()),
        ChangeError::Store(error) => ChangeError::Store(error),
    }
}

/// Keeps a press; `false` if it was kept before.
async fn keep(db: impl PgExecutor<'_>, press: SlackPress<'_>) -> Result<bool, StoreError> {
    let kept = sqlx::query!(
        "INSERT INTO slack_presses (destination_id, user_id, pressed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        press.destination_id.as_uuid(),
        press.user.as_str(),
        press.pressed_at,
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Forgets those that are too old to come again.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM slack_presses WHERE created_at < now() - interval '1 day'")
        .execute(db)
        .await?;
    Ok(())
}
