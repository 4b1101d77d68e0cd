//! One entry of the audit as people read it.

use domain::alert::{one_line, sanitize};
use domain::timeline::{Names, actor_label};
use store::search::audit::AuditEntry;
use store::timeline::TimelineEntry;

use crate::layout::Span;
use crate::timeline_view::TimelineItemView;
use crate::when::When;

#[derive(Debug)]
pub struct AuditItem {
    pub at: When,
    pub who: String,
    /// What happened, as a short title, and the rest of the sentence.
    pub lead: String,
    pub rest: String,
    pub next: Vec<Span>,
    pub quotes: Vec<String>,
    pub action: String,
    /// What it is about: where that is, and its id.
    pub about: Option<(String, String)>,
    pub project: Option<String>,
    pub detail: String,
}

impl AuditItem {
    /// An entry of a project with this name.
    pub fn new(entry: AuditEntry, project: Option<String>, names: &Names) -> Self {
        let about = about(&entry);
        let AuditEntry { at, actor, action, detail, .. } = entry;
        let who = actor_label(&actor, names);
        let entry = TimelineEntry { at, actor, action, detail };
        let TimelineItemView { lead, rest, next, quotes, .. } = entry.item(names).into();
        Self {
            at: When::exact(at),
            who,
            lead,
            rest,
            next,
            quotes,
            action: sanitize(&entry.action),
            about,
            project: project.map(|name| one_line(&name)),
            detail: sanitize(&serde_json::to_string_pretty(&entry.detail).unwrap_or_default()),
        }
    }
}

/// The narrowest thing that it is about.
fn about(entry: &AuditEntry) -> Option<(String, String)> {
    let (place, id) = if let Some(id) = entry.incident_id {
        ("incidents", id.to_string())
    } else if let Some(id) = entry.event_id {
        ("events", id.to_string())
    } else {
        ("projects", entry.project_id?.to_string())
    };
    Some((format!("/{place}/{id}"), id))
}
