//! The buttons of what was started, as the pages of one bulk and of a set show them.

use domain::bulk::BulkState;

/// What each says; `None` where it can do nothing.
pub(super) struct Acts {
    pub(super) pause: Option<&'static str>,
    pub(super) resume: Option<&'static str>,
    pub(super) cancel: Option<&'static str>,
}

impl Acts {
    /// Those of one bulk.
    pub(super) fn of_one(state: BulkState) -> Self {
        Self::new(&[state], ["Pause", "Resume", "Cancel the rest"])
    }

    /// Those of a set: each is for all that it can change.
    pub(super) fn of_all(states: &[BulkState]) -> Self {
        Self::new(states, ["Pause all", "Resume all", "Cancel the rest of all"])
    }

    fn new(states: &[BulkState], [pause, resume, cancel]: [&'static str; 3]) -> Self {
        let may_pause = states.contains(&BulkState::Running);
        let may_resume = states.contains(&BulkState::Paused);
        Self {
            pause: may_pause.then_some(pause),
            resume: may_resume.then_some(resume),
            cancel: (may_pause || may_resume).then_some(cancel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_set_is_offered_what_can_be_done_to_any_of_it() {
        use BulkState::{Done, Paused, Preview, Running};
        let words = |acts: Acts| [acts.pause, acts.resume, acts.cancel];
        let all = [Some("Pause all"), Some("Resume all"), Some("Cancel the rest of all")];
        assert_eq!(words(Acts::of_all(&[Running, Paused, Done])), all);
        assert_eq!(words(Acts::of_all(&[Preview, Done])), [None; 3]);
        assert_eq!(words(Acts::of_one(Running)), [Some("Pause"), None, Some("Cancel the rest")]);
        assert_eq!(words(Acts::of_one(Done)), [None; 3]);
    }
}
