//! `/healthz` and `/readyz`.

use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::Value;

use super::{Api, ApiResponse};

const DOCUMENT: &str = include_str!("../../../docs/api.md");

async fn get(api: &Api, path: &str) -> ApiResponse {
    ApiResponse::of(api.bare(Method::GET, path)).await
}

/// The status of every part, in one line.
fn parts(ready: &Value) -> String {
    let part = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    format!("{} database={} temporal={}", part("status"), part("database"), part("temporal"))
}

/// The checks that are not as they should be, in one line.
fn wrong(ready: &Value) -> String {
    let checks = ready["checks"].as_array().expect("checks");
    let wrong = checks.iter().filter(|check| check["status"] != "ok").map(|check| {
        assert!(check["cure"].as_str().is_some_and(|cure| !cure.is_empty()), "{check}");
        format!("{}:{}", check["name"], check["status"]).replace('"', "")
    });
    assert!(checks.iter().all(|check| (check["status"] == "ok") == check["cure"].is_null()));
    wrong.collect::<Vec<_>>().join(" ")
}

/// The checks of the document, but for the one that is there only where a dead-man URL is set.
fn documented() -> Vec<&'static str> {
    let (_, rows) = DOCUMENT.split_once("| check | `ok` when |").expect("a table of checks");
    let rows = rows.lines().skip(2).take_while(|row| !row.is_empty());
    let names = rows.filter_map(|row| row.split('`').nth(1));
    names.filter(|name| *name != "dead_man").collect()
}

#[test]
fn all_is_well() {
    run(async {
        let api = Api::around(World::start().await);
        insta::assert_snapshot!(get(&api, "/healthz").await.shown(), @r#"200 {"status":"ok"}"#);
        let ready = eventually("a worker that polls", async || {
            let ready = get(&api, "/readyz").await;
            (wrong(&ready.json()).is_empty()).then_some(ready)
        })
        .await;
        assert_eq!(ready.status, 200);
        assert_eq!(parts(&ready.json()), "ok database=ok temporal=ok");
        let checks = ready.json()["checks"].as_array().expect("checks").clone();
        let names: Vec<_> =
            checks.iter().map(|check| check["name"].as_str().expect("a name")).collect();
        assert_eq!(names, documented(), "the checks are those of docs/api.md, in its order");
    });
}

#[test]
fn without_its_tables_it_is_unavailable() {
    run(async {
        let api = Api::start().await;
        let away = "ALTER TABLE payment_events RENAME TO elsewhere";
        sqlx::query(away).execute(&api.world.pool).await.expect("another name");
        let ready = get(&api, "/readyz").await;
        assert_eq!(ready.status, 503);
        assert_eq!(parts(&ready.json()), "unavailable database=unavailable temporal=degraded");
    });
}

#[test]
fn with_migrations_missing_no_receipt_is_promised() {
    run(async {
        let api = Api::start().await;
        let older = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
        sqlx::query(older).execute(&api.world.pool).await.expect("an older schema");
        let ready = get(&api, "/readyz").await;
        assert_eq!(
            (ready.status, parts(&ready.json()).split(' ').next()),
            (503, Some("unavailable"))
        );
        assert!(wrong(&ready.json()).contains("schema:failed"), "{}", ready.text);
    });
}

#[test]
fn without_temporal_it_is_degraded_and_takes_receipts() {
    run(async {
        let api = Api::start().await;
        let ready = get(&api, "/readyz").await;
        assert_eq!(ready.status, 200);
        assert_eq!(parts(&ready.json()), "degraded database=ok temporal=degraded");
        let expected = "temporal:failed search_attributes:unknown environment:unknown backlog:unknown \
                        worker_version:unknown workers:failed versions:unknown deadlines:failed";
        assert_eq!(wrong(&ready.json()), expected);
        api.take("evt_1").await;
    });
}

#[test]
fn nothing_of_the_installation_is_shown_to_strangers() {
    run(async {
        let api = Api::around(World::start_without_worker().await);
        api.world.alert_bob().await;
        sqlx::query("UPDATE destinations SET broken_at = now()")
            .execute(&api.world.pool)
            .await
            .expect("a broken destination");
        let ready = get(&api, "/readyz").await;
        assert!(wrong(&ready.json()).contains("destinations:degraded"), "{}", ready.text);
        for secret in ["cometcart", "127.0.0.1", "postgres://", &api.world.project.id.to_string()] {
            assert!(!ready.text.contains(secret), "{secret} in {}", ready.text);
        }
    });
}
