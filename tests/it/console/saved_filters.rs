//! Filters under a name: one's own and shared ones, saved again under another name, and what they narrow by gone.

use domain::ids::{CauseId, FilterId, OperatorId};
use domain::operator::Role;
use e2e::console::{Operator, PageResponse};
use e2e::{World, run};
use serde_json::json;
use store::administration::operator::remove_operator;
use store::pool::transaction;

use super::HOSTILE;
use super::broken::{assert_inert, fail, listed};
use crate::store::people::alice;

async fn save(by: &Operator, filter: &str, name: &str, more: &[(&str, &str)]) -> PageResponse {
    let form = [&[("list", "incidents"), ("filter", filter), ("name", name)][..], more].concat();
    by.submit("/filters", "/filters", &form).await
}

async fn said(by: &Operator) -> String {
    by.page("/incidents").await.message().expect("a message")
}

#[test]
fn a_filter_is_kept_under_a_name_and_saving_again_changes_either() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        assert_eq!(bob.page("/incidents").await.link("Save this filter…"), None);
        let narrowed = "/incidents?state=open&q=db_write_failed";
        let form = bob.page(narrowed).await.link("Save this filter…").expect("a link");
        let page = bob.page(&form).await;
        assert!(page.text().contains("search db_write_failed, state open"), "{}", page.text());

        let kept = "/incidents?q=db_write_failed&state=open";
        let filter = "q=db_write_failed&state=open";
        let saved = save(&bob, filter, "Write errors", &[]).await;
        assert_eq!((saved.status.as_u16(), saved.location.as_deref()), (303, Some(kept)));
        assert_eq!(said(&bob).await, "Saved as “Write errors”.");
        let page = bob.page("/incidents").await;
        assert_eq!(page.link("Write errors").as_deref(), Some(kept));
        assert_eq!(listed(&bob.page(kept).await), [incident.to_string()]);
        assert_eq!(bob.page("/events").await.link("Write errors"), None, "of this list alone");

        save(&bob, filter, "Disk full", &[]).await;
        assert_eq!(said(&bob).await, "“Write errors” is called “Disk full” now.");
        save(&bob, "state=resolved", "disk FULL", &[]).await;
        assert_eq!(said(&bob).await, "“disk FULL” opens this filter now.");
        let page = bob.page("/incidents").await;
        assert_eq!(page.link("disk FULL").as_deref(), Some("/incidents?state=resolved"));
        assert_eq!(page.texts(".saved [href^='/incidents']").len(), 1, "it is one still");

        // Of two who share one under the same name at once, the second changes what the first shared.
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let shared = [("shared", "on")];
        tokio::join!(
            save(&bob, "state=open", "Same", &shared),
            save(&admin, "state=acknowledged", "same", &shared)
        );
        let page = admin.page("/incidents").await;
        assert_eq!(page.texts(".saved [href^='/incidents']").len(), 1, "{}", page.text());
    });
}

#[test]
fn a_filter_that_breaks_a_rule_is_shown_again_as_it_was_typed() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let too_long = "x".repeat(61);
        for (filter, name, why) in [
            ("state=open", too_long.as_str(), "Must have 1 to 60 characters."),
            ("", "Everything", "The list is not narrowed: choose a filter above it first."),
        ] {
            let rejected = save(&bob, filter, name, &[]).await;
            assert_eq!(rejected.status, 422, "{why}");
            assert_eq!(rejected.page().errors(), [why]);
            assert_eq!(rejected.page().input("Name").value, name, "what was typed stays");
        }
        let rejected = save(&viewer, "state=open", "Team", &[("shared", "on")]).await;
        let error = rejected.page().error("Share it with everyone who signs in");
        assert_eq!(error.as_deref(), Some("Needs the role operator: save it for yourself."));
        for number in 0..30 {
            let (filter, name) = (format!("q=user_{number}"), format!("Of user {number}"));
            assert_eq!(save(&bob, &filter, &name, &[]).await.status, 303);
        }
        let rejected = save(&bob, "q=user_30", "Of user 30", &[]).await.page();
        let full = "There are 30 saved filters of this list already: delete one first.";
        assert_eq!(rejected.error("Name").as_deref(), Some(full));
        let nowhere = [("list", "projects"), ("filter", "state=open"), ("name", "Ours")];
        assert_eq!(bob.submit("/filters", "/filters", &nowhere).await.status, 404);
    });
}

/// The actions of the audit about filters, and of what name.
async fn audited(world: &World) -> Vec<(String, String)> {
    let sql = "SELECT action, detail ->> 'name' FROM audit_log WHERE action LIKE 'filter.%' ORDER BY at, id";
    sqlx::query_as(sql).fetch_all(&world.pool).await.expect("entries")
}

/// What is shared as “Team” narrows the command line's list, too.
async fn narrow_by_command(world: &World) {
    let team = ["incident", "list", "--filter", "team"];
    let (code, found) = world.cli(&team).await.expect("a command");
    assert_eq!((code, found["data"].as_array().map(Vec::len)), (0, Some(1)), "{found}");
    let narrower = [&team[..], &["--state", "resolved"]].concat();
    let (_, found) = world.cli(&narrower).await.expect("a command");
    assert_eq!(found["data"], json!([]), "an option takes the place of the filter's own");
    let unknown = ["incident", "list", "--filter", "Nothing"];
    let (code, error) = world.cli(&unknown).await.expect("a command");
    let message = error["error"]["message"].as_str().expect("a message");
    assert_eq!((code, message), (1, "filter must be one of Team"));
    let gone = r#"UPDATE saved_filters SET filter = '{"event_type": "acme:gone"}' WHERE shared"#;
    sqlx::query(gone).execute(&world.pool).await.expect("a filter");
    let (code, error) = world.cli(&team).await.expect("a command");
    let message = error["error"]["message"].as_str().expect("a message");
    let gone = "filter names event_type=acme:gone, which is gone: save it again";
    assert_eq!((code, message), (1, gone));
}

async fn remove(world: &World, operator: &Operator) {
    let owner = "SELECT id FROM operators WHERE email = $1";
    let owner: OperatorId =
        sqlx::query_scalar(owner).bind(&operator.email).fetch_one(&world.pool).await.expect("one");
    transaction(&world.pool, async |tx| remove_operator(tx, &alice(), owner).await)
        .await
        .expect("removed");
}

#[test]
fn what_is_shared_is_everyones_is_audited_and_outlives_who_shared_it() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_1", &json!({})).await;
        save(&bob, "state=open", "Mine", &[]).await;
        save(&bob, "state=open", "Team", &[("shared", "on")]).await;
        save(&bob, "owner=me", "My own", &[]).await;
        let page = viewer.page("/incidents").await;
        assert_eq!(page.link("Team (shared)").as_deref(), Some("/incidents?state=open"));
        assert_eq!(page.link("My own"), None, "nobody else sees it");
        assert_eq!(bob.page("/incidents").await.link("Mine"), None, "what is shared is it no more");
        assert_eq!(viewer.page("/filters").await.buttons(), ["Sign out"]);

        narrow_by_command(&world).await;
        let id: FilterId = sqlx::query_scalar("SELECT id FROM saved_filters WHERE shared")
            .fetch_one(&world.pool)
            .await
            .expect("a filter");
        let delete = format!("/filters/{id}/delete");
        assert_eq!(viewer.submit("/filters", &delete, &[]).await.status, 403);
        remove(&world, &bob).await;
        let left: Vec<String> = sqlx::query_scalar("SELECT name FROM saved_filters")
            .fetch_all(&world.pool)
            .await
            .expect("filters");
        assert_eq!(left, ["Team"]);
        let admin = Operator::signed_in(&world, Role::Admin).await;
        admin.submit("/filters", &delete, &[]).await;
        assert_eq!(viewer.submit("/filters", &delete, &[]).await.status, 404, "it is gone");
        let named = |action: &str| (action.to_owned(), "Team".to_owned());
        assert_eq!(audited(&world).await, [named("filter.shared"), named("filter.removed")]);
    });
}

#[test]
fn a_filter_of_what_is_gone_opens_and_says_so_and_all_is_found_by_its_name() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        save(&bob, "event_type=acme%3Agone&state=open", HOSTILE_NAME, &[]).await;
        let link = bob.page("/incidents").await.link(HOSTILE_NAME).expect("a link");
        let page = bob.get(&link).await;
        assert_inert(&page.body);
        assert_eq!(listed(&page.page()), [incident.to_string()]);
        let alerts = page.page().alerts();
        let unknown = "Unknown filter: event_type=acme:gone. Choose one from the list.";
        assert!(alerts.contains(&unknown.to_owned()), "{alerts:?}");
        let stale = format!("The saved filter “{HOSTILE_NAME}” names something that is gone");
        assert!(alerts.iter().any(|alert| alert.starts_with(&stale)), "{alerts:?}");

        let found = bob.page("/go?q=ALERT").await;
        assert!(found.link(&format!("{HOSTILE_NAME} (incidents)")).is_some(), "{}", found.text());
        let path = format!("/incidents/{incident}");
        snooze(&bob, &path).await;
        find(&bob, &path).await;
        find_by_id(&world, &bob).await;
    });
}

/// What has no name that is searched for is found by its id; what is not there is not.
async fn find_by_id(world: &World, bob: &Operator) {
    let pick = [("action", "acknowledge"), ("which", "all")];
    let bulk = bob.submit("/incidents", "/bulk", &pick).await.location.expect("its page");
    let cause: CauseId = sqlx::query_scalar("SELECT cause FROM incidents")
        .fetch_one(&world.pool)
        .await
        .expect("a cause");
    let (project, cause) = (world.project.id.to_string(), cause.to_string());
    for (id, name, path) in [
        (bulk.trim_start_matches("/bulk/"), "Acknowledge 1 incident?", bulk.clone()),
        (cause.as_str(), "db_write_failed on invoice.paid", format!("/incidents?cause={cause}")),
        (project.as_str(), "CometCart (test)", format!("/projects/{project}")),
    ] {
        let found = bob.page(&format!("/go?q={id}")).await;
        assert_eq!(found.link(name), Some(path), "{}", found.text());
    }
    let none = bob.page("/go?q=blk_00000000000000000000000001").await.text();
    assert!(!none.contains("With this id"), "{none}");
}

/// The list says until when an incident is snoozed.
async fn snooze(bob: &Operator, path: &str) {
    for (length, said) in [("1d", "[time]"), ("next", "the next one of its cause")] {
        bob.submit(path, &format!("{path}/snooze"), &[("for", length)]).await;
        let rows = bob.page("/incidents").await.rows("Incidents").join("\n");
        assert!(rows.contains(&format!("snoozed until {said}")), "{rows}");
    }
    bob.submit(path, &format!("{path}/unsnooze"), &[]).await;
    assert!(!bob.page("/incidents").await.text().contains("snoozed"));
}

/// Projects, and what the search finds, are found by name, and a hostile text is only looked for.
async fn find(bob: &Operator, path: &str) {
    let found = bob.page("/go?q=evt_1").await;
    assert_eq!(found.link("Credits for user_456: Open").as_deref(), Some(path));
    assert!(found.link("invoice.paid for user_456, evt_1").is_some(), "{}", found.text());
    let all = found.link("Search incidents for “evt_1”");
    assert_eq!(all.as_deref(), Some("/incidents?q=evt_1&state=all"));
    assert!(bob.page("/go?q=COMETC").await.link("CometCart (test)").is_some());
    let typed: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    assert_inert(&bob.get(&format!("/go?q={typed}")).await.body);
}

/// A hostile text that is short enough for a name.
const HOSTILE_NAME: &str = "<script>alert(1)</script>\"'><img src=x>";
