//! The page of a set: its projects, their sum, and what failed in any of them.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use domain::alert::one_line;
use domain::bulk::{BulkAction, BulkCounts, BulkState, ItemState};
use domain::ids::{BulkId, BulkSetId, ProjectId};
use domain::timeline::actor_name;
use store::bulk::{self, Bulk, Summary};
use store::projects::{self, Project};
use store::{PgPool, StoreError};
use time::OffsetDateTime;
use web::error::ApiError;

use super::BulkSet;
use crate::badge::Badge;
use crate::bulk::acts::Acts;
use crate::bulk::frozen::Frozen;
use crate::bulk::page::{
    MAX_LISTED, TroubleItem, badge, excluded, heading, many, percent, plan, unlisted,
};
use crate::bulk::pick::Pick;
use crate::bulk::start_form::StartForm;
use crate::bulk::values::StartValues;
use crate::form::FormErrors;
use crate::layout::{Layout, Section, mode_word};
use crate::page::page_with;
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::when::When;

#[derive(Template)]
#[template(path = "pages/bulk_set.html")]
struct SetPage {
    layout: Layout,
    path: String,
    id: BulkSetId,
    heading: String,
    state: Badge,
    action: BulkAction,
    is_preview: bool,
    acts: Acts,
    members: Vec<Member>,
    counts: BulkCounts,
    total: i64,
    /// How many of a hundred are over, of all projects.
    percent: i64,
    note: Option<String>,
    by: String,
    started: Option<When>,
    /// How each was to go, in words.
    plan: Option<String>,
    /// The fields that pick the same again, with what was left out because it takes something from the customer.
    again: Vec<(String, String)>,
    troubles: Vec<TroubleItem>,
    /// What failed or was skipped besides, in words.
    unlisted: Option<String>,
    form: StartForm,
}

/// What is done in one project.
struct Member {
    /// The page of it alone.
    path: String,
    project: String,
    state: Badge,
    /// Why it paused by itself.
    why: Option<String>,
    counts: BulkCounts,
    total: i64,
    percent: i64,
    frozen: Frozen,
    excluded: Vec<String>,
}

/// What is read of all bulks of a set.
struct Read {
    names: BTreeMap<ProjectId, String>,
    counts: BTreeMap<BulkId, BulkCounts>,
    summaries: BTreeMap<BulkId, Summary>,
}

/// The page, with what was typed into its form.
pub(super) async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    set: &BulkSet,
    (values, errors): (StartValues, FormErrors),
    pick: &Pick,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let read = Read::load(&state.pool, &set.bulks).await?;
    let members: Vec<_> = set.bulks.iter().map(|bulk| read.member(bulk, now)).collect();
    let counts: BulkCounts = read.counts.values().copied().sum();
    let states: Vec<_> = set.bulks.iter().map(|bulk| bulk.state).collect();
    let (stands, one) = (BulkState::of_set(&states), described(&set.bulks));
    let of = format!("{} of {}", many(counts.total()), projects_of(members.len()));
    let heading = heading(one.action, stands, &of, counts);
    let query = if pick.is_empty() { String::new() } else { format!("?{}", pick.to_query()) };
    let most = members.iter().map(|member| member.total).max().unwrap_or_default();
    let page = SetPage {
        layout: Layout::load(state, signed_in, Section::Incidents, heading.as_str())
            .await?
            .at(super::path(set.id)),
        path: super::path(set.id),
        id: set.id,
        heading,
        state: badge(stands, counts),
        action: one.action,
        is_preview: stands == BulkState::Preview,
        acts: Acts::of_all(&states),
        counts,
        total: counts.total(),
        percent: percent(counts),
        note: one.note.clone(),
        by: actor_name(&one.requested_by),
        started: one.started_at.map(|at| When::ago(at, now)),
        plan: plan(one),
        again: again(&set.bulks, pick),
        troubles: list_troubles(&state.pool, set, &read.names).await?,
        unlisted: unlisted(counts),
        form: StartForm { query, ..StartForm::of_each(one.action, most, values, errors) },
        members,
    };
    page_with(page.form.errors.status(), &page)
}

impl SetPage {
    fn is_paced(&self) -> bool {
        self.action.is_paced()
    }
}

impl Read {
    async fn load(pool: &PgPool, bulks: &[Bulk]) -> Result<Self, StoreError> {
        let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
        let projects = projects::list_projects(pool).await?;
        // Only a preview shows what its incidents are.
        let is_preview = bulks.iter().all(|bulk| bulk.state == BulkState::Preview);
        let summarized: &[BulkId] = if is_preview { &ids } else { &[] };
        Ok(Self {
            names: projects.into_iter().map(|it| (it.id, name(&it))).collect(),
            counts: bulk::count_items_of(pool, &ids).await?,
            summaries: bulk::summarize_items(pool, summarized).await?,
        })
    }

    fn member(&self, bulk: &Bulk, now: OffsetDateTime) -> Member {
        let counts = self.counts.get(&bulk.id).copied().unwrap_or_default();
        let summary = self.summaries.get(&bulk.id).cloned().unwrap_or_default();
        Member {
            path: crate::bulk::path(bulk.id),
            project: self.names.get(&bulk.project_id).cloned().unwrap_or_default(),
            state: match bulk.items {
                0 => Badge::new("", "Nothing to do"),
                _ => badge(bulk.state, counts),
            },
            why: bulk.why.as_deref().map(one_line),
            counts,
            total: counts.total(),
            percent: percent(counts),
            frozen: Frozen::new(&summary, now),
            excluded: excluded(bulk),
        }
    }
}

/// A filter may find incidents of both modes.
fn name(project: &Project) -> String {
    format!("{} · {}", one_line(&project.name), mode_word(project.mode))
}

fn projects_of(members: usize) -> String {
    if members == 1 { "1 project".to_owned() } else { format!("{members} projects") }
}

/// The one that says how all of them were started.
fn described(bulks: &[Bulk]) -> &Bulk {
    bulks.iter().find(|bulk| bulk.started_at.is_some()).unwrap_or(&bulks[0])
}

/// What takes in those that take something, where some were left out and the address says what was picked.
fn again(bulks: &[Bulk], pick: &Pick) -> Vec<(String, String)> {
    let is_any_left_out = bulks.iter().any(|bulk| bulk.excluded.taking > 0);
    if is_any_left_out { pick.fields_with_taking() } else { Vec::new() }
}

/// What failed or was skipped, each with the name of its project.
async fn list_troubles(
    pool: &PgPool,
    set: &BulkSet,
    projects: &BTreeMap<ProjectId, String>,
) -> Result<Vec<TroubleItem>, StoreError> {
    let mut all = bulk::list_set_items(pool, set.id, ItemState::Failed, MAX_LISTED).await?;
    all.extend(bulk::list_set_items(pool, set.id, ItemState::Skipped, MAX_LISTED).await?);
    let named = all.iter().map(|item| {
        let of = set.bulks.iter().find(|bulk| bulk.id == item.bulk_id);
        let name = of.and_then(|bulk| projects.get(&bulk.project_id)).cloned();
        TroubleItem::new(item, Some(name.unwrap_or_default()))
    });
    Ok(named.collect())
}
