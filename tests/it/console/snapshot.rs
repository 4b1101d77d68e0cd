//! The snapshot of an event: who may open it, what it looks like, what is searched, and what the audit keeps.

use domain::ids::EventId;
use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use e2e::world::receipt;
use serde_json::json;

async fn world() -> World {
    let world = World::start_without_worker().await;
    let on = "UPDATE projects SET snapshots = true";
    sqlx::query(on).execute(&world.pool).await.expect("snapshots on");
    world.keys_are_seen().await;
    world
}

/// Takes a receipt whose payload is this text, byte for byte.
async fn take(world: &World, event: &str, payload: &str) -> EventId {
    let mut body = receipt(event);
    body["payload"] = json!("here");
    let body = body.to_string().replace("\"here\"", payload);
    let response = world
        .http
        .post(format!("{}/api/v1/receipt", world.url))
        .header("authorization", format!("Bearer {}", world.key.reveal()))
        .header("idempotency-key", event)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .expect("a response");
    let taken: serde_json::Value =
        serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    assert!(taken.get("snapshot_reason").is_none(), "{taken}");
    e2e::world::parse(&taken["event_id"])
}

async fn looks(world: &World) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', actor, action) FROM audit_entries WHERE action LIKE 'snapshot.%' ORDER BY at, id";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("the audit")
}

/// What is between the tags of the snapshot, entities as they are.
fn shown(body: &str) -> &str {
    let (_, from) = body.split_once("aria-label=\"Snapshot\">").expect("a snapshot");
    from.split_once("</pre>").expect("its end").0
}

#[test]
fn an_admin_opens_searches_and_downloads_it_and_each_look_is_in_the_audit() {
    e2e::run(async {
        let world = world().await;
        let exact = r#"{"id" : "evt_1", "amount":12345678901234567890123,"url":"https:\/\/a.example\/<b>","tags":["Gold","golden"]}"#;
        let event_id = take(&world, "evt_1", exact).await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/events/{event_id}/snapshot");
        let event = admin.get(&format!("/events/{event_id}")).await;
        assert!(event.body.contains(&format!("href=\"{path}\"")), "{}", event.body);
        assert_eq!(looks(&world).await, [""; 0], "the event's page shows nothing of it");

        let page = admin.get(&path).await;
        assert_eq!(page.headers["cache-control"], "no-store");
        insta::assert_snapshot!(shown(&page.body).trim(), @r#"
        {
          &#34;id&#34;: &#34;evt_1&#34;,
          &#34;amount&#34;: 12345678901234567890123,
          &#34;url&#34;: &#34;https://a.example/&#60;b&#62;&#34;,
          &#34;tags&#34;: [
            &#34;Gold&#34;,
            &#34;golden&#34;
          ]
        }
        "#);
        let found = admin.get(&format!("{path}?q=GOLD")).await;
        assert!(found.body.contains("2 matches."), "{}", found.body);
        assert_eq!(shown(&found.body).matches("<mark>").count(), 2);
        let slashes = admin.page(&format!("{path}?q=a.example%2F")).await.text();
        assert!(slashes.contains("1 match."), "{slashes}");
        let nothing = admin.page(&format!("{path}?q=%3Cscript%3E")).await.text();
        assert!(nothing.contains("Nothing matches."), "{nothing}");

        let file = admin.get(&format!("{path}/download")).await;
        assert_eq!(file.body, exact, "byte for byte");
        assert_eq!(file.headers["cache-control"], "no-store");
        let name = file.headers["content-disposition"].to_str().expect("text");
        assert_eq!(name, format!("attachment; filename=\"snapshot-{event_id}.json\""));
        let viewed = "operator:admin@cometcart.test snapshot.viewed";
        let downloaded = "operator:admin@cometcart.test snapshot.downloaded";
        assert_eq!(looks(&world).await, [viewed, viewed, viewed, viewed, downloaded]);
        let audit = admin.page("/audit?action=snapshot.").await.rows("Entries");
        assert_eq!(audit.len(), 5, "{audit:?}");
    });
}

#[test]
fn nobody_else_opens_it_or_is_led_to_it() {
    e2e::run(async {
        let world = world().await;
        let event_id = take(&world, "evt_1", r#"{"card":"canary"}"#).await;
        let path = format!("/events/{event_id}/snapshot");
        for role in [Role::Viewer, Role::Operator] {
            let operator = Operator::signed_in(&world, role).await;
            for path in [&path, &format!("{path}/download")] {
                let rejected = operator.get(path).await;
                assert_eq!(rejected.status, 403, "{role} {path}");
                assert!(rejected.page().text().contains("needs the role admin"));
                assert!(!rejected.body.contains("canary"), "{}", rejected.body);
            }
            let event = operator.get(&format!("/events/{event_id}")).await;
            assert!(!event.body.contains(&path), "{}", event.body);
        }
        assert_eq!(looks(&world).await, [""; 0]);
    });
}

#[test]
fn what_is_not_kept_or_does_not_open_is_said() {
    e2e::run(async {
        let world = world().await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let without = world.receipt("evt_1").await;
        let path = format!("/events/{without}/snapshot");
        let none = admin.get(&path).await;
        assert_eq!(none.status, 404);
        assert!(none.page().text().contains("No snapshot of this event is kept"), "{}", none.body);
        assert!(!admin.get(&format!("/events/{without}")).await.body.contains(&path));
        let damaged = take(&world, "evt_2", r#"{"card":"canary"}"#).await;
        let damage = "UPDATE payment_events SET snapshot = set_byte(snapshot, 40, get_byte(snapshot, 40) # 1) WHERE snapshot IS NOT NULL";
        sqlx::query(damage).execute(&world.pool).await.expect("damaged");
        let page = admin.get(&format!("/events/{damaged}/snapshot")).await;
        assert!(
            page.status == 200
                && page.page().text().contains("It does not open: a sealed value is damaged")
        );
        assert_eq!(looks(&world).await, [""; 0], "nobody saw anything");
    });
}

#[test]
fn the_largest_snapshot_is_a_page_below_100_kb_with_the_rest_as_a_file() {
    e2e::run(async {
        let world = world().await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let worst = format!("{{\"a\":[{}\"needle\"]}}", "\"<\",".repeat(16_200));
        assert!(worst.len() < 64 * 1024 && worst.len() > 63 * 1024);
        let event_id = take(&world, "evt_1", &worst).await;
        let path = format!("/events/{event_id}/snapshot");
        for (query, expected) in [("", "this is its beginning"), ("?q=%3C", "as many as fit")] {
            let page = admin.get(&format!("{path}{query}")).await;
            assert!(page.body.len() < 100_000, "{} bytes", page.body.len());
            assert!(page.page().text().contains(expected), "{query}");
        }
        let found = admin.get(&format!("{path}?q=needle")).await;
        assert!(shown(&found.body).contains("<mark>needle</mark>"), "far behind what fits");
        assert_eq!(admin.get(&format!("{path}/download")).await.body, worst);
    });
}
