//! Bulk reprocesses: every step twice, at once, and with what changed in the meantime.

use domain::bulk::{BulkAction, BulkCounts, BulkSettings, BulkState, ItemState, Steering};
use domain::ids::{BulkId, EventId};
use e2e::run;
use serde_json::json;
use store::ChangeError;
use store::bulk::{
    NewBulk, Preview, PreviewRejection, Selection, SteerRejection, count_items, create_preview,
    find_bulk, list_items, purge_previews, start, steer, step,
};
use store::pool::transaction;

use super::shop::{Shop, bob, receipt_with};

pub const SETTINGS: BulkSettings = BulkSettings { canary: 2, per_minute: 60, stop_percent: 50 };

/// Incidents of one cause, the oldest first.
pub async fn break_for(shop: &Shop, customers: i32) -> Vec<EventId> {
    let mut events = Vec::new();
    for customer in 0..customers {
        let event = shop.take(&format!("evt_{customer}")).await;
        shop.fail(event).await;
        events.push(event);
    }
    events
}

async fn preview(shop: &Shop, selection: Selection, include_taking: bool) -> Preview {
    try_preview(shop, selection, include_taking).await.expect("a preview")
}

async fn try_preview(
    shop: &Shop,
    selection: Selection,
    include_taking: bool,
) -> Result<Preview, PreviewRejection> {
    let project_id = shop.owner.project_id;
    let actor = bob();
    let action = BulkAction::Reprocess;
    let new = NewBulk { project_id, action, selection, include_taking, actor: &actor };
    let made = transaction(&shop.pool, async |tx| create_preview(tx, &new).await).await;
    made.map_err(|error| error.rejection().expect("a database"))
}

async fn begin(shop: &Shop, id: BulkId, settings: BulkSettings) {
    let note = "the disk has room again";
    let begun =
        transaction(&shop.pool, async |tx| start(tx, id, &bob(), settings, note).await).await;
    begun.expect("a start");
}

/// A bulk reprocess that runs, of everything.
pub async fn running(shop: &Shop, settings: BulkSettings) -> BulkId {
    let id = preview(shop, Selection::All, false).await.id;
    begin(shop, id, settings).await;
    id
}

pub async fn steered(
    shop: &Shop,
    id: BulkId,
    steering: Steering,
) -> Result<(), ChangeError<SteerRejection>> {
    transaction(&shop.pool, async |tx| steer(tx, id, &bob(), steering).await).await
}

/// One step, and what is in each state after it: waiting, started, succeeded, failed, skipped.
pub async fn next(shop: &Shop, id: BulkId) -> (BulkState, [i64; 5]) {
    let step = step(&shop.pool, id).await.expect("a database").expect("a bulk reprocess");
    let BulkCounts { waiting, started, succeeded, failed, skipped } = step.counts;
    (step.state, [waiting, started, succeeded, failed, skipped])
}

/// Lets the pace allow more.
pub async fn let_time_pass(shop: &Shop) {
    let sql = "UPDATE bulk_reprocesses SET next_at = next_at - interval '1 second', stepped_at = stepped_at - interval '3 minutes'";
    sqlx::query(sql).execute(&shop.pool).await.expect("a statement");
}

/// The app says what came of a reprocess.
pub async fn report(shop: &Shop, event: EventId, status: &str) {
    let replay_id: domain::ids::ReplayId = sqlx::query_scalar(
        "SELECT id FROM reprocesses WHERE event_id = $1 ORDER BY requested_at DESC LIMIT 1",
    )
    .bind(event)
    .fetch_one(&shop.pool)
    .await
    .expect("a reprocess");
    shop.report(event, json!({ "status": status, "replay_id": replay_id })).await;
}

#[test]
fn a_preview_freezes_what_would_be_reprocessed_and_says_what_is_left_out() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 4).await;
        shop.reprocess(events[0]).await;
        shop.resolve(events[1]).await;
        let revocation =
            json!({ "event_type": "charge.refunded", "effect_type": "access_revocation" });
        let revocation = shop.accept(&receipt_with("evt_refund", &revocation)).await.event_id;
        shop.fail(revocation).await;

        let all = preview(&shop, Selection::All, false).await;
        assert_eq!(
            (all.items, all.excluded.running, all.excluded.taking, all.left_over),
            (2, 1, 1, 0)
        );
        let frozen = list_items(&shop.pool, all.id, None, 0, 10).await.expect("items");
        assert_eq!(frozen.iter().map(|item| item.event_id).collect::<Vec<_>>(), events[2..]);
        let taking = preview(&shop, Selection::All, true).await;
        assert_eq!((taking.items, taking.excluded.taking), (3, 0));
        assert_eq!(taking.by_effect.len(), 2);

        let cause = shop.incident(events[2]).await.cause_id.expect("a cause");
        assert_eq!(preview(&shop, Selection::Cause(cause), true).await.items, 2);
        let one = shop.incident(events[3]).await.id;
        assert_eq!(preview(&shop, Selection::Incidents(vec![one]), false).await.items, 1);
        let late = shop.missed("evt_late").await;
        begin(&shop, all.id, SETTINGS).await;
        assert_eq!(next(&shop, all.id).await.1, [0, 2, 0, 0, 0], "{late} is not among them");

        let other = BulkId::from_uuid(uuid::Uuid::nil());
        let nothing = try_preview(&shop, Selection::FailuresOf(other), false).await;
        assert_eq!(nothing.expect_err("no such one"), PreviewRejection::NoBulk);
        sqlx::query("UPDATE bulk_reprocesses SET created_at = now() - interval '2 days'")
            .execute(&shop.pool)
            .await
            .expect("time that passed");
        assert_eq!(purge_previews(&shop.pool).await.expect("a database"), 3);
        assert!(find_bulk(&shop.pool, all.id).await.expect("a database").is_some());
    });
}

#[test]
fn the_first_few_are_waited_for_and_the_rest_keeps_the_pace() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 5).await;
        let id = running(&shop, SETTINGS).await;
        assert_eq!(next(&shop, id).await, (BulkState::Running, [3, 2, 0, 0, 0]));
        assert_eq!(next(&shop, id).await.1, [3, 2, 0, 0, 0], "a step again starts nothing");
        report(&shop, events[0], "success").await;
        let_time_pass(&shop).await;
        assert_eq!(next(&shop, id).await.1, [3, 1, 1, 0, 0], "one of the first still runs");
        report(&shop, events[1], "success").await;
        assert!(next(&shop, id).await.1[0] < 3, "the rest begins");
        for event in &events[2..] {
            let_time_pass(&shop).await;
            next(&shop, id).await;
            report(&shop, *event, "success").await;
        }
        assert_eq!(next(&shop, id).await, (BulkState::Done, [0, 0, 5, 0, 0]));
        assert_eq!(next(&shop, id).await, (BulkState::Done, [0, 0, 5, 0, 0]));
        let actions = "SELECT action FROM audit_entries WHERE action LIKE 'bulk.%' ORDER BY at, id";
        let actions: Vec<String> =
            sqlx::query_scalar(actions).fetch_all(&shop.pool).await.expect("the audit");
        assert_eq!(actions, ["bulk.started", "bulk.ended"]);
        let notes = "SELECT DISTINCT note FROM reprocesses";
        let notes: Vec<String> =
            sqlx::query_scalar(notes).fetch_all(&shop.pool).await.expect("notes");
        assert_eq!(notes, ["the disk has room again"]);
        let by = "SELECT DISTINCT detail->>'bulk_id' FROM audit_entries WHERE action = 'reprocess.requested'";
        let by: Vec<String> = sqlx::query_scalar(by).fetch_all(&shop.pool).await.expect("entries");
        assert_eq!(by, [id.to_string()], "each timeline names it");
    });
}

#[test]
fn a_canary_that_takes_its_time_is_followed_by_no_burst() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 9).await;
        let id = running(&shop, SETTINGS).await;
        next(&shop, id).await;
        for _ in 0..20 {
            let_time_pass(&shop).await;
        }
        assert_eq!(next(&shop, id).await.1, [7, 2, 0, 0, 0]);
        report(&shop, events[0], "success").await;
        report(&shop, events[1], "success").await;
        assert_eq!(next(&shop, id).await.1, [6, 1, 2, 0, 0], "one, and the pace begins");
    });
}

/// One of three, which paused when the first of its canary failed.
async fn paused(shop: &Shop) -> (Vec<EventId>, BulkId) {
    let events = break_for(shop, 3).await;
    let id = running(shop, SETTINGS).await;
    next(shop, id).await;
    report(shop, events[0], "failed").await;
    assert_eq!(next(shop, id).await, (BulkState::Paused, [1, 1, 0, 1, 0]));
    (events, id)
}

#[test]
fn a_failure_of_the_first_pauses_it_and_only_what_failed_is_tried_again() {
    run(async {
        let shop = Shop::open().await;
        let (events, id) = paused(&shop).await;
        let found = find_bulk(&shop.pool, id).await.expect("a database").expect("there");
        assert_eq!(found.why.as_deref(), Some("1 of the first 2 failed"));
        report(&shop, events[1], "success").await;
        assert_eq!(next(&shop, id).await, (BulkState::Paused, [1, 0, 1, 1, 0]), "nothing starts");

        steered(&shop, id, Steering::Resume).await.expect("resumed");
        steered(&shop, id, Steering::Resume).await.expect("said twice");
        assert_eq!(next(&shop, id).await, (BulkState::Running, [0, 1, 1, 1, 0]));
        report(&shop, events[2], "success").await;
        assert_eq!(next(&shop, id).await, (BulkState::Done, [0, 0, 2, 1, 0]));

        let again = preview(&shop, Selection::FailuresOf(id), true).await;
        let items = list_items(&shop.pool, again.id, None, 0, 10).await.expect("items");
        assert_eq!(items.iter().map(|item| item.event_id).collect::<Vec<_>>(), [events[0]]);
    });
}

#[test]
fn what_failed_since_the_last_step_does_not_pause_what_is_resumed() {
    run(async {
        let shop = Shop::open().await;
        let (events, id) = paused(&shop).await;
        report(&shop, events[1], "failed").await;
        steered(&shop, id, Steering::Resume).await.expect("resumed");
        assert_eq!(next(&shop, id).await, (BulkState::Running, [0, 1, 0, 2, 0]));
    });
}

#[test]
fn what_failed_is_tried_again_whole_whoever_asks_for_it() {
    run(async {
        let shop = Shop::open().await;
        let revocation =
            json!({ "event_type": "charge.refunded", "effect_type": "access_revocation" });
        let revocation = shop.accept(&receipt_with("evt_refund", &revocation)).await.event_id;
        shop.fail(revocation).await;
        let first = preview(&shop, Selection::All, true).await.id;
        begin(&shop, first, SETTINGS).await;
        next(&shop, first).await;
        report(&shop, revocation, "failed").await;
        next(&shop, first).await;

        let again = preview(&shop, Selection::FailuresOf(first), false).await;
        assert_eq!((again.items, again.excluded.taking), (1, 0), "it was taken in before");
        let all = preview(&shop, Selection::All, false).await;
        assert_eq!((all.items, all.excluded.taking), (0, 1), "elsewhere it is asked for");
    });
}

#[test]
fn what_was_resolved_or_started_by_others_is_skipped_and_costs_no_pace() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 4).await;
        let id = running(&shop, BulkSettings { canary: 1, ..SETTINGS }).await;
        shop.resolve(events[0]).await;
        shop.reprocess(events[1]).await;
        assert_eq!(next(&shop, id).await.1, [1, 1, 0, 0, 2]);
        let skipped = list_items(&shop.pool, id, Some(ItemState::Skipped), 0, 10).await;
        let skipped = skipped.expect("items");
        assert!(skipped.iter().all(|item| item.why.is_some() && item.replay_id.is_none()));
    });
}

#[test]
fn what_an_operator_resolves_while_its_reprocess_runs_is_no_failure() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 4).await;
        let id = running(&shop, SETTINGS).await;
        assert_eq!(next(&shop, id).await.1, [2, 2, 0, 0, 0]);
        shop.resolve(events[0]).await;
        assert_eq!(next(&shop, id).await, (BulkState::Running, [1, 2, 0, 0, 1]));
        let skipped = list_items(&shop.pool, id, Some(ItemState::Skipped), 0, 10).await;
        let skipped = skipped.expect("items").remove(0);
        assert_eq!((skipped.event_id, skipped.replay_id), (events[0], None));
        assert!(skipped.why.expect("a reason").contains("resolved by hand"));

        report(&shop, events[1], "failed").await;
        shop.resolve(events[1]).await;
        assert_eq!(next(&shop, id).await, (BulkState::Paused, [1, 1, 0, 1, 1]), "it had failed");
    });
}

#[test]
fn steps_at_once_start_nothing_twice() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 6).await;
        let settings = BulkSettings { canary: 0, per_minute: 600, stop_percent: 50 };
        let id = running(&shop, settings).await;
        for _ in 0..6 {
            let_time_pass(&shop).await;
            let (one, two, three) =
                tokio::join!(step(&shop.pool, id), step(&shop.pool, id), step(&shop.pool, id));
            for made in [one, two, three] {
                made.expect("a step");
            }
        }
        assert_eq!(next(&shop, id).await.1, [0, 6, 0, 0, 0]);
        let made: i64 = sqlx::query_scalar("SELECT count(*) FROM reprocesses")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(made, 6);
    });
}

#[test]
fn steps_at_once_make_no_canary_larger() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 12).await;
        let id = running(&shop, BulkSettings { canary: 3, ..SETTINGS }).await;
        let (one, two, three) =
            tokio::join!(step(&shop.pool, id), step(&shop.pool, id), step(&shop.pool, id));
        for made in [one, two, three] {
            made.expect("a step");
        }
        assert_eq!(next(&shop, id).await.1, [9, 3, 0, 0, 0]);
    });
}

#[test]
fn a_pause_in_the_middle_of_a_step_is_the_last_word() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 50).await;
        let id = running(&shop, BulkSettings { canary: 50, ..SETTINGS }).await;
        let paused = async {
            while count_items(&shop.pool, id).await.expect("a database").started == 0 {
                tokio::task::yield_now().await;
            }
            steered(&shop, id, Steering::Pause).await.expect("paused");
            count_items(&shop.pool, id).await.expect("a database")
        };
        let (made, paused) = tokio::join!(step(&shop.pool, id), paused);
        let made = made.expect("a step").expect("a bulk reprocess");
        assert_eq!(made.counts, paused, "nothing started after it");
        assert!(paused.started < 50, "the step was over before: {paused:?}");
    });
}

#[test]
fn what_is_canceled_starts_no_more_and_cannot_go_on() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 3).await;
        let id = running(&shop, SETTINGS).await;
        next(&shop, id).await;
        steered(&shop, id, Steering::Pause).await.expect("paused");
        steered(&shop, id, Steering::Cancel).await.expect("canceled");
        assert_eq!(next(&shop, id).await, (BulkState::Canceled, [1, 2, 0, 0, 0]));
        for steering in [Steering::Pause, Steering::Resume] {
            let rejected = steered(&shop, id, steering).await.expect_err("over").rejection();
            let rejected = rejected.expect("a database");
            assert_eq!(rejected, SteerRejection::State(BulkState::Canceled));
        }
        assert!(
            step(&shop.pool, BulkId::from_uuid(uuid::Uuid::nil()))
                .await
                .expect("a database")
                .is_none()
        );
    });
}

#[test]
fn what_had_started_when_it_was_canceled_is_followed_to_its_end() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 3).await;
        let id = running(&shop, SETTINGS).await;
        next(&shop, id).await;
        steered(&shop, id, Steering::Cancel).await.expect("canceled");
        let look =
            async || step(&shop.pool, id).await.expect("a database").expect("a bulk reprocess");
        assert!(look().await.wait.is_some(), "two still run");
        report(&shop, events[0], "success").await;
        report(&shop, events[1], "failed").await;
        let last = look().await;
        let BulkCounts { waiting, started, succeeded, failed, .. } = last.counts;
        assert_eq!((last.state, last.wait), (BulkState::Canceled, None));
        assert_eq!([waiting, started, succeeded, failed], [1, 0, 1, 1]);
        assert_eq!(preview(&shop, Selection::FailuresOf(id), true).await.items, 1);
    });
}

#[test]
fn a_project_that_lost_its_repair_url_pauses_it() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 3).await;
        let id = running(&shop, SETTINGS).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&shop.pool)
            .await
            .expect("gone");
        assert_eq!(next(&shop, id).await, (BulkState::Paused, [3, 0, 0, 0, 0]));
        let none = try_preview(&shop, Selection::All, false).await.expect_err("no repair URL");
        assert_eq!(none, PreviewRejection::NoRepairUrl);
        let found = find_bulk(&shop.pool, id).await.expect("a database").expect("there");
        assert!(found.why.expect("a reason").contains("repair URL"));
    });
}
