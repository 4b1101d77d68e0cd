//! The figures, beside their targets.

use serde::Serialize;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Only for comparison.
    None,
}

/// One measured figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// The measured value.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// What it should be.
    pub target: Threshold,
    /// What else is worth knowing.
    pub note: String,
}

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
pub struct BenchReport {
    profile: &'static str,
    cores: usize,
    figures: Vec<Judged>,
}

#[derive(Debug, Serialize)]
struct Judged {
    #[serde(flatten)]
    figure: Figure,
    pass: Option<bool>,
}

impl Figure {
    /// Whether the target is reached; `None` where there is none.
    fn passes(&self) -> Option<bool> {
        match self.target {
            Threshold::AtMost(limit) => Some(self.value <= limit),
            Threshold::AtLeast(limit) => Some(self.value >= limit),
            Threshold::None => None,
        }
    }
}

impl BenchReport {
    /// Judges the figures.
    pub fn new(figures: Vec<Figure>) -> Self {
        let judge = |figure: Figure| Judged { pass: figure.passes(), figure };
        Self {
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            figures: figures.into_iter().map(judge).collect(),
        }
    }

    /// Whether no target was missed.
    pub fn all_passed(&self) -> bool {
        self.figures.iter().all(|judged| judged.pass != Some(false))
    }

    /// The report as one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The report for people.
    pub fn table(&self) -> String {
        let head = ["FIGURE", "VALUE", "TARGET", "", "NOTE"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.figures.iter().map(row)).collect();
        let widths: Vec<usize> = (0..4).map(|column| width_of(&rows, column)).collect();
        let lines = rows.iter().map(|row| line(row, &widths));
        let lines = lines.collect::<Vec<_>>().join("\n");
        format!("build profile {}, {} cores\n\n{lines}", self.profile, self.cores)
    }
}

fn row(judged: &Judged) -> [String; 5] {
    let Figure { name, unit, note, .. } = &judged.figure;
    let target = match judged.figure.target {
        Threshold::AtMost(limit) => format!("≤ {}", number(limit)),
        Threshold::AtLeast(limit) => format!("≥ {}", number(limit)),
        Threshold::None => String::new(),
    };
    let verdict = match judged.pass {
        Some(true) => "pass",
        Some(false) => "MISS",
        None => "",
    };
    let value = format!("{} {unit}", number(judged.figure.value));
    [(*name).to_owned(), value, target, verdict.to_owned(), note.clone()]
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

fn width_of(rows: &[[String; 5]], column: usize) -> usize {
    rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
}

fn line(row: &[String; 5], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
    let padded: String = cells.collect();
    format!("{padded}{}", row[4]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, target: Threshold) -> Figure {
        Figure { name: "success → end", value, unit: "ms", target, note: "quiet".to_owned() }
    }

    #[test]
    fn a_target_that_is_just_reached_is_reached() {
        assert_eq!(figure(250.0, Threshold::AtMost(250.0)).passes(), Some(true));
        assert_eq!(figure(250.1, Threshold::AtMost(250.0)).passes(), Some(false));
        assert_eq!(figure(0.5, Threshold::AtLeast(0.5)).passes(), Some(true));
        assert_eq!(figure(0.4, Threshold::AtLeast(0.5)).passes(), Some(false));
    }

    #[test]
    fn a_figure_without_a_target_misses_nothing() {
        assert!(BenchReport::new(vec![figure(1.0, Threshold::None)]).all_passed());
        assert!(!BenchReport::new(vec![figure(1.0, Threshold::AtLeast(2.0))]).all_passed());
    }

    #[test]
    fn the_table_has_one_line_per_figure_with_its_verdict() {
        let report = BenchReport::new(vec![
            figure(41.26, Threshold::AtMost(250.0)),
            figure(7.0, Threshold::None),
        ]);
        let table = report.table();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "FIGURE         VALUE    TARGET        NOTE",
                "success → end  41.3 ms  ≤ 250   pass  quiet",
                "success → end  7 ms                   quiet",
            ]
        );
    }

    #[test]
    fn the_json_says_the_same() {
        let report = BenchReport::new(vec![figure(41.26, Threshold::AtMost(250.0))]);
        let json: serde_json::Value = serde_json::from_str(&report.json()).expect("json");
        assert_eq!(json["figures"][0]["target"]["at_most"], 250.0);
        assert_eq!(json["figures"][0]["pass"], true);
    }
}
