//! What every page of the console says of the checks.
//!
//! What keeps receipts from being taken, events from being watched or secrets from being opened is a
//! trouble; of four checks only once they have failed, because what they warn of stops nothing. What
//! needs attention and stops nothing is a note. Neither are what a page of its own says
//! (`destinations`), what only Temporal could say now, and what is over within a minute by itself.

use super::{
    Check, Status, audit, backlog, bulks, clock, database, dead_man, partitions, retention,
    secrets, versions, work,
};

/// Troubles, once they need attention.
const WATCHED: [&str; 9] = [
    work::WORKERS,
    versions::WORKER_VERSION,
    versions::VERSIONS,
    work::DEADLINES,
    work::OUTBOX,
    work::PARKED,
    backlog::BACKLOG,
    secrets::MASTER_KEY,
    bulks::BULKS,
];

/// Troubles, once they have failed.
const GRAVE: [&str; 4] =
    [database::DATABASE, database::SCHEMA, database::PRIVILEGES, dead_man::DEAD_MAN];

/// Notes, while they need attention.
const NOTED: [&str; 6] = [
    database::SCHEMA,
    database::PRIVILEGES,
    retention::RETENTION,
    audit::AUDIT,
    partitions::PARTITIONS,
    clock::CLOCK,
];

/// What an operator must know on every page.
#[derive(Debug, Clone, Default)]
pub struct Banner {
    /// What does not work, or is about not to.
    pub troubles: Vec<Check>,
    /// What needs attention and stops nothing.
    pub notes: Vec<Check>,
}

impl Banner {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        let (mut troubles, others): (Vec<_>, Vec<_>) = checks.into_iter().partition(is_trouble);
        say_one_cure(&mut troubles);
        Self { troubles, notes: others.into_iter().filter(is_note).collect() }
    }
}

fn is_trouble(check: &Check) -> bool {
    match check.status {
        Status::Ok | Status::Unknown => false,
        Status::Degraded => WATCHED.contains(&check.name),
        Status::Failed => WATCHED.contains(&check.name) || GRAVE.contains(&check.name),
    }
}

fn is_note(check: &Check) -> bool {
    check.status == Status::Degraded && NOTED.contains(&check.name)
}

/// Without a worker deadlines are not judged: that is said as a second thing, with one cure for
/// both. That tasks and bulks wait then, and that the dead-man URL is not called, goes without saying.
fn say_one_cure(checks: &mut Vec<Check>) {
    if checks.iter().any(|check| check.name == work::WORKERS) {
        let follows = [backlog::BACKLOG, dead_man::DEAD_MAN, bulks::BULKS];
        checks.retain(|check| !follows.contains(&check.name));
        let deadlines = checks.iter_mut().filter(|check| check.name == work::DEADLINES);
        deadlines.for_each(|check| check.cure = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(checks: &[Check]) -> Vec<&'static str> {
        checks.iter().map(|check| check.name).collect()
    }

    #[test]
    fn what_stops_nothing_is_a_note_and_no_trouble() {
        let degraded = |name| Check::degraded(name, "needs attention", "see to it");
        let failed = |name| Check::failed(name, "does not work", "see to it");
        let banner = Banner::new(vec![
            failed(database::SCHEMA),
            degraded(database::PRIVILEGES),
            degraded(work::OUTBOX),
            degraded(retention::RETENTION),
            degraded("destinations"),
            Check::ok(audit::AUDIT, "is linked"),
            Check::unknown(partitions::PARTITIONS, "database"),
            degraded(dead_man::DEAD_MAN),
        ]);
        assert_eq!(names(&banner.troubles), ["schema", "outbox"]);
        assert_eq!(names(&banner.notes), ["privileges", "retention"]);
        let banner = Banner::new(vec![failed(dead_man::DEAD_MAN)]);
        assert_eq!(names(&banner.troubles), ["dead_man"]);
    }

    #[test]
    fn without_a_worker_what_follows_from_that_goes_without_saying() {
        let failed = |name| Check::failed(name, "does not work", "see to it");
        let follows = [backlog::BACKLOG, dead_man::DEAD_MAN, bulks::BULKS];
        let all = [work::WORKERS, work::DEADLINES].into_iter().chain(follows);
        let banner = Banner::new(all.map(failed).collect());
        assert_eq!(names(&banner.troubles), ["workers", "deadlines"]);
        let cures: Vec<_> = banner.troubles.iter().map(|check| check.cure.is_some()).collect();
        assert_eq!(cures, [true, false]);
    }
}
