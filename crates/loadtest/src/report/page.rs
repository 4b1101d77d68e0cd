//! The report as one page: no script, and nothing that is fetched from anywhere.

use askama::Template;

use super::text::{Row, heading, ledger};
use super::{Report, plot};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    heading: String,
    base: Option<&'a String>,
    rows: Vec<Row>,
    ledgers: Vec<String>,
    plots: Vec<Plot>,
}

struct Plot {
    title: String,
    svg: String,
}

pub fn render(report: &Report) -> anyhow::Result<String> {
    let plots = report.charts.iter().map(|chart| {
        let title = format!("{}: {}", chart.load, chart.title);
        anyhow::Ok(Plot { title, svg: plot::draw(chart)? })
    });
    let page = Page {
        heading: heading(report),
        base: report.builds.get(1),
        rows: report.figures.iter().map(Row::new).collect(),
        ledgers: report.ledgers.iter().map(ledger).collect(),
        plots: plots.collect::<Result<_, _>>()?,
    };
    Ok(page.render()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Figure, Findings, Line, Recorder, Threshold};

    #[test]
    fn the_page_holds_everything_and_fetches_nothing() {
        let mut recorder = Recorder::new(vec!["this".to_owned(), "<base>".to_owned()]);
        let figure = Figure::new("receipts & results", 3.0, "/s", Threshold::AtLeast(2.0));
        let line = Line::new("burst", "throughput", "a second", vec![(0.0, 1.0), (1.0, 2.0)]);
        recorder.record("burst", 0, Findings { figures: vec![figure], lines: vec![line] });
        let page = render(&recorder.finish()).expect("a page");
        assert!(page.contains("receipts &#38; results"));
        assert!(page.contains("burst: throughput"));
        assert!(page.contains("<polyline"));
        assert!(!page.contains("<base>"));
        let addresses = page.matches("://").count();
        assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count());
        assert!(!page.contains("<script"));
    }
}
