//! The proof page, as the customer sees it.

use domain::alert::format_timestamp;
use domain::audit::{Action, Actor, AuditEvent};
use domain::ids::{EventId, ProofLinkId};
use domain::incident::Resolution;
use domain::operator::Role;
use domain::secret_token::ProofToken;
use e2e::World;
use e2e::console::{Operator, PageResponse};
use serde_json::json;
use store::administration::proof_link::{create_link, revoke_link};
use store::audit::{Subject, record};
use store::incidents::Incident;
use store::proof_links::list_links;
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use store::transitions::resolve::{ResolveRequest, resolve_incident};
use time::OffsetDateTime;
use web::random::proof_token;

use super::HOSTILE;

fn alice() -> Actor {
    Actor::Operator("canary-alice@cometcart.test".to_owned())
}

/// An event whose adding failed, with its incident.
async fn broken(world: &World, provider_event_id: &str) -> Incident {
    failed(world, world.receipt(provider_event_id).await).await
}

async fn failed(world: &World, event_id: EventId) -> Incident {
    let words = json!({ "error_code": "canary_code", "error_message": "canary-error-message" });
    world.result(event_id, "failed", words).await;
    world.incident_when(event_id, "is open", |_| true).await
}

async fn link(world: &World, incident: &Incident) -> (ProofLinkId, ProofToken) {
    let token = proof_token().expect("random bytes");
    let mut tx = world.pool.begin().await.expect("a transaction");
    let id = create_link(&mut tx, &alice(), incident, &token, 7).await.expect("a link");
    tx.commit().await.expect("a commit");
    (id, token)
}

async fn open(world: &World, token: &ProofToken) -> PageResponse {
    Operator::stranger(world).get(&format!("/proof/{}", token.reveal())).await
}

#[test]
fn an_incident_says_with_the_year_until_when_its_links_open_and_when_it_happened() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let incident = broken(&world, "evt_proof_1").await;
        let (_, token) = link(&world, &incident).await;
        let links = list_links(&world.pool, incident.id).await.expect("links");
        let sql = "SELECT occurred_at, timeout_at FROM payment_events";
        let (occurred_at, timeout_at): (OffsetDateTime, OffsetDateTime) =
            sqlx::query_as(sql).fetch_one(&world.pool).await.expect("an event");
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let html = bob.page(&format!("/incidents/{}", incident.id)).await.html();
        for at in [links[0].expires_at, occurred_at, timeout_at] {
            let shown = format!(">{}</time>", format_timestamp(at));
            assert!(html.contains(&shown), "{shown}: {html}");
        }
        let proof = open(&world, &token).await.body;
        let until = format!(">{}</time>", format_timestamp(links[0].expires_at));
        assert!(proof.contains(&until), "the customer reads the same: {proof}");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn the_customer_reads_what_happened_without_signing_in() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let incident = broken(&world, "evt_proof_1").await;
        let (_, token) = link(&world, &incident).await;
        let open_page = open(&world, &token).await;
        assert_eq!(open_page.status, 200);
        let not_yet =
            "Your payment was received.\nYour credits have not arrived yet; the team knows.";
        assert_eq!(open_page.page().heading(), not_yet);

        let replay_id = world.reprocess(incident.id).await;
        world.result(incident.event_id, "success", json!({ "replay_id": replay_id })).await;
        let page = open(&world, &token).await;
        let text = page.page().text();
        let (record, told) = text.split_once("\nYour payment").expect("a record");
        let of = "Read-only record · CometCart · test mode, no money was taken · valid until ";
        assert!(record.contains(of), "{record}");
        insta::assert_snapshot!(format!("Your payment{told}"), @"
        Your payment was received.
        Your credits arrived within a minute.
        This page shows each step as it was recorded. It cannot be edited.
        Payment confirmed by Stripe
        [time]
        Accepted for processing
        [time]
        Adding credits failed
        [time]
        Repair started by the team
        [time]
        Credits added, confirmed by the app
        [time]
        Payment evt_proof_1 · reference user_456
        ");
        let moments = page.page().moments().join(" ");
        assert!(moments.contains("2026-11-21T14:02:09Z"), "the provider's own: {moments}");
        for (name, value) in [
            ("x-robots-tag", "noindex, nofollow, noarchive"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.headers[name], value);
        }
        assert!(!page.headers.contains_key("set-cookie"));
        for console in ["<nav", "/incidents", "/sign-in", "/account", "data-live", "<form"] {
            assert!(!page.body.contains(console), "{console} in {}", page.body);
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn nothing_internal_is_on_the_page() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        for change in [
            "UPDATE projects SET snapshots = true, repair_url = 'https://canary-repair.example/x'",
            "UPDATE api_keys SET label = 'canary-key-label'",
        ] {
            sqlx::query(change).execute(&world.pool).await.expect("a change");
        }
        world.keys_are_seen().await;
        let target = store::destinations::Target::Email("canary-on-call@cometcart.test".to_owned());
        world.add_destination(&target, "canary-on-call@cometcart.test").await;
        let mut receipt = e2e::world::receipt("evt_quiet");
        receipt["payload"] = json!({ "canary-payload-key": "canary-payload-value" });
        let incident = failed(&world, world.send_receipt(&receipt).await).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        acknowledge_incident(
            &mut tx,
            incident.event_id,
            AcknowledgeRequest { actor: &alice(), note: Some("canary-note"), bulk_id: None },
        )
        .await
        .expect("an open incident");
        let subject = Subject::incident(incident.project_id, incident.event_id, incident.id);
        for action in Action::ALL {
            let detail = json!({
                "note": "canary-note", "why": "canary-why", "answer": "canary-answer",
                "destination": "canary-destination", "error": "canary-error", "label": "canary-label",
            });
            let entry = AuditEvent::read(action.as_str(), detail);
            record(&mut *tx, &alice(), subject, &entry).await.expect("an entry");
        }
        let resolving = ResolveRequest {
            actor: &alice(),
            note: Some("canary-note"),
            evidence: None,
            bulk_id: None,
            signal: false,
        };
        resolve_incident(&mut tx, incident.event_id, resolving).await.expect("a database");
        tx.commit().await.expect("a commit");
        let resolved = world
            .incident_when(incident.event_id, "by hand", |it| {
                it.resolution == Some(Resolution::Manual)
            })
            .await;
        let (_, token) = link(&world, &resolved).await;
        let page = open(&world, &token).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.to_lowercase().contains("canary"), "{}", page.body);
        for id in [incident.id.to_string(), incident.event_id.to_string(), world.key_id.to_string()]
        {
            assert!(!page.body.contains(&id), "{id} is internal");
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn whatever_does_not_open_is_the_very_same_page() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let incident = broken(&world, "evt_closed").await;
        let ((_, expired), (id, revoked)) =
            (link(&world, &incident).await, link(&world, &incident).await);
        let (_, valid) = link(&world, &incident).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(revoke_link(&mut tx, &alice(), &incident, id).await.expect("a database"));
        tx.commit().await.expect("a commit");
        sqlx::query(
            "UPDATE proof_links SET created_at = now() - interval '8 days', expires_at = now() - interval '1 second'
             WHERE token_hash = $1",
        )
        .bind(expired.hash().as_slice())
        .execute(&world.pool)
        .await
        .expect("an end");

        let (expired, revoked) = (expired.reveal(), revoked.reveal());
        let unknown = proof_token().expect("random bytes").reveal();
        let (longer, shorter) = (format!("{}A", valid.reveal()), valid.reveal()[1..].to_owned());
        let mut pages = Vec::new();
        for token in [
            &expired, &revoked, &unknown, &longer, &shorter, "nothing", "%00", "%ff", "..%2f",
            HOSTILE,
        ] {
            let token = token.replace(['<', '>', '"', '\'', ' ', '/'], "x");
            let response = Operator::stranger(&world).get(&format!("/proof/{token}")).await;
            assert_eq!(response.status, 404, "{token}");
            assert_eq!(response.headers["x-robots-tag"], "noindex, nofollow, noarchive");
            let mut headers: Vec<_> = response
                .headers
                .iter()
                .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect();
            headers.sort();
            pages.push((token, response.body, headers));
        }
        for (token, body, headers) in &pages {
            assert_eq!((body, headers), (&pages[0].1, &pages[0].2), "{token}");
        }
        assert!(!pages[0].1.contains("/incidents"), "no way into the console");
        assert_eq!(open(&world, &valid).await.status, 200);
    });
}

#[test]
fn every_opening_is_counted_and_nothing_else_is() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let incident = broken(&world, "evt_counted").await;
        let (id, token) = link(&world, &incident).await;
        let (other, _) = link(&world, &incident).await;
        let views = async |wanted: ProofLinkId| {
            let links = list_links(&world.pool, incident.id).await.expect("links");
            links.into_iter().find(|link| link.id == wanted).expect("the link").views
        };
        assert_eq!(views(id).await, 0);
        for opened in 1..=3 {
            open(&world, &token).await;
            assert_eq!(views(id).await, opened);
        }
        let nothing = proof_token().expect("random bytes");
        open(&world, &nothing).await;
        for (token, status) in [(&token, 200), (&nothing, 404)] {
            let path = format!("/proof/{}", token.reveal());
            assert_eq!(Operator::stranger(&world).head(&path).await.status, status);
        }
        assert_eq!((views(id).await, views(other).await), (3, 0));
    });
}

#[test]
fn an_operator_sees_what_the_customer_sees() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let incident = broken(&world, "evt_same").await;
        let (_, token) = link(&world, &incident).await;
        let path = format!("/proof/{}", token.reveal());
        let admin = Operator::signed_in(&world, Role::Admin).await;
        assert_eq!(admin.get(&path).await.body, Operator::stranger(&world).get(&path).await.body);
    });
}

#[test]
fn texts_of_others_are_only_texts() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let mut receipt = e2e::world::receipt("evt_markup");
        receipt["internal_reference"] = json!(HOSTILE);
        let event_id = world.send_receipt(&receipt).await;
        sqlx::query("UPDATE projects SET name = $1")
            .bind(format!("Comet\u{202e}{HOSTILE}"))
            .execute(&world.pool)
            .await
            .expect("a name");
        let incident = failed(&world, event_id).await;
        let (_, token) = link(&world, &incident).await;
        let page = open(&world, &token).await.body;
        assert!(page.contains("alert(1)"), "{page}");
        for live in ["<script>alert", "<img", "\u{202e}"] {
            assert!(!page.contains(live), "{live:?} in {page}");
        }
    });
}
