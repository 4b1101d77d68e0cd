//! Saved filters.

use std::collections::BTreeMap;

use domain::ids::FilterId;
use domain::saved_filter::FilteredList;
use serde::{Deserialize, Serialize};

/// A filter of a list that is kept under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SavedFilter))]
pub struct SavedFilterResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "flt_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub filter_id: FilterId,
    /// `incidents` or `events`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub list: FilteredList,
    pub name: String,
    /// What the list is narrowed by, as its address in the console says it.
    pub filter: BTreeMap<String, String>,
    /// Whether everyone who signs in sees it.
    pub shared: bool,
    /// Who saved it last, by address.
    pub saved_by: String,
}
