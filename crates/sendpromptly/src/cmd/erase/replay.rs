//! `erase --export` and `erase --replay`: who was erased, outside of the database, and erasing them again in a database
//! that was restored from before.
//!
//! A line of the file is an erasure. It names its customer by a keyed hash, so the file is none that has to be erased. What
//! stands in a file is kept when it is written again: a database that was restored does not know of it, and nothing else does.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use domain::ids::{CustomerHash, ErasureId, ProjectId};
use serde::{Deserialize, Serialize};
use store::erasure::{ErasureRecord, Replayed, list_records, replay};
use store::seal::Head;
use time::OffsetDateTime;

use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::local::write_whole;
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::counted;

#[derive(Serialize, Deserialize)]
struct Line {
    erasure_id: ErasureId,
    project_id: ProjectId,
    tombstone: CustomerHash,
    requested_by: String,
    #[serde(with = "time::serde::rfc3339")]
    requested_at: OffsetDateTime,
    /// The key of the project's hashes, sealed with the master key; in hexadecimal digits.
    reference_key: String,
}

impl From<ErasureRecord> for Line {
    fn from(record: ErasureRecord) -> Self {
        Self {
            erasure_id: record.id,
            project_id: record.project_id,
            tombstone: record.customer,
            requested_by: record.requested_by,
            requested_at: record.requested_at,
            reference_key: hex::encode(record.reference_key),
        }
    }
}

impl Line {
    fn read(text: &str) -> Result<ErasureRecord, String> {
        let line: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let key = hex::decode(&line.reference_key);
        Ok(ErasureRecord {
            id: line.erasure_id,
            project_id: line.project_id,
            customer: line.tombstone,
            requested_by: line.requested_by,
            requested_at: line.requested_at,
            reference_key: key.map_err(|error| format!("reference_key: {error}"))?,
        })
    }
}

#[derive(Serialize)]
struct ExportReport {
    exported: usize,
}

#[derive(Serialize)]
struct ReplayReport {
    erased: u64,
    known: u64,
    without_project: u64,
}

/// Writes every erasure into a file, which is there as a whole or as it was. Those in it that the database does not know stay.
pub(super) async fn export(admin: &AdminContext, file: &Path) -> anyhow::Result<CommandOutput> {
    let failed = |error| Failure::option("--export", format!("{}: {error}", file.display()));
    let before = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.map_err(failed)?,
    };
    let kept = read_lines(&before, file)
        .map_err(|why| Failure::option("--export", format!("{why}. Nothing was exported")))?;
    let records = merge(kept, list_records(&admin.pool).await?);
    let report = ExportReport { exported: records.len() };
    let mut lines = String::new();
    for record in records.into_values() {
        lines.push_str(&serde_json::to_string(&Line::from(record))?);
        lines.push('\n');
    }
    write_whole(file, lines.as_bytes()).map_err(failed)?;
    let exported = counted(report.exported, "erasure is", "erasures are");
    let said = format!("{exported} in {}.", file.display());
    CommandOutput::new(&report, said)
}

/// What a file has and what the database has, which is the newer one of both: its keys may be sealed again.
fn merge(
    kept: Vec<ErasureRecord>,
    known: Vec<ErasureRecord>,
) -> BTreeMap<ErasureId, ErasureRecord> {
    let mut records: BTreeMap<_, _> = kept.into_iter().map(|record| (record.id, record)).collect();
    for record in known {
        if !records.get(&record.id).is_some_and(|kept| has_another_key(kept, &record)) {
            records.insert(record.id, record);
        }
    }
    records
}

/// Whether a tombstone in the file was made with another key than the project has by now. A database that was restored from
/// before its first key makes another one, and keeps the tombstone of whom it does not find as it is: only the key of the
/// file finds the customer in an older backup. What is sealed again for a new master key has another head.
fn has_another_key(kept: &ErasureRecord, known: &ErasureRecord) -> bool {
    let head = |record: &ErasureRecord| Head::read(&record.reference_key).ok();
    kept.customer == known.customer
        && kept.reference_key != known.reference_key
        && head(kept) == head(known)
}

fn read_lines(text: &str, file: &Path) -> Result<Vec<ErasureRecord>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let place = format!("{}, line {}", file.display(), number + 1);
        Line::read(line).map_err(|why| format!("{place}: {why}"))
    };
    lines.map(read).collect()
}

/// Erases again who is in a file. Nothing is erased where a line cannot be read.
pub(super) async fn run(admin: &AdminContext, file: &Path) -> anyhow::Result<CommandOutput> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::option("--replay", format!("{}: {error}", file.display())))?;
    let records = read_lines(&text, file)
        .map_err(|why| Failure::option("--replay", format!("{why}. Nothing was erased")))?;
    let key = admin.master_key().await?;
    let replaying = replay(&admin.pool, &key, &records);
    let Replayed { erased, known, without_project } =
        while_waiting("erasing again", replaying).await?;
    let foreign = match without_project {
        0 => String::new(),
        1 => " 1 is of a project that this database does not have.".to_owned(),
        some => format!(" {some} are of projects that this database does not have."),
    };
    let (again, already) = (counted(erased, "was", "were"), counted(known, "was", "were"));
    let said = format!("{again} erased again, {already} erased already.{foreign}");
    CommandOutput::new(&ReplayReport { erased, known, without_project }, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ErasureRecord {
        ErasureRecord {
            id: "era_00000000000000000000000001".parse().expect("an id"),
            project_id: "prj_00000000000000000000000002".parse().expect("an id"),
            customer: "erased:00000000000000000000000003".parse().expect("a hash"),
            requested_by: "cli:bob".to_owned(),
            requested_at: OffsetDateTime::UNIX_EPOCH,
            reference_key: vec![2, 0, 255],
        }
    }

    /// A key, sealed with a master key.
    fn sealed(key: u8, master_key: u8) -> Vec<u8> {
        let mut envelope = vec![master_key; 40];
        envelope[0] = 2;
        envelope.push(key);
        envelope
    }

    #[test]
    fn a_tombstone_keeps_the_key_that_it_was_made_with_and_all_else_is_as_the_database_has_it() {
        let kept = ErasureRecord { reference_key: sealed(1, 7), ..record() };
        let other = "erased:00000000000000000000000004".parse().expect("a hash");
        let made_since = ErasureRecord { reference_key: sealed(2, 7), ..record() };
        let found_since = ErasureRecord { customer: other, ..made_since.clone() };
        let sealed_again = ErasureRecord { reference_key: sealed(1, 8), ..record() };
        for (known, expected) in [
            (&kept, &kept),
            (&made_since, &kept),
            (&found_since, &found_since),
            (&sealed_again, &sealed_again),
        ] {
            let merged: Vec<_> =
                merge(vec![kept.clone()], vec![known.clone()]).into_values().collect();
            assert_eq!(merged, std::slice::from_ref(expected));
        }
        assert_eq!(merge(vec![kept], Vec::new()).len(), 1, "the database does not know of it");
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_a_bad_one_says_why() {
        let record = record();
        let line = serde_json::to_string(&Line::from(record.clone())).expect("JSON");
        assert_eq!(Line::read(&line), Ok(record));
        for (bad, why) in [
            ("{}", "missing field `erasure_id`"),
            (line.replace("erased:", "user:").as_str(), "must look like erased:…"),
            (line.replace("0200ff", "?").as_str(), "reference_key"),
        ] {
            let said = Line::read(bad).expect_err(bad);
            assert!(said.contains(why), "{said}");
        }
    }
}
