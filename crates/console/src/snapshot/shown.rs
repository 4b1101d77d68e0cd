//! What of a snapshot's lines the page shows: all that fits, or those that a search finds, with every match
//! marked and counted.
//!
//! A page stays below 100 KB whatever the snapshot is. What does not fit is said, and the whole is there as a file.

/// So many bytes of markup the lines may be.
const BUDGET: usize = 72 * 1024;
/// `<mark></mark>`.
const MARK: usize = 13;
/// What is shown of a long line around its first match, in characters.
const BEFORE: usize = 200;
const AROUND: usize = 1_000;

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    /// Whether it is what was searched for.
    pub(super) is_match: bool,
}

/// What the page shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShownLines {
    pub(super) lines: Vec<Vec<Part>>,
    /// How many matches there are, shown or not.
    pub(super) matches: usize,
    /// Whether something is not shown.
    pub(super) is_cut: bool,
}

impl ShownLines {
    /// Chooses from all lines; an empty term searches for nothing.
    pub(super) fn choose(all: &[String], term: &str) -> Self {
        let term: Vec<char> = term.chars().map(fold).collect();
        let lines: Vec<Vec<Part>> = all.iter().map(|line| parts(line, &term)).collect();
        let matches = lines.iter().flatten().filter(|part| part.is_match).count();
        if lines.iter().map(|line| cost(line)).sum::<usize>() <= BUDGET {
            return Self { lines, matches, is_cut: false };
        }
        // Where something is searched for, what is found is worth more than the beginning.
        let wanted = lines.into_iter().filter(|line| matches == 0 || has_match(line));
        let lines = within_budget(wanted.map(|line| if matches == 0 { line } else { clip(&line) }));
        Self { lines, matches, is_cut: true }
    }
}

fn within_budget(lines: impl Iterator<Item = Vec<Part>>) -> Vec<Vec<Part>> {
    let (mut left, mut shown) = (BUDGET, Vec::new());
    for line in lines {
        if let Some(rest) = left.checked_sub(cost(&line)) {
            left = rest;
            shown.push(line);
        } else {
            // No letter is more than five bytes of markup.
            let text: String =
                line.iter().flat_map(|part| part.text.chars()).take(left / 5).collect();
            shown.push(vec![Part { text: format!("{text}…"), is_match: false }]);
            break;
        }
    }
    shown
}

/// Capital and small letters are the same to a search.
fn fold(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// A line, cut where matches begin and end.
fn parts(line: &str, term: &[char]) -> Vec<Part> {
    let plain = |text: String| Part { text, is_match: false };
    if term.is_empty() {
        return vec![plain(line.to_owned())];
    }
    let letters: Vec<char> = line.chars().collect();
    let folded: Vec<char> = letters.iter().copied().map(fold).collect();
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at + term.len() <= folded.len() {
        if folded[at..].starts_with(term) {
            if from < at {
                parts.push(plain(letters[from..at].iter().collect()));
            }
            from = at + term.len();
            parts.push(Part { text: letters[at..from].iter().collect(), is_match: true });
            at = from;
        } else {
            at += 1;
        }
    }
    if from < letters.len() || parts.is_empty() {
        parts.push(plain(letters[from..].iter().collect()));
    }
    parts
}

fn has_match(line: &[Part]) -> bool {
    line.iter().any(|part| part.is_match)
}

/// How many bytes of markup a line is.
fn cost(line: &[Part]) -> usize {
    let letter = |letter: char| if "&<>\"'".contains(letter) { 5 } else { letter.len_utf8() };
    let part = |part: &Part| {
        part.text.chars().map(letter).sum::<usize>() + if part.is_match { MARK } else { 0 }
    };
    line.iter().map(part).sum::<usize>() + 1
}

/// The surroundings of the first match of a long line.
fn clip(line: &[Part]) -> Vec<Part> {
    let before = line.iter().take_while(|part| !part.is_match);
    let before: usize = before.map(|part| part.text.chars().count()).sum();
    let (from, mut at, mut shown) = (before.saturating_sub(BEFORE), 0, Vec::new());
    for part in line {
        let length = part.text.chars().count();
        let skip = from.saturating_sub(at).min(length);
        let take = (from + AROUND).saturating_sub(at + skip).min(length - skip);
        at += length;
        if take > 0 {
            let text = part.text.chars().skip(skip).take(take).collect();
            shown.push(Part { text, ..*part });
        }
    }
    let ellipsis = || Part { text: "…".to_owned(), is_match: false };
    if from > 0 {
        shown.insert(0, ellipsis());
    }
    if at > from + AROUND {
        shown.push(ellipsis());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::pretty;
    use super::*;

    fn text(line: &[Part]) -> String {
        let shown = line
            .iter()
            .map(|part| if part.is_match { format!("<{}>", part.text) } else { part.text.clone() });
        shown.collect()
    }

    fn shown(lines: &[&str], term: &str) -> (Vec<String>, usize, bool) {
        let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
        let shown = ShownLines::choose(&lines, term);
        (shown.lines.iter().map(|line| text(line)).collect(), shown.matches, shown.is_cut)
    }

    fn size(shown: &ShownLines) -> usize {
        shown.lines.iter().map(|line| cost(line)).sum()
    }

    #[test]
    fn every_match_is_marked_and_counted_whatever_its_case() {
        let (lines, matches, is_cut) = shown(&["Zoë ZOË", "none", "aaa"], "zoë");
        assert_eq!(lines, ["<Zoë> <ZOË>", "none", "aaa"]);
        assert_eq!((matches, is_cut), (2, false));
        assert_eq!(shown(&["aaa"], "aa").0, ["<aa>a"]);
        assert_eq!(shown(&["aaa"], "").1, 0);
        assert_eq!(shown(&["a"], "longer"), (vec!["a".to_owned()], 0, false));
    }

    #[test]
    fn where_not_all_fits_a_search_shows_what_it_finds() {
        let mut lines: Vec<_> = (0..20_000).map(|n| format!("  \"{n}\",")).collect();
        lines.push(format!("{}needle{}", "x".repeat(5_000), "y".repeat(5_000)));
        let found = ShownLines::choose(&lines, "needle");
        assert_eq!((found.lines.len(), found.matches, found.is_cut), (1, 1, true));
        let line = text(&found.lines[0]);
        assert!(line.starts_with("…x") && line.contains("<needle>y") && line.ends_with("y…"));
        let missed = ShownLines::choose(&lines, "nowhere");
        assert!(missed.is_cut && missed.matches == 0 && missed.lines.len() > 1_000);
    }

    #[test]
    fn nothing_that_may_be_kept_makes_a_large_page() {
        let most = domain::snapshot::MAX_SNAPSHOT;
        for (snapshot, term) in [
            (format!("{{\"a\":[{}]}}", vec!["\"\""; most / 3 - 3].join(",")), ""),
            (format!("{{\"a\":\"{}\"}}", "<".repeat(most - 8)), ""),
            (format!("{{\"a\":\"{}\"}}", "<".repeat(most - 8)), "<"),
            (format!("{{\"a\":\"{}\"}}", "é".repeat(most / 2 - 8)), "é"),
            (format!("{{\"a\":[{}]}}", vec!["1"; most / 2 - 8].join(",")), "1"),
        ] {
            assert!(snapshot.len() <= most);
            let shown = ShownLines::choose(&pretty::lines(&snapshot), term);
            assert!(shown.is_cut && size(&shown) <= BUDGET + 8, "{}", size(&shown));
        }
    }
}
