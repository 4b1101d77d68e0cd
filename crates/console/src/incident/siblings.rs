//! What an incident has in common with others, and how the last of them was put right.

use domain::alert::format_duration;
use domain::incident::{IncidentState, Resolution};
use domain::timeline::describe_resolution;
use store::incidents::{self, Incident};
use store::search::causes;
use store::{PgPool, StoreError};

use crate::facts::{Fact, Value};
use crate::incidents::cause_href;

/// How far the others are counted.
const MOST_COUNTED: i64 = 1_000;

/// The cause of an incident, as its page shows it.
#[derive(Debug)]
pub(super) struct Siblings {
    title: String,
    href: String,
    /// How many of the others are not resolved.
    waiting: i64,
    /// The one that was resolved last.
    fixed: Option<Incident>,
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
        let fixed = incidents::find_last_resolved(pool, id).await?;
        Ok(Some(Self {
            title: cause.title(),
            href: cause_href(id),
            waiting: (waiting - itself).max(0),
            fixed: fixed.filter(|fixed| fixed.id != incident.id),
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
        let mut facts = vec![Fact::new("Cause", Value::Lines(lines)).leading_to(&self.href)];
        if let Some((resolution, text)) = self.fixed.as_ref().and_then(last_fix) {
            let label = match resolution {
                Resolution::Superseded => "Last one like this ended",
                Resolution::Reprocessed | Resolution::LateSuccess | Resolution::Manual => {
                    "Last one like this was fixed"
                }
            };
            let href = self.fixed.as_ref().map(|fixed| format!("/incidents/{}", fixed.id));
            facts.push(Fact { href, ..Fact::new(label, Value::Text(text)) });
        }
        facts
    }
}

/// How an incident ended, and how long that took.
fn last_fix(fixed: &Incident) -> Option<(Resolution, String)> {
    let (resolution, at) = (fixed.resolution?, fixed.resolved_at?);
    let took = format_duration(at - fixed.opened_at);
    Some((resolution, format!("{}, after {took}", describe_resolution(resolution))))
}
