//! The incident's page: what happened, and what operators do about it.

use std::time::Duration;

use domain::ids::IncidentId;
use domain::incident::IncidentState;
use domain::operator::Role;
use domain::secret_token::ProofToken;
use e2e::console::Operator;
use e2e::html_page::HtmlPage;
use e2e::{World, eventually};
use serde_json::json;
use store::{incidents, proof_links, reprocesses};

use super::HOSTILE;
use super::broken::{assert_inert, fail, take};

const REQUESTED: &str = "Your app is asked to do it again. What comes of it appears below.";

async fn state_of(world: &World, id: IncidentId) -> IncidentState {
    let incident = incidents::find_incident(&world.pool, id).await.expect("a database");
    incident.expect("an incident").state
}

/// Waits until the page says this.
async fn page_says(operator: &Operator, path: &str, text: &str) -> HtmlPage {
    eventually(&format!("{path} says {text}"), async || {
        Some(operator.page(path).await).filter(|page| page.text().contains(text))
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
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "user_456 paid for credits. Adding them failed.");
        assert_eq!(page.badges(), ["[open] Open for [time]"]);
        assert!(page.text().contains("Its error: db_write_failed\ndisk full\n"), "{}", page.text());
        insta::assert_snapshot!(page.timeline(), @"
        [good] Receipt accepted: invoice.paid, credit_grant is due
          with key “Production worker”
        [bad] Failure reported: db_write_failed
          with key “Production worker”
          disk full
        [bad] Incident opened
        ");
        assert!(!page.button("Reprocess").disabled);
        assert!(!page.text().contains("Its last answer"), "{}", page.text());

        world.repair.hang_next(Duration::from_secs(2));
        let form = [("note", "the disk has room again")];
        let sent = bob.submit(&path, &format!("{path}/reprocess"), &form).await;
        assert_eq!((sent.status.as_u16(), sent.location.as_deref()), (303, Some(path.as_str())));
        let page = bob.page(&path).await;
        assert_eq!(page.message().as_deref(), Some(REQUESTED));
        let callback = world.repair.wait_for(1).await.remove(0).json();
        let page = page_says(&bob, &path, "Delivering, attempt 1").await;
        assert_eq!(page.rows("Callback attempts"), ["1 | under way | [time]"]);
        let replay_id = callback["replay_id"].as_str().expect("an id");
        let started = format!("operator@cometcart.test already started reprocess {replay_id}");
        assert!(page.text().contains(&started), "{}", page.text());
        assert!(page.button("Reprocess").disabled);

        let page = page_says(&bob, &path, "Waiting for the result until [time]").await;
        let [attempt] = page.rows("Callback attempts").try_into().expect("one attempt");
        assert!(attempt.starts_with("1 | HTTP 200, delivered Answer | "), "{attempt}");
        assert!(page.text().contains("Its last answer\nHTTP 200, delivered"), "{}", page.text());
        let timeline = page.timeline().replace(replay_id, "rpl_…").replace(&attempt, "1 | …");
        insta::assert_snapshot!(timeline, @"
        [good] Receipt accepted: invoice.paid, credit_grant is due
          with key “Production worker”
        [bad] Failure reported: db_write_failed
          with key “Production worker”
          disk full
        [bad] Incident opened
        [work] Reprocess requested
          by operator@cometcart.test
          the disk has room again
          rpl_…
          Callback attempts
          Attempt | Outcome | Time
          1 | …
          Delivered. Waiting for the result until [time]
        ");
        let list = bob.page("/incidents").await.rows("Incidents").concat();
        assert!(list.contains("Reprocessing, waiting for the result"), "{list}");
        assert!(list.contains("ago: HTTP 200"), "{list}");

        let result = json!({"replay_id": callback["replay_id"]});
        world.result(event, "success", result).await;
        let page = page_says(&bob, &path, "Reprocess succeeded").await;
        assert_eq!(page.heading(), "user_456 paid for credits. They were added by the reprocess.");
        let [state] = page.badges().try_into().expect("one state");
        assert!(state.starts_with("[done] Resolved after "), "{state}");
        assert!(page.text().contains("Nothing is left to do."), "{}", page.text());
        assert!(!page.text().contains("Waiting for the result"), "{}", page.text());
        let badges = bob.page("/incidents?state=resolved").await.badges();
        assert!(badges[0].starts_with("[done] Resolved in "), "{badges:?}");
    });
}

#[test]
fn when_the_next_attempt_is_due_is_said_as_the_database_has_it() {
    e2e::run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        world.repair.respond_with(&[503]);
        let replay_id = world.reprocess(incident).await;
        let path = format!("/incidents/{incident}");
        page_says(&bob, &path, "Attempt 1 failed. The next one is due [time]").await;
        // As if the receiver had asked for a longer wait than any schedule of ours has.
        let later = "UPDATE reprocesses SET next_attempt_at = '2031-02-03 04:05:06+00'";
        sqlx::query(later).execute(&world.pool).await.expect("a later attempt");
        let page = eventually("the later attempt", async || {
            let page = bob.page(&path).await;
            page.moments().contains(&"2031-02-03T04:05:06Z").then_some(page)
        })
        .await;
        assert!(page.text().contains("The next one is due [time]"), "{}", page.text());
        assert!(page.timeline().contains(&replay_id.to_string()), "{}", page.timeline());
        let (event, _) = fail(&world, "evt_2", &json!({})).await;
        let other = bob.page(&format!("/events/{event}")).await.text();
        assert!(!other.contains("The next one"), "{other}");
    });
}

#[test]
fn of_two_who_reprocess_at_once_one_is_told_who_was_first() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/reprocess");
        let (a, b) = tokio::join!(alice.submit(&path, &to, &[]), bob.submit(&path, &to, &[]));

        let all = reprocesses::list_for_incident(&world.pool, incident).await.expect("a database");
        assert_eq!(all.len(), 1, "{all:?}");
        let by_alice = all[0].requested_by == "operator:admin@cometcart.test";
        let (first, won, lost) = if by_alice { (&alice, a, b) } else { (&bob, b, a) };
        assert_eq!((won.status.as_u16(), lost.status.as_u16()), (303, 409));
        assert_eq!(first.page(&path).await.message().as_deref(), Some(REQUESTED));
        let who = format!("{} already started reprocess {} ", first.email, all[0].id);
        let message = lost.page().message().expect("a message");
        assert!(message.starts_with(&format!("[refused] Nothing was changed: {who}")), "{message}");

        let again = first.submit(&path, &to, &[]).await;
        assert_eq!(again.status, 303, "who presses twice has what they wanted");
        let all = reprocesses::list_for_incident(&world.pool, incident).await.expect("a database");
        assert_eq!(all.len(), 1, "{all:?}");
    });
}

#[test]
fn acknowledging_is_seen_by_everybody_and_done_once() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/acknowledge");
        bob.submit(&path, &to, &[("note", "looking")]).await;
        assert_eq!(state_of(&world, incident).await, IncidentState::Acknowledged);
        let page = alice.page(&path).await;
        assert_eq!(page.badges(), ["[ack] Acknowledged by operator, open for [time]"]);
        assert!(page.timeline().contains("\n  looking"), "{}", page.timeline());
        let already = "operator@cometcart.test already acknowledged the incident";
        assert!(page.text().contains(already), "{}", page.text());
        assert_eq!(alice.page("/incidents").await.badges(), ["[ack] Acknowledged by operator"]);

        let late = alice.submit(&path, &to, &[("note", "I look, too")]).await;
        assert_eq!(late.status, 409);
        let page = late.page();
        let message = page.message().expect("a message");
        assert!(message.contains(&format!("Nothing was changed: {already} ")), "{message}");
        assert_eq!(page.input("Note, saved with Reprocess").value, "I look, too");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn resolving_by_hand_takes_a_note_and_keeps_what_was_typed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/resolve");
        let long = format!("refunded by hand {}", "x".repeat(2_000));
        let field = "How it was fixed";
        for (note, problem) in [
            ("", "Say how it was put right, for the timeline."),
            ("  \r\n ", "Say how it was put right, for the timeline."),
            (long.as_str(), "The note must have 1 to 2000 characters."),
        ] {
            let again = bob.submit(&path, &to, &[("note", note)]).await;
            assert_eq!(again.status, 422, "{note}");
            let (error, kept) = (again.page().error(field), again.page().input(field).value);
            assert_eq!(error.as_deref(), Some(problem), "{note}");
            assert_eq!(kept, note.replace("\r\n", "\n"), "what was typed is kept");
        }
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);

        let sent = bob.submit(&path, &to, &[("note", "credits added\r\nby hand")]).await;
        assert_eq!(sent.location.as_deref(), Some(path.as_str()));
        assert_eq!(state_of(&world, incident).await, IncidentState::Resolved);
        let page = bob.page(&path).await;
        let resolved = "Resolved manually. Everyone who got the alert is notified.";
        assert_eq!(page.message().as_deref(), Some(resolved));
        for text in ["This was resolved manually.", "Nothing is left to do."] {
            assert!(page.text().contains(text), "{text} is missing from {}", page.text());
        }
        insta::assert_snapshot!(page.timeline(), @"
        [good] Receipt accepted: invoice.paid, credit_grant is due
          with key “Production worker”
        [bad] Failure reported: db_write_failed
          with key “Production worker”
          disk full
        [bad] Incident opened
        [good] Resolved: manually
          by operator@cometcart.test
          credits added
          by hand
        ");
        let why = "Nothing was changed: operator@cometcart.test already resolved the incident ";
        for action in ["resolve", "reprocess", "acknowledge"] {
            let late = bob.submit(&path, &format!("{path}/{action}"), &[("note", "again")]).await;
            assert_eq!(late.status, 409, "{action}");
            let message = late.page().message().expect("a message");
            assert!(message.contains(why), "{action}: {message}");
        }
    });
}

#[test]
fn a_note_that_is_too_long_starts_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let note = "x".repeat(2_001);
        for action in ["reprocess", "acknowledge"] {
            let to = format!("{path}/{action}");
            let again = bob.submit(&path, &to, &[("note", &note)]).await;
            assert_eq!(again.status, 422, "{action}");
            let (page, field) = (again.page(), "Note, saved with Reprocess or Acknowledge");
            assert_eq!(page.input(field).value, note, "{action}");
            let error = page.error(field);
            let error = error.as_deref();
            assert_eq!(error, Some("The note must have 1 to 2000 characters."), "{action}");
        }
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);
    });
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let page = viewer.page(&path).await;
        assert_eq!(page.buttons(), ["Sign out", "Reprocess", "Acknowledge"]);
        assert!(page.button("Reprocess").disabled && page.button("Acknowledge").disabled);
        let text = page.text();
        assert!(text.contains("To act on it, you need the role operator or admin."), "{text}");
        for form in ["Resolve manually", "Proof link", "Note"] {
            assert!(!text.contains(form), "{form} is on {text}");
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
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&world.pool)
            .await
            .expect("a database");
        let path = format!("/incidents/{incident}");
        let page = bob.page(&path).await;
        let link = page.link("Set a repair URL in the project first");
        assert_eq!(link, Some(format!("/projects/{}", world.project.id)));
        assert!(page.button("Reprocess").disabled);
        let rejected = bob.submit(&path, &format!("{path}/reprocess"), &[]).await;
        assert_eq!(rejected.status, 409);
        let message = rejected.page().message().expect("a message");
        assert!(message.ends_with(" Set a repair URL in the project first."), "{message}");
        assert_eq!(state_of(&world, incident).await, IncidentState::Open);
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn a_proof_link_is_shown_once_listed_and_revoked() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/proof-links");
        for days in ["", "0", "366", "-1", "seven", "99999999999"] {
            let again = bob.submit(&path, &to, &[("days", days)]).await;
            assert_eq!(again.status, 422, "{days}");
            let (page, field) = (again.page(), "Days until it expires");
            assert_eq!(page.input(field).value, days);
            let error = page.error(field).expect("an error");
            assert!(error.ends_with("must be a whole number from 1 to 365."), "{days}: {error}");
        }
        bob.submit(&path, &to, &[("days", " 7 ")]).await;
        let shown = bob.page(&path).await.secret().expect("a link");
        let begin = format!("{}/proof/", world.url);
        let token = shown.strip_prefix(&begin).and_then(ProofToken::parse).expect("a token");
        let opens = async || {
            let opened = proof_links::open_link(&world.pool, &token.hash()).await;
            opened.expect("a database").is_some()
        };
        assert!(opens().await);
        let later = bob.get(&path).await;
        assert!(!later.body.contains(&begin), "the link is shown once: {}", later.body);
        let page = later.page();
        assert!(page.timeline().contains("Proof link created: for 7 days"), "{}", page.timeline());
        insta::assert_snapshot!(page.rows("Proof links").join("\n"), @"operator@cometcart.test | Valid | [time] | 1 last [time] ago | Revoke…");

        let links = proof_links::list_links(&world.pool, incident).await.expect("a database");
        let (_, other) = fail(&world, "evt_2", &json!({})).await;
        let elsewhere = format!("/incidents/{other}/proof-links/{}/revoke", links[0].id);
        bob.submit(&path, &elsewhere, &[]).await;
        assert!(opens().await, "a link is revoked through its own incident only");
        let revoke = format!("{path}/proof-links/{}/revoke", links[0].id);
        let sent = bob.submit(&path, &revoke, &[]).await;
        assert_eq!(sent.location.as_deref(), Some(path.as_str()));
        assert!(!opens().await);
        let page = bob.page(&path).await;
        insta::assert_snapshot!(page.rows("Proof links").join("\n"), @"operator@cometcart.test | Revoked | [time] | 2 last [time] ago");
        assert!(!page.buttons().contains(&"Revoke this link".to_owned()), "{:?}", page.buttons());
        bob.submit(&path, &revoke, &[]).await;
        let message = bob.page(&path).await.message().expect("a message");
        assert!(message.contains("no such link that still opens"), "{message}");
    });
}

#[test]
fn what_is_not_there_is_404() {
    e2e::run(async {
        let world = World::start_without_worker().await;
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
        let world = World::start_without_worker().await;
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
