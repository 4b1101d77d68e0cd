//! Many incidents that are acknowledged or resolved: what is left out, what changed in the meantime, steps that are
//! cut off, and ten thousand of them.

use std::time::Duration;

use domain::audit::AuditEvent;
use domain::bulk::{BulkAction, BulkSettings, BulkState, ItemState, Steering};
use domain::ids::{BulkId, EventId};
use domain::incident::IncidentState;
use e2e::run;
use store::bulk::dispatch::{StuckBulks, count_stuck};
use store::bulk::{
    NewBulk, Preview, Selection, count_items, create_preview, list_items, start, steer, step,
};
use store::events::lock_event;
use store::pool::transaction;
use store::timeline;

use super::bulk_sets;
use super::shop::{Shop, bob};

const NOTE: &str = "the queue was down";

async fn freeze(shop: &Shop, action: BulkAction, selection: Selection) -> Preview {
    let (project_id, actor) = (shop.owner.project_id, bob());
    let new = NewBulk { project_id, action, selection, include_taking: false, actor: &actor };
    let made = transaction(&shop.pool, async |tx| create_preview(tx, &new).await).await;
    made.expect("a preview")
}

async fn begin(shop: &Shop, id: BulkId) {
    let settings = BulkSettings::default();
    let begun = transaction(&shop.pool, async |tx| start(tx, id, &bob(), settings, NOTE).await);
    begun.await.expect("a start");
}

/// So many incidents of a shop, by their events.
pub async fn failed(shop: &Shop, count: usize) -> Vec<EventId> {
    let mut events = Vec::new();
    for at in 0..count {
        let event = shop.take(&format!("evt_{at}")).await;
        shop.fail(event).await;
        events.push(event);
    }
    events
}

async fn until_over(shop: &Shop, id: BulkId) -> BulkState {
    loop {
        let step = step(&shop.pool, id).await.expect("a database").expect("a bulk");
        if step.wait.is_none() {
            return step.state;
        }
    }
}

/// By which bulk the incident of each event was last changed, as its timeline says.
async fn said_by(shop: &Shop, events: &[EventId]) -> Vec<Option<BulkId>> {
    let mut said = Vec::new();
    for event in events {
        let is = |entry: &AuditEvent| {
            matches!(entry, AuditEvent::IncidentAcknowledged(_) | AuditEvent::IncidentResolved(_))
        };
        let found = timeline::find_latest(&shop.pool, *event, is).await.expect("a database");
        let id = found.and_then(|entry| entry.detail["bulk_id"].as_str()?.parse().ok());
        said.push(id);
    }
    said
}

#[test]
fn many_are_acknowledged_and_what_needs_it_not_is_counted_and_left_alone() {
    run(async {
        let shop = Shop::open().await;
        let events = failed(&shop, 6).await;
        let mut ids = Vec::new();
        for event in &events {
            ids.push(shop.incident(*event).await.id);
        }
        let first =
            freeze(&shop, BulkAction::Acknowledge, Selection::Incidents(vec![ids[0]])).await;
        begin(&shop, first.id).await;
        assert_eq!(until_over(&shop, first.id).await, BulkState::Done);
        shop.reprocess(events[1]).await;
        shop.resolve(events[2]).await;

        let named = Selection::Incidents(ids);
        let frozen = freeze(&shop, BulkAction::Acknowledge, named).await;
        assert_eq!(frozen.items, 3);
        let excluded =
            (frozen.excluded.acknowledged, frozen.excluded.running, frozen.excluded.resolved);
        assert_eq!((excluded, frozen.excluded.taking), ((1, 1, 1), 0));
        shop.resolve(events[3]).await;
        begin(&shop, frozen.id).await;
        assert_eq!(until_over(&shop, frozen.id).await, BulkState::Done);
        let counts = count_items(&shop.pool, frozen.id).await.expect("counts");
        assert_eq!((counts.succeeded, counts.skipped, counts.total()), (2, 1, 3));
        let skipped = list_items(&shop.pool, frozen.id, Some(ItemState::Skipped), 0, 9).await;
        let why = skipped.expect("items").remove(0).why.expect("a reason");
        assert_eq!(why, "the incident is already resolved");
        for event in &events[4..] {
            assert_eq!(shop.incident(*event).await.state, IncidentState::Acknowledged);
        }
        let by = said_by(&shop, &[events[0], events[4], events[5]]).await;
        assert_eq!(by, [Some(first.id), Some(frozen.id), Some(frozen.id)]);
        assert_eq!(until_over(&shop, frozen.id).await, BulkState::Done, "a step again");
    });
}

#[test]
fn one_whose_event_somebody_holds_keeps_no_other_waiting() {
    run(async {
        let shop = Shop::open().await;
        let events = failed(&shop, 3).await;
        let frozen = freeze(&shop, BulkAction::Acknowledge, Selection::All).await;
        begin(&shop, frozen.id).await;
        let mut somebody = shop.begin().await;
        lock_event(&mut somebody, events[0]).await.expect("a lock");
        let pool = shop.pool_for(Duration::from_secs(1));
        for again in [false, true] {
            let made = step(&pool, frozen.id).await.expect("a database").expect("a bulk");
            assert_eq!((made.counts.waiting, made.counts.succeeded), (1, 2), "{again}");
            assert_eq!(made.wait, Some(Duration::from_secs(5)), "it is looked at again later");
        }
        somebody.rollback().await.expect("a rollback");
        assert_eq!(until_over(&shop, frozen.id).await, BulkState::Done);
        let counts = count_items(&shop.pool, frozen.id).await.expect("counts");
        assert_eq!((counts.succeeded, counts.total()), (3, 3));
    });
}

#[test]
fn many_are_resolved_with_the_note_but_for_those_whose_reprocess_began_since() {
    run(async {
        let shop = Shop::open().await;
        let events = failed(&shop, 3).await;
        let cause = shop.incident(events[0]).await.cause_id.expect("a cause");
        let frozen = freeze(&shop, BulkAction::Resolve, Selection::Cause(cause)).await;
        shop.reprocess(events[1]).await;
        begin(&shop, frozen.id).await;
        assert_eq!(until_over(&shop, frozen.id).await, BulkState::Done);
        let running = shop.incident(events[1]).await;
        assert_eq!(running.state, IncidentState::Reprocessing, "its callback is under way");
        for event in [events[0], events[2]] {
            assert_eq!(shop.incident(event).await.state, IncidentState::Resolved);
        }
        let notes = "SELECT DISTINCT resolution_note FROM incidents WHERE state = 'resolved'";
        let notes: Vec<String> =
            sqlx::query_scalar(notes).fetch_all(&shop.pool).await.expect("notes");
        assert_eq!(notes, [NOTE]);
        assert_eq!(said_by(&shop, &[events[2]]).await, [Some(frozen.id)]);
        let started = "SELECT detail FROM audit_log WHERE action = 'bulk.started'";
        let started: serde_json::Value =
            sqlx::query_scalar(started).fetch_one(&shop.pool).await.expect("an entry");
        assert_eq!((&started["action"], &started["note"]), (&"resolve".into(), &NOTE.into()));
        assert!(started.get("canary").is_none(), "{started}");
    });
}

#[test]
fn a_step_that_is_cut_off_loses_and_doubles_nothing_and_a_pause_holds_the_rest() {
    run(async {
        let shop = Shop::open().await;
        let events = failed(&shop, 30).await;
        let id = freeze(&shop, BulkAction::Acknowledge, Selection::All).await.id;
        begin(&shop, id).await;
        let some = async {
            while count_items(&shop.pool, id).await.expect("counts").succeeded == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = step(&shop.pool, id) => {}
            () = some => {}
        }
        let paused =
            transaction(&shop.pool, async |tx| steer(tx, id, &bob(), Steering::Pause).await);
        paused.await.expect("paused");
        let before = count_items(&shop.pool, id).await.expect("counts");
        assert!(before.waiting > 0, "{before:?}");
        let made = step(&shop.pool, id).await.expect("a database").expect("a bulk");
        assert_eq!((made.state, made.counts), (BulkState::Paused, before));
        let resumed =
            transaction(&shop.pool, async |tx| steer(tx, id, &bob(), Steering::Resume).await);
        resumed.await.expect("resumed");
        let (one, two) = tokio::join!(step(&shop.pool, id), step(&shop.pool, id));
        one.expect("a step");
        two.expect("a step");
        assert_eq!(until_over(&shop, id).await, BulkState::Done);
        let told: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM audit_entries WHERE action = 'incident.acknowledged'",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a count");
        assert_eq!(usize::try_from(told), Ok(events.len()));
    });
}

/// As many more of what there is one of.
const MORE: &str = "
    CREATE TEMPORARY TABLE more AS SELECT n, gen_random_uuid() AS event, gen_random_uuid() AS incident FROM generate_series(2, 10001) AS n;
    INSERT INTO payment_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', m.event, 'provider_event_id', 'evt_' || m.n))).*
    FROM payment_events e CROSS JOIN more m;
    INSERT INTO incidents SELECT (jsonb_populate_record(i, jsonb_build_object('id', m.incident, 'event_id', m.event))).*
    FROM incidents i CROSS JOIN more m;
    DROP TABLE more; ANALYZE incidents;";

#[test]
fn ten_thousand_are_frozen_at_once_and_done_a_bounded_number_at_a_time() {
    run(async {
        let shop = Shop::open().await;
        failed(&shop, 1).await;
        let patient = shop.pool_for(Duration::from_mins(2));
        sqlx::raw_sql(MORE).execute(&patient).await.expect("more incidents");
        let northwind = bulk_sets::another(&shop, None).await;
        failed(&northwind, 1).await;
        let both = bulk_sets::all_of(&[&shop, &northwind]);
        let (_, set) = bulk_sets::freeze(&shop, BulkAction::Resolve, both).await.expect("a set");
        let frozen: Vec<_> = set.iter().map(|(_, it)| (it.items, it.left_over)).collect();
        assert_eq!(frozen, [(10_000, 1), (0, 1)], "no more in a set than in one");
        let frozen = freeze(&shop, BulkAction::Resolve, Selection::All).await;
        begin(&shop, frozen.id).await;
        assert_eq!((frozen.items, frozen.left_over), (10_000, 1));
        let made = step(&shop.pool, frozen.id).await.expect("a database").expect("a bulk");
        assert_eq!((made.state, made.wait), (BulkState::Running, Some(Duration::ZERO)));
        assert_eq!(made.counts.succeeded, 200, "a bounded number in one step");
    });
}

const SEVEN_MINUTES: &str = "UPDATE bulk_reprocesses SET stepped_at = now() - interval '7 minutes'";

async fn stuck(shop: &Shop) -> StuckBulks {
    count_stuck(&shop.pool, Duration::from_mins(5)).await.expect("a count")
}

#[test]
fn one_that_runs_and_that_nothing_sees_to_is_stuck_and_one_that_is_paused_is_not() {
    run(async {
        let shop = Shop::open().await;
        failed(&shop, 1).await;
        let id = freeze(&shop, BulkAction::Resolve, Selection::All).await.id;
        begin(&shop, id).await;
        assert_eq!(stuck(&shop).await, StuckBulks::default());
        sqlx::query(SEVEN_MINUTES).execute(&shop.pool).await.expect("time that passed");
        let found = stuck(&shop).await;
        assert_eq!((found.bulks, found.longest.map(|seconds| seconds / 60)), (1, Some(7)));
        let paused =
            transaction(&shop.pool, async |tx| steer(tx, id, &bob(), Steering::Pause).await);
        paused.await.expect("paused");
        assert_eq!(stuck(&shop).await, StuckBulks::default());
    });
}

#[test]
fn one_whose_steps_fail_is_stuck_however_often_they_are_tried() {
    run(async {
        let shop = Shop::open().await;
        failed(&shop, 1).await;
        let id = freeze(&shop, BulkAction::Resolve, Selection::All).await.id;
        begin(&shop, id).await;
        let fails = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'failed'; END $$;
             CREATE TRIGGER fail BEFORE UPDATE ON incidents FOR EACH ROW EXECUTE FUNCTION fail()";
        sqlx::raw_sql(fails).execute(&shop.pool).await.expect("a trigger");
        sqlx::query(SEVEN_MINUTES).execute(&shop.pool).await.expect("time that passed");
        step(&shop.pool, id).await.expect("what cannot be changed is left to a later step");
        assert_eq!(stuck(&shop).await.bulks, 1);
        let mended = sqlx::query("DROP TRIGGER fail ON incidents").execute(&shop.pool).await;
        mended.expect("no trigger");
        assert_eq!(until_over(&shop, id).await, BulkState::Done);
        assert_eq!(stuck(&shop).await.bulks, 0);
    });
}
