//! The page of a bulk reprocess, or of what else is done to many incidents.

use askama::Template;
use axum::response::Response;
use domain::alert::one_line;
use domain::bulk::{BulkAction, BulkCounts, BulkState};
use domain::ids::{BulkId, IncidentId, ProjectId, ReplayId};
use domain::timeline::actor_name;
use store::bulk::{self, Bulk, BulkItem};
use store::search::causes::find_cause;
use store::{PgPool, StoreError, projects};
use time::OffsetDateTime;
use web::error::ApiError;

use super::acts::Acts;
use super::frozen::Frozen;
use super::pick::Pick;
use super::set;
use super::start_form::StartForm;
use super::values::StartValues;
use crate::badge::Badge;
use crate::form::FormErrors;
use crate::incidents::cause_href;
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::when::When;

/// How many of what failed, and of what was skipped, are listed.
pub(super) const MAX_LISTED: i64 = 100;

#[derive(Template)]
#[template(path = "pages/bulk.html")]
struct BulkPage {
    layout: Layout,
    path: String,
    id: BulkId,
    heading: String,
    state: Badge,
    why: Option<String>,
    /// What its incidents have in common, and their list.
    cause: Option<(String, String)>,
    project_id: ProjectId,
    project: (String, String),
    note: Option<String>,
    by: String,
    started: Option<When>,
    /// How it was to go, in words.
    plan: Option<String>,
    counts: BulkCounts,
    total: i64,
    /// What a preview consists of.
    frozen: Option<Frozen>,
    /// How many of a hundred are over.
    percent: i64,
    action: BulkAction,
    /// How many are left out, and why, in sentences.
    excluded: Vec<String>,
    /// The fields that pick the same again, with what was left out because it takes something from the customer.
    again: Vec<(String, String)>,
    /// The page of those that it starts with.
    of_set: Option<String>,
    is_preview: bool,
    acts: Acts,
    troubles: Vec<TroubleItem>,
    /// What failed or was skipped besides, in words.
    unlisted: Option<String>,
    form: StartForm,
}

/// An incident that failed or was skipped.
pub(super) struct TroubleItem {
    pub(super) id: IncidentId,
    /// Where there are those of several.
    pub(super) project: Option<String>,
    pub(super) reference: String,
    pub(super) state: Badge,
    pub(super) why: String,
    pub(super) replay_id: Option<ReplayId>,
}

/// The page, with what was typed into its form.
pub(super) async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    bulk: Bulk,
    (values, errors): (StartValues, FormErrors),
    pick: &Pick,
) -> Result<Response, ApiError> {
    let (pool, now) = (&state.pool, OffsetDateTime::now_utc());
    let counts = bulk::count_items(pool, bulk.id).await?;
    let project = projects::find_project(pool, bulk.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let cause = find_shared(pool, &bulk).await?;
    let many = many(bulk.items.into());
    let heading = heading(bulk.action, bulk.state, &many, counts);
    let total = counts.total();
    let layout = Layout::load(state, signed_in, Section::Incidents, heading.as_str()).await?;
    let page = BulkPage {
        layout: layout.at(super::path(bulk.id)),
        path: super::path(bulk.id),
        id: bulk.id,
        heading,
        state: badge(bulk.state, counts),
        why: bulk.why.as_deref().map(one_line),
        cause,
        project_id: project.id,
        project: (one_line(&project.name), format!("/projects/{}", project.id)),
        note: bulk.note.clone(),
        by: actor_name(&bulk.requested_by),
        started: bulk.started_at.map(|at| When::ago(at, now)),
        plan: plan(&bulk),
        counts,
        total,
        frozen: find_frozen(pool, &bulk, now).await?,
        percent: percent(counts),
        action: bulk.action,
        excluded: excluded(&bulk),
        again: again(&bulk, pick),
        of_set: bulk.set_id.map(set::path),
        is_preview: bulk.state == BulkState::Preview,
        acts: Acts::of_one(bulk.state),
        troubles: list_troubles(state, &bulk).await?,
        unlisted: unlisted(counts),
        form: StartForm::of_one(bulk.action, total, values, errors),
    };
    page_with(page.form.errors.status(), &page)
}

impl BulkPage {
    fn is_paced(&self) -> bool {
        self.action.is_paced()
    }
}

/// What takes in those that take something, where some were left out: by their cause, or as the address says they were
/// picked.
fn again(bulk: &Bulk, pick: &Pick) -> Vec<(String, String)> {
    match bulk.cause_id {
        _ if bulk.excluded.taking == 0 => Vec::new(),
        Some(id) => vec![
            ("cause".to_owned(), id.to_string()),
            ("include_taking".to_owned(), "yes".to_owned()),
        ],
        None => pick.fields_with_taking(),
    }
}

/// How many of a hundred are over.
pub(super) fn percent(counts: BulkCounts) -> i64 {
    let total = counts.total();
    if total == 0 { 0 } else { (counts.ended() + counts.skipped) * 100 / total }
}

async fn find_shared(pool: &PgPool, bulk: &Bulk) -> Result<Option<(String, String)>, StoreError> {
    let Some(id) = bulk.cause_id else { return Ok(None) };
    let cause = find_cause(pool, id).await?;
    Ok(cause.map(|cause| (cause.title(), cause_href(id))))
}

/// What its incidents are, as long as nothing was done to them.
async fn find_frozen(
    pool: &PgPool,
    bulk: &Bulk,
    now: OffsetDateTime,
) -> Result<Option<Frozen>, StoreError> {
    if bulk.state != BulkState::Preview || bulk.items == 0 {
        return Ok(None);
    }
    let summary = bulk::summarize_items(pool, &[bulk.id]).await?.remove(&bulk.id);
    Ok(summary.map(|summary| Frozen::new(&summary, now)))
}

/// So many incidents, in words.
pub(super) fn many(incidents: i64) -> String {
    if incidents == 1 { "1 incident".to_owned() } else { format!("{incidents} incidents") }
}

/// What it does, or did, to so `many`: of what is over and did not do all of it, to how many.
pub(super) fn heading(
    action: BulkAction,
    state: BulkState,
    many: &str,
    counts: BulkCounts,
) -> String {
    let (shall, does, did) = match action {
        BulkAction::Reprocess => ("Reprocess", "Reprocessing", "Reprocess of"),
        BulkAction::Acknowledge => ("Acknowledge", "Acknowledging", "Acknowledged:"),
        BulkAction::Resolve => ("Resolve", "Resolving", "Resolved:"),
    };
    let is_part = !action.is_paced() && counts.succeeded < counts.total();
    match state {
        BulkState::Preview => format!("{shall} {many}?"),
        BulkState::Running | BulkState::Paused => format!("{does} {many}"),
        BulkState::Canceled | BulkState::Done if is_part => {
            format!("{did} {} of {many}", counts.succeeded)
        }
        BulkState::Canceled | BulkState::Done => format!("{did} {many}"),
    }
}

/// What is left out, and why, in sentences.
pub(super) fn excluded(bulk: &Bulk) -> Vec<String> {
    let all = [
        (bulk.excluded.running, "is being reprocessed already", "are being reprocessed already"),
        (
            bulk.excluded.taking,
            "is left out, because its reprocess takes something from the customer",
            "are left out, because their reprocess takes something from the customer",
        ),
        (bulk.excluded.resolved, "is resolved", "are resolved"),
        (bulk.excluded.acknowledged, "is acknowledged already", "are acknowledged already"),
        (
            bulk.excluded.no_repair_url,
            "is left out, because its project has no repair URL",
            "are left out, because their project has no repair URL",
        ),
    ];
    let some = all.into_iter().filter(|(count, ..)| *count > 0);
    let why = some.map(|(count, one, many)| (count, if count == 1 { one } else { many }));
    let mut sentences: Vec<_> = why.map(|(count, why)| format!("{count} more {why}.")).collect();
    if bulk.left_over > 0 {
        sentences.push("More match than one takes: freeze the rest once this one is over.".into());
    }
    sentences
}

/// What failed is not done: customers still wait.
pub(super) fn badge(state: BulkState, counts: BulkCounts) -> Badge {
    match state {
        BulkState::Preview => Badge::new("", "Nothing has started"),
        BulkState::Running => Badge::new("work", "Running"),
        BulkState::Paused => Badge::new("open", "Paused"),
        BulkState::Canceled => Badge::new("", "Canceled"),
        BulkState::Done if counts.failed > 0 => {
            Badge::new("open", format!("Done, {} failed", counts.failed))
        }
        BulkState::Done => Badge::new("done", "Done"),
    }
}

pub(super) fn plan(bulk: &Bulk) -> Option<String> {
    let settings = bulk.settings?;
    let first = match settings.canary {
        0 => String::new(),
        1 => "1 first, then ".to_owned(),
        canary => format!("{canary} first, then "),
    };
    Some(format!(
        "{first}{} a minute; pauses when {}% failed",
        settings.per_minute, settings.stop_percent
    ))
}

async fn list_troubles(state: &ConsoleState, bulk: &Bulk) -> Result<Vec<TroubleItem>, StoreError> {
    use domain::bulk::ItemState::{Failed, Skipped};
    let mut all = bulk::list_items(&state.pool, bulk.id, Some(Failed), 0, MAX_LISTED).await?;
    all.extend(bulk::list_items(&state.pool, bulk.id, Some(Skipped), 0, MAX_LISTED).await?);
    Ok(all.iter().map(|item| TroubleItem::new(item, None)).collect())
}

/// How many failed or were skipped that are not listed.
pub(super) fn unlisted(counts: BulkCounts) -> Option<String> {
    let skipped = if counts.skipped - MAX_LISTED == 1 { "was skipped" } else { "were skipped" };
    let all = [(counts.failed, "failed"), (counts.skipped, skipped)];
    let more = all.iter().map(|(count, what)| (count - MAX_LISTED, what));
    let more = more.filter(|(count, _)| *count > 0);
    let more: Vec<_> = more.map(|(count, what)| format!("{count} more {what}")).collect();
    (!more.is_empty()).then(|| more.join(", "))
}

impl TroubleItem {
    pub(super) fn new(item: &BulkItem, project: Option<String>) -> Self {
        use domain::bulk::ItemState;
        let state = match item.state {
            ItemState::Failed => Badge::new("open", "Failed"),
            ItemState::Skipped => Badge::new("", "Skipped"),
            ItemState::Waiting | ItemState::Started | ItemState::Succeeded => {
                Badge::new("", item.state.as_str())
            }
        };
        Self {
            id: item.incident_id,
            project,
            reference: one_line(&item.internal_reference),
            state,
            why: item.why.as_deref().map(one_line).unwrap_or_default(),
            replay_id: item.replay_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted() {
        let of =
            |failed, skipped| unlisted(BulkCounts { failed, skipped, ..BulkCounts::default() });
        assert_eq!(of(100, 100), None);
        assert_eq!(of(101, 7).as_deref(), Some("1 more failed"));
        assert_eq!(of(340, 112).as_deref(), Some("240 more failed, 12 more were skipped"));
        assert_eq!(of(0, 101).as_deref(), Some("1 more was skipped"));
    }

    #[test]
    fn what_is_over_and_failed_in_part_does_not_look_well() {
        let of = |state, failed| {
            let counts = BulkCounts { succeeded: 2, failed, ..BulkCounts::default() };
            let Badge { class, text } = badge(state, counts);
            format!("{class} {text}")
        };
        assert_eq!(of(BulkState::Done, 0), "done Done");
        assert_eq!(of(BulkState::Done, 3), "open Done, 3 failed");
        assert_eq!(of(BulkState::Running, 3), "work Running");
    }

    #[test]
    fn what_is_over_says_to_how_many_it_was_done() {
        let of = |action, state, succeeded| {
            let counts = BulkCounts { succeeded, skipped: 3 - succeeded, ..BulkCounts::default() };
            heading(action, state, "3 incidents", counts)
        };
        for (action, state, succeeded, expected) in [
            (BulkAction::Acknowledge, BulkState::Running, 1, "Acknowledging 3 incidents"),
            (BulkAction::Acknowledge, BulkState::Canceled, 1, "Acknowledged: 1 of 3 incidents"),
            (BulkAction::Resolve, BulkState::Done, 2, "Resolved: 2 of 3 incidents"),
            (BulkAction::Resolve, BulkState::Done, 3, "Resolved: 3 incidents"),
            (BulkAction::Reprocess, BulkState::Done, 2, "Reprocess of 3 incidents"),
        ] {
            assert_eq!(of(action, state, succeeded), expected);
        }
    }
}
