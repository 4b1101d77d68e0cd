//! The report as text.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::Report;
use crate::round::Verdict;

/// The table, and below it in words what failed.
pub(super) fn render(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "fault",
        "round",
        "seed",
        "",
        "acked",
        "ambiguous",
        "incidents",
        "shown",
        "clear",
        "at rest",
    ]);
    for round in &report.rounds {
        table.add_row(row(round));
    }
    let mut text = format!("{} · seed {}\n{table}", report.name, report.seed);
    for round in report.rounds.iter().filter(|round| round.skipped.is_some() || !round.passed()) {
        for line in complaints(round) {
            // Writing into a text does not fail.
            let _written = write!(text, "\n{} {}: {line}", round.fault, round.round);
        }
    }
    let failed = report.rounds.iter().filter(|round| !round.passed()).count();
    let skipped = report.rounds.iter().filter(|round| round.skipped.is_some()).count();
    let ran = report.rounds.len() - skipped;
    let _written = write!(text, "\n{ran} rounds, {failed} failed, {skipped} skipped");
    text
}

/// One word for what a round came to.
pub(super) fn verdict(round: &Verdict) -> &'static str {
    match (round.skipped.is_some(), round.passed()) {
        (true, _) => "skipped",
        (_, true) => "pass",
        (_, false) => "FAIL",
    }
}

/// The cells of a round.
pub(super) fn row(round: &Verdict) -> [String; 10] {
    let seconds =
        |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1} s"));
    let cleared = round.signs.iter().filter_map(|sign| sign.cleared_after).reduce(f64::max);
    [
        round.fault.clone(),
        round.round.to_string(),
        round.seed.to_string(),
        verdict(round).to_owned(),
        round.counts.acked.to_string(),
        round.counts.ambiguous.to_string(),
        round.counts.incidents.to_string(),
        seconds(round.shown_after),
        if round.lasting_signs().next().is_some() { "never".to_owned() } else { seconds(cleared) },
        seconds(round.rested_after),
    ]
}

/// What is to be said of a round beside its row.
pub(super) fn complaints(round: &Verdict) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(round.skipped.iter().map(|why| format!("skipped: {why}")));
    lines.extend(round.error.iter().map(|error| format!("could not be run to its end: {error}")));
    lines.extend(round.violations.iter().map(|it| format!("{}: {}", it.invariant, it.words)));
    let judged = round.skipped.is_none() && round.error.is_none();
    if judged && !round.was_seen_in_time() {
        lines.push("neither metrics nor health showed it within 60 s".to_owned());
    }
    let lasting = round.lasting_signs().filter(|_| judged);
    lines.extend(lasting.map(|sign| format!("does not clear: {}", sign.name)));
    lines
}
