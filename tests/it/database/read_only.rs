//! A server that takes no writes: a standby, or one whose disk is full.

use e2e::world::receipt;
use e2e::{eventually, run};
use sqlx::AssertSqlSafe;

use super::bare_world;

#[test]
fn a_read_only_database_is_not_ready_until_it_takes_writes_again() {
    run(async {
        let world = bare_world().await;
        let _api = world.spawn_api().expect("an API");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        world.receipt("evt_1").await;

        set_read_only(&world, "SET default_transaction_read_only = on").await;
        eventually("an API that is not", async || (!world.ready().await).then_some(())).await;
        // The first may still meet a session that was ended.
        let message = eventually("the reason", async || {
            let (status, response) = world.post("/api/v1/receipt", &receipt("evt_2")).await;
            assert_eq!(
                (status, &response["error"]["code"]),
                (503, &"unavailable".into()),
                "{response}"
            );
            let message = response["error"]["message"].as_str().expect("a message");
            message.starts_with("the database takes no writes").then(|| message.to_owned())
        })
        .await;
        assert!(message.contains("DATABASE_URL lead to the primary"), "{message}");
        let (_, found) = world.cli(&["doctor"]).await.expect("a command");
        let checks = found["checks"].as_array().expect("checks");
        let database = checks.iter().find(|check| check["name"] == "database").expect("a check");
        assert_eq!(database["status"], "fail", "{database}");
        let message = database["message"].as_str().expect("a message");
        assert!(message.contains("read-only"), "{message}");

        // The sessions that began in the meantime keep to it; the API is not restarted.
        set_read_only(&world, "RESET default_transaction_read_only").await;
        eventually("an API that is ready again", async || world.ready().await.then_some(())).await;
        eventually("a receipt", async || {
            let (status, _) = world.post("/api/v1/receipt", &receipt("evt_2")).await;
            (status == 202).then_some(())
        })
        .await;
    });
}

#[test]
fn a_full_disk_is_not_ready_until_there_is_room_again() {
    run(async {
        let world = bare_world().await;
        let _api = world.spawn_api().expect("an API");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        sqlx::raw_sql(
            "CREATE FUNCTION extend() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
             CREATE TRIGGER extend BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION extend()",
        )
        .execute(&world.pool)
        .await
        .expect("a full disk");
        let (status, response) = world.post("/api/v1/receipt", &receipt("evt_1")).await;
        assert_eq!((status, &response["error"]["code"]), (503, &"unavailable".into()));
        let ready = world.http.get(format!("{}/readyz", world.url)).send().await;
        let ready = ready.expect("a response");
        assert_eq!(ready.status(), 503);
        let text = ready.text().await.expect("a body");
        assert!(text.contains("the disk of the database is full"), "{text}");

        let room = "DROP TRIGGER extend ON payment_events";
        sqlx::raw_sql(room).execute(&world.pool).await.expect("room");
        world.receipt("evt_1").await;
        eventually("an API that is ready again", async || world.ready().await.then_some(())).await;
    });
}

/// Changes the database's default, and ends the sessions that still have the old one if it was on.
async fn set_read_only(world: &e2e::World, change: &str) {
    let database = world.database_url.rsplit('/').next().expect("a name");
    let mut direct = super::direct(&world.database_url).await;
    let writable = sqlx::raw_sql("SET default_transaction_read_only = off");
    writable.execute(&mut direct).await.expect("a session that writes");
    let alter = format!("ALTER DATABASE {database} {change}");
    sqlx::raw_sql(AssertSqlSafe(alter)).execute(&mut direct).await.expect("another default");
    if change.starts_with("SET") {
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(others).execute(&mut direct).await.expect("ended sessions");
    }
}
