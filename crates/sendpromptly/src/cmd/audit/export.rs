//! `audit export`: entries to standard output while they are read, so the length costs no memory.
//!
//! What is written in the meantime is newer than the first entry and not in it. A database that fails half-way ends the
//! command with an error and without the heads, which are the last that a whole file has. With `--json` that error is
//! the last line, so that every line is JSON; CSV would end in one that is not CSV, and is rejected.

use std::io::{self, ErrorKind, Write as _};

use console::audit::rows::{csv_head, csv_note, push_csv, to_json};
use domain::days;
use domain::ids::ProjectId;
use engine::audit_chain::HeadLine;
use serde_json::json;
use store::PgPool;
use store::audit_chain::list_heads;
use store::search::audit::{AuditEntry, AuditExport, AuditSearch};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly audit export > audit.jsonl
  sendpromptly audit export --format csv --project prj_… --since 2026-11-01 --until 2026-11-30 > november.csv

Newest first. What comes last says where the chains end now: JSON Lines end with an object of heads, CSV with a row for \
each. A file without it is not whole. With --json, which JSON Lines alone take, the last line of one that is not is its error.";

/// What is written.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// csv or jsonl.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: String,
    /// Only entries about this project.
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// The first day, in UTC, such as 2026-11-01.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// The last day, which is included.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Jsonl,
}

pub(super) async fn run(args: ExportArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let (format, mut search) = read(&args, context.json)?;
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(args.project.as_deref()).await?;
    search.project_id = project_id;
    match write(&admin.pool, format, search, project_id).await {
        // A reader that has gone away, as `head` does, has read enough.
        Err(error) if is_gone(&error) => Ok(CommandOutput::silent()),
        done => done.map(|()| CommandOutput::silent()),
    }
}

fn read(args: &ExportArgs, json: bool) -> Result<(Format, AuditSearch), Failure> {
    let format = match args.format.as_str() {
        "csv" if json => {
            return Err(Failure::option(
                "format",
                "csv is no JSON: leave out --json, or export jsonl",
            ));
        }
        "csv" => Format::Csv,
        "jsonl" => Format::Jsonl,
        _ => return Err(Failure::option("format", "must be csv or jsonl")),
    };
    let no_day = |name| move |_| Failure::option(name, "must be a day such as 2026-11-21");
    let from = args.since.as_deref().map(days::begin_of).transpose().map_err(no_day("since"))?;
    let to = args.until.as_deref().map(days::end_of).transpose().map_err(no_day("until"))?;
    Ok((format, AuditSearch { from, to: to.flatten(), ..AuditSearch::default() }))
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn write(
    pool: &PgPool,
    format: Format,
    search: AuditSearch,
    project_id: Option<ProjectId>,
) -> anyhow::Result<()> {
    let mut export = AuditExport::whole(search);
    if format == Format::Csv {
        put(&csv_head())?;
    }
    loop {
        let entries = export.next(pool).await?;
        if entries.is_empty() {
            break;
        }
        put(&lines(format, &entries))?;
    }
    let heads = list_heads(pool).await?;
    let heads = heads.iter().filter(|head| project_id.is_none() || head.project_id == project_id);
    let heads: Vec<HeadLine> = heads.map(HeadLine::from).collect();
    put(&match format {
        Format::Jsonl => format!("{}\n", json!({ "heads": heads })),
        Format::Csv => {
            let notes = heads.iter().map(|head| csv_note(&json!(head).to_string()));
            notes.collect()
        }
    })
}

fn put(text: &str) -> anyhow::Result<()> {
    let mut to = io::stdout().lock();
    Ok(to.write_all(text.as_bytes()).and_then(|()| to.flush())?)
}

fn lines(format: Format, entries: &[AuditEntry]) -> String {
    let mut out = String::new();
    for entry in entries {
        match format {
            Format::Csv => push_csv(&mut out, entry),
            Format::Jsonl => {
                out.push_str(&to_json(entry).to_string());
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(format: &str, since: Option<&str>, until: Option<&str>) -> ExportArgs {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        ExportArgs {
            format: format.to_owned(),
            project: None,
            since: owned(since),
            until: owned(until),
        }
    }

    #[test]
    fn an_option_that_makes_no_sense_is_named() {
        let until = args("csv", None, Some("2026-11-30"));
        let (format, search) = read(&until, false).expect("options");
        assert_eq!((format, search.from.is_none(), search.to.is_some()), (Format::Csv, true, true));
        for (bad, expected) in [
            (args("xml", None, None), "format must be csv or jsonl"),
            (args("csv", Some("soon"), None), "since must be a day such as 2026-11-21"),
            (args("csv", None, Some("2026-02-30")), "until must be a day such as 2026-11-21"),
        ] {
            assert_eq!(read(&bad, false).expect_err("no options").to_string(), expected);
        }
    }

    #[test]
    fn what_has_to_be_json_is_not_exported_as_csv() {
        let rejected = read(&args("csv", None, None), true).expect_err("no JSON").to_string();
        assert_eq!(rejected, "format csv is no JSON: leave out --json, or export jsonl");
        let (format, _) = read(&args("jsonl", None, None), true).expect("options");
        assert_eq!(format, Format::Jsonl);
    }
}
