//! As many incidents as a bulk takes, of everything that a list finds, are started by a process that grows by nothing.

use domain::bulk::BulkState;
use domain::ids::BulkId;
use domain::operator::Role;
use e2e::binary::Part;
use e2e::console::Operator;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use store::bulk::find_bulk;

/// What an allocator keeps more or less, in KiB. The texts of ten thousand incidents are more than that.
const MARGIN: u64 = 16 * 1024;

/// As many more of what there is one of, with ids of their time and long texts.
const MORE: &str = "
    SET statement_timeout = 0;
    CREATE TEMPORARY TABLE more AS SELECT n, gen_random_uuid() AS event,
        (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
         || '8' || substr(md5('x' || n), 1, 15))::uuid AS incident
        FROM generate_series(2, 10001) AS n;
    INSERT INTO payment_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', m.event, 'provider_event_id', 'evt_' || m.n,
        'internal_reference', repeat('long', 60) || m.n))).* FROM payment_events e CROSS JOIN more m;
    INSERT INTO incidents SELECT (jsonb_populate_record(i, jsonb_build_object('id', m.incident, 'event_id', m.event,
        'error_message', repeat('disk full, ', 150)))).* FROM incidents i CROSS JOIN more m;
    DROP TABLE more; ANALYZE payment_events; ANALYZE incidents; ANALYZE incident_words;";

/// An API as a process of its own, beside ten thousand and one incidents, which are written over a connection that waits as
/// long as it takes.
async fn broken_world() -> (World, Part) {
    let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
    let api = world.spawn_api().expect("an API");
    eventually("an API that answers", async || world.ready().await.then_some(())).await;
    let event = world.receipt("evt_1").await;
    world.fail(event, json!({ "error_code": "db_write_failed" })).await;
    let mut filling = PgConnection::connect(&world.database_url).await.expect("a connection");
    sqlx::raw_sql(MORE).execute(&mut filling).await.expect("more incidents");
    (world, api)
}

/// Freezes all that a list finds. Gives the page of the bulk.
async fn freeze(bob: &Operator, filter: &str) -> String {
    let all = [("which", "all"), ("filter", filter), ("action", "reprocess")];
    let made = bob.submit("/incidents", "/bulk", &all).await;
    let page = made.location.unwrap_or_else(|| panic!("{}: {}", made.status, made.body));
    page.split('?').next().unwrap_or_default().to_owned()
}

#[test]
fn ten_thousand_that_a_list_finds_are_started_and_take_no_memory() {
    run(async {
        let (world, api) = broken_world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        freeze(&bob, "q=db_write_failed").await;
        let before = api.resident().expect("a process");
        for filter in ["q=db_write_failed", "mode=test"] {
            let path = freeze(&bob, filter).await;
            let go =
                [("note", "go"), ("canary", "1"), ("per_minute", "60"), ("stop_percent", "20")];
            let started = bob.submit(&path, &format!("{path}/start"), &go).await;
            assert_eq!(started.status, 303, "{}", started.body);

            let id: BulkId = path.trim_start_matches("/bulk/").parse().expect("an id");
            let bulk = find_bulk(&world.pool, id).await.expect("a database").expect("a bulk");
            let frozen = (bulk.state, bulk.items, bulk.left_over);
            assert_eq!(frozen, (BulkState::Running, 10_000, 1), "{filter}");
            let page = bob.get(&path).await;
            assert!(page.status == 200 && page.body.len() < 100_000, "{}", page.body.len());
        }
        let after = api.resident().expect("a process");
        assert!(after < before + MARGIN, "{before} KiB before, {after} KiB after");
    });
}
