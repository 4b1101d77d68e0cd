//! The forms of a project's page: its settings, the names that it declares, a callback header.

use serde::Deserialize;
use store::projects::Project;

use super::settings::Typed;

/// Names that are declared or removed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TypedNames {
    /// `provider:type`, or nothing.
    pub(super) event_type: String,
    /// An effect, or nothing.
    pub(super) effect_type: String,
}

/// A callback header. Only the name is put back into a form that comes again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TypedHeader {
    pub(super) header_name: String,
    pub(super) header_value: String,
}

/// What the forms of the page hold.
pub(super) struct Forms {
    pub(super) settings: Typed,
    pub(super) names: TypedNames,
    pub(super) header: TypedHeader,
}

impl Forms {
    /// What they begin with.
    pub(super) fn of(project: &Project) -> Self {
        Self {
            settings: Typed::of(project),
            names: TypedNames::default(),
            header: TypedHeader::default(),
        }
    }
}
