//! What the incidents of a preview are, in words: what they are for, the oldest and the newest.

use store::bulk::Summary;
use time::OffsetDateTime;

use crate::badge::due;
use crate::when::When;

/// The incidents that one bulk froze.
pub(super) struct Frozen {
    /// How many for each effect, in words; empty where there are none.
    pub(super) effects: String,
    pub(super) oldest: Option<When>,
    pub(super) newest: Option<When>,
}

impl Frozen {
    pub(super) fn new(summary: &Summary, now: OffsetDateTime) -> Self {
        let effects = summary.by_effect.iter();
        let effects = effects.map(|(effect, items)| format!("{items} × {}", due(effect)));
        let ago = |at: Option<OffsetDateTime>| at.map(|at| When::ago(at, now));
        Self {
            effects: effects.collect::<Vec<_>>().join(", "),
            oldest: ago(summary.oldest_opened_at),
            newest: ago(summary.newest_opened_at),
        }
    }
}
