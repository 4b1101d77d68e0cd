//! The label of a project, bounded.
//!
//! The first projects that a process tells of keep their ids; what comes after [`MOST_PROJECTS`] is
//! `other`. So a process with ten thousand projects exposes no more than one with a hundred, and
//! sums over all projects stay right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::to_f64;

/// How many projects are told apart.
pub const MOST_PROJECTS: usize = 100;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// Of each project and kind, as it is told with labels.
type Labelled<T> = BTreeMap<(String, &'static str), T>;

/// The label of this project.
pub(crate) fn label(project: &str) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(&mut known, project)
}

/// A gauge by project and kind. What was told of once and is gone is said to be none; while nothing is known, no value
/// stays behind that others would be compared with.
pub(crate) struct ByProject {
    /// What is told of several projects that share a label.
    combine: fn(i64, i64) -> i64,
    known: Mutex<Labelled<i64>>,
    /// Whom it tells apart by itself, where it is told of all projects.
    apart: Option<Mutex<BTreeSet<String>>>,
}

impl ByProject {
    pub(crate) const fn new(combine: fn(i64, i64) -> i64) -> Self {
        Self { combine, known: Mutex::new(BTreeMap::new()), apart: None }
    }

    /// A gauge of all projects, archived ones too. They take no place from those that the process meets, and those with the
    /// first ids are told apart: `other` is the same projects after each start.
    pub(crate) const fn of_all(combine: fn(i64, i64) -> i64) -> Self {
        let apart = Some(Mutex::new(BTreeSet::new()));
        Self { combine, known: Mutex::new(BTreeMap::new()), apart }
    }

    /// All that is to be told now; `NaN` where the values are not known.
    pub(crate) fn update(
        &self,
        values: Option<impl IntoIterator<Item = (String, &'static str, i64)>>,
    ) -> Labelled<f64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values_mut().for_each(|value| *value = 0);
        let is_known = values.is_some();
        let mut values: Vec<_> = values.into_iter().flatten().collect();
        values.sort_unstable();
        for (project, kind, value) in values {
            let told = known.entry((self.label(&project), kind)).or_default();
            *told = (self.combine)(*told, value);
        }
        let tell = |value: &i64| if is_known { to_f64(*value) } else { f64::NAN };
        known.iter().map(|(labels, value)| (labels.clone(), tell(value))).collect()
    }

    fn label(&self, project: &str) -> String {
        let Some(apart) = &self.apart else { return label(project) };
        let mut apart = apart.lock().unwrap_or_else(PoisonError::into_inner);
        bounded(&mut apart, project)
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
        sums.update(Some([own("missing", 2), own("failed", 1)]));
        let told = sums.update(Some([own("failed", 3), own("failed", 4)]));
        assert_eq!(shown(&told), [("failed", "7".to_owned()), ("missing", "0".to_owned())]);
    }

    #[test]
    fn what_is_not_known_now_is_no_number_until_it_is() {
        let own = |kind, count| ("prj_unknown".to_owned(), kind, count);
        let longest = ByProject::new(i64::max);
        longest.update(Some([own("slack", 650), own("email", 0)]));
        let told = longest.update(None::<[(String, &'static str, i64); 0]>);
        assert_eq!(shown(&told), [("email", "NaN".to_owned()), ("slack", "NaN".to_owned())]);
        let told = longest.update(Some([own("slack", 3)]));
        assert_eq!(shown(&told), [("email", "0".to_owned()), ("slack", "3".to_owned())]);
    }

    #[test]
    fn a_gauge_of_all_projects_tells_the_first_apart_and_takes_no_place_from_those_that_are_met() {
        let of_all = ByProject::of_all(|one, other| one + other);
        let all = |n: usize| (format!("prj_of_all_{n:03}"), "", 1);
        let told = of_all.update(Some((0..MOST_PROJECTS + 5).rev().map(all)));
        assert_eq!(told.len(), MOST_PROJECTS + 1);
        assert_eq!(told.get(&("other".to_owned(), "")), Some(&5.0));
        assert!(told.contains_key(&("prj_of_all_099".to_owned(), "")), "of the first ids");
        assert_eq!(label("prj_met_after_all"), "prj_met_after_all");
    }

    fn shown(told: &Labelled<f64>) -> Vec<(&'static str, String)> {
        told.iter().map(|((_, kind), value)| (*kind, value.to_string())).collect()
    }
}
