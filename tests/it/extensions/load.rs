//! Many events due one after another, and a team's worker that lies, raises, answers too
//! much, bytes or nothing, and hangs, by turns: what was settled opens no incident, everything else
//! opens at its time, and nothing is asked twice under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::extension_worker::{ExtensionWorker, Manner, register_with};
use e2e::{World, eventually_within, run};
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

const EVENTS: usize = 120;
/// Their deadlines: twenty a second, beginning so long after the first receipt that each is asked about before.
const EACH: Duration = Duration::from_millis(150);
const MOMENTS: usize = 40;
const BEGIN: Duration = Duration::from_mins(1);
/// What the figure must keep on a machine that runs other tests beside this one. The promise is a
/// second on one that does not.
const BOUND: f64 = 10.0;
/// How long all of them may take there.
const TIMEOUT: Duration = Duration::from_mins(4);

/// What the team's worker does by turns. Only the first is an answer that settles something.
fn manner(input: &Value) -> Manner {
    let number = number(input);
    match number % 8 {
        0 => Manner::Json(json!({ "settled": true, "evidence": { "ledger_id": number } })),
        1 => Manner::Json(json!({ "settled": false })),
        2 => Manner::Raise("LedgerDown"),
        3 => Manner::Bytes(vec![0xff; 100]),
        4 if number % 40 == 4 => {
            Manner::Json(json!({ "settled": true, "note": "x".repeat(3 << 20) }))
        }
        4 => Manner::Json(json!({ "settled": "true" })),
        5 => Manner::Nothing,
        6 => Manner::Json(json!({ "settled": null, "state": "resolved", "effect": "succeeded" })),
        _ => Manner::Hang,
    }
}

fn number(input: &Value) -> usize {
    let id = input["provider_event_id"].as_str().expect("an id");
    id.trim_start_matches("evt_").parse().expect("a number")
}

/// An event as the database has it in the end.
#[derive(sqlx::FromRow)]
struct Ended {
    number: i32,
    effect: String,
    outcome: Option<String>,
    /// Seconds from the deadline to the incident.
    late: Option<f64>,
    opened_before_answer: Option<bool>,
}

#[test]
fn under_load_whatever_a_worker_does_incidents_open_at_their_time_and_only_what_was_not_settled() {
    run(async {
        let world = World::start().await;
        let asked =
            json!({ "point": "before_incident", "trust": "settle", "calls_per_second": 1000 });
        let queue = register_with(&world, asked).await;
        let team = ExtensionWorker::start(&world, queue, Manner::Each(manner)).await;
        due_one_after_another(&world).await;
        stream::iter(0..EVENTS)
            .for_each_concurrent(24, |number| {
                let id = format!("evt_{number}");
                let world = &world;
                async move {
                    world.receipt(&id).await;
                }
            })
            .await;
        let ended =
            eventually_within(TIMEOUT, "the end of all", async || all_ended(&world).await).await;

        for event in &ended {
            let settled = event.outcome.as_deref() == Some("settled");
            assert_eq!(settled, event.effect == "succeeded", "evt_{}", event.number);
            // An answer that comes after the deadline resolves what has opened at its time.
            let in_time = settled && !event.opened_before_answer.unwrap_or(false);
            assert_eq!(in_time, event.late.is_none(), "evt_{}", event.number);
            assert!(!settled || event.number % 8 == 0, "evt_{} was never settled", event.number);
        }
        let settled = ended.iter().filter(|event| event.late.is_none()).count();
        assert!(settled > 0, "none of {} that could be", EVENTS / 8);
        let mut late: Vec<f64> = ended.iter().filter_map(|event| event.late).collect();
        late.sort_by(f64::total_cmp);
        let (first, p99) = (late[0], late[late.len() * 99 / 100]);
        say(&format!("{settled} settled, {} opened, p99 {p99:.3} s late", late.len()));
        assert!(first >= 0.0 && p99 < BOUND, "from {first} s, p99 {p99} s");

        nothing_is_asked_under_two_names(&team);
    });
}

fn nothing_is_asked_under_two_names(team: &ExtensionWorker) {
    let mut calls = BTreeMap::<String, BTreeSet<String>>::new();
    for call in team.calls() {
        calls.entry(call["event_id"].to_string()).or_default().insert(call["call_id"].to_string());
    }
    assert!(calls.len() > EVENTS / 2, "only {} were asked", calls.len());
    assert!(calls.values().all(|ids| ids.len() == 1), "asked under two names: {calls:?}");
}

#[expect(clippy::print_stderr, reason = "the figure is told to who runs this by itself")]
fn say(figure: &str) {
    eprintln!("{figure}");
}

/// From now on each event is due at a moment that its number says.
async fn due_one_after_another(world: &World) {
    let (begin, each) = (BEGIN.as_secs(), EACH.as_millis());
    let sql = format!(
        "CREATE FUNCTION due_by_turns() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.timeout_at := (SELECT begin FROM due_from)
             + substring(NEW.provider_event_id FROM 5)::int % {MOMENTS} * interval '{each} milliseconds';
         RETURN NEW; END $$;
         CREATE TABLE due_from AS SELECT clock_timestamp() + interval '{begin} seconds' AS begin;
         CREATE TRIGGER due BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION due_by_turns();"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&world.pool).await.expect("a trigger");
}

/// All events, once each is settled or has its incident and no call is open.
async fn all_ended(world: &World) -> Option<Vec<Ended>> {
    let ended: Vec<Ended> = sqlx::query_as(
        "SELECT substring(e.provider_event_id FROM 5)::int AS number, e.effect, c.outcome,
                extract(epoch FROM i.opened_at - e.timeout_at)::float8 AS late,
                i.opened_at < c.answered_at AS opened_before_answer
         FROM payment_events e LEFT JOIN incidents i ON i.event_id = e.id
             LEFT JOIN extension_calls c ON c.event_id = e.id
         WHERE e.effect <> 'pending' AND (c.id IS NULL OR c.answered_at IS NOT NULL)",
    )
    .fetch_all(&world.pool)
    .await
    .expect("events");
    (ended.len() == EVENTS).then_some(ended)
}
