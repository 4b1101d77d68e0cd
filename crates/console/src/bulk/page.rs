//! The page of a bulk reprocess, or of what else is done to many incidents.

use askama::Template;
use axum::response::Response;
use domain::alert::{format_duration, one_line};
use domain::bulk::{BulkAction, BulkCounts, BulkSettings, BulkState};
use domain::ids::{BulkId, CauseId, IncidentId, ReplayId};
use domain::incident::MAX_NOTE;
use domain::timeline::actor_name;
use store::bulk::{self, Bulk, BulkItem};
use store::search::causes::find_cause;
use store::{PgPool, StoreError, projects};
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

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
const MAX_LISTED: i64 = 100;

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
    project: (String, String),
    note: Option<String>,
    by: String,
    started: Option<When>,
    /// How it was to go, in words.
    plan: Option<String>,
    counts: BulkCounts,
    total: i64,
    /// How many of a hundred are over.
    percent: i64,
    action: BulkAction,
    /// How many are left out, and why, in sentences.
    excluded: Vec<String>,
    /// The cause whose incidents that take something can be taken in.
    may_include: Option<CauseId>,
    stands: BulkState,
    troubles: Vec<TroubleItem>,
    values: StartValues,
    errors: FormErrors,
    max_note: usize,
    /// How long it takes at the pace that is offered.
    takes: String,
    /// That pace, in incidents a minute.
    offered: i32,
}

/// An incident that failed or was skipped.
struct TroubleItem {
    id: IncidentId,
    reference: String,
    state: Badge,
    why: String,
    replay_id: Option<ReplayId>,
}

/// The page, with what was typed into its form.
pub(super) async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    bulk: Bulk,
    values: StartValues,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let (pool, now) = (&state.pool, OffsetDateTime::now_utc());
    let counts = bulk::count_items(pool, bulk.id).await?;
    let project = projects::find_project(pool, bulk.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let cause = find_shared(pool, &bulk).await?;
    let heading = heading(&bulk);
    let total = counts.total();
    let over = counts.ended() + counts.skipped;
    let offered = BulkSettings::default().per_minute;
    let page = BulkPage {
        layout: Layout::load(state, signed_in, Section::Incidents, heading.as_str()).await?,
        path: super::path(bulk.id),
        id: bulk.id,
        heading,
        state: badge(bulk.state),
        why: bulk.why.as_deref().map(one_line),
        cause,
        project: (one_line(&project.name), format!("/projects/{}", project.id)),
        note: bulk.note.clone(),
        by: actor_name(&bulk.requested_by),
        started: bulk.started_at.map(|at| When::ago(at, now)),
        plan: plan(&bulk),
        counts,
        total,
        percent: if total == 0 { 0 } else { over * 100 / total },
        action: bulk.action,
        excluded: excluded(&bulk),
        may_include: bulk.cause_id.filter(|_| bulk.excluded_taking > 0),
        stands: bulk.state,
        troubles: list_troubles(state, &bulk).await?,
        values,
        max_note: MAX_NOTE,
        takes: format_duration(Duration::minutes(total / i64::from(offered) + 1)),
        offered,
        errors,
    };
    page_with(page.errors.status(), &page)
}

impl BulkPage {
    fn is_preview(&self) -> bool {
        self.stands == BulkState::Preview
    }

    fn is_paced(&self) -> bool {
        self.action.is_paced()
    }

    /// What the button that starts it says.
    fn start(&self) -> &'static str {
        match self.action {
            BulkAction::Reprocess => "Start",
            BulkAction::Acknowledge => "Acknowledge",
            BulkAction::Resolve => "Resolve",
        }
    }

    fn may_pause(&self) -> bool {
        self.stands == BulkState::Running
    }

    fn may_resume(&self) -> bool {
        self.stands == BulkState::Paused
    }

    fn may_cancel(&self) -> bool {
        self.may_pause() || self.may_resume()
    }
}

async fn find_shared(pool: &PgPool, bulk: &Bulk) -> Result<Option<(String, String)>, StoreError> {
    let Some(id) = bulk.cause_id else { return Ok(None) };
    let cause = find_cause(pool, id).await?;
    Ok(cause.map(|cause| (cause.title(), cause_href(id))))
}

fn heading(bulk: &Bulk) -> String {
    let many =
        if bulk.items == 1 { "1 incident".to_owned() } else { format!("{} incidents", bulk.items) };
    let (shall, does, did) = match bulk.action {
        BulkAction::Reprocess => ("Reprocess", "Reprocessing", "Reprocess of"),
        BulkAction::Acknowledge => ("Acknowledge", "Acknowledging", "Acknowledged:"),
        BulkAction::Resolve => ("Resolve", "Resolving", "Resolved:"),
    };
    match bulk.state {
        BulkState::Preview => format!("{shall} {many}?"),
        BulkState::Running | BulkState::Paused => format!("{does} {many}"),
        BulkState::Canceled | BulkState::Done => format!("{did} {many}"),
    }
}

fn excluded(bulk: &Bulk) -> Vec<String> {
    let all = [
        (bulk.excluded_running, "are being reprocessed already"),
        (
            bulk.excluded_taking,
            "are left out, because their reprocess takes something from the customer",
        ),
        (bulk.excluded_resolved, "are resolved"),
        (bulk.excluded_acknowledged, "are acknowledged already"),
    ];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    let mut sentences: Vec<_> = some.map(|(count, why)| format!("{count} more {why}.")).collect();
    if bulk.left_over > 0 {
        sentences.push("More match than one takes: freeze the rest once this one is over.".into());
    }
    sentences
}

fn badge(state: BulkState) -> Badge {
    match state {
        BulkState::Preview => Badge::new("", "Nothing has started"),
        BulkState::Running => Badge::new("work", "Running"),
        BulkState::Paused => Badge::new("open", "Paused"),
        BulkState::Canceled => Badge::new("", "Canceled"),
        BulkState::Done => Badge::new("done", "Done"),
    }
}

fn plan(bulk: &Bulk) -> Option<String> {
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
    Ok(all.iter().map(TroubleItem::new).collect())
}

impl TroubleItem {
    fn new(item: &BulkItem) -> Self {
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
            reference: one_line(&item.internal_reference),
            state,
            why: item.why.as_deref().map(one_line).unwrap_or_default(),
            replay_id: item.replay_id,
        }
    }
}
