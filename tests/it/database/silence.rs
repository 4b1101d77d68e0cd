//! A way to Postgres on which nothing comes through any more, without any error. With the limits of
//! the product; what they add up to is held in `store`.

use std::time::Duration;

use e2e::binary::Part;
use e2e::way::Way;
use e2e::world::receipt;
use e2e::{World, eventually, run};
use futures::future::join_all;
use serde_json::json;
use sqlx::Connection as _;
use tokio::time::{Instant, timeout};

use super::{bare_world, direct, locked_out, put_on_a_way};

/// All but five of the connections that an API has for requests: a failure has one of its own.
const FAILURES: usize = 11;
/// What is committed together shares two of the others.
const RECEIPTS: usize = 16;

struct SilentDatabase {
    world: World,
    way: Way,
    /// The database, past the way.
    past: String,
}

impl SilentDatabase {
    async fn open() -> Self {
        let mut world = bare_world().await;
        let (way, past) = put_on_a_way(&mut world).await;
        Self { world, way, past }
    }

    /// An API that is ready, with the events whose failures will be reported.
    async fn spawn_api(&self) -> Part {
        let api = self.world.spawn_api().expect("an API");
        eventually("an API that is ready", async || self.world.ready().await.then_some(())).await;
        for n in 0..FAILURES {
            self.world.receipt(&format!("evt_{n}")).await;
        }
        api
    }

    /// The status of a failure or a receipt, and how long it took; nothing if the API hung up.
    async fn send(&self, n: usize) -> (Option<u16>, Duration) {
        let began = Instant::now();
        let event = format!("evt_{n}");
        let (route, body) = if n < FAILURES {
            ("result", json!({ "provider_event_id": event, "status": "failed" }))
        } else {
            ("receipt", receipt(&event))
        };
        let request = self.world.http.post(format!("{}/api/v1/{route}", self.world.url));
        let request = request.bearer_auth(self.world.key.reveal());
        let request = request.header("idempotency-key", format!("{route}-{event}"));
        let request = request.header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await;
        (response.ok().map(|response| response.status().as_u16()), began.elapsed())
    }

    /// As many requests as all connections take, each of these in the middle of a statement when
    /// the way falls silent; then something else, and what became of both.
    async fn send_into_silence<T>(
        &self,
        then: impl Future<Output = T>,
    ) -> (Vec<(Option<u16>, Duration)>, T) {
        let mut direct = direct(&self.past).await;
        let mut held = direct.begin().await.expect("a transaction");
        sqlx::query("LOCK TABLE payment_events").execute(&mut *held).await.expect("a lock");
        tokio::join!(join_all((0..FAILURES + RECEIPTS).map(|n| self.send(n))), async {
            locked_out(&self.world, FAILURES + 1).await;
            self.way.fall_silent();
            held.rollback().await.expect("a rollback");
            then.await
        })
    }
}

#[test]
fn requests_that_meet_silence_are_answered_and_the_next_ones_are_taken_without_a_restart() {
    run(async {
        let database = SilentDatabase::open().await;
        let _api = database.spawn_api().await;
        let (answers, ()) = database.send_into_silence(async {}).await;
        for (status, took) in answers {
            assert_eq!(status, Some(503));
            assert!(took < Duration::from_secs(30), "answered after {took:?}");
        }
        database.way.open_for_new_ones();
        // The same requests: what became of them is known now.
        for n in 0..FAILURES + RECEIPTS {
            eventually("an answer", async || (database.send(n).await.0 == Some(202)).then_some(()))
                .await;
        }
    });
}

#[test]
fn a_process_whose_database_is_silent_ends_when_it_is_asked_to() {
    run(async {
        let database = SilentDatabase::open().await;
        let api = database.spawn_api().await;
        let end = timeout(Duration::from_secs(40), api.end());
        let (_, ended) = database.send_into_silence(end).await;
        assert_eq!(ended.expect("an end within 40 s").expect("a signal"), Some(0));
    });
}
