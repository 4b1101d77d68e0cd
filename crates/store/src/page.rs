//! Keyset pages: a list and where it goes on.
//!
//! A cursor is the id of a row at the edge of the page. Ids sort by time, so a page costs the same
//! wherever it begins, and rows that arrive in the meantime neither repeat nor hide others.

/// The most rows that one page shows.
pub const MAX_PAGE: i64 = 200;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, newest first unless something else was asked for.
    pub data: Vec<T>,
    /// The cursor of the next page; `None` on the last one. A page may be shorter than was asked
    /// for and still not be the last one.
    pub next_cursor: Option<String>,
    /// The cursor of the previous page; `None` on the first one.
    pub previous_cursor: Option<String>,
    /// Whether there is more than this list ever shows, because what was searched for is too vague.
    pub capped: bool,
}

impl<T> Page<T> {
    /// The same page with other rows.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        let Self { data, next_cursor, previous_cursor, capped } = self;
        let data = data.into_iter().map(row).collect();
        Page { data, next_cursor, previous_cursor, capped }
    }
}
