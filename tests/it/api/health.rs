//! `/healthz` and `/readyz`.

use e2e::{World, WorldOptions, run};
use reqwest::Method;

use super::{Answer, Api};

async fn get(api: &Api, path: &str) -> Answer {
    Answer::of(api.bare(Method::GET, path)).await
}

#[test]
fn all_is_well() {
    run(async {
        let api = Api::around(World::start_with(WorldOptions::default().without_worker()).await);
        insta::assert_snapshot!(get(&api, "/healthz").await.shown(), @r#"200 {"status":"ok"}"#);
        insta::assert_snapshot!(get(&api, "/readyz").await.shown(), @r#"200 {"database":"ok","status":"ok","temporal":"ok"}"#);
    });
}

#[test]
fn without_its_tables_it_is_unavailable() {
    run(async {
        let api = Api::start().await;
        let away = "ALTER TABLE payment_events RENAME TO elsewhere";
        sqlx::query(away).execute(&api.world.pool).await.expect("another name");
        insta::assert_snapshot!(get(&api, "/readyz").await.shown(), @r#"503 {"database":"unavailable","status":"unavailable","temporal":"degraded"}"#);
    });
}

#[test]
fn without_temporal_it_is_degraded_and_takes_receipts() {
    run(async {
        let api = Api::start().await;
        insta::assert_snapshot!(get(&api, "/readyz").await.shown(), @r#"200 {"database":"ok","status":"degraded","temporal":"degraded"}"#);
        api.take("evt_1").await;
    });
}
