//! Text for people: tables, blocks of facts, moments.
//!
//! Whatever comes from outside goes through [`domain::alert::sanitize`] first, so that no name and
//! no error message can move the cursor or change the colours of the terminal that shows it. Colour
//! is used on a terminal only, and never where `NO_COLOR` is set (<https://no-color.org>).

use std::fmt::Display;
use std::io::{IsTerminal, stdout};

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table};
use domain::alert::{format_duration, one_line, sanitize};
use time::{Duration, OffsetDateTime, UtcOffset};

/// The placeholder for an absent value.
pub const NOTHING: &str = "–";

/// The separator between two columns.
const GAP: u16 = 2;
/// The narrowest column in which text wraps; a table on a narrower terminal is left to the
/// terminal.
const NARROWEST: u16 = 24;

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to say about it.
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Careful,
    /// An operator has to act.
    Bad,
}

/// How this program was called, so that a command which it suggests can be pasted.
#[must_use]
pub fn invoked_as() -> String {
    let called = std::env::args_os().next().map(|called| called.to_string_lossy().into_owned());
    called.unwrap_or_else(|| "sendpromptly".to_owned())
}

/// A table. Only the last column wraps, on a terminal that is wide enough to make that readable: an
/// id that is cut in two cannot be copied.
#[must_use]
pub fn table(headers: &[&str], rows: Vec<Vec<(String, Tone)>>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    let colourful = stdout().is_terminal() && colour_is_wanted();
    table.set_header(headers.iter().map(|header| heading(header, colourful)));
    for row in rows {
        table.add_row(row.into_iter().map(|(text, tone)| cell(&text, tone, colourful)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if stdout().is_terminal() {
        let width = table.width();
        wrap_last_column(&mut table, width);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A table, or what to say where there are no rows.
#[must_use]
pub fn table_or(nothing: &str, headers: &[&str], rows: Vec<Vec<(String, Tone)>>) -> String {
    if rows.is_empty() { nothing.to_owned() } else { table(headers, rows) }
}

/// How many of something, as in `1 row` and `2 rows`.
#[must_use]
pub fn counted<N: Copy + PartialEq + From<u8> + Display>(
    count: N,
    one: &str,
    more: &str,
) -> String {
    format!("{count} {}", if count == N::from(1_u8) { one } else { more })
}

/// Text with every line moved to the right, as a part of a longer one.
#[must_use]
pub fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A plain cell.
pub fn plain(text: &impl ToString) -> (String, Tone) {
    (text.to_string(), Tone::Plain)
}

/// Facts, one below the other, their values aligned.
#[must_use]
pub fn block(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default() + 2;
    let lines = facts.iter().map(|(key, value)| {
        let value = sanitize(value).replace('\n', &format!("\n{:width$}", ""));
        format!("{:width$}{value}", format!("{key}:")).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A moment, in UTC, in a form that sorts.
#[must_use]
pub fn format_timestamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// A moment that may not have come.
#[must_use]
pub fn format_optional_timestamp(at: Option<OffsetDateTime>) -> String {
    at.map_or_else(|| NOTHING.to_owned(), format_timestamp)
}

/// A wait of some minutes, as people say it.
#[must_use]
pub fn minutes(minutes: i32) -> String {
    format_duration(Duration::minutes(i64::from(minutes)))
}

/// A text that may be absent.
#[must_use]
pub fn or_nothing(text: Option<&str>) -> String {
    text.map_or_else(|| NOTHING.to_owned(), one_line)
}

/// Whether plain text was not asked for.
#[must_use]
pub fn colour_is_wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn wrap_last_column(table: &mut Table, width: Option<u16>) {
    let widths = table.column_max_content_widths();
    let Some((_, others)) = widths.split_last() else { return };
    let taken: u16 = others.iter().map(|width| width + GAP).sum();
    if width.is_none_or(|width| width < taken + GAP + NARROWEST) {
        return;
    }
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for column in table.column_iter_mut().take(others.len()) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

fn heading(text: &str, colourful: bool) -> Cell {
    let cell = Cell::new(text);
    if colourful { cell.add_attribute(Attribute::Bold) } else { cell }
}

fn cell(text: &str, tone: Tone, colourful: bool) -> Cell {
    let cell = Cell::new(one_line(text));
    match tone {
        _ if !colourful => cell,
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Careful => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_block_aligns_its_values_and_their_further_lines() {
        let facts = [("id", "inc_1".to_owned()), ("message", "no\nsuch user".to_owned())];
        assert_eq!(block(&facts), "id:      inc_1\nmessage: no\n         such user");
    }

    #[test]
    fn a_table_outside_a_terminal_has_no_colour_and_no_wrapping() {
        let long = "x".repeat(300);
        let rows = vec![vec![("open".to_owned(), Tone::Bad), plain(&long)]];
        assert_eq!(table(&["STATE", "NAME"], rows), format!("STATE  NAME\nopen   {long}"));
    }

    #[test]
    fn ids_stay_whole_and_the_last_column_wraps_where_there_is_room() {
        let table_in = |width| {
            let mut table = Table::new();
            table.load_preset(comfy_table::presets::NOTHING).set_width(width);
            table.add_row(["inc_00000000000000000000000001", &"word ".repeat(20)]);
            wrap_last_column(&mut table, Some(width));
            table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        let wide = table_in(80);
        assert!(wide.len() > 1 && wide[0].contains("inc_00000000000000000000000001 "), "{wide:?}");
        assert!(wide.iter().all(|line| line.len() <= 80), "{wide:?}");
        assert_eq!(table_in(40).len(), 1);
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        let hostile = "\u{1b}[2Jgone\u{202e}\nnext";
        let rows = vec![vec![plain(&hostile)]];
        assert!(!table(&["NAME"], rows).contains('\u{1b}'));
        assert!(!block(&[("name", hostile.to_owned())]).contains('\u{1b}'));
    }

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(format_timestamp(datetime!(2026-11-21 16:02:09.5 +2)), "2026-11-21 14:02:09Z");
        assert_eq!(format_optional_timestamp(None), "–");
        assert_eq!(minutes(1), "1 minute");
    }
}
