//! The report at a terminal, and the texts that it shares with the page.

use comfy_table::{Table, presets};

use super::{BuildLedger, Report, Summary, Threshold};
use crate::spread::Spread;

/// A figure in words; empty where there is nothing to say.
pub struct Row {
    pub name: String,
    pub median: String,
    pub spread: String,
    pub target: String,
    pub verdict: &'static str,
    pub base: String,
    pub ratio: String,
    pub note: String,
}

/// The whole report.
pub fn render(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let mut head = vec!["FIGURE", "MEDIAN", "MIN–MAX", "TARGET", ""];
    let base = report.builds.get(1).map(|build| build.to_uppercase());
    head.extend(base.iter().flat_map(|base| [base.as_str(), "RATIO"]));
    head.push("NOTE");
    table.set_header(head);
    for figure in &report.figures {
        let row = Row::new(figure);
        let mut cells = vec![row.name, row.median, row.spread, row.target, row.verdict.to_owned()];
        if base.is_some() {
            cells.extend([row.base, row.ratio]);
        }
        cells.push(row.note);
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let ledgers: Vec<_> = report.ledgers.iter().map(ledger).collect();
    format!("{}\n\n{}\n\n{}", heading(report), lines.join("\n"), ledgers.join("\n"))
}

/// What was measured, and where.
pub fn heading(report: &Report) -> String {
    let Report { begun, profile, cores, builds, .. } = report;
    format!("{}, build profile {profile}, {cores} cores, {begun}", builds.join(" beside "))
}

/// The ledger of a build, in one line.
pub fn ledger(ledger: &BuildLedger) -> String {
    let check = &ledger.check;
    let held = if ledger.clean { "all held" } else { "BROKEN" };
    format!(
        "ledger of {}: {held}: {} accepted ({} not there exactly once, {} not audited exactly once), \
         {} rejected ({} stored), {} ambiguous ({} stored, {} of them more than once), \
         {} successes ({} not settled exactly once)",
        ledger.build,
        check.acked,
        check.lost_or_doubled,
        check.unaudited,
        check.refused,
        check.refused_stored,
        check.ambiguous,
        check.ambiguous_stored,
        check.ambiguous_doubled,
        check.successes,
        check.unsettled,
    )
}

impl Row {
    pub fn new(figure: &Summary) -> Self {
        Self {
            name: figure.name.clone(),
            median: format!("{} {}", number(figure.measured.median), figure.unit),
            spread: spread(&figure.measured),
            target: match figure.target {
                Threshold::AtMost(limit) => format!("≤ {}", number(limit)),
                Threshold::AtLeast(limit) => format!("≥ {}", number(limit)),
                Threshold::None => String::new(),
            },
            verdict: match figure.pass {
                Some(true) => "pass",
                Some(false) => "MISS",
                None => "",
            },
            base: figure.base.as_ref().map(|base| number(base.median)).unwrap_or_default(),
            ratio: figure.ratio.as_ref().map(with_spread).unwrap_or_default(),
            note: figure.note.clone(),
        }
    }
}

/// Nothing where there was one round only.
fn spread(of: &Spread) -> String {
    match of.rounds.len() {
        1 => String::new(),
        _ => format!("{}–{}", number(of.min), number(of.max)),
    }
}

fn with_spread(of: &Spread) -> String {
    format!("{} × {}", number(of.median), spread(of)).trim_end().to_owned()
}

/// Three figures that mean something are enough.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..1.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Figure, Recorder};

    fn report(builds: &[&str], rounds: &[&[f64]]) -> Report {
        let mut recorder = Recorder::new(builds.iter().map(|build| (*build).to_owned()).collect());
        for (build, rounds) in rounds.iter().enumerate() {
            for value in *rounds {
                let figure = Figure::new("success → end", *value, "ms", Threshold::AtMost(250.0));
                recorder.record("watches", build, vec![figure.noting("quiet")].into());
            }
        }
        recorder.finish()
    }

    fn table(report: &Report) -> Vec<String> {
        let text = render(report);
        text.lines().skip(2).take(2).map(str::to_owned).collect()
    }

    #[test]
    fn each_figure_is_a_line_with_its_verdict() {
        assert_eq!(
            table(&report(&["this"], &[&[41.26, 39.0, 312.0]])),
            [
                "FIGURE         MEDIAN   MIN–MAX  TARGET        NOTE",
                "success → end  41.3 ms  39–312   ≤ 250   pass  quiet",
            ]
        );
    }

    #[test]
    fn the_other_build_has_two_columns() {
        assert_eq!(
            table(&report(&["this", "7cdce11"], &[&[300.0], &[150.0]])),
            [
                "FIGURE         MEDIAN  MIN–MAX  TARGET        7CDCE11  RATIO  NOTE",
                "success → end  300 ms           ≤ 250   MISS  150      2 ×    quiet",
            ]
        );
    }

    #[test]
    fn the_ledger_is_below() {
        let text = render(&report(&["this"], &[&[1.0]]));
        assert!(
            text.lines().last().is_some_and(|line| line.starts_with("ledger of this: all held"))
        );
    }
}
