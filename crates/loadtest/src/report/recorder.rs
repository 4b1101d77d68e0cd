//! Gathers what the rounds find.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{BuildLedger, Chart, ChartLine, Figure, Findings, Line, Report, Summary};
use crate::ledger::LedgerCheck;
use crate::spread::Spread;

/// The findings of a run so far.
pub struct Recorder {
    begun: OffsetDateTime,
    builds: Vec<String>,
    ledgers: Vec<LedgerCheck>,
    gathered: Vec<Gathered>,
    charts: Vec<Chart>,
}

/// A figure's rounds, by build.
struct Gathered {
    part: &'static str,
    latest: Figure,
    rounds: Vec<Vec<f64>>,
}

impl Recorder {
    /// The first build is the one that is judged; there may be a second to compare it with.
    pub fn new(builds: Vec<String>) -> Self {
        let ledgers = vec![LedgerCheck::default(); builds.len()];
        let begun = OffsetDateTime::now_utc();
        Self { begun, builds, ledgers, gathered: Vec::new(), charts: Vec::new() }
    }

    /// Adds a round of that build.
    pub fn record(&mut self, part: &'static str, build: usize, findings: Findings) {
        for figure in findings.figures {
            self.add_figure(part, build, figure);
        }
        for line in findings.lines {
            self.add_line(part, build, line);
        }
    }

    /// Adds the ledger of a run of that build.
    pub fn record_ledger(&mut self, build: usize, check: &LedgerCheck) {
        self.ledgers[build].add(check);
    }

    /// Puts the rounds together.
    pub fn finish(self) -> Report {
        let ledgers = self.builds.iter().zip(self.ledgers);
        Report {
            begun: self.begun.format(&Rfc3339).unwrap_or_default(),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            figures: self.gathered.into_iter().filter_map(Gathered::summary).collect(),
            ledgers: ledgers.map(|(build, check)| BuildLedger::new(build, check)).collect(),
            charts: self.charts,
            builds: self.builds,
        }
    }

    fn add_figure(&mut self, part: &'static str, build: usize, figure: Figure) {
        let known = self.gathered.iter().position(|known| {
            (known.part, known.latest.name.as_str()) == (part, figure.name.as_str())
        });
        let value = figure.value;
        let place = known.unwrap_or(self.gathered.len());
        if known.is_none() {
            let rounds = vec![Vec::new(); self.builds.len()];
            self.gathered.push(Gathered { part, latest: figure, rounds });
        } else if build == 0 {
            self.gathered[place].latest = figure;
        }
        self.gathered[place].rounds[build].push(value);
    }

    fn add_line(&mut self, part: &'static str, build: usize, line: Line) {
        let Line { load, title, unit, over, points } = line;
        let added = ChartLine { build: self.builds[build].clone(), points };
        let same =
            |chart: &&mut Chart| (chart.part, chart.load, chart.title) == (part, load, title);
        let Some(chart) = self.charts.iter_mut().find(same) else {
            self.charts.push(Chart { part, load, title, unit, over, lines: vec![added] });
            return;
        };
        match chart.lines.iter_mut().find(|line| line.build == added.build) {
            Some(earlier) => *earlier = added,
            None => chart.lines.push(added),
        }
    }
}

impl Gathered {
    fn summary(self) -> Option<Summary> {
        let Figure { name, unit, target, note, .. } = self.latest;
        let mut rounds = self.rounds.into_iter();
        let measured = Spread::new(rounds.next()?)?;
        let base = rounds.next().and_then(Spread::new);
        Some(Summary {
            part: self.part,
            name,
            unit,
            target,
            pass: target.judge(measured.median),
            ratio: base.as_ref().and_then(|base| Spread::ratio(&measured, base)),
            measured,
            base,
            note,
        })
    }
}

impl BuildLedger {
    fn new(build: &str, check: LedgerCheck) -> Self {
        Self { build: build.to_owned(), clean: check.is_clean(), check }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Threshold;

    fn figure(value: f64, target: Threshold) -> Findings {
        vec![Figure::new("receipts", value, "/s", target)].into()
    }

    fn line(value: f64) -> Findings {
        let points = vec![(0.0, value)];
        Findings {
            lines: vec![Line::new("burst", "throughput", "/s", points)],
            ..Findings::default()
        }
    }

    #[test]
    fn the_median_of_the_rounds_is_judged() {
        let mut recorder = Recorder::new(vec!["this".to_owned()]);
        for value in [250.0, 100.0, 250.1] {
            recorder.record("receipts", 0, figure(value, Threshold::AtLeast(250.0)));
        }
        let report = recorder.finish();
        assert_eq!(report.figures[0].pass, Some(true));
        assert_eq!(report.figures[0].measured.rounds, [250.0, 100.0, 250.1]);
        assert!(report.all_passed());
    }

    #[test]
    fn a_missed_target_is_seen_and_a_figure_without_one_misses_nothing() {
        for (target, passed) in [(Threshold::AtMost(9.0), false), (Threshold::None, true)] {
            let mut recorder = Recorder::new(vec!["this".to_owned()]);
            recorder.record("receipts", 0, figure(9.1, target));
            assert_eq!(recorder.finish().all_passed(), passed);
        }
    }

    #[test]
    fn the_other_build_is_beside_it_and_never_judged() {
        let mut recorder = Recorder::new(vec!["this".to_owned(), "base".to_owned()]);
        recorder.record("receipts", 1, figure(100.0, Threshold::AtLeast(250.0)));
        recorder.record("receipts", 0, figure(600.0, Threshold::AtLeast(250.0)));
        let report = recorder.finish();
        assert_eq!(report.figures[0].ratio.as_ref().map(|ratio| ratio.median), Some(6.0));
        assert!(report.all_passed());
    }

    #[test]
    fn a_plot_has_the_last_round_of_each_build() {
        let mut recorder = Recorder::new(vec!["this".to_owned(), "base".to_owned()]);
        for (build, value) in [(0, 1.0), (1, 2.0), (0, 3.0)] {
            recorder.record("burst", build, line(value));
        }
        let report = recorder.finish();
        let last: Vec<f64> = report.charts[0].lines.iter().map(|line| line.points[0].1).collect();
        assert_eq!(last, [3.0, 2.0]);
    }

    #[test]
    fn one_broken_promise_spoils_the_ledger() {
        let mut recorder = Recorder::new(vec!["this".to_owned()]);
        recorder.record_ledger(0, &LedgerCheck { acked: 7, ..LedgerCheck::default() });
        recorder.record_ledger(0, &LedgerCheck { unaudited: 1, ..LedgerCheck::default() });
        let report = recorder.finish();
        assert_eq!(report.ledgers[0].check.acked, 7);
        assert!(!report.ledgers_are_clean());
    }
}
