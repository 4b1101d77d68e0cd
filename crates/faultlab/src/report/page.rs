//! The report as one page: no script, and nothing that is fetched from anywhere.

use askama::Template;

use super::{Report, plot, text};
use crate::round::Verdict;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    rounds: Vec<Row>,
}

struct Row {
    verdict: &'static str,
    cells: [String; 10],
    complaints: Vec<String>,
    marks: Vec<String>,
    signs: Vec<String>,
    /// None of a round that was not run.
    svg: Option<String>,
}

pub(super) fn render(report: &Report) -> anyhow::Result<String> {
    let rounds = report.rounds.iter().map(row).collect::<Result<_, _>>()?;
    Ok(Page { report, rounds }.render()?)
}

fn row(round: &Verdict) -> anyhow::Result<Row> {
    let marks = round
        .marks
        .iter()
        .map(|mark| format!("{:.1}–{:.1} s: {}", mark.from, mark.until, mark.what));
    let signs = round.signs.iter().map(|sign| {
        let cleared =
            sign.cleared_after.map_or("never".to_owned(), |after| format!("after {after:.1} s"));
        format!("{}: shown {:.1} s after the fault, clear {cleared}", sign.name, sign.after)
    });
    let svg = (!round.latency.is_empty()).then(|| plot::draw(round)).transpose()?;
    Ok(Row {
        verdict: text::verdict(round),
        cells: text::row(round),
        complaints: text::complaints(round),
        marks: marks.collect(),
        signs: signs.collect(),
        svg,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Violation;
    use crate::faults;
    use crate::journal::Mark;
    use crate::round::Shown;

    fn report() -> Report {
        let fault = faults::all().remove(0);
        let mut failed = Verdict::new(&fault, 1, 42);
        failed.latency = vec![(0.0, 4.0), (1.0, 900.0), (2.0, 5.0)];
        failed.unacked = vec![(0.0, 0.0), (1.0, 3.0), (2.0, 0.0)];
        failed.marks = vec![Mark { what: "api killed".to_owned(), from: 1.0, until: 2.0 }];
        failed.shown_after = Some(0.5);
        let sign =
            Shown { name: "api does not respond".to_owned(), after: 0.5, cleared_after: None };
        failed.signs = vec![sign];
        let words = "<evt_1> was acked and is not there".to_owned();
        failed.violations = vec![Violation { invariant: "I1".to_owned(), words }];
        let mut skipped = Verdict::new(&fault, 2, 43);
        skipped.skipped = Some("it cannot be had here".to_owned());
        Report { seed: 7, name: "this build".to_owned(), rounds: vec![failed, skipped] }
    }

    #[test]
    fn the_page_holds_everything_and_fetches_nothing() {
        let page = render(&report()).expect("a page");
        for part in [
            "&#60;evt_1&#62; was acked",
            "api killed",
            "does not clear: api does not respond",
            "it cannot be had here",
            "<polyline",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let addresses = page.matches("://").count();
        assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count());
        assert!(!page.contains("<script") && !page.contains("<evt_1>"));
    }

    #[test]
    fn the_text_says_what_failed_and_what_was_skipped() {
        let text = report().text();
        for part in [
            "I1: <evt_1> was acked and is not there",
            "skipped: it cannot be had here",
            "1 rounds, 1 failed, 1 skipped",
            "seed 7",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!report().passed());
    }
}
