//! The label of a project, bounded.
//!
//! The first projects that a process tells of keep their ids; what comes after [`MOST_PROJECTS`] is
//! `other`. So a process with ten thousand projects exposes no more than one with a hundred, and
//! sums over all projects stay right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// How many projects are told apart.
pub const MOST_PROJECTS: usize = 100;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static SUMS: Mutex<BTreeMap<(String, &str), i64>> = Mutex::new(BTreeMap::new());

/// The label of this project.
pub(crate) fn label(project: &str) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(&mut known, project)
}

/// The counts by label and kind; also those that were there before, which are none now.
pub(crate) fn sum(
    counts: impl IntoIterator<Item = (String, &'static str, i64)>,
) -> BTreeMap<(String, &'static str), i64> {
    let mut sums = SUMS.lock().unwrap_or_else(PoisonError::into_inner);
    sums.values_mut().for_each(|sum| *sum = 0);
    for (project, kind, count) in counts {
        *sums.entry((label(&project), kind)).or_default() += count;
    }
    sums.clone()
}

fn bounded(known: &mut BTreeSet<String>, project: &str) -> String {
    if known.contains(project) {
        return project.to_owned();
    }
    if known.len() >= MOST_PROJECTS {
        return "other".to_owned();
    }
    known.insert(project.to_owned());
    project.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_projects_are_told_apart_and_no_more() {
        let mut known = BTreeSet::new();
        let mut label = |n: usize| bounded(&mut known, &format!("prj_{n}"));
        for n in 0..MOST_PROJECTS {
            assert_eq!(label(n), format!("prj_{n}"));
        }
        assert_eq!(label(MOST_PROJECTS), "other");
        assert_eq!(label(0), "prj_0", "who is known stays so");
    }

    #[test]
    fn what_is_gone_is_said_to_be_none() {
        let own = |kind, count| ("prj_counted".to_owned(), kind, count);
        sum([own("missing", 2), own("failed", 1)]);
        let sums = sum([own("failed", 3)]);
        assert_eq!(sums[&("prj_counted".to_owned(), "missing")], 0);
        assert_eq!(sums[&("prj_counted".to_owned(), "failed")], 3);
    }
}
