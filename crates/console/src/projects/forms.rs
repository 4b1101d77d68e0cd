//! The forms of a project's page: its settings, the names that it declares, a callback header.

use serde::Deserialize;
use store::projects::Project;

use super::settings::ProjectValues;

/// Names that are declared or removed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NameValues {
    /// `provider:type`, or nothing.
    pub(super) event_type: String,
    /// An effect, or nothing.
    pub(super) effect_type: String,
}

impl NameValues {
    /// The field that was sent: the page has a form for each kind of name.
    pub(super) fn field(&self) -> &'static str {
        if self.effect_type.is_empty() { "event_type" } else { "effect_type" }
    }
}

/// A callback header. Only the name is put back into a form that comes again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HeaderValues {
    pub(super) header_name: String,
    pub(super) header_value: String,
}

/// What the forms of the page hold.
pub(super) struct Forms {
    pub(super) settings: ProjectValues,
    pub(super) names: NameValues,
    pub(super) header: HeaderValues,
}

impl Forms {
    /// What they begin with.
    pub(super) fn from_project(project: &Project) -> Self {
        Self {
            settings: ProjectValues::from_project(project),
            names: NameValues::default(),
            header: HeaderValues::default(),
        }
    }
}
