//! Checking the chain: whoever may write to every table cannot change the past without a finding here.
//!
//! Links are read page by page and forgotten, so a check of any length takes the same memory; the first findings are kept,
//! the others counted. A page is one statement and sees one moment: retention and new links do not disturb it. After a
//! link that does not follow, the check goes on from what is stored, so that one change is one finding.

use domain::audit::Flaw;
use domain::audit::chain::{beginning, commitment};
use domain::ids::{AuditId, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::stored::{Departure, StoredLink, StoredText, find_fewest_months, list_after};
use super::{Head, is_hash, scope};
use crate::{PgPool, StoreError};

/// So many links or entries are read at a time.
const PAGE: i64 = 2_000;
/// The most findings that are kept.
const KEPT: usize = 100;
/// So much earlier than one before it in its chain an entry may have been written, in microseconds: a process may be
/// stopped, and a clock stepped.
const MAX_LATE: i64 = 5 * 60 * 1_000_000;
/// In microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub flaw: Flaw,
    pub project_id: Option<ProjectId>,
    /// Of the link.
    pub sequence: Option<i64>,
    pub entry_id: Option<AuditId>,
    /// When the entry was written.
    pub at: Option<OffsetDateTime>,
}

/// What was checked, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    pub links: u64,
    /// Links whose entries retention took.
    pub left: u64,
    /// Entries whose texts were erased.
    pub erased: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub total: u64,
}

impl Verification {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.findings.len() < KEPT {
            self.findings.push(finding);
        }
    }

    fn add_link(&mut self, link: &StoredLink, flaw: Flaw) {
        let nanos = i128::from(link.link.at) * 1_000;
        self.add(Finding {
            flaw,
            project_id: super::project_of(link.link.scope),
            sequence: Some(link.link.sequence),
            entry_id: Some(AuditId::from_uuid(link.link.entry_id)),
            at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok(),
        });
    }
}

/// Checks the chain of a project, or of entries about none.
pub async fn verify_chain(
    pool: &PgPool,
    project_id: Option<ProjectId>,
    verification: &mut Verification,
) -> Result<(), StoreError> {
    let scope = scope(project_id);
    let stay = shortest_stay(find_fewest_months(pool, scope).await?);
    let (mut sequence, mut hash) = (0, beginning(scope).to_vec());
    let mut newest = i64::MIN;
    loop {
        let links = list_after(pool, scope, sequence, PAGE).await?;
        if links.is_empty() {
            return Ok(());
        }
        for link in links {
            let flaws = judge(&link, (sequence, hash.as_slice()), newest, stay);
            if flaws.is_empty() {
                newest = newest.max(link.link.at);
            }
            for flaw in flaws {
                verification.add_link(&link, flaw);
            }
            verification.links += 1;
            verification.left += u64::from(link.departure.is_some());
            let is_erased = matches!(link.text, Some(StoredText::Erased { .. }));
            verification.erased += u64::from(is_erased);
            (sequence, hash) = (link.link.sequence, link.hash);
        }
    }
}

/// What is wrong with a link that follows this one; `newest` is when the newest entry before it was written, `stay` for
/// how long events stay at least.
fn judge(stored: &StoredLink, (sequence, hash): (i64, &[u8]), newest: i64, stay: i64) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if stored.link.sequence != sequence + 1 {
        flaws.push(Flaw::MissingLink);
    } else if !is_hash(&stored.hash, stored.link.hash(hash)) {
        flaws.push(Flaw::BrokenLink);
    }
    flaws.extend(judge_entry(stored, stay));
    // Who adds an entry to the past gets a link for it as everyone does, but not an earlier one.
    if stored.entry.is_some() && stored.link.at.saturating_add(MAX_LATE) < newest {
        flaws.push(Flaw::LateEntry);
    }
    flaws
}

fn judge_entry(stored: &StoredLink, stay: i64) -> Option<Flaw> {
    let Some(entry) = &stored.entry else {
        let is_lawful = stored.departure.is_some_and(|left| may_have_left(stored, left, stay));
        return (!is_lawful).then_some(Flaw::MissingEntry);
    };
    if !is_hash(&stored.link.digest, entry.digest()) {
        return Some(Flaw::ChangedEntry);
    }
    let is_kept = match (&stored.text, &entry.commitment) {
        (None, None) => true,
        (Some(StoredText::Erased { is_said }), Some(_)) => *is_said,
        (Some(StoredText::Kept { salt, text }), Some(kept)) => {
            is_hash(kept, commitment(salt, text))
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    (!is_kept).then_some(Flaw::ChangedText)
}

/// No event leaves sooner after its receipt where it is kept for so many months, of whatever length.
fn shortest_stay(months: i32) -> i64 {
    (i64::from(months) * 30 - 2) * DAY
}

/// What the link says, which its hash covers, and what is gone with the entry.
fn may_have_left(stored: &StoredLink, departure: Departure, stay: i64) -> bool {
    let began = stored.link.event_id.map_or(Some(stored.link.at), received_at);
    stored.link.may_leave
        && !departure.is_refuted
        && began.is_none_or(|began| began.saturating_add(stay) <= departure.at)
}

/// When an event's id was drawn, in microseconds since 1970; ids of tests and imports do not say.
fn received_at(event_id: Uuid) -> Option<i64> {
    let (seconds, nanos) = event_id.get_timestamp()?.to_unix();
    Some(i64::try_from(seconds).ok()? * 1_000_000 + i64::from(nanos) / 1_000)
}

/// Looks for entries that have no link five minutes after they were written.
pub async fn verify_unlinked(
    pool: &PgPool,
    project_id: Option<ProjectId>,
    verification: &mut Verification,
) -> Result<(), StoreError> {
    let mut after = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
    loop {
        let rows = sqlx::query!(
            r#"SELECT e.id, e.at, e.project_id, EXISTS (SELECT FROM audit_chain c WHERE c.entry_id = e.id) AS "is_linked!"
               FROM (SELECT id, at, project_id FROM audit_entries
                   WHERE (at, id) > ($1, $2) AND at < clock_timestamp() - interval '5 minutes'
                   ORDER BY at, id LIMIT $3) AS e
               ORDER BY e.at, e.id"#,
            after.0,
            after.1,
            PAGE,
        )
        .fetch_all(pool)
        .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = (last.at, last.id.as_uuid());
        let of_project = |found: Option<ProjectId>| project_id.is_none() || found == project_id;
        for row in rows.into_iter().filter(|row| !row.is_linked && of_project(row.project_id)) {
            verification.add(Finding {
                flaw: Flaw::UnlinkedEntry,
                project_id: row.project_id,
                sequence: None,
                entry_id: Some(row.id),
                at: Some(row.at),
            });
        }
    }
}

/// Checks that a chain still has the link where it once ended.
pub async fn verify_head(
    pool: &PgPool,
    head: &Head,
    verification: &mut Verification,
) -> Result<(), StoreError> {
    let found = sqlx::query!(
        "SELECT entry_id, at, hash FROM audit_chain WHERE project_id = $1 AND sequence = $2",
        scope(head.project_id),
        head.sequence,
    )
    .fetch_optional(pool)
    .await?;
    let flaw = match &found {
        None => Flaw::MissingHead,
        Some(link) if link.hash != head.hash => Flaw::OtherHead,
        Some(_) => return Ok(()),
    };
    verification.add(Finding {
        flaw,
        project_id: head.project_id,
        sequence: Some(head.sequence),
        entry_id: found.as_ref().map(|link| AuditId::from_uuid(link.entry_id)),
        at: found.as_ref().map(|link| link.at),
    });
    Ok(())
}
