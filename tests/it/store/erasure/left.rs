//! What erasures leave: those that nobody goes on with, which whoever finds them finishes, and watches in Temporal.

use std::time::Duration;

use domain::erasure::ErasureState;
use domain::ids::ErasureId;
use e2e::run;
use store::erasure::find_erasure;
use store::erasure::watches::{self, ErasedWatch};

use super::super::shop::Shop;
use super::{CANARY, OTHER};

/// No step of this erasure can be kept, and nobody has gone on with any for a minute.
async fn leave_behind(shop: &Shop, failing: ErasureId) {
    let failing = failing.as_uuid();
    let sql = format!(
        "UPDATE erasures SET requested_at = now() - interval '1 minute', stepped_at = now() - interval '1 minute';
         ALTER TABLE erasures ADD CONSTRAINT fails CHECK (id <> '{failing}' OR stepped_at < now() - interval '30 seconds')
         NOT VALID"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("they were left");
}

#[test]
fn one_that_fails_keeps_no_later_one_from_its_end() {
    run(async {
        let shop = Shop::open().await;
        for (event, reference) in [("evt_1", CANARY), ("evt_2", OTHER)] {
            shop.send(event, reference).await;
        }
        let (failing, later) = (shop.begin_erasing(CANARY).await, shop.begin_erasing(OTHER).await);
        leave_behind(&shop, failing.id).await;
        let finished = engine::erasure::finish_left(&shop.pool, &shop.master_key).await;
        finished.expect("a list of them");
        let mut states = Vec::new();
        for id in [failing.id, later.id] {
            let found = find_erasure(&shop.pool, id).await.expect("a database");
            states.push(found.expect("it").state);
        }
        assert_eq!(states, [ErasureState::Events, ErasureState::Done]);
    });
}

#[test]
fn a_watch_that_temporal_still_has_is_left_of_the_last_erasure() {
    run(async {
        let shop = Shop::open().await;
        shop.send("evt_1", CANARY).await;
        let first = shop.erase(CANARY).await;
        assert_eq!(first.watches_left, 1);
        let last = shop.erase(CANARY).await;
        assert_eq!(last.watches_left, 1);
        let first = find_erasure(&shop.pool, first.id).await.expect("a database");
        assert_eq!(first.expect("it").watches_left, 0);
    });
}

#[test]
fn a_watch_whose_customer_is_erased_again_while_it_is_looked_for_is_looked_for_again() {
    run(async {
        let shop = Shop::open().await;
        shop.send("evt_1", CANARY).await;
        shop.erase(CANARY).await;
        let sql = "UPDATE erased_watches SET erased_at = erased_at - interval '1 minute'";
        sqlx::query(sql).execute(&shop.pool).await.expect("erased a minute ago");
        let claim = async || {
            let claimed = watches::claim(&shop.pool, 10, Duration::from_mins(1)).await;
            claimed.expect("a database").remove(0)
        };
        let before = claim().await;
        let last = shop.erase(CANARY).await;
        let left_after = async |watch: ErasedWatch| {
            watches::finish(&shop.pool, &watch).await.expect("a database");
            let found = find_erasure(&shop.pool, last.id).await.expect("a database");
            found.expect("the last one").watches_left
        };
        assert_eq!(left_after(before).await, 1, "what was said since is still to be looked for");
        assert_eq!(left_after(claim().await).await, 0);
    });
}
