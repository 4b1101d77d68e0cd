//! The overview, and the daily figures that it is made of.

use e2e::run;
use store::figures::{list_rolled_up, roll_up};
use store::search::overview::{Overview, overview};
use time::{Date, Duration};

use super::super::shop::Shop;
use super::seed_each_outcome;

async fn seen(shop: &Shop, days: i32) -> Overview {
    overview(&shop.pool, None, None, days).await.expect("an overview")
}

/// What an overview shows, but for the days.
fn describe(overview: &Overview) -> String {
    let rows = |rows: &[store::search::overview::OnTime]| {
        let row = rows.iter().map(|row| {
            let percent = row.percent.map_or("-".to_owned(), |percent| format!("{percent:.0} %"));
            format!(
                "{} {}/{}/{}/{} {percent}",
                row.name, row.events, row.pending, row.on_time, row.incidents
            )
        });
        row.collect::<Vec<_>>().join(", ")
    };
    let opened: i64 = overview.per_day.iter().map(|day| day.opened).sum();
    let resolved: i64 = overview.per_day.iter().map(|day| day.resolved).sum();
    format!(
        "{opened} opened, {resolved} resolved;{}; {}; {}",
        rows(std::slice::from_ref(&overview.overall)),
        rows(&overview.by_project),
        rows(&overview.by_event_type)
    )
}

/// Moves everything that has happened so many hours into the past, ids too.
async fn age(shop: &Shop, hours: i32) {
    let moved = format!(
        "(lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - {hours} * 3600000::bigint), 12, '0')
          || substr(replace(id::text, '-', ''), 13))::uuid"
    );
    let interval = format!("interval '{hours} hours'");
    let sql = format!(
        "ALTER TABLE alerts DROP CONSTRAINT alerts_incident_fkey;
         ALTER TABLE incident_words DROP CONSTRAINT incident_words_incident_fkey;
         UPDATE incidents SET event_id = {}, id = {moved}, received_at = received_at - {interval},
             opened_at = opened_at - {interval}, resolved_at = resolved_at - {interval};
         UPDATE payment_events SET id = {moved}, received_at = received_at - {interval};
         UPDATE roll_ups SET rolled_until = rolled_until - {interval}",
        moved.replace("id::text", "event_id::text"),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
}

async fn roll_up_everything(shop: &Shop) -> usize {
    let mut steps = 1;
    while roll_up(&shop.pool).await.expect("rolled up") {
        steps += 1;
    }
    steps
}

const ALL: &str = "2 opened, 1 resolved; 5/1/2/2 50 %; CometCart 4/1/1/2 33 %, Charlie's 1/0/1/0 100 %; invoice.paid 5/1/2/2 50 %";

#[test]
fn the_overview_is_the_same_before_and_after_adding_up() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        assert_eq!(describe(&seen(&shop, 7).await), ALL, "nothing is added up yet");
        roll_up_everything(&shop).await;
        assert_eq!(describe(&seen(&shop, 7).await), ALL, "what is too new is not added up");
        age(&shop, 60).await;
        let steps = roll_up_everything(&shop).await;
        assert!(steps >= 3, "a day at a time: {steps}");
        let mut tx = shop.begin().await;
        let rolled_up =
            list_rolled_up(&mut tx, Date::from_ordinal_date(2000, 1).expect("a day"), None);
        let rolled_up = rolled_up.await.expect("figures");
        drop(tx);
        let received: i64 = rolled_up.figures.iter().map(|of| of.received).sum();
        assert_eq!(received, 5, "everything is added up now");
        let after = seen(&shop, 7).await;
        assert_eq!(describe(&after), ALL);
        assert!(after.incomplete_since.is_none());
        roll_up_everything(&shop).await;
        assert_eq!(describe(&seen(&shop, 7).await), ALL, "and is added up once");
    });
}

#[test]
fn a_late_success_shows_at_once_in_days_that_are_added_up() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        age(&shop, 60).await;
        roll_up_everything(&shop).await;
        let sql = "UPDATE payment_events SET effect = 'succeeded' WHERE effect = 'pending'";
        sqlx::query(sql).execute(&shop.pool).await.expect("a late success");
        let after = seen(&shop, 7).await.overall;
        assert_eq!(
            (after.events, after.pending, after.on_time, after.percent),
            (5, 0, 3, Some(60.0))
        );
    });
}

#[test]
fn adding_up_by_several_processes_at_once_adds_everything_once() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        age(&shop, 60).await;
        tokio::join!(
            roll_up_everything(&shop),
            roll_up_everything(&shop),
            roll_up_everything(&shop)
        );
        roll_up_everything(&shop).await;
        assert_eq!(describe(&seen(&shop, 7).await), ALL);
    });
}

#[test]
fn the_overview_covers_its_days_and_its_project_only() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        age(&shop, 24 * 10).await;
        roll_up_everything(&shop).await;
        let nothing = seen(&shop, 7).await;
        assert_eq!((nothing.per_day.len(), nothing.overall.events), (7, 0));
        assert_eq!((nothing.overall.percent, nothing.time_to_detect.median), (None, None));
        let month = seen(&shop, 30).await;
        assert_eq!((month.per_day.len(), month.overall.events), (30, 5));
        let ours =
            overview(&shop.pool, Some(shop.owner.project_id), None, 30).await.expect("an overview");
        assert_eq!((ours.overall.events, ours.by_project.len()), (4, 1));
        assert_eq!(ours.per_day.iter().map(|day| day.opened).sum::<i64>(), 2);
    });
}

#[test]
fn times_to_detect_and_repair_are_those_of_the_incidents() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        let sql = "UPDATE incidents SET received_at = opened_at - interval '90 seconds',
                       resolved_at = CASE WHEN state = 'resolved' THEN opened_at + interval '10 minutes' END";
        sqlx::query(sql).execute(&shop.pool).await.expect("times");
        age(&shop, 20).await;
        let before = seen(&shop, 7).await;
        roll_up_everything(&shop).await;
        let after = seen(&shop, 7).await;
        for seen in [before, after] {
            assert_eq!(seen.time_to_detect.median, Some(Duration::seconds(90)));
            assert_eq!(seen.time_to_detect.p90, Some(Duration::seconds(90)));
            assert_eq!(seen.time_to_repair.median, Some(Duration::minutes(10)));
        }
    });
}

#[test]
fn an_overview_that_lags_behind_says_since_when() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        age(&shop, 60).await;
        let lagging = seen(&shop, 7).await;
        assert!(lagging.incomplete_since.is_some());
        assert_eq!(lagging.overall.events, 0);
        roll_up_everything(&shop).await;
        assert!(seen(&shop, 7).await.incomplete_since.is_none());
    });
}
