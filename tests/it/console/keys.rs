//! API keys: shown once, used, revoked.

use domain::api_key::ApiKey;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, WorldOptions};
use store::api_keys::list_keys;
use store::projects::list_projects;

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

/// The key on a page.
fn key_on(page: &str) -> Option<ApiKey> {
    let mut texts = page.split("sk_test_").skip(1);
    texts.find_map(|text| ApiKey::parse(&format!("sk_test_{}", text.split('<').next()?)))
}

#[test]
fn a_key_is_shown_once_works_and_is_rejected_once_revoked() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/keys", world.project.id);
        let made = alice.submit(&path, &path, &[("label", " Webhook worker ")]).await;
        assert_eq!(made.location.as_deref(), Some(path.as_str()), "{}", made.body);
        let key = key_on(&alice.get(&path).await.body).expect("the key");
        let again = alice.get(&path).await.body;
        assert!(key_on(&again).is_none(), "it is shown once: {again}");
        assert!(again.contains("Webhook worker") && again.contains("never"), "{again}");
        assert!(again.contains(&format!("sk_test_…{}", key.last_four())), "{again}");

        let (status, answer) = world.post_as(&key, "/api/v1/receipt", &receipt("evt_1"), "1").await;
        assert_eq!(status, 202, "{answer}");

        let keys = list_keys(&world.pool, Some(world.project.id)).await.expect("keys");
        let row = keys.iter().find(|one| one.label == "Webhook worker").expect("the key");
        assert!(row.last_used_at.is_some());
        let revoked = alice.submit(&path, &format!("{path}/{}/revoke", row.id), &[]).await;
        assert_eq!(revoked.status, 303, "{}", revoked.body);
        let (status, _) = world.post_as(&key, "/api/v1/receipt", &receipt("evt_2"), "2").await;
        assert_eq!(status, 401);
        let page = alice.get(&path).await.body;
        assert!(page.contains("Revoked keys (1)"), "{page}");
        let twice = alice.submit(&path, &format!("{path}/{}/revoke", row.id), &[]).await;
        assert_eq!(twice.status, 404);
        let actors =
            "SELECT action FROM audit_entries WHERE actor = 'operator:admin@cometcart.test'
            AND action LIKE 'key.%' ORDER BY at";
        let actions: Vec<String> =
            sqlx::query_scalar(actors).fetch_all(&world.pool).await.expect("the audit");
        assert_eq!(actions, ["key.created", "key.revoked"]);
    });
}

#[test]
fn a_key_needs_a_label_and_what_was_typed_is_kept() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/keys", world.project.id);
        for label in ["", "  ", "a\u{200b}b", &"x".repeat(256)] {
            let answer = alice.submit(&path, &path, &[("label", label)]).await;
            assert_eq!(answer.status, 422, "{label:?}");
            assert!(answer.body.contains("id=\"label-wrong\">Must "), "{}", answer.body);
            assert!(answer.body.contains(&format!("value=\"{label}\"")), "{}", answer.body);
        }
        assert_eq!(list_keys(&world.pool, None).await.expect("keys").len(), 1);
    });
}

#[test]
fn another_projects_key_is_not_found_and_goes_on_working() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let charlie = world.charlie().await;
        let other = list_projects(&world.pool).await.expect("projects").pop().expect("another");
        let theirs = list_keys(&world.pool, Some(other.id)).await.expect("keys").remove(0);
        let path = format!("/projects/{}/keys", world.project.id);
        for id in [theirs.id.to_string(), "key_nothing".to_owned()] {
            let answer = alice.submit(&path, &format!("{path}/{id}/revoke"), &[]).await;
            assert_eq!(answer.status, 404, "{id}");
        }
        let (status, answer) =
            world.post_as(&charlie, "/api/v1/receipt", &receipt("evt_1"), "1").await;
        assert_eq!(status, 202, "{answer}");
        let revoked = "SELECT count(*) FROM audit_entries WHERE action = 'key.revoked'";
        let count: i64 = sqlx::query_scalar(revoked).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(count, 0, "what was undone left no entry");
    });
}

#[test]
fn who_may_not_administer_sees_the_keys_and_no_button() {
    e2e::run(async {
        let world = world().await;
        let path = format!("/projects/{}/keys", world.project.id);
        for role in [Role::Viewer, Role::Operator] {
            let bob = Operator::signed_in(&world, role).await;
            let page = bob.get(&path).await.body;
            assert!(page.contains("Production worker") && page.contains("needs the role admin"));
            assert!(!page.contains("/revoke") && !page.contains("Create the key"), "{page}");
            assert_eq!(bob.submit(&path, &path, &[("label", "x")]).await.status, 403);
        }
    });
}
