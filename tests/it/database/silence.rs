//! A way to Postgres on which nothing comes through any more, without any error. With the limits of
//! the product; what they add up to is held in `store`.

use std::time::Duration;

use e2e::way::Way;
use e2e::world::receipt;
use e2e::{World, eventually, run};
use futures::future::join_all;
use sqlx::Connection as _;
use tokio::time::{Instant, timeout};

use super::{bare_world, direct, locked_out, put_on_a_way};

/// As many as an API has connections for requests.
const IN_FLIGHT: usize = 16;

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

    /// A receipt's status, and how long it took; nothing if the API hung up.
    async fn send(&self, n: usize) -> (Option<u16>, Duration) {
        let began = Instant::now();
        let request = self.world.http.post(format!("{}/api/v1/receipt", self.world.url));
        let request = request.bearer_auth(self.world.key.reveal());
        let request = request.header("idempotency-key", format!("receipt-evt_{n}"));
        let request = request.header("content-type", "application/json");
        let answer = request.body(receipt(&format!("evt_{n}")).to_string()).send().await;
        (answer.ok().map(|answer| answer.status().as_u16()), began.elapsed())
    }

    /// As many receipts as there are connections, all of them in the middle of a statement when the
    /// way falls silent; then something else, and what became of both.
    async fn send_into_silence<T>(
        &self,
        then: impl Future<Output = T>,
    ) -> (Vec<(Option<u16>, Duration)>, T) {
        let mut direct = direct(&self.past).await;
        let mut held = direct.begin().await.expect("a transaction");
        sqlx::query("LOCK TABLE payment_events").execute(&mut *held).await.expect("a lock");
        tokio::join!(join_all((0..IN_FLIGHT).map(|n| self.send(n))), async {
            locked_out(&self.world, IN_FLIGHT).await;
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
        let _api = database.world.spawn_api().expect("an API");
        eventually("an API that is ready", async || database.world.ready().await.then_some(()))
            .await;
        let (answers, ()) = database.send_into_silence(async {}).await;
        for (status, took) in answers {
            assert_eq!(status, Some(503));
            assert!(took < Duration::from_secs(30), "answered after {took:?}");
        }
        database.way.open_for_new_ones();
        // The same requests: what became of them is known now.
        for n in 0..IN_FLIGHT {
            eventually("a receipt", async || (database.send(n).await.0 == Some(202)).then_some(()))
                .await;
        }
    });
}

#[test]
fn a_process_whose_database_is_silent_ends_when_it_is_asked_to() {
    run(async {
        let database = SilentDatabase::open().await;
        let api = database.world.spawn_api().expect("an API");
        eventually("an API that is ready", async || database.world.ready().await.then_some(()))
            .await;
        let end = timeout(Duration::from_secs(40), api.end());
        let (_, ended) = database.send_into_silence(end).await;
        assert_eq!(ended.expect("an end within 40 s").expect("a signal"), Some(0));
    });
}
