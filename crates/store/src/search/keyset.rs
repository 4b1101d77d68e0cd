//! The way through a list: from where, in which direction, how far.
//!
//! Ids sort by time, so a stretch of time and a cursor are both bounds on the id. Rows that arrive
//! between two pages neither repeat nor hide others. The time of an id is the clock of the process
//! that made it.

use std::fmt::Display;

use time::OffsetDateTime;
use uuid::Uuid;

use super::PAGE;
use super::lookup::RowId;
use crate::page::{MAX_PAGE, Page};

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Where a page lies, by a row of the page beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor<Id> {
    /// The page that follows this row.
    After(Id),
    /// The page that ends just before this row.
    Before(Id),
}

impl<Id> Cursor<Id> {
    /// The same place by another name.
    pub(super) fn map<T>(self, name: impl FnOnce(Id) -> T) -> Cursor<T> {
        match self {
            Self::After(id) => Cursor::After(name(id)),
            Self::Before(id) => Cursor::Before(name(id)),
        }
    }
}

/// Which way the rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From later rows to earlier ones.
    Down,
    /// From earlier rows to later ones.
    Up,
}

/// Runs a query, given as a macro over `"DESC"` or `"ASC"`, the way that a walk goes.
macro_rules! in_direction {
    ($direction:expr, $query:ident, $db:expr) => {
        match $direction {
            $crate::search::keyset::Direction::Down => $query!("DESC").fetch_all($db).await,
            $crate::search::keyset::Direction::Up => $query!("ASC").fetch_all($db).await,
        }
    };
}
pub(super) use in_direction;

/// How one page is read: the rows between two places, both exclusive, in one direction. A place is
/// what rows are sorted by.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeysetScan<SortKey> {
    pub(super) above: SortKey,
    pub(super) below: SortKey,
    pub(super) direction: Direction,
    limit: i64,
    cursor: Option<Cursor<SortKey>>,
}

impl<SortKey: Ord + Copy> KeysetScan<SortKey> {
    /// The walk of one page of all that lies between two places.
    pub(super) fn new(
        sort: Sort,
        cursor: Option<Cursor<SortKey>>,
        above: SortKey,
        below: SortKey,
        limit: i64,
    ) -> Self {
        let backwards = matches!(cursor, Some(Cursor::Before(_)));
        let newest_first = (sort == Sort::Newest) != backwards;
        let direction = if newest_first { Direction::Down } else { Direction::Up };
        let limit = if limit == 0 { PAGE } else { limit.clamp(1, MAX_PAGE) };
        let mut scan = Self { above, below, direction, limit, cursor };
        if let Some(Cursor::After(key) | Cursor::Before(key)) = cursor {
            match direction {
                Direction::Down => scan.below = scan.below.min(key),
                Direction::Up => scan.above = scan.above.max(key),
            }
        }
        scan
    }

    /// From the newest to the oldest of all that lies between two places, so many rows at a time.
    pub(super) fn between(limit: i64, above: SortKey, below: SortKey) -> Self {
        Self { above, below, direction: Direction::Down, limit, cursor: None }
    }

    /// The same walk with so many rows at a time, which nobody shows.
    pub(super) fn at_a_time(self, limit: i64) -> Self {
        Self { limit, ..self }
    }

    /// How many rows are read: one more than are shown, to know whether there are more.
    pub(super) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Whether a place lies on the way.
    pub(super) fn contains(&self, key: SortKey) -> bool {
        self.above < key && key < self.below
    }

    /// Sorts places as the walk meets them.
    pub(super) fn sort(&self, keys: &mut [SortKey]) {
        keys.sort_unstable();
        if self.direction == Direction::Down {
            keys.reverse();
        }
    }

    /// Cuts a page from places in the order in which they were met. `stopped_at` says how far the
    /// search came if it did not come to the end.
    pub(super) fn cut(
        &self,
        mut matching: Vec<SortKey>,
        stopped_at: Option<SortKey>,
    ) -> ScannedPage<SortKey> {
        let limit = usize::try_from(self.limit).unwrap_or_default();
        let mut onwards = stopped_at;
        if matching.len() > limit {
            matching.truncate(limit);
            onwards = matching.last().copied();
        }
        let (next, previous) = match self.cursor {
            None => (onwards, None),
            Some(Cursor::After(_)) => (onwards, matching.first().copied()),
            Some(Cursor::Before(_)) => {
                matching.reverse();
                // A reader who goes back came from a page that is still there.
                (matching.last().copied(), onwards)
            }
        };
        ScannedPage { keys: matching, next, previous, capped: false }
    }
}

impl<Id: RowId> KeysetScan<Id> {
    /// The walk of one page through a stretch of time; `from` belongs to it, `until` does not.
    pub(super) fn through_time(
        sort: Sort,
        cursor: Option<Cursor<Id>>,
        from: Option<OffsetDateTime>,
        until: Option<OffsetDateTime>,
        limit: i64,
    ) -> Self {
        let above = Id::from_uuid(from.map_or(Uuid::nil(), floor_id));
        let below = Id::from_uuid(until.map_or(Uuid::max(), floor_id));
        Self::new(sort, cursor, above, below, limit)
    }
}

/// What lies just below every UUIDv7 of a moment and what comes after it.
#[must_use]
pub(crate) fn floor_id(at: OffsetDateTime) -> Uuid {
    let milliseconds = at.unix_timestamp_nanos() / 1_000_000;
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default().min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}

/// A page before its rows are read.
#[derive(Debug)]
pub(super) struct ScannedPage<SortKey> {
    pub(super) keys: Vec<SortKey>,
    pub(super) next: Option<SortKey>,
    pub(super) previous: Option<SortKey>,
    pub(super) capped: bool,
}

impl<SortKey> ScannedPage<SortKey> {
    /// The page, once its rows are there.
    pub(super) fn page<T, Id: Display>(
        self,
        data: Vec<T>,
        name: impl Fn(SortKey) -> Id,
    ) -> Page<T> {
        let cursor = |key: Option<SortKey>| key.map(|key| name(key).to_string());
        Page {
            data,
            next_cursor: cursor(self.next),
            previous_cursor: cursor(self.previous),
            capped: self.capped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that a walk through 1 to 9 would read.
    fn read(scan: &KeysetScan<i32>) -> Vec<i32> {
        let mut matching: Vec<_> = (1..=9).filter(|key| scan.contains(*key)).collect();
        scan.sort(&mut matching);
        matching.truncate(usize::try_from(scan.rows()).expect("a few"));
        matching
    }

    fn page(sort: Sort, cursor: Option<Cursor<i32>>) -> (Vec<i32>, Option<i32>, Option<i32>) {
        let scan = KeysetScan::new(sort, cursor, 0, 10, 4);
        let found = scan.cut(read(&scan), None);
        (found.keys, found.next, found.previous)
    }

    #[test]
    fn pages_follow_one_another_and_lead_back() {
        use Cursor::{After, Before};
        let newest = |cursor| page(Sort::Newest, cursor);
        assert_eq!(newest(None), (vec![9, 8, 7, 6], Some(6), None));
        assert_eq!(newest(Some(After(6))), (vec![5, 4, 3, 2], Some(2), Some(5)));
        assert_eq!(newest(Some(After(2))), (vec![1], None, Some(1)));
        assert_eq!(newest(Some(Before(1))), (vec![5, 4, 3, 2], Some(2), Some(5)));
        assert_eq!(newest(Some(Before(5))), (vec![9, 8, 7, 6], Some(6), None));
        let oldest = |cursor| page(Sort::Oldest, cursor);
        assert_eq!(oldest(None), (vec![1, 2, 3, 4], Some(4), None));
        assert_eq!(oldest(Some(After(4))), (vec![5, 6, 7, 8], Some(8), Some(5)));
        assert_eq!(oldest(Some(Before(9))), (vec![5, 6, 7, 8], Some(8), Some(5)));
    }

    #[test]
    fn a_search_that_stopped_goes_on_from_there() {
        let scan = KeysetScan::new(Sort::Newest, None, 0, 10, 4);
        let found = scan.cut(vec![9, 8], Some(5));
        assert_eq!((found.keys, found.next), (vec![9, 8], Some(5)));
    }

    #[test]
    fn the_floor_of_a_moment_lies_below_its_ids_and_above_earlier_ones() {
        let id = Uuid::now_v7();
        let (seconds, nanos) = id.get_timestamp().expect("a v7").to_unix();
        let at = OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("a time");
        let at = at + time::Duration::nanoseconds(i64::from(nanos));
        assert!(floor_id(at) < id);
        assert!(id < floor_id(at + time::Duration::milliseconds(1)));
        assert_eq!(floor_id(OffsetDateTime::UNIX_EPOCH - time::Duration::days(1)), Uuid::nil());
    }
}
