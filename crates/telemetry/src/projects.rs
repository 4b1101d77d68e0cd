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

/// The label of this project.
pub(crate) fn label(project: &str) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(&mut known, project)
}

/// The counts by label, of every project that is known.
pub(crate) fn sum<'a>(counts: impl IntoIterator<Item = (&'a str, i64)>) -> BTreeMap<String, i64> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sums = BTreeMap::new();
    for (project, count) in counts {
        *sums.entry(bounded(&mut known, project)).or_default() += count;
    }
    for project in &*known {
        sums.entry(project.clone()).or_default();
    }
    sums
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
}
