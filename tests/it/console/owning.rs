//! Who sees to an incident: through each door, two at once, and who is gone.

use domain::ids::{IncidentId, OperatorId};
use domain::operator::Role;
use e2e::console::{self, Operator};
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::owners::{Assignment, OwnerRejection, TakeOver, assign};
use store::pool::transaction;
use store::{ChangeError, administration};

use super::broken::{fail, listed};
use crate::automation::script::{Script, bad_fields};
use crate::store::people::alice;

async fn timeline(world: &World, incident: IncidentId) -> Vec<(String, Value)> {
    let sql = "SELECT action, detail FROM audit_entries
        WHERE incident_id = $1 AND action IN ('incident.assigned', 'incident.released') ORDER BY at, id";
    sqlx::query_as(sql).bind(incident).fetch_all(&world.pool).await.expect("entries")
}

#[test]
fn an_incident_is_taken_taken_over_and_given_back_and_the_timeline_says_so() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let (_, other) = fail(&world, "evt_2", &json!({})).await;
        let path = format!("/incidents/{incident}");
        bob.submit(&path, &format!("{path}/take"), &[]).await;
        let page = bob.page(&path).await;
        assert_eq!(page.message().as_deref(), Some("It is yours now."));
        assert!(page.text().contains("You see to it."), "{}", page.text());
        assert_eq!(listed(&bob.page("/incidents?owner=me").await), [incident.to_string()]);
        assert_eq!(listed(&bob.page("/incidents?owner=none").await), [other.to_string()]);
        assert!(listed(&admin.page("/incidents?owner=me").await).is_empty());

        admin.submit(&path, &format!("{path}/take"), &[]).await;
        let message = admin.page(&path).await.message().expect("a message");
        assert_eq!(
            message,
            "[refused] Nothing was changed: operator@cometcart.test owns the incident."
        );
        admin.submit(&path, &format!("{path}/take"), &[("from", &bob.email)]).await;
        assert!(bob.page("/incidents").await.text().contains("admin's"));
        admin.submit(&path, &format!("{path}/release"), &[]).await;
        assert!(bob.page(&path).await.text().contains("Nobody owns it yet."));
        let said = bob.page(&path).await.text();
        let over = "to admin@cometcart.test, who takes over from operator@cometcart.test";
        assert!(said.contains(over), "{said}");
        let entries = timeline(&world, incident).await;
        let actions: Vec<_> = entries.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["incident.assigned", "incident.assigned", "incident.released"]);
    });
}

#[test]
fn whoever_gives_back_what_another_took_over_changes_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let give_back = format!("{path}/release");
        bob.submit(&path, &format!("{path}/take"), &[]).await;
        admin.submit(&path, &format!("{path}/take"), &[("from", &bob.email)]).await;
        // His page is from before.
        bob.submit(&path, &give_back, &[]).await;
        let owned = "[refused] Nothing was changed: admin@cometcart.test owns the incident.";
        assert_eq!(bob.page(&path).await.message().as_deref(), Some(owned));
        admin.submit(&path, &give_back, &[]).await;
        bob.submit(&path, &give_back, &[]).await;
        let nobody = "[refused] Nothing was changed: nobody owns the incident.";
        assert_eq!(bob.page(&path).await.message().as_deref(), Some(nobody));
        let entries = timeline(&world, incident).await;
        let actions: Vec<_> = entries.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["incident.assigned", "incident.assigned", "incident.released"]);
    });
}

#[test]
fn a_page_takes_over_and_assigns_from_no_other_than_it_shows() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let bobs_id = console::add(&world.pool, &bob.email, Role::Operator).await.to_string();
        let eves_id = console::add(&world.pool, "eve@cometcart.test", Role::Operator).await;
        let eves_id = eves_id.to_string();
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let (take, assign) = (format!("{path}/take"), format!("{path}/assign"));
        bob.submit(&path, &take, &[]).await;
        let html = admin.page(&path).await.html();
        assert_eq!(html.matches(&format!(r#"value="{}""#, bob.email)).count(), 2, "{html}");

        // Since then it became eve's.
        bob.submit(&path, &assign, &[("to", &eves_id), ("from", &bob.email)]).await;
        for form in [&take, &assign] {
            admin.submit(&path, form, &[("to", &bobs_id), ("from", &bob.email)]).await;
            let message = admin.page(&path).await.message().expect("a message");
            assert!(message.ends_with("eve@cometcart.test owns the incident."), "{message}");
        }
        admin.submit(&path, &take, &[("from", "eve@cometcart.test")]).await;
        admin.submit(&path, &assign, &[("to", &eves_id)]).await;
        let message = admin.page(&path).await.message().expect("a message");
        assert!(message.ends_with("admin@cometcart.test owns the incident."), "{message}");
        let entries = timeline(&world, incident).await;
        let owners: Vec<_> = entries.iter().map(|(_, detail)| detail["to"].as_str()).collect();
        let expected = [bob.email.as_str(), "eve@cometcart.test", admin.email.as_str()];
        assert_eq!(owners, expected.map(Some));
    });
}

#[test]
fn scripts_and_the_command_line_assign_and_are_told_who_was_faster() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        console::add(&world.pool, "alice@cometcart.test", Role::Operator).await;
        console::add(&world.pool, "charlie@cometcart.test", Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/{}/incidents/{incident}/owner", world.project.id);
        let (status, mine) = script.call(Method::PUT, &path, Some(json!({}))).await;
        assert_eq!((status, &mine["owner"]), (200, &json!("operator@cometcart.test")));
        let to_alice = json!({ "email": "Alice@cometcart.test" });
        let (status, error) = script.reject(Method::PUT, &path, Some(to_alice)).await;
        assert_eq!((status, error.code.as_str()), (409, "incident_conflict"));
        assert!(error.message.contains("take_over"), "{}", error.message);
        let id = incident.to_string();
        let over = ["incident", "assign", &id, "--to", "alice@cometcart.test", "--take-over"];
        let (code, shown) = world.cli(&over).await.expect("a command");
        assert_eq!((code, &shown["owner"]), (0, &json!("alice@cometcart.test")), "{shown}");
        let (code, twice) = world.cli(&over).await.expect("the same command");
        assert_eq!((code, &twice["owner"]), (0, &json!("alice@cometcart.test")), "said twice");
        assert_eq!(timeline(&world, incident).await.len(), 2);

        for email in ["charlie@cometcart.test", "nobody@cometcart.test"] {
            let body = json!({ "email": email, "take_over": true });
            let (status, error) = script.reject(Method::PUT, &path, Some(body)).await;
            assert_eq!((status, bad_fields(&error)), (422, vec!["email"]), "{email}");
        }
        let list = format!("/{}/incidents", world.project.id);
        for (owner, found) in [("me", 0), ("none", 0), ("alice@cometcart.test", 1)] {
            let found_of: Value = script.read(&format!("{list}?owner={owner}")).await;
            assert_eq!(found_of["data"].as_array().map(Vec::len), Some(found), "{owner}");
        }
        let narrowed: Value =
            script.read(&format!("{list}?owner=alice@cometcart.test&state=resolved&q=evt_1")).await;
        assert_eq!(narrowed["data"], json!([]));
        let (status, freed) = script.call(Method::DELETE, &path, None).await;
        assert_eq!((status, freed.get("owner")), (200, None), "{freed}");
        let (status, error) = script.reject(Method::DELETE, &path, None).await;
        assert_eq!((status, error.message.as_str()), (409, "nobody owns the incident"));
        let open = world.cli(&["incident", "list", "--owner", "none"]).await.expect("a command").1;
        assert_eq!(open["data"][0]["incident_id"], json!(id));
    });
}

#[test]
fn of_two_at_once_one_owns_it_and_who_is_removed_gives_back() {
    run(async {
        let world = World::start_without_worker().await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let bob = console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
        let eve = console::add(&world.pool, "eve@cometcart.test", Role::Operator).await;
        console::add(&world.pool, "root@cometcart.test", Role::Admin).await;
        let take = async |to: OperatorId, asked| {
            let (actor, take_over) = (alice(), TakeOver::if_asked(asked));
            let wanted = Assignment { incident_id: incident, to, take_over, actor: &actor };
            transaction(&world.pool, async |tx| assign(tx, wanted).await).await
        };
        let (one, two) = tokio::join!(take(bob, false), take(eve, false));
        let lost: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert!(
            matches!(lost.as_slice(), [ChangeError::Rejected(OwnerRejection::Owned(_))]),
            "{lost:?}"
        );
        take(bob, true).await.expect("taken over, or kept");
        let removed = transaction(&world.pool, async |tx| {
            administration::operator::remove_operator(tx, &alice(), bob)
                .await
                .map_err(ChangeError::<OwnerRejection>::Store)
        });
        removed.await.expect("removed");
        let (action, detail) = timeline(&world, incident).await.pop().expect("an entry");
        assert_eq!(
            (action.as_str(), &detail["from"]),
            ("incident.released", &json!("bob@cometcart.test"))
        );
        let gone = take(bob, true).await.expect_err("gone").rejection().expect("a database");
        assert_eq!(gone, OwnerRejection::NoOperator);
        sqlx::query(
            "UPDATE incidents SET state = 'resolved', resolution = 'manual', resolved_at = now()",
        )
        .execute(&world.pool)
        .await
        .expect("resolved");
        let late = take(eve, true).await.expect_err("late").rejection().expect("a database");
        assert_eq!(late, OwnerRejection::Resolved);
    });
}

#[test]
fn who_may_not_act_any_more_gives_back_what_is_not_resolved() {
    run(async {
        let world = World::start_without_worker().await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        bob.submit(&path, &format!("{path}/take"), &[]).await;
        let id = console::add(&world.pool, &bob.email, Role::Operator).await;
        let change = async |role: Role| {
            transaction(&world.pool, async |tx| {
                administration::operator::change_role(tx, &alice(), id, role)
                    .await
                    .map_err(ChangeError::<OwnerRejection>::Store)
            })
            .await
            .expect("changed")
        };
        change(Role::Admin).await;
        assert!(listed(&admin.page("/incidents?owner=none").await).is_empty(), "still bob's");
        change(Role::Viewer).await;
        assert_eq!(listed(&admin.page("/incidents?owner=none").await), [incident.to_string()]);
        let (action, detail) = timeline(&world, incident).await.pop().expect("an entry");
        assert_eq!((action.as_str(), &detail["from"]), ("incident.released", &json!(bob.email)));
    });
}
