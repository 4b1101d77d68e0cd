//! What an incident has in common with others, and how those that are resolved ended.

use domain::alert::{one_line, sanitize};
use domain::incident::IncidentState;
use domain::timeline::describe_ending;
use store::incidents::Incident;
use store::search::causes;
use store::search::similar::{SimilarIncident, list_similar};
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use crate::facts::{Fact, Value};
use crate::incidents::cause_href;
use crate::when::When;

/// How far the others are counted.
const MOST_COUNTED: i64 = 1_000;

/// The cause of an incident, as its page shows it.
#[derive(Debug)]
pub(super) struct Siblings {
    title: String,
    href: String,
    /// How many of the others are not resolved.
    waiting: i64,
    /// The newest of those that are resolved.
    resolved: Vec<SimilarIncident>,
}

/// One that is resolved, as the list shows it.
#[derive(Debug)]
pub(super) struct SimilarItem {
    pub(super) href: String,
    pub(super) reference: String,
    /// How it ended, by whom, and after how long.
    pub(super) ended: String,
    pub(super) note: Option<String>,
    pub(super) at: When,
}

impl Siblings {
    /// `None` of an incident whose cause is not known.
    pub(super) async fn read(
        pool: &PgPool,
        incident: &Incident,
    ) -> Result<Option<Self>, StoreError> {
        let Some(id) = incident.cause_id else { return Ok(None) };
        let Some(cause) = causes::find_cause(pool, id).await? else { return Ok(None) };
        let waiting = causes::count_waiting(pool, id, MOST_COUNTED + 2).await?;
        let itself = i64::from(incident.state != IncidentState::Resolved);
        Ok(Some(Self {
            title: cause.title(),
            href: cause_href(id),
            waiting: (waiting - itself).max(0),
            resolved: list_similar(pool, incident).await?,
        }))
    }

    /// How many others are not resolved.
    pub(super) fn others_waiting(&self) -> i64 {
        self.waiting
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let waiting = match self.waiting {
            0 => "no other waits".to_owned(),
            1 => "1 other waits".to_owned(),
            2..=MOST_COUNTED => format!("{} others wait", self.waiting),
            _ => format!("more than {MOST_COUNTED} others wait"),
        };
        let lines = vec![self.title.clone(), waiting];
        vec![Fact::new("Cause", Value::Lines(lines)).leading_to(&self.href)]
    }

    /// Those that are resolved, the newest first.
    pub(super) fn similar(&self, now: OffsetDateTime) -> Vec<SimilarItem> {
        self.resolved.iter().map(|it| SimilarItem::new(it, now)).collect()
    }
}

impl SimilarItem {
    fn new(it: &SimilarIncident, now: OffsetDateTime) -> Self {
        let took = it.resolved_at - it.opened_at;
        Self {
            href: format!("/incidents/{}", it.id),
            reference: one_line(&it.internal_reference),
            ended: describe_ending(it.resolution, it.by.as_deref(), took),
            note: it.note.as_deref().map(sanitize),
            at: When::ago(it.resolved_at, now),
        }
    }
}
