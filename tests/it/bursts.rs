//! An API that dies in the middle of bursts: what it acknowledged is there, and nothing is there by
//! half.

use std::sync::Arc;

use domain::api_key::ApiKey;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run};
use tokio::sync::watch;
use tokio::task::JoinSet;

const SENDERS: usize = 32;
const RECEIPT: &str = "/api/v1/receipt";

/// What was acknowledged: the idempotency key, which is the event as well, and the response.
type Ledger = Vec<(String, String)>;

/// One client of the API, which notes what it is told.
struct Sender {
    http: reqwest::Client,
    url: String,
    key: ApiKey,
}

impl Sender {
    fn of(world: &World) -> Self {
        let http = world.http.clone();
        Self { http, url: format!("{}{RECEIPT}", world.url), key: world.key.clone() }
    }

    async fn send(&self, event: &str) -> reqwest::Result<(u16, String)> {
        let request = self.http.post(&self.url).bearer_auth(self.key.reveal());
        let request = request.header("idempotency-key", event);
        let request = request.header("content-type", "application/json");
        let response = request.body(receipt(event).to_string()).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Sends one receipt after the other until the API is gone.
    async fn send_all(self, name: String, acknowledged: Arc<watch::Sender<usize>>) -> Ledger {
        let mut ledger = Ledger::new();
        for n in 0.. {
            let event = format!("evt_{name}_{n}");
            let Ok((status, text)) = self.send(&event).await else { break };
            assert_eq!(status, 202, "{text}");
            ledger.push((event, text));
            acknowledged.send_modify(|count| *count += 1);
        }
        ledger
    }
}

/// Lets many send, and kills the API once so many receipts were acknowledged.
async fn kill_after(world: &World, round: usize, count: usize) -> Ledger {
    let api = world.spawn_api().expect("an API");
    eventually("an API that is ready", async || world.ready().await.then_some(())).await;
    let (acknowledged, mut counted) = watch::channel(0);
    let acknowledged = Arc::new(acknowledged);
    let mut senders = JoinSet::new();
    for n in 0..SENDERS {
        let sender = Sender::of(world);
        senders.spawn(sender.send_all(format!("{round}_{n}"), Arc::clone(&acknowledged)));
    }
    counted.wait_for(|acknowledged| *acknowledged >= count).await.expect("senders");
    api.kill().await.expect("killed");
    senders.join_all().await.concat()
}

/// How many rows each table has that every receipt has a row in.
async fn rows(world: &World) -> [i64; 5] {
    let tables = [
        "payment_events",
        "event_keys",
        "audit_entries WHERE action = 'receipt.accepted'",
        "outbox WHERE wish = 'start'",
        "idempotency_keys WHERE route = 'receipt'",
    ];
    let mut counts = [0; 5];
    for (count, table) in counts.iter_mut().zip(tables) {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        *count = sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count");
    }
    counts
}

#[test]
fn an_api_that_is_killed_in_the_middle_of_bursts_has_what_it_acknowledged_and_nothing_by_half() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let mut ledger = Ledger::new();
        for round in 0..4 {
            ledger.extend(kill_after(&world, round, 100 + 77 * round).await);
        }
        let [events, rest @ ..] = rows(&world).await;
        assert_eq!(rest, [events; 4], "each receipt is there as a whole");
        assert!(usize::try_from(events).is_ok_and(|events| events >= ledger.len()));
        let _api = world.spawn_api().expect("an API");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        let sender = Sender::of(&world);
        for (event, text) in ledger {
            let again = sender.send(&event).await.expect("a response");
            assert_eq!(again, (202, text), "{event}");
        }
        assert_eq!(rows(&world).await[0], events, "none of them was new");
    });
}
