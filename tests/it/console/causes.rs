//! What many incidents have in common: above the list, as a filter, and on an incident's page.

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use serde_json::json;

use super::HOSTILE;
use super::broken::{assert_inert, fail, listed};
use crate::automation::script::{Script, bad_fields};

#[test]
fn the_home_begins_with_what_many_have_in_common_and_each_leads_to_its_list() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_alone", &json!({ "event_type": "checkout.session.completed" })).await;
        assert!(!viewer.page("/incidents").await.text().contains("Causes with more than one"));

        let mut ours = Vec::new();
        for (event, customer) in [("evt_1", "user_1"), ("evt_2", "user_2"), ("evt_3", "user_2")] {
            let (_, id) = fail(&world, event, &json!({ "internal_reference": customer })).await;
            ours.insert(0, id.to_string());
        }
        let page = viewer.page("/incidents").await;
        insta::assert_snapshot!(page.rows("Causes").join("\n"), @"db_write_failed on invoice.paid credit_grant · CometCart · test | 2 customers, 3 incidents 3 open | 3 in the last 15 min | [time]");
        let list = page.link("db_write_failed on invoice.paid").expect("a link");
        let narrowed = viewer.page(&list).await;
        assert_eq!(listed(&narrowed), ours);
        assert!(narrowed.rows("Causes").is_empty(), "a list that is narrowed begins with itself");
        assert_eq!(listed(&viewer.page(&format!("{list}&state=resolved")).await), [""; 0]);
        let unknown = viewer.page("/incidents?cause=cau_1").await;
        assert!(unknown.text().contains("Unknown filter: cause=cau_1."), "{}", unknown.text());
    });
}

#[test]
fn a_search_offers_the_causes_of_what_it_finds() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_1", &json!({ "internal_reference": "user_1" })).await;
        let other =
            json!({ "internal_reference": "user_2", "event_type": "checkout.session.completed" });
        fail(&world, "evt_2", &other).await;
        let offered = async |path: &str| {
            viewer.page(path).await.texts("select[name=cause] option").split_off(1)
        };
        let [ours, theirs] = ["invoice.paid", "checkout.session.completed"]
            .map(|of| format!("db_write_failed on {of}"));
        let mut all = offered("/incidents").await;
        all.sort();
        assert_eq!(all, [theirs.clone(), ours.clone()]);
        assert_eq!(offered("/incidents?q=user_2").await, [theirs]);
        assert_eq!(offered("/incidents?q=user_1&state=all").await, [ours]);
        assert!(offered("/incidents?q=user_3").await.is_empty());
    });
}

#[test]
fn an_incidents_page_names_its_cause_who_else_waits_and_what_helped_last_time() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, first) = fail(&world, "evt_1", &json!({})).await;
        let (_, second) = fail(&world, "evt_2", &json!({})).await;
        let path = format!("/incidents/{second}");
        let page = bob.page(&path).await;
        assert!(
            page.text().contains("db_write_failed on invoice.paid1 other waits"),
            "{}",
            page.text()
        );
        assert!(!page.text().contains("Similar past incidents"));
        assert!(page.text().contains("a disk, a quota or memory of your app"), "what is likely");
        assert_eq!(page.field("Repair URL"), world.repair.url());

        let resolve = [("note", "credits added manually")];
        bob.submit(
            &format!("/incidents/{first}"),
            &format!("/incidents/{first}/resolve"),
            &resolve,
        )
        .await;
        let page = bob.page(&path).await;
        assert!(page.text().contains("no other waits"), "{}", page.text());
        let past = page.texts(".past li");
        let [past] = &past[..] else { panic!("not one: {}", page.text()) };
        assert!(past.contains("manually by ") && past.contains(", after"), "{past}");
        assert!(past.contains("credits added manually"), "{past}");
        assert!(page.html().contains(&format!("href=\"/incidents/{first}\"")));
        let over = bob.page(&format!("/incidents/{first}")).await;
        assert!(!over.text().contains("a disk, a quota"), "it is over");
    });
}

#[test]
fn the_list_of_a_cause_that_is_over_says_so_and_leads_to_what_was_resolved() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (event_id, id) = fail(&world, "evt_1", &json!({})).await;
        let cause = world.incident(event_id).await.cause_id.expect("a cause");
        let (path, list) = (format!("/incidents/{id}"), format!("/incidents?cause={cause}"));
        bob.submit(&path, &format!("{path}/resolve"), &[("note", "added manually")]).await;
        let page = bob.page(&list).await;
        assert!(page.text().contains("Nothing of this cause waits"), "{}", page.text());
        let all = page.link("See what was resolved").expect("a link");
        assert_eq!(listed(&bob.page(&all).await), [id.to_string()]);
    });
}

#[test]
fn the_home_has_ten_causes_and_leads_to_all_of_them() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        assert!(viewer.page("/causes").await.text().contains("Nothing waits."));
        for number in 0..22 {
            let event = world.receipt(&format!("evt_{number}")).await;
            world.fail(event, json!({ "error_code": format!("code_{}", number / 2) })).await;
        }
        let home = viewer.page("/incidents").await;
        assert_eq!(home.rows("Causes").len(), 10);
        let all = home.link("All 11 causes").expect("a link");
        assert_eq!(viewer.page(&all).await.rows("Causes").len(), 11);
        let other = viewer.page("/causes?project=prj_00000000000000000000000001").await;
        assert!(other.rows("Causes").is_empty(), "{}", other.text());
    });
}

/// Incidents of a hundred and one causes.
async fn fail_in_many_ways(world: &World) {
    for number in 0..101 {
        let event = world.receipt(&format!("evt_{number}")).await;
        world.fail(event, json!({ "error_code": format!("code_{number}") })).await;
    }
}

#[test]
fn all_causes_are_read_page_by_page() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        fail_in_many_ways(&world).await;
        let (mut path, mut titles, mut sizes) = ("/causes".to_owned(), Vec::new(), Vec::new());
        let last = loop {
            let page = bob.page(&path).await;
            sizes.push(page.rows("Causes").len());
            titles.extend(page.rows("Causes"));
            match page.link("Next page") {
                Some(next) => path = next,
                None => break page,
            }
        };
        titles.sort_unstable();
        titles.dedup();
        assert_eq!((sizes, titles.len()), (vec![50, 50, 1], 101));
        let back = last.link("Previous page").expect("a way back");
        assert_eq!(bob.page(&back).await.rows("Causes").len(), 50);

        let of_one = last.row_links("Causes").remove(0);
        let narrowed = bob.page(&of_one).await;
        assert_eq!(listed(&narrowed).len(), 1);
        assert!(!narrowed.text().contains("Unknown filter"), "{}", narrowed.text());
        let all_of_it = "Reprocess all of this cause…";
        assert!(narrowed.text().contains(all_of_it), "also of one that is far down the list");
    });
}

#[test]
fn scripts_and_the_command_line_read_all_causes_too() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Viewer).await;
        fail_in_many_ways(&world).await;
        let causes = format!("/{}/causes", world.project.id);
        let (_, first) = script.get(&causes).await;
        assert_eq!(first["data"].as_array().map(Vec::len), Some(100), "as it ever was");
        let cursor = first["next_cursor"].as_str().expect("a next page");
        let (_, rest) = script.get(&format!("{causes}?cursor={cursor}")).await;
        assert_eq!(rest["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(rest["next_cursor"], json!(null));
        for (wrong, field) in [("cursor=cau_1", "cursor"), ("limit=201", "limit")] {
            let path = format!("{causes}?{wrong}");
            let (status, error) = script.reject(reqwest::Method::GET, &path, None).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]));
        }

        let list = ["cause", "list", "--limit", "60"];
        let (code, told) = world.cli(&list).await.expect("a command");
        assert_eq!((code, told["data"].as_array().map(Vec::len)), (0, Some(60)), "{told}");
        let cursor = told["next_cursor"].as_str().expect("a next page");
        let next = ["cause", "list", "--cursor", cursor];
        let (code, told) = world.cli(&next).await.expect("a command");
        assert_eq!((code, told["data"].as_array().map(Vec::len)), (0, Some(41)), "{told}");
        let (code, told) =
            world.cli(&["cause", "list", "--cursor", "cau_1"]).await.expect("a command");
        assert_eq!((code, &told["error"]["code"]), (1, &json!("validation_error")));
    });
}

#[test]
fn a_hostile_error_code_is_shown_and_does_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        for event in ["evt_1", "evt_2"] {
            let event = world.receipt(event).await;
            world.fail(event, json!({ "error_code": HOSTILE })).await;
        }
        let page = viewer.get("/incidents").await.body;
        assert_inert(&page);
    });
}

async fn resolve_by_command(world: &World, incident: &str) {
    let resolve = ["incident", "resolve", incident, "--note", "by hand"];
    let (code, told) = world.cli(&resolve).await.expect("a command");
    assert_eq!(code, 0, "{told}");
}

async fn acknowledge_by_command(world: &World, incident: &str) {
    let acknowledge = ["incident", "acknowledge", incident, "--note", "asking the bank"];
    let (code, told) = world.cli(&acknowledge).await.expect("a command");
    assert_eq!((code, &told["state"]), (0, &json!("acknowledged")));
    let (code, told) = world.cli(&acknowledge).await.expect("a command");
    assert_eq!((code, &told["error"]["code"]), (1, &json!("incident_conflict")));
}

#[test]
fn scripts_and_the_command_line_see_the_same_causes() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let (_, second) = fail(&world, "evt_2", &json!({})).await;
        let project = format!("/{}", world.project.id);
        let (status, causes) = script.get(&format!("{project}/causes")).await;
        assert_eq!(status, 200, "{causes}");
        let cause = &causes["data"][0];
        assert_eq!(
            (&cause["error_code"], &cause["incidents"], &cause["customers"], &cause["open"]),
            (&json!("db_write_failed"), &json!(2), &json!(1), &json!(2))
        );
        let id = cause["cause_id"].as_str().expect("an id");
        let (_, one) = script.get(&format!("{project}/incidents/{incident}")).await;
        assert_eq!(one["cause_id"], json!(id));
        let (_, list) = script.get(&format!("{project}/incidents?cause_id={id}")).await;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
        let bad = format!("{project}/incidents?cause_id=db_write_failed");
        let (status, error) = script.reject(reqwest::Method::GET, &bad, None).await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["cause_id"]));

        let (code, told) = world.cli(&["cause", "list"]).await.expect("a command");
        assert_eq!((code, &told["data"][0]["cause_id"]), (0, &json!(id)));
        let (_, told) = world
            .cli(&["incident", "list", "--cause", id, "--search", "evt_1"])
            .await
            .expect("a command");
        assert_eq!(told["data"][0]["incident_id"], json!(incident.to_string()));
        let incident = incident.to_string();
        acknowledge_by_command(&world, &incident).await;
        resolve_by_command(&world, &incident).await;
        let (_, other) = script.get(&format!("{project}/incidents/{second}")).await;
        assert_eq!(other["similar"].as_array().map(Vec::len), Some(1), "{other}");
        let past = &other["similar"][0];
        assert_eq!((&past["incident_id"], &past["note"]), (&json!(incident), &json!("by hand")));
        let events = ["event", "list", "--search", "evt_2", "--effect", "failed"];
        let (_, told) = world.cli(&events).await.expect("a command");
        assert_eq!(told["data"][0]["provider_event_id"], json!("evt_2"));
    });
}

#[test]
fn the_command_line_finds_an_event_by_the_providers_id() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let (event, _) = fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_12", &json!({})).await;
        let (code, shown) = world.cli(&["event", "show", "evt_1"]).await.expect("a command");
        assert_eq!((code, &shown["event_id"]), (0, &json!(event.to_string())));
        let (code, nothing) = world.cli(&["event", "show", "evt_9"]).await.expect("a command");
        assert_eq!((code, &nothing["error"]["code"]), (1, &json!("not_found")));
    });
}

#[test]
fn lists_of_the_command_line_are_narrowed_to_live_or_to_test() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        fail(&world, "evt_1", &json!({})).await;
        for list in ["incident", "event", "cause"] {
            for (mode, found) in [("test", 1), ("live", 0)] {
                let narrowed = [list, "list", "--mode", mode];
                let (code, told) = world.cli(&narrowed).await.expect("a command");
                let found = (0, Some(found));
                assert_eq!((code, told["data"].as_array().map(Vec::len)), found, "{list}: {told}");
            }
        }
    });
}
