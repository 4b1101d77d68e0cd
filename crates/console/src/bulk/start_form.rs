//! The form that starts what is frozen, as the pages of one bulk and of a set show it.

use domain::alert::format_duration;
use domain::bulk::{BulkAction, BulkSettings};
use domain::incident::MAX_NOTE;
use time::Duration;

use super::values::StartValues;
use crate::form::FormErrors;

/// What it asks for, with what was typed and what is wrong with it.
pub(super) struct StartForm {
    pub(super) values: StartValues,
    pub(super) errors: FormErrors,
    pub(super) max_note: usize,
    /// Whether it has a canary and a pace.
    pub(super) is_paced: bool,
    pub(super) canary_hint: &'static str,
    pub(super) pace_hint: &'static str,
    /// How long it takes at the pace that is offered.
    pub(super) takes: String,
    /// That pace, in incidents a minute.
    pub(super) offered: i32,
    pub(super) button: &'static str,
    /// What was picked, with its question mark, where the page that a rejected form shows can take in what was left out.
    pub(super) query: String,
}

impl StartForm {
    /// That of one bulk of so many incidents.
    pub(super) fn of_one(
        action: BulkAction,
        incidents: i64,
        values: StartValues,
        errors: FormErrors,
    ) -> Self {
        let offered = BulkSettings::default().per_minute;
        Self {
            values,
            errors,
            max_note: MAX_NOTE,
            is_paced: action.is_paced(),
            canary_hint: "So many start immediately. The rest waits until all of these succeeded; 0 for none.",
            pace_hint: "As many as your app can take, 1 to 600.",
            takes: format_duration(Duration::minutes(incidents / i64::from(offered) + 1)),
            offered,
            button: match action {
                BulkAction::Reprocess => "Start",
                BulkAction::Acknowledge => "Acknowledge",
                BulkAction::Resolve => "Resolve",
            },
            query: String::new(),
        }
    }

    /// That of a set, in which no project has more incidents than these.
    pub(super) fn of_each(
        action: BulkAction,
        incidents: i64,
        values: StartValues,
        errors: FormErrors,
    ) -> Self {
        Self {
            canary_hint: "So many of each project start immediately. Its rest waits until all of these succeeded; 0 for none.",
            pace_hint: "For each project: as many as its app can take, 1 to 600.",
            ..Self::of_one(action, incidents, values, errors)
        }
    }
}
