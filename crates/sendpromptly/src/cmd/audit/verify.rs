//! `audit verify`: checks the chains beside the audit, and that they still reach where they once ended.
//!
//! It reads, link by link, and changes nothing; it may run beside everything else and takes the same memory whatever the
//! length. What is checked is [`store::audit_chain`]'s to say.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use domain::audit::Flaw;
use domain::ids::{AuditId, ProjectId};
use engine::audit_chain::{HeadLine, MalformedHead};
use serde::Serialize;
use store::PgPool;
use store::audit_chain::{
    Finding, Verification, list_heads, list_scopes, verify_chain, verify_head, verify_unlinked,
};
use time::OffsetDateTime;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, counted, format_optional_timestamp, or_nothing, plain, table};

pub const HELP: &str = "\
Examples:
  sendpromptly audit verify
  sendpromptly audit verify --project prj_… --heads /mnt/elsewhere/heads.jsonl

Names what does not hold: a link or an entry that is missing, changed or moved, a text that was changed, and an entry \
without a link five minutes after it was written. Without --heads it cannot see that the end of a chain was removed \
together with its entries: let workers write SENDPROMPTLY_AUDIT_HEADS where the database's administrators cannot \
write. What retention took, and texts that were erased, leave everything as valid as before. The exit code is 1 when \
something does not hold.";

/// What is checked.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// Check only this project.
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// A file that workers wrote, or a bucket's objects one after the other, with where the chains ended: each must
    /// still be there.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
}

#[derive(Serialize)]
struct VerifyReport {
    holds: bool,
    links: u64,
    left: u64,
    erased: u64,
    /// All of them; the first are listed.
    findings_total: u64,
    findings: Vec<FindingReport>,
    /// Lines of the file of heads that say nothing.
    heads_cut_off: u64,
    heads: Vec<HeadLine>,
}

#[derive(Serialize)]
struct FindingReport {
    flaw: Flaw,
    what: &'static str,
    project_id: Option<ProjectId>,
    sequence: Option<i64>,
    audit_id: Option<AuditId>,
    #[serde(with = "time::serde::rfc3339::option")]
    at: Option<OffsetDateTime>,
}

pub(super) async fn run(args: VerifyArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(args.project.as_deref()).await?;
    let checking = verify(&admin.pool, project_id, args.heads.as_deref());
    let (verification, heads_cut_off) = while_waiting("checking the audit", checking).await?;
    let heads = list_heads(&admin.pool).await?;
    let heads = heads.iter().filter(|head| project_id.is_none() || head.project_id == project_id);
    let report = VerifyReport {
        holds: verification.total == 0,
        links: verification.links,
        left: verification.left,
        erased: verification.erased,
        findings_total: verification.total,
        findings: verification.findings.iter().map(FindingReport::from).collect(),
        heads_cut_off,
        heads: heads.map(HeadLine::from).collect(),
    };
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(report.holds))
}

/// Also gives how many lines of the heads are cut off.
async fn verify(
    pool: &PgPool,
    project_id: Option<ProjectId>,
    heads: Option<&Path>,
) -> anyhow::Result<(Verification, u64)> {
    let mut verification = Verification::default();
    for scope in list_scopes(pool).await? {
        if project_id.is_none() || scope == project_id {
            verify_chain(pool, scope, &mut verification).await?;
        }
    }
    verify_unlinked(pool, project_id, &mut verification).await?;
    let cut_off = match heads {
        Some(path) => verify_heads(pool, project_id, path, &mut verification).await?,
        None => 0,
    };
    Ok((verification, cut_off))
}

async fn verify_heads(
    pool: &PgPool,
    project_id: Option<ProjectId>,
    path: &Path,
    verification: &mut Verification,
) -> anyhow::Result<u64> {
    let mut cut_off = 0;
    let unreadable =
        |error| Failure::option("heads", format!("cannot be read: {}: {error}", path.display()));
    let lines = BufReader::new(File::open(path).map_err(unreadable)?).lines();
    for (number, line) in (1..).zip(lines) {
        let line = line.map_err(unreadable)?;
        let head = match HeadLine::read(&line) {
            Err(MalformedHead::CutOff) => {
                cut_off += 1;
                continue;
            }
            read => read.map_err(|why| Failure::option("heads", format!("line {number} {why}")))?,
        };
        if project_id.is_none() || head.project_id == project_id {
            verify_head(pool, &head, verification).await?;
        }
    }
    Ok(cut_off)
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> Self {
        Self {
            flaw: finding.flaw,
            what: finding.flaw.what(),
            project_id: finding.project_id,
            sequence: finding.sequence,
            audit_id: finding.entry_id,
            at: finding.at,
        }
    }
}

fn describe(report: &VerifyReport) -> String {
    let (links, left, erased) = (report.links, report.left, report.erased);
    let passed_over = match report.heads_cut_off {
        0 => String::new(),
        1 => " 1 line of the heads is cut off, as a full disk or a killed worker leaves it, and was passed over.".to_owned(),
        cut_off => format!(
            " {cut_off} lines of the heads are cut off, as a full disk or a killed worker leaves them, and were passed over."
        ),
    };
    let links = counted(links, "link was checked", "links were checked");
    let read = format!(
        "{links}; of {left} the entry left by retention, of {erased} the text was erased.{passed_over}"
    );
    if report.holds {
        return format!("The audit is as it was written. {read}");
    }
    let rows = report.findings.iter().map(|finding| {
        vec![
            (finding.flaw.to_string(), Tone::Bad),
            plain(&or_nothing(finding.project_id.map(|id| id.to_string()).as_deref())),
            plain(&or_nothing(finding.sequence.map(|number| number.to_string()).as_deref())),
            plain(&or_nothing(finding.audit_id.map(|id| id.to_string()).as_deref())),
            plain(&format_optional_timestamp(finding.at)),
            plain(&finding.what),
        ]
    });
    let headers = ["FLAW", "PROJECT", "LINK", "ENTRY", "WRITTEN", "WHAT"];
    let total = counted(report.findings_total, "finding", "findings");
    format!("{}\n\nThe audit does not hold: {total}. {read}", table(&headers, rows.collect()))
}
