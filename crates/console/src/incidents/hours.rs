//! What happened in the last hours, drawn above the list: of all that the page is about, or of the cause that it is
//! narrowed to. A list that is narrowed by anything else has no drawing, which would not be about it.

use store::StoreError;
use store::search::hours::{Hours, list_hours_of_cause};

use crate::charts::{self, Plot};
use crate::listing::ListQuery;
use crate::state::ConsoleState;
use crate::when::When;

/// The drawings, and what is said above them; empty where nothing happened.
#[derive(Debug, Default)]
pub(super) struct HourPlots {
    pub(super) heading: &'static str,
    pub(super) plots: Vec<Plot>,
    /// Since when something is missing.
    pub(super) incomplete_since: Option<When>,
}

impl HourPlots {
    /// `hours` are those of all that the page is about.
    pub(super) async fn load(
        state: &ConsoleState,
        query: &ListQuery,
        hours: &Hours,
    ) -> Result<Self, StoreError> {
        if query.says_only(&["project", "mode", "sort"]) {
            return Ok(Self {
                heading: "The last 24 hours",
                plots: charts::last_hours(hours),
                incomplete_since: hours.incomplete_since.map(When::exact),
            });
        }
        let cause = query.cause_id().filter(|_| query.says_only(&["cause", "state", "sort"]));
        let Some(cause) = cause else { return Ok(Self::default()) };
        let hours = list_hours_of_cause(&state.pool, cause).await?;
        Ok(Self {
            heading: "This cause, hour by hour",
            plots: charts::cause_hours(&hours).into_iter().collect(),
            incomplete_since: hours.hours.incomplete_since.map(When::exact),
        })
    }
}
