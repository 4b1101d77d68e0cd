//! Who may sign in.

use domain::operator::Role;
use e2e::World;
use e2e::console::{self, Operator};

async fn sign_in(world: &World, email: &str, password: &str) -> u16 {
    let form = [("email", email), ("password", password), ("next", "")];
    Operator::stranger(world).send("/sign-in", &form).await.status.as_u16()
}

#[test]
fn somebody_new_signs_in_with_a_password_that_is_shown_once() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let form = [("email", " Bob@CometCart.test"), ("role", "viewer")];
        let added = alice.submit("/people", "/people", &form).await;
        assert_eq!((added.status.as_u16(), added.location.as_deref()), (303, Some("/people")));
        let page = alice.page("/people").await;
        let message = page.message().expect("a message");
        assert!(message.contains("bob@cometcart.test may sign in, as viewer"), "{message}");
        let password = page.secret().expect("a password");
        assert!(!alice.get("/people").await.body.contains(&password));
        assert_eq!(sign_in(&world, "bob@cometcart.test", &password).await, 303);
        let kept = "SELECT count(*) FROM audit_log WHERE strpos(detail::text, $1) > 0";
        let kept: i64 =
            sqlx::query_scalar(kept).bind(&password).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(kept, 0, "the audit holds no password");
    });
}

#[test]
fn a_bad_or_taken_address_is_rejected_beside_its_field() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        for (email, error) in [
            ("bob", "An address must be an e-mail address such as bob@example.com."),
            ("<script>@x", "An address must be an e-mail address"),
            ("Admin@cometcart.test", "admin@cometcart.test may sign in already."),
        ] {
            let form = [("email", email), ("role", "admin")];
            let response = alice.submit("/people", "/people", &form).await;
            assert_eq!(response.status, 422, "{email}");
            assert!(!response.body.contains("<script>"));
            let page = response.page();
            let shown = page.error("E-mail").expect("an error");
            assert!(shown.starts_with(error), "{email}: {shown}");
            assert_eq!(page.input("E-mail").value, email, "what was typed is kept");
            assert_eq!(page.input("Role").value, "admin");
        }
    });
}

#[test]
fn another_role_and_a_removal_hold_from_the_next_click_on() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let id = console::add(&world.pool, &bob.email, Role::Viewer).await;
        assert_eq!(bob.get("/people").await.status, 403);
        let (role, remove) = (format!("/people/{id}/role"), format!("/people/{id}/remove"));
        alice.submit("/people", &role, &[("role", "admin")]).await;
        let message = alice.page("/people").await.message();
        assert_eq!(message.as_deref(), Some("viewer@cometcart.test is now admin."));
        assert_eq!(bob.get("/people").await.status, 200);

        alice.submit("/people", &remove, &[]).await;
        let message = alice.page("/people").await.message().expect("a message");
        assert!(message.starts_with("viewer@cometcart.test was removed"), "{message}");
        assert_eq!(bob.get("/account").await.status, 303, "signed out");
        assert_eq!(alice.submit("/people", &remove, &[]).await.status, 404);
        assert_eq!(alice.submit("/people", &role, &[("role", "admin")]).await.status, 404);
    });
}

#[test]
fn the_last_admin_is_neither_demoted_nor_removed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
        let id = console::add(&world.pool, &alice.email, Role::Admin).await;
        for (to, form) in [("role", &[("role", "viewer")][..]), ("remove", &[])] {
            let rejected = alice.submit("/people", &format!("/people/{id}/{to}"), form).await;
            assert_eq!(rejected.location.as_deref(), Some("/people"));
            let message = alice.page("/people").await.message().expect("a message");
            assert!(message.starts_with("[refused] This is the last admin"), "{message}");
        }
    });
}

#[test]
fn an_admin_who_steps_down_is_led_to_a_page_that_they_may_open() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let id = console::add(&world.pool, &alice.email, Role::Admin).await;
        console::add(&world.pool, "bob@cometcart.test", Role::Admin).await;
        let step =
            alice.submit("/people", &format!("/people/{id}/role"), &[("role", "operator")]).await;
        assert_eq!(step.location.as_deref(), Some("/account"));
        let page = alice.page("/account").await;
        assert_eq!(page.message().as_deref(), Some("admin@cometcart.test is now operator."));
        assert!(!page.html().contains("href=\"/people\""), "{}", page.html());
    });
}

#[test]
fn the_command_line_changes_roles_and_removes_as_the_page_does() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let run = async |more: &[&str]| {
            world.cli(&[&["operator"][..], more].concat()).await.expect("a command")
        };
        let role = ["role", "--email", &bob.email, "--role", "operator"];
        let (code, output) = run(&role).await;
        assert_eq!((code, output["role"].as_str()), (0, Some("operator")), "{output}");
        let (code, output) = run(&["remove", "--email", &bob.email]).await;
        assert_eq!((code, output["email"].as_str()), (0, Some(bob.email.as_str())), "{output}");
        assert_eq!(bob.get("/account").await.status, 303, "signed out");

        let last = ["role", "--email", &alice.email, "--role", "viewer"];
        for rejected in [&role[..], &last, &["remove", "--email", &alice.email]] {
            let (code, output) = run(rejected).await;
            let why = output["error"]["code"].as_str();
            assert_eq!((code, why), (1, Some("validation_error")), "{output}");
        }
        let entries = "SELECT action FROM audit_entries WHERE actor LIKE 'cli:%'
            AND action LIKE 'operator.%' ORDER BY at";
        let actions: Vec<String> =
            sqlx::query_scalar(entries).fetch_all(&world.pool).await.expect("the audit");
        assert_eq!(actions, ["operator.role_changed", "operator.removed"]);
    });
}
