//! What heartbeats say after the database's clock was set back, as by a failover: those of before lie ahead of it.

use domain::ids::EventId;
use e2e::run;
use sqlx::AssertSqlSafe;
use store::environments::{self, WorkerRun};
use store::{health, incidents, outages};

use super::shop::Shop;

const NAMESPACE: &str = "default";
const TASK_QUEUE: &str = "sendpromptly";
const SET_BACK: &str = "UPDATE api_heartbeats SET beat_at = clock_timestamp() + interval '1 hour';
     UPDATE worker_heartbeats SET seen_at = clock_timestamp() + interval '1 hour'";

async fn sql(shop: &Shop, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&shop.pool).await.expect("a statement");
}

/// Twenty seconds without an API pass, and then an event is due. Whether it has an incident then.
async fn is_judged_after_20_s(shop: &Shop, provider_event_id: &str) -> bool {
    sql(shop, "UPDATE api_heartbeats SET beat_at = beat_at - interval '20 s'").await;
    let event_id: EventId = shop.take(provider_event_id).await;
    shop.execute("UPDATE payment_events SET timeout_at = now() WHERE id = $1", event_id).await;
    shop.silence(event_id).await;
    incidents::find_for_event(&shop.pool, event_id).await.expect("a database").is_some()
}

async fn outages_noted(shop: &Shop) -> i64 {
    let noted = sqlx::query_scalar("SELECT count(*) FROM outages");
    noted.fetch_one(&shop.pool).await.expect("a count")
}

#[test]
fn an_outage_after_the_clock_was_set_back_is_seen_whether_an_api_still_beat_or_not() {
    run(async {
        let shop = Shop::open().await;
        outages::beat(&shop.pool).await.expect("a heartbeat");
        sql(&shop, SET_BACK).await;
        outages::beat(&shop.pool).await.expect("a heartbeat");
        assert!(!is_judged_after_20_s(&shop, "evt_1").await, "the API has gone since");

        sql(&shop, SET_BACK).await;
        outages::note_gap(&shop.pool).await.expect("noted");
        assert_eq!(outages_noted(&shop).await, 0, "it begins with what is noted now");
        assert!(!is_judged_after_20_s(&shop, "evt_2").await, "there was none any more");
        outages::note_gap(&shop.pool).await.expect("noted");
        assert_eq!(outages_noted(&shop).await, 1);
    });
}

#[test]
fn a_worker_that_was_seen_ahead_of_the_clock_polls_once_it_says_so_again() {
    run(async {
        let (shop, worker) = (Shop::open().await, WorkerRun::new());
        let beat = async || {
            let beat = environments::beat(&shop.pool, worker, NAMESPACE, TASK_QUEUE, "1.0.0");
            beat.await.expect("a heartbeat");
        };
        let polls = async || {
            let workers = health::read_workers(&shop.pool, NAMESPACE, TASK_QUEUE).await;
            let workers = workers.expect("workers");
            let polled = environments::is_polled(&shop.pool, NAMESPACE, TASK_QUEUE).await;
            (workers.polling, workers.releases.len(), polled.expect("a heartbeat"))
        };
        beat().await;
        assert_eq!(polls().await, (1, 1, true));
        sql(&shop, SET_BACK).await;
        assert_eq!(polls().await, (0, 0, false), "it may have died since");
        beat().await;
        assert_eq!(polls().await, (1, 1, true));
    });
}
