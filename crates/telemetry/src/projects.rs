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
/// What is known of each project and kind, as it is told with labels.
type Known = BTreeMap<(String, &'static str), i64>;

/// The label of this project.
pub(crate) fn label(project: &str) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(&mut known, project)
}

/// A gauge by project and kind. What was told of once and is gone is said to be none.
pub(crate) struct ByProject {
    /// What is told of several projects that share a label.
    combine: fn(i64, i64) -> i64,
    known: Mutex<Known>,
}

impl ByProject {
    pub(crate) const fn new(combine: fn(i64, i64) -> i64) -> Self {
        Self { combine, known: Mutex::new(BTreeMap::new()) }
    }

    /// All that is to be told now.
    pub(crate) fn update(
        &self,
        values: impl IntoIterator<Item = (String, &'static str, i64)>,
    ) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values_mut().for_each(|value| *value = 0);
        for (project, kind, value) in values {
            let told = known.entry((label(&project), kind)).or_default();
            *told = (self.combine)(*told, value);
        }
        known.clone()
    }
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
        let sums = ByProject::new(|one, other| one + other);
        sums.update([own("missing", 2), own("failed", 1)]);
        let told = sums.update([own("failed", 3), own("failed", 4)]);
        assert_eq!(told[&("prj_counted".to_owned(), "missing")], 0);
        assert_eq!(told[&("prj_counted".to_owned(), "failed")], 7);
    }
}
