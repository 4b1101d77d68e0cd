//! Erasing a customer by a script: counted first, begun by who may, and shown until it is over.

use domain::audit::Actor;
use domain::operator::Role;
use e2e::world::receipt;
use e2e::{World, run};
use reqwest::Method;
use serde_json::json;
use store::{MasterKey, erasure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::script::Script;

#[test]
fn a_script_counts_a_customer_erases_them_and_sees_when_it_is_over() {
    run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        let event_id = world.receipt("evt_1").await;
        let path = format!("/{}/erasures", world.project.id);
        let post = async |body| admin.call(Method::POST, &path, Some(body)).await;
        let (status, counted) = post(json!({ "internal_reference": "user_456" })).await;
        assert_eq!((status, &counted["rows"]["payment_events"]), (200, &json!(1)), "{counted}");
        assert!(counted["erasure_id"].is_null(), "{counted}");

        let (status, begun) =
            post(json!({ "internal_reference": "user_456", "confirm": true })).await;
        assert_eq!((status, &begun["state"]), (202, &json!("events")), "{begun}");
        let one = format!("{path}/{}", begun["erasure_id"].as_str().expect("an id"));
        let id = begun["erasure_id"].as_str().expect("an id").parse().expect("an id");
        let key = MasterKey::parse(&world.master_key).expect("a key");
        // What api and worker do.
        erasure::run(&world.pool, &key, id, &mut |_| ()).await.expect("erased");
        let (status, shown) = admin.call(Method::GET, &one, None).await;
        assert_eq!((status, &shown["state"]), (200, &json!("done")), "{shown}");
        assert_eq!(shown["rows"]["payment_events"], 1, "{shown}");
        let (_, listed) = admin.call(Method::GET, &path, None).await;
        assert_eq!(listed["data"][0]["tombstone"], begun["tombstone"], "{listed}");
        let event = format!("/{}/events/{event_id}", world.project.id);
        let (_, event) = admin.call(Method::GET, &event, None).await;
        assert_eq!(event["internal_reference"], begun["tombstone"], "{event}");
    });
}

#[test]
fn a_reference_that_no_receipt_may_have_any_more_is_erased_as_it_was_taken() {
    run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        world.receipt("evt_1").await;
        let unseen = "us\u{AD}er";
        sqlx::query("UPDATE payment_events SET internal_reference = $1")
            .bind(unseen)
            .execute(&world.pool)
            .await
            .expect("as of a release before");
        let path = format!("/{}/erasures", world.project.id);
        for (reference, expected) in [(unseen, 200), ("user", 404), ("\0", 404)] {
            let body = json!({ "internal_reference": reference });
            let (status, response) = admin.call(Method::POST, &path, Some(body)).await;
            assert_eq!(status, expected, "{reference:?}: {response}");
        }
    });
}

#[test]
fn what_is_not_known_or_not_right_is_said_and_nothing_is_begun() {
    run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        world.receipt("evt_1").await;
        let path = format!("/{}/erasures", world.project.id);
        for (body, expected, word) in [
            (json!({ "internal_reference": "User_456", "confirm": true }), 404, "case-sensitive"),
            (json!({ "confirm": true }), 422, "is required"),
            (json!({ "internal_reference": 7.5 }), 422, "internal_reference"),
            (json!({ "internal_reference": "user_456", "confirm": "yes" }), 422, "confirm"),
            (json!({ "internal_reference": "user_456", "sure": true }), 422, "sure"),
        ] {
            let (status, response) = admin.call(Method::POST, &path, Some(body)).await;
            assert_eq!(status, expected, "{response}");
            assert!(response.to_string().contains(word), "{response}");
        }
        let operator = Script::new(&world, Role::Operator).await;
        let wanted = json!({ "internal_reference": "user_456", "confirm": true });
        for (method, body) in [(Method::POST, Some(wanted)), (Method::GET, None)] {
            let (status, response) = operator.call(method, &path, body).await;
            assert_eq!(status, 403, "{response}");
        }
        let begun: i64 = sqlx::query_scalar("SELECT count(*) FROM erasures")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(begun, 0);
    });
}

/// Erases everything of a customer, as of somebody who asked for it a while ago.
async fn erase(world: &World, reference: &str) {
    let (key, actor) =
        (MasterKey::parse(&world.master_key).expect("a key"), Actor::Cli("bob".to_owned()));
    let begun = erasure::begin(&world.pool, &key, &actor, world.project.id, reference).await;
    world.keys_are_seen().await;
    let sql = "UPDATE erasures SET requested_at = requested_at - make_interval(secs => $1)";
    let aged = sqlx::query(sql).bind(erasure::KNOWN_AFTER.as_secs_f64());
    aged.execute(&world.pool).await.expect("an erasure of a while ago");
    let id = begun.expect("an erasure").id;
    erasure::run(&world.pool, &key, id, &mut |_| ()).await.expect("erased");
}

#[test]
fn a_receipt_whose_body_comes_after_an_erasure_is_known_again() {
    run(async {
        let world = World::start_without_worker().await;
        let event_id = world.receipt("evt_1").await;
        let address = world.url.strip_prefix("http://").expect("an address");
        let body = receipt("evt_1").to_string();
        let (key, length) = (world.key.reveal(), body.len());
        let head = format!(
            "POST /api/v1/receipt HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: late\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("a head");
        // It is admitted, and its body is waited for.
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.expect("an interim response");
        assert_eq!(&asked[..], b"HTTP/1.1 100 Continue\r\n\r\n");

        erase(&world, "user_456").await;
        stream.write_all(body.as_bytes()).await.expect("a body");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 202"), "{response}");
        assert!(response.contains(&event_id.to_string()), "{response}");
        assert!(response.contains(r#""duplicate":true"#), "{response}");
    });
}
