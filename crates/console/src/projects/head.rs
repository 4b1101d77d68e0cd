//! The head of each page of a project: where it is, what it says, and the tabs.

use domain::alert::one_line;
use domain::ids::ProjectId;
use domain::project::Mode;
use store::projects::Project;

use crate::layout::mode_word;
use crate::when::When;

/// Which part of a project a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Going live, settings and signing secrets.
    Settings,
    /// API keys.
    Keys,
    /// Destinations of alerts.
    Destinations,
    /// How people are told, and maintenance.
    Alerting,
    /// Automatic reprocess.
    Policies,
    /// The team's own activities and endpoints.
    Extensions,
    IntegrationTest,
    /// Erasing a customer.
    Erasures,
}

const TABS: [(Tab, &str, &str); 8] = [
    (Tab::Settings, "", "Settings"),
    (Tab::Keys, "/keys", "API keys"),
    (Tab::Destinations, "/destinations", "Destinations"),
    (Tab::Alerting, "/alerting", "Alerting"),
    (Tab::Extensions, "/extensions", "Extensions"),
    (Tab::Policies, "/policies", "Automatic reprocess"),
    (Tab::IntegrationTest, "/integration-test", "Integration Test"),
    (Tab::Erasures, "/erasures", "Erasure"),
];

/// The head of a project's page.
#[derive(Debug, Clone)]
pub struct Head {
    pub id: ProjectId,
    pub name: String,
    /// The page's sentence.
    pub heading: String,
    /// Since when it is archived.
    pub archived: Option<When>,
    mode: Mode,
    tab: Tab,
}

impl Head {
    /// The top of a page.
    pub fn new(project: &Project, tab: Tab, heading: impl Into<String>) -> Self {
        Self {
            id: project.id,
            name: one_line(&project.name),
            heading: heading.into(),
            archived: project.archived_at.map(When::exact),
            mode: project.mode,
            tab,
        }
    }

    /// The page's name in the browser's tab.
    #[must_use]
    pub fn title(&self) -> String {
        let tab = TABS.iter().find(|(tab, ..)| *tab == self.tab);
        match tab {
            Some((tab, _, name)) if *tab != Tab::Settings => format!("{name} · {}", self.name),
            _ => self.name.clone(),
        }
    }

    /// `test` or `live`.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        mode_word(self.mode)
    }

    /// Whether it watches real money.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.mode == Mode::Live
    }

    /// Where the project is.
    #[must_use]
    pub fn path(&self) -> String {
        path(self.id)
    }

    /// The tabs: where, what, and whether the page is there.
    pub fn tabs(&self) -> impl Iterator<Item = (String, &'static str, bool)> + '_ {
        // Only admins may open it, and the settings lead them there.
        TABS.iter()
            .filter(|(tab, ..)| *tab != Tab::Erasures || self.tab == Tab::Erasures)
            .map(|(tab, end, name)| (format!("{}{end}", self.path()), *name, *tab == self.tab))
    }
}

/// Where a project is.
#[must_use]
pub fn path(id: ProjectId) -> String {
    format!("/projects/{id}")
}
