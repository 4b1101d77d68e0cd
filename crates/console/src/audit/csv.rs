//! Comma-separated values that no spreadsheet takes for formulas.
//!
//! Quoting is that of RFC 4180. What begins as a formula would gets an apostrophe before it, which
//! spreadsheets show as text (<https://owasp.org/www-community/attacks/CSV_Injection>). A
//! spreadsheet that separates cells in another way begins one in the middle of ours, where quotes
//! mean nothing to it: there the same holds.

/// What formulas begin with.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];
/// What a spreadsheet skips before one.
const SKIPPED: [char; 3] = ['\t', '\r', '\n'];
/// After what some spreadsheet begins a cell.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

pub(super) fn push_row(out: &mut String, cells: &[&str]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn push_cell(out: &mut String, cell: &str) {
    let quoted = cell.contains(['"', ',', '\r', '\n']);
    if quoted {
        out.push('"');
    }
    if cell.starts_with(SKIPPED) {
        out.push('\'');
    }
    let mut begins = true;
    for letter in cell.chars() {
        if begins && FORMULA.contains(&letter) {
            out.push('\'');
        }
        begins = SEPARATORS.contains(&letter) || (begins && matches!(letter, '"' | ' '));
        if letter == '"' {
            out.push('"');
        }
        out.push(letter);
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_begin_as_formulas() {
        for (cell, written) in [
            ("plain text", "plain text"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "\"'\r'=1\""),
            ("a;=1", "a;'=1"),
            ("a; =1;-2", "a; '=1;'-2"),
            ("a;\"=1\"", "\"a;\"\"'=1\"\"\""),
            ("a\t@b", "a\t'@b"),
            ("a\n=1", "\"a\n'=1\""),
            ("a;b-c; d", "a;b-c; d"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
        ] {
            let mut out = String::new();
            push_row(&mut out, &[cell, "b"]);
            assert_eq!(out, format!("{written},b\r\n"));
        }
    }
}
