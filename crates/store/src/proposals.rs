//! Evidence that extensions gave for a person to decide by: the effect was applied, they say, and
//! nobody lets them settle it themselves.

use domain::extension::{ActivityName, Evidence, ExtensionAnswer, ExtensionTarget};
use domain::ids::{CallId, EventId, ExtensionId};
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// The evidence of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub call_id: CallId,
    pub extension_id: ExtensionId,
    /// What people call the extension.
    pub name: String,
    pub answered_at: OffsetDateTime,
    pub note: Option<String>,
    pub evidence: Evidence,
}

/// What extensions found about an event, newest first; of those that were removed too.
pub async fn list_proposals(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Vec<Proposal>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT c.id, c.point, c.answered_at AS "answered_at!", c.answer AS "answer!", c.extension_id, x.activity, x.url
           FROM extension_calls c JOIN extensions x ON x.id = c.extension_id
           WHERE c.event_id = $1 AND c.outcome = 'proposed' ORDER BY c.answered_at DESC, c.id DESC"#,
        event_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    let proposals = rows.into_iter().map(|row| {
        let activity: Option<ActivityName> = row.activity;
        let url = || ExtensionTarget::Https { url: row.url.unwrap_or_default() }.name();
        // What another release wrote in a form of its own still says that it was applied.
        let answer = ExtensionAnswer::read(row.point, row.answer.to_string().as_bytes()).ok();
        let answer = answer.map(|read| read.answer);
        Proposal {
            call_id: row.id,
            extension_id: row.extension_id,
            name: activity.map_or_else(url, |activity| activity.to_string()),
            answered_at: row.answered_at,
            note: answer.as_ref().and_then(|answer| answer.note().map(str::to_owned)),
            evidence: answer.map(|answer| answer.evidence().clone()).unwrap_or_default(),
        }
    });
    Ok(proposals.collect())
}
