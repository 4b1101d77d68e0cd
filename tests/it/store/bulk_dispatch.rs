//! When Temporal is told of a bulk: until it has it, and again, less and less often, where nothing sees to it.

use domain::bulk::{BulkState, Steering};
use e2e::run;
use store::bulk::dispatch;
use store::pool;

use super::bulk::{SETTINGS, break_for, let_time_pass, next, report, running, steered};
use super::shop::Shop;

#[test]
fn temporal_is_told_until_it_has_it_and_again_where_the_workflow_is_lost() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 1).await;
        let id = running(&shop, SETTINGS).await;
        let due = async || dispatch::claim_due(&shop.pool).await.expect("a database");
        assert_eq!(due().await, [id]);
        assert!(due().await.is_empty(), "it is claimed");
        dispatch::note_dispatched(&shop.pool, id).await.expect("a database");
        assert_eq!(dispatch::wake_forgotten(&shop.pool).await.expect("a database"), 0);
        let_time_pass(&shop).await;
        let mut tx = shop.begin().await;
        let held = sqlx::query("SELECT FROM bulk_reprocesses FOR NO KEY UPDATE").execute(&mut *tx);
        held.await.expect("one that is steered");
        assert_eq!(dispatch::wake_forgotten(&shop.pool).await.expect("no wait"), 0);
        pool::commit(tx).await.expect("a commit");
        assert_eq!(dispatch::wake_forgotten(&shop.pool).await.expect("a database"), 1);
        assert_eq!(due().await, [id]);
    });
}

/// So many minutes after it was last seen to, and after it was last woken.
async fn wakes_after(shop: &Shop, stepped: i32, woken: Option<i32>) -> u64 {
    let sql = "UPDATE bulk_reprocesses SET stepped_at = now() - make_interval(mins => $1),
                   woken_at = now() - make_interval(mins => $2), dispatch_at = NULL";
    let passed = sqlx::query(sql).bind(stepped).bind(woken).execute(&shop.pool).await;
    passed.expect("time that passed");
    dispatch::wake_forgotten(&shop.pool).await.expect("a database")
}

#[test]
fn one_that_does_not_go_on_is_woken_less_and_less_often() {
    run(async {
        let shop = Shop::open().await;
        break_for(&shop, 1).await;
        let id = running(&shop, SETTINGS).await;
        let cases = [
            (1, None, 0),
            (3, None, 1),
            (3, Some(10), 1),
            (4, Some(1), 0),
            (6, Some(4), 1),
            (30, Some(10), 0),
            (30, Some(18), 1),
            (9_000, Some(50), 0),
            (9_000, Some(70), 1),
        ];
        for (stepped, woken, wakes) in cases {
            assert_eq!(wakes_after(&shop, stepped, woken).await, wakes, "{stepped} {woken:?}");
        }
        assert_eq!(wakes_after(&shop, 30, None).await, 1);
        assert_eq!(dispatch::claim_due(&shop.pool).await.expect("a database"), [id]);
        dispatch::note_dispatched(&shop.pool, id).await.expect("a database");
        assert_eq!(dispatch::wake_forgotten(&shop.pool).await.expect("a database"), 0);
    });
}

#[test]
fn what_was_canceled_is_followed_again_where_its_workflow_is_lost() {
    run(async {
        let shop = Shop::open().await;
        let events = break_for(&shop, 3).await;
        let id = running(&shop, SETTINGS).await;
        next(&shop, id).await;
        dispatch::claim_due(&shop.pool).await.expect("a database");
        dispatch::note_dispatched(&shop.pool, id).await.expect("a database");
        steered(&shop, id, Steering::Cancel).await.expect("canceled");
        let forgotten = async || dispatch::wake_forgotten(&shop.pool).await.expect("a database");
        let_time_pass(&shop).await;
        next(&shop, id).await;
        assert_eq!(forgotten().await, 0, "its workflow follows it");
        let_time_pass(&shop).await;
        assert_eq!(forgotten().await, 1);
        assert_eq!(dispatch::claim_due(&shop.pool).await.expect("a database"), [id]);
        dispatch::note_dispatched(&shop.pool, id).await.expect("a database");
        report(&shop, events[0], "success").await;
        report(&shop, events[1], "success").await;
        assert_eq!(next(&shop, id).await, (BulkState::Canceled, [1, 0, 2, 0, 0]));
        let_time_pass(&shop).await;
        assert_eq!(forgotten().await, 0, "all of it is over");
    });
}
