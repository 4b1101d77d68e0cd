//! The last hours, and the sums by hour that they are made of.

use domain::ids::CauseId;
use domain::project::Mode;
use e2e::run;
use store::incident_hours::{delete_old, roll_up};
use store::search::causes::{CauseSearch, search_causes};
use store::search::hours::{
    HourFigures, MOST_HOURS, USUAL_HOURS, list_begins, list_hours, list_hours_of_cause,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::shop::Shop;
use super::seed_each_outcome;

/// Everything that has happened is as long ago, and nothing is added up yet.
async fn age(shop: &Shop, hours: i32) {
    let moved = |id: &str| {
        format!(
            "(lpad(to_hex(('x' || left(replace({id}::text, '-', ''), 12))::bit(48)::bigint - {hours} * 3600000::bigint), 12, '0')
              || substr(replace({id}::text, '-', ''), 13))::uuid"
        )
    };
    let interval = format!("interval '{hours} hours'");
    let (id, event_id) = (moved("id"), moved("event_id"));
    let sql = format!(
        "ALTER TABLE alerts DROP CONSTRAINT IF EXISTS alerts_incident_fkey;
         ALTER TABLE incident_words DROP CONSTRAINT IF EXISTS incident_words_incident_fkey;
         UPDATE incidents SET event_id = {event_id}, id = {id}, received_at = received_at - {interval},
             opened_at = opened_at - {interval}, resolved_at = resolved_at - {interval};
         UPDATE payment_events SET id = {id}, received_at = received_at - {interval};
         UPDATE roll_ups SET rolled_until = rolled_until - {interval} - interval '1 hour'"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
}

async fn add_up(shop: &Shop) {
    while roll_up(&shop.pool).await.expect("added up") {}
    while store::receipt_hours::roll_up(&shop.pool).await.expect("added up") {}
}

/// `opened/resolved/due/on time` of all hours together.
fn sums(hours: &[HourFigures]) -> String {
    let sum = |of: fn(&HourFigures) -> i64| hours.iter().map(of).sum::<i64>();
    let (opened, resolved) = (sum(|of| of.opened), sum(|of| of.resolved));
    format!("{opened}/{resolved}/{}/{}", sum(|of| of.due), sum(|of| of.on_time))
}

async fn seen(shop: &Shop, mode: Mode) -> String {
    let seen = list_hours(&shop.pool, None, Some(mode)).await.expect("hours");
    assert_eq!((seen.hours.len(), seen.incomplete_since), (USUAL_HOURS, None));
    sums(&seen.hours)
}

async fn cause(shop: &Shop) -> CauseId {
    let cause = "SELECT cause FROM incidents WHERE state = 'open'";
    let cause = sqlx::query_scalar::<_, Uuid>(cause).fetch_one(&shop.pool).await.expect("a cause");
    CauseId::from_uuid(cause)
}

#[test]
fn hours_are_the_same_before_and_after_adding_up_and_never_mix_modes() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        assert_eq!(seen(&shop, Mode::Test).await, "2/1/3/1", "nothing is added up yet");
        age(&shop, 3).await;
        tokio::join!(add_up(&shop), add_up(&shop), add_up(&shop));
        add_up(&shop).await;
        assert_eq!(seen(&shop, Mode::Test).await, "2/1/3/1", "and is added up once");
        assert_eq!(seen(&shop, Mode::Live).await, "0/0/1/1");
        let ours = list_hours(&shop.pool, Some(shop.owner.project_id), None).await.expect("hours");
        assert_eq!(sums(&ours.hours), "2/1/3/1");
        let forgotten = "UPDATE incident_hours SET hour = hour - interval '9 days'";
        sqlx::query(forgotten).execute(&shop.pool).await.expect("aged");
        delete_old(&shop.pool).await.expect("forgotten");
        let left = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM incident_hours");
        assert_eq!(left.fetch_one(&shop.pool).await.expect("a count"), 0);
    });
}

#[test]
fn what_lags_behind_is_said() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        age(&shop, 30).await;
        let lagging = list_hours(&shop.pool, None, None).await.expect("hours");
        assert!(lagging.incomplete_since.is_some());
        add_up(&shop).await;
        let seen = list_hours(&shop.pool, None, None).await.expect("hours");
        assert_eq!(seen.incomplete_since, None);
    });
}

#[test]
fn the_hours_of_a_cause_reach_back_to_its_begin() {
    run(async {
        let shop = Shop::open().await;
        seed_each_outcome(&shop).await;
        let cause = cause(&shop).await;
        let now = list_hours_of_cause(&shop.pool, cause).await.expect("hours");
        assert_eq!(sums(&now.hours.hours), "1/0/0/0", "of the other cause nothing");
        assert_eq!(now.hours.hours.len(), USUAL_HOURS);
        let opened_at = async || {
            let opened_at = "SELECT opened_at FROM incidents WHERE state = 'open'";
            sqlx::query_scalar::<_, OffsetDateTime>(opened_at)
                .fetch_one(&shop.pool)
                .await
                .expect("a moment")
        };
        assert_eq!(now.began_at, Some(opened_at().await));
        age(&shop, 50).await;
        add_up(&shop).await;
        let long = list_hours_of_cause(&shop.pool, cause).await.expect("hours");
        assert_eq!(long.began_at, Some(opened_at().await));
        assert_eq!(sums(&long.hours.hours), "1/0/0/0");
        let shown = long.hours.hours.len();
        assert!((52..=53).contains(&shown), "an hour before its begin: {shown} of {MOST_HOURS}");
    });
}

#[test]
fn a_cause_goes_on_since_its_first_incident_also_when_that_is_resolved() {
    run(async {
        let shop = Shop::open().await;
        shop.fail(shop.take("evt_1").await).await;
        let id = cause(&shop).await;
        let begins = async || list_begins(&shop.pool, &[id]).await.expect("begins");
        age(&shop, 3).await;
        let opened_at = "SELECT opened_at FROM incidents WHERE provider_event_id = 'evt_1'";
        let opened_at = sqlx::query_scalar::<_, OffsetDateTime>(opened_at);
        let opened_at = opened_at.fetch_one(&shop.pool).await.expect("a moment");
        assert_eq!(begins().await, [(id, opened_at)].into(), "before it is added up");
        add_up(&shop).await;
        shop.fail(shop.take("evt_2").await).await;
        let resolved =
            "UPDATE incidents SET state = 'resolved', resolution = 'manual', resolved_at = now()
             WHERE provider_event_id = 'evt_1'";
        sqlx::raw_sql(resolved).execute(&shop.pool).await.expect("resolved");
        let waiting = search_causes(&shop.pool, &CauseSearch::default()).await;
        let waiting = waiting.expect("causes").data.remove(0);
        assert!(waiting.oldest_opened_at > opened_at);
        assert_eq!(begins().await, [(id, opened_at)].into(), "as its chart has it");
        let of_chart = list_hours_of_cause(&shop.pool, id).await.expect("hours");
        assert_eq!(of_chart.began_at, Some(opened_at));
    });
}
