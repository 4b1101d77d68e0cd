//! API keys: shown once, used, revoked.

use domain::api_key::ApiKey;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, eventually};
use store::api_keys::{KeyRow, list_keys};
use store::projects::list_projects;

#[test]
fn a_key_is_shown_once_works_and_is_rejected_once_revoked() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/keys", world.project.id);
        let made = alice.submit(&path, &path, &[("label", " Webhook worker ")]).await;
        assert_eq!(made.location.as_deref(), Some(path.as_str()), "{}", made.body);
        let key = alice.page(&path).await.secret().expect("the key");
        let key = ApiKey::parse(&key).expect("a key");
        let again = alice.page(&path).await;
        assert!(!again.html().contains(key.reveal()), "it is shown once: {}", again.html());
        let row = format!("Webhook worker | sk_test_…{} | [time] ago | never", key.last_four());
        let rows = again.rows("Valid keys");
        assert!(rows.iter().any(|one| one.starts_with(&row)), "{rows:?}");

        let (status, response) =
            world.post_as(&key, "/api/v1/receipt", &receipt("evt_1"), "1").await;
        assert_eq!(status, 202, "{response}");

        let row = eventually("a use that is noted", async || {
            let keys = list_keys(&world.pool, Some(world.project.id)).await.expect("keys");
            let used = |key: &KeyRow| key.label == "Webhook worker" && key.last_used_at.is_some();
            keys.into_iter().find(used)
        })
        .await;
        let revoked = alice.submit(&path, &format!("{path}/{}/revoke", row.id), &[]).await;
        assert_eq!(revoked.status, 303, "{}", revoked.body);
        world.keys_are_seen().await;
        let (status, _) = world.post_as(&key, "/api/v1/receipt", &receipt("evt_2"), "2").await;
        assert_eq!(status, 401);
        let text = alice.page(&path).await.text();
        assert!(text.contains("Revoked keys (1)"), "{text}");
        let twice = alice.submit(&path, &format!("{path}/{}/revoke", row.id), &[]).await;
        assert_eq!((twice.status.as_u16(), twice.location), (303, Some(path.clone())));
        let message = alice.page(&path).await.message().expect("a message");
        assert_eq!(message, "Nothing was changed: this key was revoked already.");
        let actors =
            "SELECT action FROM audit_entries WHERE actor = 'operator:admin@cometcart.test'
            AND action LIKE 'key.%' ORDER BY at";
        let actions: Vec<String> =
            sqlx::query_scalar(actors).fetch_all(&world.pool).await.expect("the audit");
        assert_eq!(actions, ["key.created", "key.revoked"]);
    });
}

#[test]
fn a_project_whose_last_key_is_revoked_is_not_said_to_have_had_none() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/keys", world.project.id);
        let key = list_keys(&world.pool, Some(world.project.id)).await.expect("keys").remove(0);
        alice.submit(&path, &format!("{path}/{}/revoke", key.id), &[]).await;
        let page = alice.page(&path).await;
        assert_eq!(page.heading(), "CometCart has no valid API key");
        let text = page.text();
        assert!(text.contains("Every API key is revoked"), "{text}");
        sqlx::query("DELETE FROM api_keys").execute(&world.pool).await.expect("a new project");
        assert_eq!(alice.page(&path).await.heading(), "CometCart has no API key yet");
    });
}

#[test]
fn a_key_needs_a_label_and_what_was_typed_is_kept() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/keys", world.project.id);
        for label in ["", "  ", "a\u{200b}b", &"x".repeat(256)] {
            let response = alice.submit(&path, &path, &[("label", label)]).await;
            assert_eq!(response.status, 422, "{label:?}");
            let page = response.page();
            let error = page.error("Label").expect("an error");
            assert!(error.starts_with("Must "), "{error}");
            assert_eq!(page.input("Label").value, label);
        }
        assert_eq!(list_keys(&world.pool, None).await.expect("keys").len(), 1);
    });
}

#[test]
fn another_projects_key_is_not_found_and_goes_on_working() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let charlie = world.charlie().await;
        let other = list_projects(&world.pool).await.expect("projects").pop().expect("another");
        let theirs = list_keys(&world.pool, Some(other.id)).await.expect("keys").remove(0);
        let path = format!("/projects/{}/keys", world.project.id);
        for id in [theirs.id.to_string(), "key_nothing".to_owned()] {
            let response = alice.submit(&path, &format!("{path}/{id}/revoke"), &[]).await;
            assert_eq!(response.status, 404, "{id}");
        }
        let (status, response) =
            world.post_as(&charlie, "/api/v1/receipt", &receipt("evt_1"), "1").await;
        assert_eq!(status, 202, "{response}");
        let revoked = "SELECT count(*) FROM audit_entries WHERE action = 'key.revoked'";
        let count: i64 = sqlx::query_scalar(revoked).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(count, 0, "what was undone left no entry");
    });
}

#[test]
fn who_may_not_administer_sees_the_keys_and_no_button() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let path = format!("/projects/{}/keys", world.project.id);
        for role in [Role::Viewer, Role::Operator] {
            let bob = Operator::signed_in(&world, role).await;
            let page = bob.page(&path).await;
            assert!(page.rows("Valid keys")[0].starts_with("Production worker"));
            let text = page.text();
            assert!(text.contains("Creating and revoking keys needs the role admin."), "{text}");
            assert_eq!(page.buttons(), ["Sign out"]);
            assert!(!page.html().contains("/revoke"), "{}", page.html());
            assert_eq!(bob.submit(&path, &path, &[("label", "x")]).await.status, 403);
        }
    });
}
