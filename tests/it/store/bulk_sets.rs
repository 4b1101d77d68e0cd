//! Sets of bulks: frozen and started together or not at all, steered together, and each going its own way.

use std::collections::BTreeMap;

use domain::bulk::{BulkAction, BulkSettings, BulkState, ItemState, Steering};
use domain::ids::{BulkId, BulkSetId, ProjectId};
use domain::project::Mode;
use e2e::run;
use e2e::world::new_key;
use sqlx::AssertSqlSafe;
use store::bulk::{
    NewSet, Preview, PreviewRejection, Selection, SteerRejection, create_set, dispatch,
    list_failures_of, list_items, list_set, list_set_items, purge_previews, start, start_set,
    steer_set, step,
};
use store::pool::transaction;
use store::projects::{self, ProjectSettings};
use store::{ChangeError, api_keys};

use super::bulk::report;
use super::bulk_changes::failed;
use super::shop::{Shop, bob, owner};

const NOTE: &str = "the queue was down";
const SETTINGS: BulkSettings = BulkSettings { canary: 1, per_minute: 600, stop_percent: 100 };

/// Another project in the same database.
pub async fn another(shop: &Shop, repair_url: Option<&str>) -> Shop {
    let settings = ProjectSettings {
        repair_url: repair_url.map(str::to_owned),
        ..ProjectSettings::new("Northwind".to_owned(), Mode::Test)
    };
    let project_id = projects::insert_project(&shop.pool, &settings).await.expect("a project");
    let key = new_key().expect("a key");
    let key_id = api_keys::insert_key(&shop.pool, project_id, "northwind", &key).await;
    shop.working_for(owner(key_id.expect("a key"), project_id, Mode::Test))
}

/// Everything that is not resolved in these.
pub fn all_of(shops: &[&Shop]) -> BTreeMap<ProjectId, Selection> {
    shops.iter().map(|shop| (shop.owner.project_id, Selection::All)).collect()
}

pub async fn freeze(
    shop: &Shop,
    action: BulkAction,
    selections: BTreeMap<ProjectId, Selection>,
) -> Result<(BulkSetId, Vec<(ProjectId, Preview)>), ChangeError<PreviewRejection>> {
    let actor = bob();
    let new = NewSet { action, selections, include_taking: false, actor: &actor };
    transaction(&shop.pool, async |tx| create_set(tx, &new).await).await
}

async fn begin(shop: &Shop, id: BulkSetId) -> Result<(), ChangeError<SteerRejection>> {
    transaction(&shop.pool, async |tx| start_set(tx, id, &bob(), SETTINGS, NOTE).await).await
}

async fn steered(
    shop: &Shop,
    id: BulkSetId,
    steering: Steering,
) -> Result<(), ChangeError<SteerRejection>> {
    transaction(&shop.pool, async |tx| steer_set(tx, id, &bob(), steering).await).await
}

/// The bulks of a set, in the order of their projects.
async fn bulks(shop: &Shop, id: BulkSetId) -> Vec<(BulkId, BulkState)> {
    let all = list_set(&shop.pool, id).await.expect("a database");
    all.iter().map(|bulk| (bulk.id, bulk.state)).collect()
}

async fn states(shop: &Shop, id: BulkSetId) -> Vec<BulkState> {
    bulks(shop, id).await.into_iter().map(|(_, state)| state).collect()
}

async fn counted(shop: &Shop, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&shop.pool).await.expect("a count")
}

async fn execute(shop: &Shop, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&shop.pool).await.expect("a statement");
}

fn why<T: std::fmt::Debug, R: std::fmt::Debug>(done: Result<T, ChangeError<R>>) -> R {
    done.expect_err("a rejection").rejection().expect("a database")
}

#[test]
fn several_projects_are_frozen_together_and_what_cannot_be_done_is_counted() {
    run(async {
        let shop = Shop::open().await;
        let northwind = another(&shop, Some("http://127.0.0.1:9/repair")).await;
        let unable = another(&shop, None).await;
        for (of, events) in [(&shop, 2), (&northwind, 1), (&unable, 3)] {
            failed(of, events).await;
        }
        let all = || all_of(&[&shop, &northwind, &unable]);
        let mut cut_off = shop.begin().await;
        let actor = bob();
        let action = BulkAction::Reprocess;
        let new = NewSet { action, selections: all(), include_taking: false, actor: &actor };
        create_set(&mut cut_off, &new).await.expect("a set");
        drop(cut_off);
        assert_eq!(counted(&shop, "SELECT count(*) FROM bulk_reprocesses").await, 0);

        let (id, previews) = freeze(&shop, action, all()).await.expect("a set");
        let frozen: Vec<_> = previews
            .iter()
            .map(|(_, preview)| (preview.items, preview.excluded.no_repair_url, preview.left_over))
            .collect();
        assert_eq!(frozen, [(2, 0, 0), (1, 0, 0), (0, 3, 0)]);
        assert_eq!(states(&shop, id).await, [BulkState::Preview; 3]);
        let none = freeze(&shop, action, all_of(&[&unable])).await;
        assert_eq!(why(none), PreviewRejection::NoRepairUrl);

        let (other, _) = freeze(&shop, BulkAction::Resolve, all()).await.expect("another set");
        let first = bulks(&shop, other).await[0].0.as_uuid();
        let old = "UPDATE bulk_reprocesses SET created_at = now() - interval '2 days' WHERE id =";
        execute(&shop, format!("{old} '{first}'")).await;
        assert_eq!(purge_previews(&shop.pool).await.expect("a database"), 3, "all of it");
        assert_eq!(why(begin(&shop, other).await), SteerRejection::NoBulk);
        assert_eq!(states(&shop, id).await.len(), 3);
    });
}

#[test]
fn all_of_a_set_start_together_or_none_does() {
    run(async {
        let shop = Shop::open().await;
        let northwind = another(&shop, Some("http://127.0.0.1:9/repair")).await;
        let unable = another(&shop, None).await;
        for of in [&shop, &northwind, &unable] {
            failed(of, 1).await;
        }
        let all = all_of(&[&shop, &northwind, &unable]);
        let (id, _) = freeze(&shop, BulkAction::Reprocess, all).await.expect("a set");
        let members = bulks(&shop, id).await;
        let alone = transaction(&shop.pool, async |tx| {
            start(tx, members[0].0, &bob(), SETTINGS, NOTE).await
        });
        assert_eq!(why(alone.await), SteerRejection::OfSet(id));

        let broken = members[1].0.as_uuid();
        let check =
            "ALTER TABLE bulk_reprocesses ADD CONSTRAINT broken CHECK (state = 'preview' OR id <>";
        execute(&shop, format!("{check} '{broken}')")).await;
        assert!(matches!(begin(&shop, id).await, Err(ChangeError::Store(_))));
        assert_eq!(states(&shop, id).await, [BulkState::Preview; 3]);
        let started = "SELECT count(*) FROM audit_entries WHERE action = 'bulk.started'";
        assert_eq!(counted(&shop, started).await, 0);
        assert!(dispatch::claim_due(&shop.pool).await.expect("a database").is_empty());

        execute(&shop, "ALTER TABLE bulk_reprocesses DROP CONSTRAINT broken".to_owned()).await;
        let (one, two) = tokio::join!(begin(&shop, id), begin(&shop, id));
        let late = if one.is_ok() { two } else { one };
        assert_eq!(why(late), SteerRejection::State(BulkState::Running));
        let expected = [BulkState::Running, BulkState::Running, BulkState::Preview];
        assert_eq!(states(&shop, id).await, expected, "nothing is to be done in the last one");
        assert_eq!(counted(&shop, started).await, 2);
        // Whoever came second may still hold the rows, which a claim would leave out.
        let due = "SELECT count(*) FROM bulk_reprocesses WHERE dispatch_at <= now()";
        assert_eq!(counted(&shop, due).await, 2);
    });
}

#[test]
fn a_set_is_steered_as_a_whole_and_what_failed_in_it_is_tried_again_as_one() {
    run(async {
        let shop = Shop::open().await;
        let northwind = another(&shop, Some("http://127.0.0.1:9/repair")).await;
        let (ours, theirs) = (failed(&shop, 1).await, failed(&northwind, 2).await);
        let both = all_of(&[&shop, &northwind]);
        let (id, _) = freeze(&shop, BulkAction::Reprocess, both).await.expect("a set");
        begin(&shop, id).await.expect("a start");
        let members = bulks(&shop, id).await;
        let steps = async || {
            for (bulk, _) in &members {
                step(&shop.pool, *bulk).await.expect("a database").expect("a bulk");
            }
            states(&shop, id).await
        };
        steps().await;
        steered(&shop, id, Steering::Pause).await.expect("paused");
        steered(&shop, id, Steering::Pause).await.expect("said twice");
        assert_eq!(states(&shop, id).await, [BulkState::Paused; 2]);
        steered(&shop, id, Steering::Resume).await.expect("resumed");
        report(&shop, ours[0], "success").await;
        report(&northwind, theirs[0], "failed").await;
        assert_eq!(steps().await, [BulkState::Done, BulkState::Paused], "each is judged by itself");
        steered(&shop, id, Steering::Resume).await.expect("resumed");
        assert_eq!(states(&shop, id).await, [BulkState::Done, BulkState::Running]);
        steered(&shop, id, Steering::Cancel).await.expect("canceled");
        let late = why(steered(&shop, id, Steering::Pause).await);
        assert_eq!(late, SteerRejection::State(BulkState::Canceled));

        let failures = list_set_items(&shop.pool, id, ItemState::Failed, 10).await.expect("items");
        let failures: Vec<_> = failures.iter().map(|item| (item.bulk_id, item.event_id)).collect();
        assert_eq!(failures, [(members[1].0, theirs[0])]);
        let selections = list_failures_of(&shop.pool, id).await.expect("a database");
        assert_eq!(selections.keys().collect::<Vec<_>>(), [&northwind.owner.project_id]);
        let again = freeze(&shop, BulkAction::Reprocess, selections).await.expect("a set");
        let frozen = list_items(&shop.pool, again.1[0].1.id, None, 0, 10).await.expect("items");
        assert_eq!(frozen.iter().map(|item| item.event_id).collect::<Vec<_>>(), [theirs[0]]);
    });
}

#[test]
fn a_note_of_a_set_names_no_customer_that_was_erased_in_any_of_its_projects() {
    run(async {
        let shop = Shop::open().await;
        let northwind = another(&shop, None).await;
        for of in [&shop, &northwind] {
            failed(of, 1).await;
        }
        let both = all_of(&[&shop, &northwind]);
        let (id, _) = freeze(&shop, BulkAction::Resolve, both).await.expect("a set");
        let begun = transaction(&shop.pool, async |tx| {
            start_set(tx, id, &bob(), SETTINGS, "user_456 has called").await
        });
        begun.await.expect("a start");
        shop.erase("user_456").await;
        let notes = "SELECT count(*) FROM bulk_reprocesses WHERE note LIKE 'erased:% has called'";
        assert_eq!(counted(&shop, notes).await, 2);
    });
}
