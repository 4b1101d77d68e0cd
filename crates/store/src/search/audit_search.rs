//! Which audit entries are searched for.

use domain::ids::{AuditId, ProjectId};
use time::OffsetDateTime;

use super::Cursor;

/// Which entries are searched for. Every filter narrows; the default finds all.
#[derive(Debug, Clone, Default)]
pub struct AuditSearch {
    /// Who: exactly, or a kind of actor with its colon, such as `operator:`.
    pub actor: Option<String>,
    /// What: exactly, or a group with its dot, such as `incident.`.
    pub action: Option<String>,
    /// About one project.
    pub project_id: Option<ProjectId>,
    /// About what: an event's, an incident's or a project's id. Anything else finds nothing.
    pub subject: Option<String>,
    /// At or after this.
    pub from: Option<OffsetDateTime>,
    /// Before this.
    pub to: Option<OffsetDateTime>,
    /// Where the page lies; the first one if nothing is said.
    pub cursor: Option<Cursor<AuditId>>,
    /// How many rows the page has, at most 200; 50 if this is 0.
    pub limit: i64,
}
