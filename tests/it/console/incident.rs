//! The incident's page: what happened, and what operators do about it.

use std::time::Duration;

use domain::ids::IncidentId;
use domain::incident::IncidentState;
use domain::operator::Role;
use domain::secret_token::ProofToken;
use e2e::console::Operator;
use e2e::{World, WorldOptions, eventually};
use serde_json::json;
use store::{incidents, proof_links, reprocesses};

use super::HOSTILE;
use super::broken::{assert_inert, fail, take};

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

async fn state_of(world: &World, id: IncidentId) -> IncidentState {
    let incident = incidents::find_incident(&world.pool, id).await.expect("a database");
    incident.expect("an incident").state
}

/// Waits until the page says this.
async fn page_says(operator: &Operator, path: &str, said: &str) -> String {
    eventually(&format!("{path} says {said}"), async || {
        Some(operator.get(path).await.body).filter(|page| page.contains(said))
    })
    .await
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_reprocess_from_the_page_reaches_the_app_and_the_page_tells_how_it_goes() {
    e2e::run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (event, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let page = bob.get(&path).await.body;
        for said in [
            "<h1>user_456 paid for credits. Adding them failed.</h1>",
            "<span class=\"state open\"><span>Open for <time",
            "Its error: <code>db_write_failed</code>",
            "<blockquote class=\"said\">disk full</blockquote>",
            "<strong>Receipt accepted</strong>",
            "with key “Production worker”",
            "<button class=\"btn main\">Reprocess</button>",
        ] {
            assert!(page.contains(said), "{said} is missing from {page}");
        }

        world.repair.hang_next(Duration::from_secs(2));
        let form = [("note", "the disk has room again")];
        let sent = bob.submit(&path, &format!("{path}/reprocess"), &form).await;
        assert_eq!((sent.status.as_u16(), sent.location.as_deref()), (303, Some(path.as_str())));
        let page = bob.get(&path).await.body;
        assert!(page.contains("Your app is asked to do it again."), "{page}");
        let callback = world.repair.wait_for(1).await.remove(0).json();
        let page = page_says(&bob, &path, "Delivering, attempt 1").await;
        assert!(page.contains("<td>under way</td>"), "{page}");
        assert!(page.contains("operator@cometcart.test already started reprocess rpl_"), "{page}");
        assert!(page.contains("<button class=\"btn main\" disabled"), "{page}");

        let page = page_says(&bob, &path, "Waiting for the result until <time").await;
        assert!(page.contains("<td>HTTP 200, delivered<details><summary>Answer"), "{page}");
        assert!(page.contains("the disk has room again"), "{page}");
        assert!(page.contains("<p>by operator@cometcart.test</p>"), "{page}");
        let list = bob.get("/incidents").await.body;
        assert!(list.contains("Reprocessing, waiting for the result</span>"), "{list}");
        assert!(list.contains("ago: HTTP 200"), "{list}");

        let answers = json!({"replay_id": callback["replay_id"]});
        world.result(event, "success", answers).await;
        let page = page_says(&bob, &path, "<strong>Reprocess succeeded</strong>").await;
        assert!(page.contains("They were added by the reprocess."), "{page}");
        assert!(page.contains("<span class=\"state done\"><span>Resolved after"), "{page}");
        assert!(page.contains("Nothing is left to do."), "{page}");
        assert!(!page.contains("Waiting for the result"), "{page}");
        let list = bob.get("/incidents?state=resolved").await.body;
        assert!(list.contains("<span class=\"state done\">Resolved in "), "{list}");
    });
}

#[test]
fn when_the_next_attempt_is_due_is_said_as_the_database_has_it() {
    e2e::run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        world.repair.answer_with(&[503]);
        let replay_id = world.reprocess(incident).await;
        let path = format!("/incidents/{incident}");
        page_says(&bob, &path, "Attempt 1 failed. The next one is due <time").await;
        // As if the receiver had asked for a longer wait than any schedule of ours has.
        let later = "UPDATE reprocesses SET next_attempt_at = '2031-02-03 04:05:06+00'";
        sqlx::query(later).execute(&world.pool).await.expect("a later attempt");
        let page = page_says(&bob, &path, "due <time datetime=\"2031-02-03T04:05:06Z\"").await;
        assert!(page.contains(&replay_id.to_string()), "{page}");
        let (event, _) = fail(&world, "evt_2", &json!({})).await;
        let other = bob.get(&format!("/events/{event}")).await.body;
        assert!(!other.contains("The next one"), "{other}");
    });
}

#[test]
fn of_two_who_reprocess_at_once_one_is_told_who_was_first() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/reprocess");
        let (a, b) = tokio::join!(alice.submit(&path, &to, &[]), bob.submit(&path, &to, &[]));

        let all = reprocesses::list_for_incident(&world.pool, incident).await.expect("a database");
        assert_eq!(all.len(), 1, "{all:?}");
        let by_alice = all[0].requested_by == "operator:admin@cometcart.test";
        let ((first, won), (_, lost)) =
            if by_alice { ((&alice, a), (&bob, b)) } else { ((&bob, b), (&alice, a)) };
        assert_eq!((won.status.as_u16(), lost.status.as_u16()), (303, 409));
        let won = first.get(&path).await.body;
        assert!(won.contains("Your app is asked to do it again."), "{won}");
        let told = format!(
            "Nothing was changed: {} already started reprocess {} ",
            first.email, all[0].id
        );
        assert!(lost.body.contains(&told), "{}", lost.body);

        let again = first.submit(&path, &to, &[]).await;
        assert_eq!(again.status, 303, "who presses twice has what they wanted");
        let all = reprocesses::list_for_incident(&world.pool, incident).await.expect("a database");
        assert_eq!(all.len(), 1, "{all:?}");
    });
}

#[test]
fn acknowledging_is_seen_by_everybody_and_done_once() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/acknowledge");
        bob.submit(&path, &to, &[("note", "looking")]).await;
        assert_eq!(state_of(&world, incident).await, IncidentState::Acknowledged);
        let page = alice.get(&path).await.body;
        assert!(page.contains("Acknowledged by operator, open for <time"), "{page}");
        assert!(page.contains("<blockquote>looking</blockquote>"), "{page}");
        assert!(
            page.contains("operator@cometcart.test already acknowledged the incident"),
            "{page}"
        );
        let list = alice.get("/incidents").await.body;
        assert!(list.contains("Acknowledged by operator</span>"), "{list}");

        let late = alice.submit(&path, &to, &[("note", "I look, too")]).await;
        assert_eq!(late.status, 409);
        let told =
            "Nothing was changed: operator@cometcart.test already acknowledged the incident ";
        assert!(late.body.contains(told), "{}", late.body);
        assert!(late.body.contains(">I look, too</textarea>"), "{}", late.body);
    });
}

#[test]
fn resolving_by_hand_takes_a_note_and_keeps_what_was_typed() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/resolve");
        let long = format!("refunded by hand {}", "x".repeat(2_000));
        for (note, problem) in [
            ("", "Say how it was put right"),
            ("  \r\n ", "Say how it was put right"),
            (long.as_str(), "The note must have 1 to 2000 characters."),
        ] {
            let again = bob.submit(&path, &to, &[("note", note)]).await;
            assert_eq!(again.status, 422, "{note}");
            let form = again.body.split("id=\"resolve-note\"").nth(1).expect("the form");
            let field = form.split("</textarea>").next().expect("a field");
            assert!(field.contains("aria-invalid=\"true\""), "{field}");
            assert!(field.ends_with(note), "what was typed is kept: {field}");
            assert!(form.contains(problem), "{form}");
        }
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);

        let sent = bob.submit(&path, &to, &[("note", "credits added\r\nby hand")]).await;
        assert_eq!(sent.location.as_deref(), Some(path.as_str()));
        assert_eq!(state_of(&world, incident).await, IncidentState::Resolved);
        let page = bob.get(&path).await.body;
        for said in [
            "Resolved manually. Everyone who got the alert is notified.",
            "This was resolved manually.",
            "<blockquote>credits added\nby hand</blockquote>",
            "Nothing is left to do.",
        ] {
            assert!(page.contains(said), "{said} is missing from {page}");
        }
        let why = "Nothing was changed: operator@cometcart.test already resolved the incident ";
        for action in ["resolve", "reprocess", "acknowledge"] {
            let late = bob.submit(&path, &format!("{path}/{action}"), &[("note", "again")]).await;
            assert_eq!(late.status, 409, "{action}");
            assert!(late.body.contains(why), "{action}: {}", late.body);
        }
    });
}

#[test]
fn a_note_that_is_too_long_starts_nothing() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let note = "x".repeat(2_001);
        for action in ["reprocess", "acknowledge"] {
            let to = format!("{path}/{action}");
            let again = bob.submit(&path, &to, &[("note", &note)]).await;
            assert_eq!(again.status, 422, "{action}");
            assert!(again.body.contains(&format!(">{note}</textarea>")), "{action}");
            assert!(again.body.contains("The note must have 1 to 2000 characters."), "{action}");
        }
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);
    });
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    e2e::run(async {
        let world = world().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let page = viewer.get(&path).await.body;
        assert!(page.contains("<button class=\"btn main\" disabled"), "{page}");
        assert!(page.contains("To act on it, you need the role operator or admin."), "{page}");
        for form in ["Resolve manually", "Proof link", "id=\"note\""] {
            assert!(!page.contains(form), "{form} is on {page}");
        }
        for action in ["reprocess", "acknowledge", "resolve", "proof-links"] {
            let to = format!("{path}/{action}");
            let rejected = viewer.submit(&path, &to, &[("note", "x"), ("days", "7")]).await;
            assert_eq!(rejected.status, 403, "{action}");
        }
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);
        let links = proof_links::list_links(&world.pool, incident).await.expect("a database");
        assert_eq!(links, []);
    });
}

#[test]
fn without_a_repair_url_the_page_says_what_is_missing() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&world.pool)
            .await
            .expect("a database");
        let path = format!("/incidents/{incident}");
        let page = bob.get(&path).await.body;
        let link = format!("<a href=\"/projects/{}\">Set a repair URL", world.project.id);
        assert!(page.contains(&link), "{page}");
        assert!(page.contains("<button class=\"btn main\" disabled"), "{page}");
        let rejected = bob.submit(&path, &format!("{path}/reprocess"), &[]).await;
        assert_eq!(rejected.status, 409);
        assert!(
            rejected.body.contains("Set a repair URL in the project first."),
            "{}",
            rejected.body
        );
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn a_proof_link_is_shown_once_listed_and_revoked() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/proof-links");
        for days in ["", "0", "366", "-1", "seven", "99999999999"] {
            let again = bob.submit(&path, &to, &[("days", days)]).await;
            assert_eq!(again.status, 422, "{days}");
            assert!(again.body.contains(&format!("required value=\"{days}\"")), "{days}");
            assert!(again.body.contains("must be a whole number from 1 to 365."), "{days}");
        }
        bob.submit(&path, &to, &[("days", " 7 ")]).await;
        let page = bob.get(&path).await.body;
        let begin = format!("{}/proof/", world.url);
        let token = page.split(&begin).nth(1).and_then(|rest| rest.get(..43)).expect("a link");
        let token = ProofToken::parse(token).expect("a token");
        let opens = async || {
            let opened = proof_links::open_link(&world.pool, &token.hash()).await;
            opened.expect("a database").is_some()
        };
        assert!(opens().await);
        let later = bob.get(&path).await.body;
        assert!(!later.contains(&begin), "the link is shown once: {later}");
        assert!(later.contains("<strong>Proof link created</strong>: for 7 days"), "{later}");
        assert!(
            later.contains("data-label=\"Created by\">operator@cometcart.test</td>"),
            "{later}"
        );
        assert!(later.contains("data-label=\"Views\">1<div"), "{later}");

        let links = proof_links::list_links(&world.pool, incident).await.expect("a database");
        let (_, other) = fail(&world, "evt_2", &json!({})).await;
        let elsewhere = format!("/incidents/{other}/proof-links/{}/revoke", links[0].id);
        bob.submit(&path, &elsewhere, &[]).await;
        assert!(opens().await, "a link is revoked through its own incident only");
        let revoke = format!("{path}/proof-links/{}/revoke", links[0].id);
        let sent = bob.submit(&path, &revoke, &[]).await;
        assert_eq!(sent.location.as_deref(), Some(path.as_str()));
        assert!(!opens().await);
        let page = bob.get(&path).await.body;
        assert!(page.contains("<span class=\"state \">Revoked</span>"), "{page}");
        assert!(!page.contains("/revoke\""), "{page}");
        bob.submit(&path, &revoke, &[]).await;
        let page = bob.get(&path).await.body;
        assert!(page.contains("no such link that still opens"), "{page}");
    });
}

#[test]
fn what_is_not_there_is_404() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        for id in ["inc_00000000000000000000000001", "nonsense", "ev_1", "%00"] {
            let page = bob.get(&format!("/incidents/{id}")).await;
            assert_eq!(page.status, 404, "{id}");
            for action in ["reprocess", "acknowledge", "resolve", "proof-links"] {
                let to = format!("/incidents/{id}/{action}");
                assert_eq!(bob.submit("/incidents", &to, &[]).await.status, 404, "{to}");
            }
        }
    });
}

#[test]
fn hostile_text_is_inert_wherever_the_page_shows_it() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let event = take(&world, HOSTILE, &json!({"internal_reference": HOSTILE})).await;
        let words = json!({"error_code": "x", "error_message": HOSTILE});
        let path = format!("/incidents/{}", world.fail(event, words).await);
        for (action, form) in [
            ("acknowledge", [("note", HOSTILE)]),
            ("proof-links", [("days", HOSTILE)]),
            ("reprocess", [("note", HOSTILE)]),
            ("resolve", [("note", HOSTILE)]),
        ] {
            let sent = bob.submit(&path, &format!("{path}/{action}"), &form).await;
            if action == "proof-links" {
                assert_eq!(sent.status, 422);
                assert_inert(&sent.body);
            }
            assert_inert(&bob.get(&path).await.body);
        }
        assert_inert(&bob.get(&format!("/events/{event}")).await.body);
    });
}
