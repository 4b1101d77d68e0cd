//! What buttons do: once, for whom they belong to, with the role of the operator who presses them.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::destination::SlackUserId;
use domain::ids::IncidentId;
use domain::incident::IncidentState;
use domain::operator::Role;
use doubles::slack::{Press, sign};
use e2e::world::{parse, receipt};
use store::administration::operator::{SlackUserChange, change_slack_user};
use store::pool::transaction;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::*;

pub(super) const BOB: &str = "U0123ABCDEF";
pub(super) const EMAIL: &str = "bob@cometcart.test";

pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("a time")
}

/// An operator who is known in Slack.
pub(super) async fn hire(world: &World, email: &str, role: Role, user: &str) {
    let id = e2e::console::add(&world.pool, email, role).await;
    let (actor, user) = (Actor::System, SlackUserId::parse(user).expect("an id"));
    let known =
        transaction(&world.pool, async |tx| change_slack_user(tx, &actor, id, Some(&user)).await);
    assert_eq!(known.await.expect("a database"), SlackUserChange::Done);
}

/// A world whose messages go to a Slack app, in which bob has this role, and an event whose incident is told there.
async fn channel(role: Role) -> (World, Slack, EventId) {
    let world = World::start_without_worker().await;
    let slack = slack(&world).await;
    hire(&world, EMAIL, role, BOB).await;
    let event_id = fail(&world, "evt_1").await;
    (world, slack, event_id)
}

/// Sends what Slack sends; gives the status.
pub(super) async fn send(world: &World, press: &Press) -> u16 {
    let request = world.http.post(format!("{}/slack/actions", world.url));
    let request = request
        .header("X-Slack-Request-Timestamp", &press.timestamp)
        .header("X-Slack-Signature", &press.signature)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(press.body.clone());
    request.send().await.expect("a response").status().as_u16()
}

/// What the person is told by the answer of this number to their press.
pub(super) async fn answer(slack: &Slack, press: &Press, number: usize) -> String {
    let said = async || slack.answers(press).get(number).cloned();
    let said = e2e::eventually("an answer", said).await;
    assert_eq!(said["response_type"], "ephemeral");
    said["text"].as_str().expect("a text").to_owned()
}

/// A press of a button of the first message.
fn pressed(slack: &Slack, button: &str, user: &str, at: i64) -> Press {
    slack.press(&slack.messages()[0], button, user, at)
}

/// Presses a button of the first message and gives what the person is told.
pub(super) async fn press(
    world: &World,
    slack: &Slack,
    button: &str,
    user: &str,
    at: i64,
) -> String {
    let pressed = pressed(slack, button, user, at);
    assert_eq!(send(world, &pressed).await, 200);
    answer(slack, &pressed, 0).await
}

/// Sends a press that waits for a lock, and ends its connection there.
pub(super) async fn cut_off(world: &World, pressed: &Press) {
    let cut = async {
        e2e::until_lock_wait(&world.pool).await;
        let end = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let ended: i64 = sqlx::query_scalar(end).fetch_one(&world.pool).await.expect("a count");
        assert!(ended >= 1, "{ended}");
    };
    let (status, ()) = tokio::join!(send(world, pressed), cut);
    assert!(status >= 500, "{status}");
}

pub(super) async fn count(world: &World, what: &'static str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count")
}

#[test]
fn a_press_acts_once_as_the_operator_and_the_audit_says_through_slack() {
    run(async {
        let (world, slack, event_id) = channel(Role::Operator).await;
        let pressed = pressed(&slack, "acknowledge", BOB, now());
        // Slack sends it again where it heard nothing, and two may come together.
        let (one, two) = tokio::join!(send(&world, &pressed), send(&world, &pressed));
        assert_eq!([one, two, send(&world, &pressed).await], [200; 3]);
        let said = answer(&slack, &pressed, 2).await;
        assert!(said.starts_with("Acknowledged, as bob@cometcart.test."), "{said}");
        let entries = store::timeline::list_for_event(&world.pool, event_id).await;
        let entries = entries.expect("a timeline").into_iter();
        let acknowledged = entries.filter(|entry| entry.action == "incident.acknowledged");
        let acknowledged: Vec<_> = acknowledged.collect();
        let [entry] = &acknowledged[..] else { panic!("not one entry: {acknowledged:?}") };
        assert_eq!(entry.actor, "operator:bob@cometcart.test");
        assert_eq!(entry.detail["note"], "through Slack, by U0123ABCDEF");
        deliver_all(&world, event_id).await;
        assert!(heading(&slack.messages()[0]).ends_with("An operator sees to it."));
    });
}

#[test]
fn with_a_worker_the_message_follows_what_its_own_buttons_did() {
    run(async {
        let world = World::start().await;
        let slack = slack(&world).await;
        hire(&world, EMAIL, Role::Operator, BOB).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", json!({ "error_code": "db_write_failed" })).await;
        let until = async |end: &str| {
            let told = async || {
                let message = slack.messages().into_iter().next()?;
                heading(&message).ends_with(end).then_some(())
            };
            e2e::eventually(end, told).await;
        };
        until("Adding them failed.").await;
        press(&world, &slack, "acknowledge", BOB, now()).await;
        until("An operator sees to it.").await;
        press(&world, &slack, "reprocess", BOB, now()).await;
        let callback = world.repair.wait_for(1).await.remove(0).json();
        let done = json!({ "replay_id": callback["replay_id"] });
        world.result(event_id, "success", done).await;
        until("They were added by the reprocess.").await;
        assert_eq!(slack.messages().len(), 1);
    });
}

#[test]
fn a_press_that_is_cut_off_in_the_middle_leaves_nothing_and_acts_when_it_comes_again() {
    run(async {
        let (world, slack, event_id) = channel(Role::Operator).await;
        let pressed = pressed(&slack, "acknowledge", BOB, now());
        let mut blocking = world.pool.begin().await.expect("a transaction");
        sqlx::query("SELECT FROM payment_events WHERE id = $1 FOR UPDATE")
            .bind(event_id.as_uuid())
            .execute(&mut *blocking)
            .await
            .expect("a lock");
        // It has kept the press by then, and waits for the event.
        cut_off(&world, &pressed).await;
        blocking.rollback().await.expect("an end");
        assert_eq!(count(&world, "slack_presses").await, 0);
        assert_eq!(world.incident(event_id).await.state, IncidentState::Open);
        assert_eq!(send(&world, &pressed).await, 200);
        assert_eq!(world.incident(event_id).await.state, IncidentState::Acknowledged);
    });
}

#[test]
fn what_is_not_signed_by_the_destinations_secret_is_401_and_changes_nothing() {
    run(async {
        let (world, slack, event_id) = channel(Role::Admin).await;
        let at = now();
        let good = pressed(&slack, "acknowledge", BOB, at);
        let old = pressed(&slack, "acknowledge", BOB, at - 400);
        let other = sign(good.body.replace("acknowledge", "reprocess"), at);
        for bad in [
            old,
            Press { timestamp: (at + 1).to_string(), ..good.clone() },
            Press { timestamp: String::new(), ..good.clone() },
            Press { signature: other.signature, ..good.clone() },
            Press { signature: String::new(), ..good.clone() },
            Press { body: good.body.replace(BOB, "U9999999999"), ..good.clone() },
            sign(good.body.replace("dst_", "dst_0"), at),
            sign("payload=%7B%7D".to_owned(), at),
            sign(String::new(), at),
        ] {
            assert_eq!(send(&world, &bad).await, 401, "{bad:?}");
        }
        assert_eq!(world.incident(event_id).await.state, IncidentState::Open);
        execute(&world, "UPDATE destinations SET removed_at = now()").await;
        assert_eq!(send(&world, &good).await, 401, "of a destination that was removed");
        assert_eq!(count(&world, "slack_presses").await, 0);
        execute(&world, "UPDATE destinations SET removed_at = NULL").await;
        assert_eq!(send(&world, &good).await, 200);
        assert_eq!(world.incident(event_id).await.state, IncidentState::Acknowledged);
    });
}

#[test]
fn an_address_that_sends_wrong_signatures_again_and_again_is_turned_away_and_right_ones_are_not_counted()
 {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        hire(&world, EMAIL, Role::Operator, BOB).await;
        fail(&world, "evt_1").await;
        let (message, at) = (slack.messages().remove(0), now());
        for late in 0..3 {
            let right = slack.press(&message, "snooze", BOB, at + late);
            assert_eq!(send(&world, &right).await, 200);
        }
        let good = slack.press(&message, "acknowledge", BOB, at);
        let bad = Press { signature: "v0=00".to_owned(), ..good.clone() };
        for number in 1..60 {
            assert_eq!(send(&world, &bad).await, 401, "{number}");
        }
        assert_eq!(send(&world, &good).await, 200, "one more may be wrong");
        assert_eq!(send(&world, &bad).await, 401);
        let path = format!("{}/slack/actions", world.url);
        let turned_away = world.http.post(path).body("payload").send().await.expect("a response");
        assert_eq!(turned_away.status().as_u16(), 429);
        let seconds = turned_away.headers()["retry-after"].to_str().expect("a text");
        assert!((1..=60).contains(&seconds.parse::<u64>().expect("seconds")), "{seconds}");
    });
}

#[test]
fn bodies_that_nobody_has_signed_yet_are_read_a_few_at_a_time() {
    run(async {
        let (world, slack, _) = channel(Role::Operator).await;
        let good = pressed(&slack, "acknowledge", BOB, now());
        let answered = async |wanted: u16| (send(&world, &good).await == wanted).then_some(());
        let head = "POST /slack/actions HTTP/1.1\r\nHost: x.test\r\nContent-Length: 9\r\n\r\np";
        let mut begun = Vec::new();
        for _ in 0..64 {
            let connecting = TcpStream::connect(world.url.trim_start_matches("http://"));
            let mut stream = connecting.await.expect("a connection");
            stream.write_all(head.as_bytes()).await.expect("it is sent");
            begun.push(stream);
        }
        e2e::eventually("no place for one more", async || answered(429).await).await;
        drop(begun);
        e2e::eventually("a place", async || answered(200).await).await;
    });
}

#[test]
fn whoever_is_unknown_or_a_viewer_is_told_what_to_do_and_changes_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        hire(&world, "carol@cometcart.test", Role::Viewer, "U0000CAROL0").await;
        let event_id = fail(&world, "evt_1").await;
        let at = now();
        let unknown = press(&world, &slack, "acknowledge", BOB, at).await;
        let cure = format!("{}/account and enter {BOB} under Slack", world.url);
        assert!(unknown.contains(&cure), "{unknown}");
        assert!(unknown.contains("operator slack --email … --user U0123ABCDEF"), "{unknown}");
        let viewer = press(&world, &slack, "snooze", "U0000CAROL0", at).await;
        assert!(viewer.contains("carol@cometcart.test is a viewer"), "{viewer}");
        assert_eq!(world.incident(event_id).await.state, IncidentState::Open);
        assert_eq!(count(&world, "snoozes").await, 0);
        // From the moment at which they are known, the next press acts.
        hire(&world, EMAIL, Role::Operator, BOB).await;
        press(&world, &slack, "acknowledge", BOB, at).await;
        assert_eq!(world.incident(event_id).await.state, IncidentState::Acknowledged);
    });
}

#[test]
fn a_button_reaches_no_incident_of_another_project() {
    run(async {
        let (world, slack, event_id) = channel(Role::Admin).await;
        let ours = world.incident(event_id).await.id;
        let charlie = world.charlie().await;
        let (body, path) = (receipt("evt_2"), "/api/v1/receipt");
        let (_, taken) = world.post_as(&charlie, path, &body, "k1").await;
        let failed = json!({ "event_id": taken["event_id"], "status": "failed" });
        let (_, taken) = world.post_as(&charlie, "/api/v1/result", &failed, "k2").await;
        let theirs: IncidentId = parse(&taken["incident"]["id"]);
        let at = now();
        let good = pressed(&slack, "acknowledge", BOB, at);
        let bad = sign(good.body.replace(&ours.to_string(), &theirs.to_string()), at);
        assert_eq!(send(&world, &bad).await, 200);
        assert!(answer(&slack, &bad, 0).await.contains("is not there any more"));
        let untouched = store::incidents::find_incident(&world.pool, theirs).await;
        let untouched = untouched.expect("a database").expect("an incident");
        assert_eq!(untouched.state, IncidentState::Open);
    });
}

#[test]
fn reprocess_and_snooze_act_and_a_press_that_comes_late_again_starts_nothing_new() {
    run(async {
        let (world, slack, event_id) = channel(Role::Operator).await;
        let at = now();
        let snoozed = press(&world, &slack, "snooze", BOB, at).await;
        assert!(snoozed.starts_with("Snoozed for an hour, as bob@cometcart.test."), "{snoozed}");
        let hour = "snoozes WHERE ended_at IS NULL AND until > now() AND until < now() + interval '61 minutes'";
        assert_eq!(count(&world, hour).await, 1);

        let pressed = pressed(&slack, "reprocess", BOB, at);
        assert_eq!(send(&world, &pressed).await, 200);
        let running = press(&world, &slack, "reprocess", BOB, at + 1).await;
        assert!(running.contains("bob@cometcart.test already started reprocess rpl_"), "{running}");
        assert_eq!(count(&world, "slack_presses").await, 2, "what was rejected is not kept");
        let incident = world.incident(event_id).await;
        let all = store::reprocesses::list_for_incident(&world.pool, incident.id).await;
        let replay_id = all.expect("reprocesses").remove(0).id;
        world.result(event_id, "failed", json!({ "replay_id": replay_id })).await;
        assert_eq!(send(&world, &pressed).await, 200);
        assert_eq!(count(&world, "reprocesses").await, 1, "the same press again");
        world.result(event_id, "success", json!({})).await;
        let late = press(&world, &slack, "acknowledge", BOB, at + 2).await;
        assert!(late.contains("already resolved"), "{late}");
    });
}
