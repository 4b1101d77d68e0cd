//! Why a list is empty, which is what its reader needs to know, and where to begin.

use domain::project::Mode;
use store::progress::project_progress;
use store::projects::Project;
use web::error::ApiError;

use super::PATH;
use crate::listing::ListQuery;
use crate::state::ConsoleState;

/// Why a list is empty.
#[derive(Default)]
pub(super) struct Empty {
    /// There is no project, or all are archived.
    pub(super) no_project: bool,
    /// Nothing was asked for: all is well.
    pub(super) plain: bool,
    /// The cause or the project that alone it is narrowed to, of which nothing waits.
    pub(super) narrowed_to: Option<&'static str>,
    /// The same search in all states, if it searched fewer.
    pub(super) everywhere: Option<String>,
    /// Where the Integration Test of the page's project is, or of the first one of the mode.
    pub(super) integration_test: Option<String>,
    /// Where that project's test shop is, while it has had no event.
    pub(super) test_shop: Option<String>,
}

impl Empty {
    /// Reads nothing unless the list `is_empty` and nothing was asked for. The Integration Test has its link on every list.
    pub(super) async fn load(
        state: &ConsoleState,
        query: &ListQuery,
        projects: &[Project],
        mode: Mode,
        is_empty: bool,
    ) -> Result<Self, ApiError> {
        let plain = query.is_plain();
        let empty = Self {
            no_project: projects.is_empty(),
            plain,
            narrowed_to: narrowed_to(query),
            everywhere: (query.state != "all").then(|| query.in_state(PATH, "all")),
            ..Self::default()
        };
        let wanted =
            |one: &&Project| query.project_id().map_or(one.mode == mode, |id| id == one.id);
        let Some(project) = projects.iter().find(wanted) else { return Ok(empty) };
        let path = format!("/projects/{}", project.id);
        let is_quiet = plain && is_empty;
        let has_shop = is_quiet && state.console.test_shop.is_some() && project.mode == Mode::Test;
        let is_new =
            has_shop && project_progress(&state.pool, project.id).await?.receipt_seen.is_none();
        Ok(Self {
            integration_test: Some(format!("{path}/integration-test")),
            test_shop: is_new.then(|| format!("{path}/test-shop")),
            ..empty
        })
    }
}

/// What messages, causes and projects lead to, in words. Who comes from there has searched for nothing. Both, or one with a
/// mode, may be empty because they do not go together.
fn narrowed_to(query: &ListQuery) -> Option<&'static str> {
    if query.cause_id().is_some() && query.says_only(&["cause", "sort"]) {
        Some("this cause")
    } else if query.project_id().is_some() && query.says_only(&["project", "sort"]) {
        Some("this project")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_of_one_cause_or_project_is_about_that() {
        let of = |filter: &str| narrowed_to(&ListQuery::from_filter(filter).expect("a filter"));
        let project = "project=prj_00000000000000000000000001";
        let cause = "cause=cau_00000000000000000000000001";
        assert_eq!(of(&format!("{project}&sort=oldest")), Some("this project"));
        assert_eq!(of(&format!("{cause}&mode=&project=")), Some("this cause"));
        for searched in [
            "",
            "mode=test",
            &format!("{cause}&q=bob"),
            &format!("{project}&state=all"),
            &format!("{project}&mode=live"),
            &format!("{cause}&{project}"),
        ] {
            assert_eq!(of(searched), None, "{searched}");
        }
    }
}
