//! Buttons of Slack messages: what was pressed is done once.
//!
//! Slack may send a press again that it got no answer to. The press is kept in the transaction of what it asks for, so
//! a process that dies in between leaves neither, and the same press comes again to an untouched incident; of two that
//! come together the second one waits for the first, and then finds it. A rejected one leaves nothing either.

use domain::audit::Actor;
use domain::destination::SlackUserId;
use domain::ids::DestinationId;
use domain::rejection::Rejection;
use domain::slack_action::SlackOrder;
use sqlx::PgExecutor;
use time::Duration;

use crate::incidents::Incident;
use crate::operator_actions::{ActionError, OperatorAction};
use crate::pool::transaction;
use crate::snoozes::{SnoozeRejection, SnoozeUntil, snooze};
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
    Done,
    /// It was done before.
    Repeated,
    /// A rule forbids it; why, as a sentence without its end.
    Rejected(String),
}

/// Why a press changes nothing.
#[derive(Debug, thiserror::Error)]
enum PressRejection {
    #[error(transparent)]
    Incident(#[from] Rejection),
    #[error(transparent)]
    Snooze(#[from] SnoozeRejection),
}

/// Does what a button asks for, in the name of the operator who pressed it.
pub async fn act(
    pool: &PgPool,
    press: SlackPress<'_>,
    order: SlackOrder,
    incident: &Incident,
    actor: &Actor,
) -> Result<PressOutcome, StoreError> {
    let note = format!("through Slack, by {}", press.user.as_str());
    let action = OperatorAction { incident, actor, note: Some(&note) };
    let done = transaction(pool, async |tx| {
        if !keep(&mut *tx, press).await? {
            return Ok(false);
        }
        change(tx, order, action).await.map(|()| true)
    });
    match done.await {
        Ok(true) => Ok(PressOutcome::Done),
        Ok(false) => Ok(PressOutcome::Repeated),
        Err(ChangeError::Store(error)) => Err(error),
        Err(ChangeError::Rejected(PressRejection::Snooze(why))) => {
            Ok(PressOutcome::Rejected(why.to_string()))
        }
        Err(ChangeError::Rejected(PressRejection::Incident(why))) => {
            match action.explain(pool, Err(ChangeError::Rejected(why))).await {
                Err(ActionError::Store(error)) => Err(error),
                Err(ActionError::Rejected(why)) => Ok(PressOutcome::Rejected(why.to_string())),
                Ok(()) => Ok(PressOutcome::Done),
            }
        }
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

fn rejected<R: Into<PressRejection>>(error: ChangeError<R>) -> ChangeError<PressRejection> {
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
