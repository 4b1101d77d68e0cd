//! Lists.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listed<T> {
    /// The things, in the list's order.
    pub data: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// A list that is never long.
    pub fn whole(things: impl IntoIterator<Item = T>) -> Self {
        Self { data: things.into_iter().collect(), next_cursor: None }
    }
}
