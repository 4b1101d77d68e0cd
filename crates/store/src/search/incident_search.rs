//! Which incidents are searched for.

use domain::catalogue::EffectType;
use domain::ids::{CauseId, IncidentId, OperatorId, ProjectId};
use domain::incident::{IncidentState, Reason};
use domain::project::Mode;
use time::OffsetDateTime;

use super::{Cursor, Sort};

/// In which states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateFilter {
    /// Whatever is not resolved.
    #[default]
    NeedsYou,
    /// In exactly this one.
    One(IncidentState),
    /// In any.
    All,
}

impl StateFilter {
    /// The states as the database writes them.
    pub(super) fn states(self) -> Vec<String> {
        let wanted = |state: &&IncidentState| match self {
            Self::NeedsYou => **state != IncidentState::Resolved,
            Self::One(one) => **state == one,
            Self::All => true,
        };
        IncidentState::ALL.iter().filter(wanted).map(ToString::to_string).collect()
    }
}

/// Whose incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerFilter {
    /// Those that this operator owns.
    Of(OperatorId),
    /// Those that are not resolved and that no operator owns.
    Unowned,
}

/// Which incidents are searched for. Every filter narrows; the default finds all that are not
/// resolved, newest first.
#[derive(Debug, Clone, Default)]
pub struct IncidentSearch {
    /// Of one project.
    pub project_id: Option<ProjectId>,
    /// Of projects of this mode.
    pub mode: Option<Mode>,
    /// In these states.
    pub state: StateFilter,
    /// Of this cause.
    pub cause_id: Option<CauseId>,
    /// Of this owner, or of none.
    pub owner: Option<OwnerFilter>,
    /// Opened for this reason.
    pub reason: Option<Reason>,
    /// The provider's event type.
    pub event_type: Option<String>,
    /// The effect that is due.
    pub effect_type: Option<EffectType>,
    /// Opened at or after this.
    pub opened_after: Option<OffsetDateTime>,
    /// Opened before this.
    pub opened_before: Option<OffsetDateTime>,
    /// What was typed: an event's, incident's or replay's id, else the provider's id or the app's
    /// reference, how one of those begins, or words of the reference and the error.
    pub text: Option<String>,
    pub sort: Sort,
    /// Where the page lies; the first one if nothing is said.
    pub cursor: Option<Cursor<IncidentId>>,
    /// How many rows the page has, at most 200; 50 if this is 0.
    pub limit: i64,
}
