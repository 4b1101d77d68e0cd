//! Which events are searched for.

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::{EventId, ProjectId};
use domain::project::Mode;
use time::OffsetDateTime;

use super::{Cursor, Sort};

/// Which events are searched for. Every filter narrows; the default finds all, newest first.
#[derive(Debug, Clone, Default)]
pub struct EventSearch {
    /// Of one project.
    pub project_id: Option<ProjectId>,
    /// Of projects of this mode.
    pub mode: Option<Mode>,
    /// What became of the effect.
    pub effect: Option<Effect>,
    /// The provider's event type.
    pub event_type: Option<String>,
    /// The effect that is due.
    pub effect_type: Option<EffectType>,
    /// Received at or after this.
    pub received_after: Option<OffsetDateTime>,
    /// Received before this.
    pub received_before: Option<OffsetDateTime>,
    /// What was typed: an event's, incident's or replay's id, else the provider's id or the app's
    /// reference, or how one of those begins.
    pub text: Option<String>,
    pub sort: Sort,
    /// Where the page lies; the first one if nothing is said.
    pub cursor: Option<Cursor<EventId>>,
    /// How many rows the page has, at most 200; 50 if this is 0.
    pub limit: i64,
}
