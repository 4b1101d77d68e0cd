//! Entries as rows of files, for the console's exports and the command line's.

use serde_json::{Value, json};
use store::search::audit::AuditEntry;
use time::format_description::well_known::Rfc3339;

use super::csv::push_row;

/// What a CSV file begins with: the names of its columns.
#[must_use]
pub fn csv_head() -> String {
    // Spreadsheets take a file without it for one in the system's old code page.
    let mut out = String::from('\u{feff}');
    let columns =
        ["at", "actor", "action", "project_id", "event_id", "incident_id", "detail", "audit_id"];
    push_row(&mut out, &columns);
    out
}

/// A row of a CSV file that is no entry: what it says stands where an entry has its time, the rest is empty.
#[must_use]
pub fn csv_note(note: &str) -> String {
    let mut out = String::new();
    push_row(&mut out, &[note, "", "", "", "", "", "", ""]);
    out
}

/// Adds an entry as a row of a CSV file.
pub fn push_csv(out: &mut String, entry: &AuditEntry) {
    let text = |id: Option<String>| id.unwrap_or_default();
    // Where lists are separated by semicolons, a spreadsheet ends a cell at one.
    let detail = entry.detail.to_string().replace(';', "\\u003b");
    push_row(
        out,
        &[
            &at(entry),
            &entry.actor,
            &entry.action,
            &text(entry.project_id.map(|id| id.to_string())),
            &text(entry.event_id.map(|id| id.to_string())),
            &text(entry.incident_id.map(|id| id.to_string())),
            &detail,
            &entry.id.to_string(),
        ],
    );
}

/// An entry as an object.
#[must_use]
pub fn to_json(entry: &AuditEntry) -> Value {
    json!({
        "audit_id": entry.id, "at": at(entry), "actor": entry.actor, "action": entry.action,
        "project_id": entry.project_id, "event_id": entry.event_id,
        "incident_id": entry.incident_id, "detail": entry.detail,
    })
}

fn at(entry: &AuditEntry) -> String {
    entry.at.format(&Rfc3339).unwrap_or_default()
}
