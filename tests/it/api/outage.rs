//! The database is away: a clear 503, nothing is lost by half, and all goes on when it is back.

use std::time::Duration;

use e2e::run;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;

use super::rejections::second_api;
use super::{Api, ApiResponse, RECEIPT, RESULT, fresh};

/// Lets no client into this world's database, and disconnects who is in; or opens it again.
pub async fn let_in(api: &Api, open: bool) {
    let server = api.world.engines.postgres.url("postgres");
    let name = api.world.database_url.rsplit('/').next().expect("a name");
    let name = name.split('?').next().expect("a name");
    let mut connection = PgConnection::connect(&server).await.expect("a connection");
    let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {open}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("done");
    if !open {
        sqlx::query(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1",
        )
        .bind(name)
        .execute(&mut connection)
        .await
        .expect("put out");
    }
}

#[test]
fn while_the_database_lets_nobody_in_the_api_says_so_and_recovers() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        let_in(&api, false).await;
        let rejected = api.send(RECEIPT, "k", e2e::world::receipt("evt_2").to_string()).await;
        insta::assert_snapshot!(rejected.shown(), @r#"503 {"error":{"code":"unavailable","message":"the database cannot be reached; send it again with the same Idempotency-Key","request_id":"req_"}}"#);
        assert_eq!(rejected.header("retry-after"), "1");
        let result = json!({"event_id": event_id, "status": "success"});
        assert_eq!(api.post(RESULT, &result).await.code(), "unavailable");
        let ready = ApiResponse::of(api.bare(Method::GET, "/readyz")).await;
        let body = ready.json();
        let parts = ["status", "database", "temporal"]
            .map(|part| body[part].as_str().unwrap_or_default().to_owned());
        assert_eq!(ready.status, 503);
        assert_eq!(parts, ["unavailable", "unavailable", "degraded"]);
        let lives = ApiResponse::of(api.bare(Method::GET, "/healthz")).await;
        assert_eq!(lives.status, 200, "the process lives");
        let_in(&api, true).await;
        let taken = api.send(RECEIPT, "k", e2e::world::receipt("evt_2").to_string()).await;
        assert_eq!(taken.status, 202, "{}", taken.text);
        assert_eq!(ApiResponse::of(api.bare(Method::GET, "/readyz")).await.status, 200);
    });
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    run(async {
        let api = Api::start().await;
        let nowhere = "postgres://sendpromptly@127.0.0.1:1/none";
        let pool = store::pool::connect_lazily(nowhere, 2).expect("a pool");
        let (url, _stop) = second_api(&api, pool, 1_000).await;
        let bearer = format!("Bearer {}", api.world.key.reveal());
        let request = api.http.post(format!("{url}{RECEIPT}")).header("authorization", bearer);
        let request = request.header("idempotency-key", fresh());
        let request = request.header("content-type", "application/json").body("{}");
        let ready = ApiResponse::of(api.http.get(format!("{url}/readyz")));
        let (response, ready) = tokio::join!(ApiResponse::of(request), ready);
        assert_eq!(
            (response.status, response.header("retry-after")),
            (503, "1"),
            "{}",
            response.text
        );
        assert_eq!(ready.status, 503);
        // A wrong key is rejected by its form, without asking the database.
        let wrong =
            api.http.post(format!("{url}{RECEIPT}")).header("authorization", "Bearer sk_no");
        let wrong =
            ApiResponse::of(wrong.header("content-type", "application/json").body("{}")).await;
        assert_eq!(wrong.status, 401);
    });
}

#[test]
fn a_receipt_that_has_waited_for_too_long_is_not_taken_by_what_was_known_before() {
    run(async {
        let api = Api::start().await;
        let pool = store::pool::connect_lazily(&api.world.database_url, 1).expect("a pool");
        let (url, _stop) = second_api(&api, pool.clone(), 1_000).await;
        let send = async |event: &str| {
            let request = api.http.post(format!("{url}{RECEIPT}"));
            let request = request.bearer_auth(api.world.key.reveal());
            let request = request.header("idempotency-key", fresh());
            let request = request.header("content-type", "application/json");
            ApiResponse::of(request.body(e2e::world::receipt(event).to_string())).await.status
        };
        assert_eq!(send("evt_1").await, 202);
        let only = pool.acquire().await.expect("the only connection");
        let freed = async {
            sleep(Duration::from_secs(5)).await;
            drop(only);
        };
        // Two batches wait for the connection for three seconds; then the third one does.
        let third = async {
            sleep(Duration::from_millis(500)).await;
            send("evt_late").await
        };
        let (first, second, late, ()) = tokio::join!(send("evt_2"), send("evt_3"), third, freed);
        assert_eq!([first, second, late], [503; 3]);
        let late = "SELECT count(*) FROM payment_events WHERE provider_event_id = 'evt_late'";
        assert_eq!(api.count(late).await, 0);
        assert_eq!(send("evt_late").await, 202, "what is known by then counts");
    });
}
