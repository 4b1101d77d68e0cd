//! What was paid: from the receipt to every place where people decide by it, and never a part of which event it is.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, run};
use serde_json::{Value, json};

use crate::automation::script::Script;
use crate::causes_told::flat;

fn paid(event: &str, amount: &Value) -> Value {
    let mut body = receipt(event);
    body["amount"] = amount.clone();
    body
}

fn usd(value: i64) -> Value {
    json!({ "value": value, "currency": "USD" })
}

#[test]
fn the_first_receipts_amount_stands_and_another_one_is_a_duplicate() {
    run(async {
        let world = World::start_without_worker().await;
        let send = async |amount: &Value, key: &str| {
            world.post_as(&world.key, "/api/v1/receipt", &paid("evt_1", amount), key).await
        };
        let (status, first) = send(&usd(4900), "receipt-evt_1").await;
        assert_eq!((status, &first["duplicate"]), (202, &json!(false)), "{first}");
        for amount in [usd(4900), usd(7), json!({ "value": 1, "currency": "EUR" }), json!(null)] {
            let (status, same) = send(&amount, "receipt-evt_1").await;
            assert_eq!((status, &same), (202, &first), "under the same key");
            let (status, again) = send(&amount, &format!("other {amount}").replace(' ', "-")).await;
            assert_eq!((status, &again["duplicate"]), (202, &json!(true)), "{again}");
            assert_eq!(again["event_id"], first["event_id"]);
        }
        let kept = "SELECT amount_value, amount_currency FROM payment_events";
        let kept: Vec<(i64, String)> =
            sqlx::query_as(kept).fetch_all(&world.pool).await.expect("rows");
        assert_eq!(kept, [(4900, "USD".to_owned())]);
    });
}

#[test]
fn a_bad_amount_is_told_by_its_part_and_takes_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        for (amount, field) in [
            (json!(49.5), "amount"),
            (json!({ "value": 49.0, "currency": "USD" }), "amount.value"),
            (json!({ "value": "4900", "currency": "USD" }), "amount.value"),
            (json!({ "value": -1, "currency": "USD" }), "amount.value"),
            (json!({ "value": 1_000_000_000_000_i64, "currency": "USD" }), "amount.value"),
            (json!({ "value": 1, "currency": "usd" }), "amount.currency"),
            (json!({ "value": 1 }), "amount.currency"),
        ] {
            let (status, error) = world.post("/api/v1/receipt", &paid("evt_1", &amount)).await;
            assert_eq!(status, 422, "{amount}: {error}");
            assert_eq!(error["error"]["fields"][0]["field"], json!(field), "{error}");
        }
        let mut receipts =
            vec![paid("evt_1", &usd(100)), paid("evt_2", &json!(1.5)), paid("evt_3", &usd(0))];
        for (at, receipt) in receipts.iter_mut().enumerate() {
            receipt["idempotency_key"] = json!(format!("key-{at}"));
        }
        let (status, several) =
            world.post("/api/v1/receipts", &json!({ "receipts": receipts })).await;
        assert_eq!(status, 422, "one of them was not taken: {several}");
        let statuses = several["outcomes"].as_array().expect("outcomes").iter();
        let statuses: Vec<_> = statuses.map(|one| one["status"].as_u64()).collect();
        assert_eq!(statuses, [Some(202), Some(422), Some(202)]);
        let kept = "SELECT amount_value FROM payment_events ORDER BY provider_event_id";
        let kept: Vec<Option<i64>> =
            sqlx::query_scalar(kept).fetch_all(&world.pool).await.expect("rows");
        assert_eq!(kept, [Some(100), Some(0)]);
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn it_is_shown_wherever_people_decide_and_summed_per_currency() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let script = Script::new(&world, Role::Operator).await;
        let mut incidents = Vec::new();
        let yen = json!({ "value": 1500, "currency": "JPY" });
        for (event, amount) in [("evt_1", usd(4900)), ("evt_2", usd(100)), ("evt_3", yen)] {
            let event_id = world.send_receipt(&paid(event, &amount)).await;
            incidents.push((event_id, world.fail(event_id, json!({ "error_code": "db" })).await));
            // The first one is told first.
            world.mailbox.wait_for(1).await;
        }
        let plain = world.receipt("evt_4").await;
        world.fail(plain, json!({ "error_code": "db" })).await;

        let page = viewer.page("/incidents").await;
        let sums = page.texts(".sums li").join("\n");
        assert!(sums.contains("50.00 USD + 1,500 JPY at risk, in test mode"), "{sums}");
        let causes = page.rows("Causes").join("\n");
        assert!(causes.contains("50.00 USD + 1,500 JPY at risk"), "{causes}");
        let rows = page.rows("Incidents").join("\n");
        assert!(
            rows.contains("49.00 USD · invoice.paid") && rows.contains("1,500 JPY · "),
            "{rows}"
        );
        let (event, incident) = incidents[0];
        for path in [format!("/incidents/{incident}"), format!("/events/{event}")] {
            let text = viewer.page(&path).await.text();
            assert!(text.contains("49.00 USD"), "{path}: {text}");
        }

        let project = format!("/{}", world.project.id);
        let shown: Value = script.read(&format!("{project}/incidents/{incident}")).await;
        assert_eq!(shown["amount"], usd(4900));
        let shown: Value = script.read(&format!("{project}/events/{event}")).await;
        assert_eq!(
            (&shown["amount"], &shown["timeline"][0]["detail"]["amount"]),
            (&usd(4900), &usd(4900))
        );
        let shown: Value = script.read(&format!("{project}/events/{plain}")).await;
        assert_eq!(shown.get("amount"), None);
        let causes: Value = script.read(&format!("{project}/causes")).await;
        let sums = json!([usd(5000), { "value": 1500, "currency": "JPY" }]);
        assert_eq!(causes["data"][0]["at_risk"], sums);
        assert_eq!(causes["data"][0]["urgency"], json!("normal"), "a test project");

        let link: Value = script
            .send(&format!("{project}/incidents/{incident}/proof-links"), json!({ "days": 1 }))
            .await;
        let url = link["url"].as_str().expect("a link");
        let path = &url[url.find("/proof/").expect("a path")..];
        let proof = Operator::stranger(&world).page(path).await.text();
        assert!(proof.contains("49.00 USD"), "{proof}");
        let mail = flat(&world.mailbox.wait_for(1).await[0]);
        assert!(mail.contains("49.00 USD"), "{mail}");
        let (_, shown) =
            world.cli(&["event", "show", &event.to_string()]).await.expect("a command");
        assert_eq!(shown["amount"], usd(4900));
    });
}

/// A live project with an incident of 7 dollars, beside what there is.
const LIVE: &str = "
    INSERT INTO projects (id, name, mode, timeout_minutes) VALUES (gen_random_uuid(), 'Real shop', 'live', 30);
    INSERT INTO payment_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'project_id', p.id,
        'amount_value', 700))).*
    FROM payment_events e, projects p WHERE p.mode = 'live' LIMIT 1;
    INSERT INTO incidents (id, event_id, project_id, reason)
    SELECT gen_random_uuid(), e.id, p.id, 'failed_result' FROM payment_events e JOIN projects p ON p.id = e.project_id
    WHERE p.mode = 'live';";

#[test]
fn money_of_a_live_project_stands_alone() {
    run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let live = world.send_receipt(&paid("evt_1", &usd(4900))).await;
        world.fail(live, json!({})).await;
        sqlx::raw_sql(LIVE).execute(&world.pool).await.expect("a live incident");
        let sums = viewer.page("/incidents").await.texts(".sums li").join("\n");
        assert!(sums.contains("7.00 USD at risk") && !sums.contains("test mode"), "{sums}");
        let project = format!("/incidents?project={}", world.project.id);
        let sums = viewer.page(&project).await.texts(".sums li").join("\n");
        assert!(sums.contains("49.00 USD at risk, in test mode"), "{sums}");
    });
}
