//! The operator's own matters: password, browsers, tokens.

use std::sync::Arc;

use ::console::password_queue::{Comer, PasswordQueue};
use ::console::settings::ConsoleSettings;
use domain::operator::Role;
use domain::secret_token::OperatorToken;
use e2e::World;
use e2e::console::{self, Operator, PASSWORD};
use store::operator_tokens::find_token_owner;
use uuid::Uuid;

use super::HOSTILE;

const NEW: &str = "another horse, another battery";
const TOO_SHORT: &str = "A password needs at least 12 characters.";
const NOT_THE_SAME: &str = "This is not the same as the one above.";

async fn change_password(operator: &Operator, typed: [&str; 3]) -> console::PageResponse {
    let [current, new, again] = typed;
    let form = [("current", current), ("new", new), ("again", again)];
    operator.submit("/account", "/account/password", &form).await
}

async fn sign_in_status(world: &World, email: &str, password: &str) -> u16 {
    let form = [("email", email), ("password", password), ("next", "")];
    Operator::stranger(world).send("/sign-in", &form).await.status.as_u16()
}

async fn count(world: &World, action: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = $1")
        .bind(action)
        .fetch_one(&world.pool)
        .await
        .expect("a count")
}

#[test]
fn a_new_password_holds_and_ends_every_other_session() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let here = Operator::signed_in(&world, Role::Viewer).await;
        let elsewhere = Operator::signed_in(&world, Role::Viewer).await;
        let somebody_else = Operator::signed_in(&world, Role::Admin).await;

        let changed = change_password(&here, [PASSWORD, NEW, NEW]).await;
        assert_eq!((changed.status.as_u16(), changed.location.as_deref()), (303, Some("/account")));
        let message = here.page("/account").await.message();
        let changed = "The new password holds. The other browser was signed out.";
        assert_eq!(message.as_deref(), Some(changed));
        assert_eq!(elsewhere.get("/account").await.status, 303, "it has to sign in again");
        assert_eq!(somebody_else.get("/account").await.status, 200);

        assert_eq!(sign_in_status(&world, &here.email, PASSWORD).await, 422);
        assert_eq!(sign_in_status(&world, &here.email, NEW).await, 303);
        assert_eq!(count(&world, "operator.password_changed").await, 1);
    });
}

#[test]
fn each_error_about_a_password_stands_beside_its_field_and_nothing_typed_comes_back() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let current = "Current password";
        for (typed, errors) in [
            (
                ["wrong wrong wrong", NEW, NEW],
                &[(current, "This is not your current password.")][..],
            ),
            ([PASSWORD, "too short", "too short"], &[("New password", TOO_SHORT)]),
            ([PASSWORD, NEW, "not this one"], &[("New password, once more", NOT_THE_SAME)]),
            (
                [PASSWORD, PASSWORD, PASSWORD],
                &[("New password", "This is the password that you have.")],
            ),
            (
                ["", "tiny-one", "and-another"],
                &[
                    (current, "Your current password is needed."),
                    ("New password", TOO_SHORT),
                    ("New password, once more", NOT_THE_SAME),
                ],
            ),
        ] {
            let response = change_password(&alice, typed).await;
            assert_eq!(response.status, 422, "{typed:?}");
            let page = response.page();
            for (field, error) in errors {
                assert_eq!(page.error(field).as_deref(), Some(*error), "{typed:?}");
            }
            assert_eq!(page.errors().len(), errors.len());
            for text in typed.iter().filter(|text| !text.is_empty()) {
                assert!(!response.body.contains(text), "{text} is on the page");
            }
        }
        assert_eq!(sign_in_status(&world, &alice.email, PASSWORD).await, 303);
    });
}

#[test]
fn what_is_plainly_wrong_about_a_new_password_takes_no_turn() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let passwords = PasswordQueue::default();
        let mut state = world.state();
        let console = ConsoleSettings { passwords: passwords.clone(), ..(*state.console).clone() };
        state.console = Arc::new(console);
        let url = world.serve_also(state).await;
        let alice = Operator::signed_in(&world, Role::Admin).await.at(&url);
        let _others: Vec<_> =
            std::iter::from_fn(|| passwords.enter(Comer::Known(Uuid::now_v7())).ok()).collect();
        for typed in [["", NEW, NEW], [PASSWORD, NEW, "another"], [PASSWORD, "short", "short"]] {
            assert_eq!(change_password(&alice, typed).await.status, 422, "{typed:?}");
        }
        let busy = change_password(&alice, [PASSWORD, NEW, NEW]).await;
        assert_eq!(busy.status, 429);
        let text = busy.page().text();
        assert!(text.contains("Too many passwords are looked at"), "{text}");
        let alice = alice.at(&world.url);
        assert_eq!(change_password(&alice, [PASSWORD, NEW, NEW]).await.status, 303);
    });
}

#[test]
fn guessing_the_current_password_locks_it_and_leaves_signing_in_alone() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        for _ in 0..4 {
            assert_eq!(change_password(&alice, ["wrong wrong", NEW, NEW]).await.status, 422);
        }
        for typed in [["wrong wrong", NEW, NEW], [PASSWORD, NEW, NEW]] {
            let locked = change_password(&alice, typed).await;
            assert_eq!(locked.status, 429);
            let text = locked.page().text();
            assert!(text.contains("Too many wrong tries."), "{text}");
        }
        assert_eq!(count(&world, "operator.locked_out").await, 1);
        assert_eq!(sign_in_status(&world, &alice.email, PASSWORD).await, 303);
    });
}

#[test]
fn who_guesses_at_sign_in_keeps_nobody_from_changing_the_password() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        for _ in 0..5 {
            sign_in_status(&world, &alice.email, "wrong wrong wrong").await;
        }
        assert_eq!(sign_in_status(&world, &alice.email, PASSWORD).await, 429, "it is locked");
        assert_eq!(change_password(&alice, [PASSWORD, NEW, NEW]).await.status, 303);
        assert_eq!(sign_in_status(&world, &alice.email, NEW).await, 429, "it still is");
    });
}

#[test]
fn signing_out_everywhere_else_leaves_this_browser_and_everywhere_leaves_none() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let here = Operator::signed_in(&world, Role::Operator).await;
        let there = Operator::signed_in(&world, Role::Operator).await;
        insta::assert_snapshot!(here.page("/account").await.rows("Your sessions").join("\n"), @"
        A browser that did not say which | [time] ago | [time] ago
        A browser that did not say which this one | [time] ago | [time] ago
        ");

        let end = "/account/sessions/end";
        let others = here.submit("/account", end, &[("which", "others")]).await;
        assert_eq!(others.location.as_deref(), Some("/account"));
        let message = here.page("/account").await.message();
        assert_eq!(message.as_deref(), Some("The other browser was signed out."));
        assert_eq!(there.get("/account").await.status, 303);

        let all = here.submit("/account", end, &[("which", "all")]).await;
        assert_eq!(all.location.as_deref(), Some("/sign-in"));
        assert!(all.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
        assert_eq!(here.get("/account").await.status, 303);
        assert_eq!(count(&world, "operator.signed_out").await, 2);
    });
}

#[test]
fn a_token_is_shown_once_and_opens_nothing_once_it_is_revoked() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let made = viewer
            .submit("/account", "/account/tokens", &[("label", "nightly"), ("password", PASSWORD)])
            .await;
        assert_eq!(made.location.as_deref(), Some("/account"));
        let token = viewer.page("/account").await.secret().expect("a secret");
        let parsed = OperatorToken::parse(&token).expect("a token");
        let second = viewer.page("/account").await;
        assert!(!second.html().contains(&token), "it is shown once");
        let row = format!("nightly | op_…{} | [time] ago | never | Revoke…", parsed.last_four());
        assert_eq!(second.rows("Your tokens"), [row]);

        let owner = async || {
            let found = find_token_owner(&world.pool, &parsed.hash()).await.expect("a database");
            found.map(|owner| (owner.email, owner.role))
        };
        assert_eq!(owner().await, Some((viewer.email.clone(), Role::Viewer)));
        let revoke = second.button("Revoke “nightly”").action;

        let admin = Operator::signed_in(&world, Role::Admin).await;
        assert_eq!(admin.submit("/account", &revoke, &[]).await.status, 404, "not hers");
        assert!(owner().await.is_some());
        assert_eq!(viewer.submit("/account", &revoke, &[]).await.status, 303);
        assert_eq!(owner().await, None);
        assert_eq!(viewer.submit("/account", &revoke, &[]).await.status, 303);
        let text = viewer.page("/account").await.text();
        assert!(text.contains("this token was revoked already"), "{text}");
        assert!(text.contains("Revoked tokens (1)"), "{text}");
    });
}

#[test]
fn a_token_is_made_for_who_knows_the_password_and_guesses_count_as_at_sign_in() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let make = async |password: &str| {
            let form = [("label", "nightly"), ("password", password)];
            alice.submit("/account", "/account/tokens", &form).await
        };
        let missing = make("").await;
        assert_eq!(missing.status, 422);
        assert_eq!(
            missing.page().error("Your password").as_deref(),
            Some("Your password is needed.")
        );
        for _ in 0..4 {
            let wrong = make("wrong wrong wrong").await;
            assert_eq!(wrong.status, 422);
            let page = wrong.page();
            assert_eq!(page.input("Label of a new token").value, "nightly");
            assert!(
                !wrong.body.contains("wrong wrong"),
                "what was typed for a password comes back"
            );
        }
        assert_eq!(make("wrong wrong wrong").await.status, 429);
        assert_eq!(make(PASSWORD).await.status, 429);
        assert_eq!(count(&world, "token.created").await, 0);
    });
}

#[test]
fn a_new_password_revokes_the_tokens_only_if_that_is_wanted() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let token = OperatorToken::parse(&alice.token(&world).await).expect("a token");
        let opens = async || {
            let found = find_token_owner(&world.pool, &token.hash()).await.expect("a database");
            found.is_some()
        };
        assert_eq!(change_password(&alice, [PASSWORD, NEW, NEW]).await.status, 303);
        assert!(opens().await);
        let form =
            [("current", NEW), ("new", PASSWORD), ("again", PASSWORD), ("revoke_tokens", "on")];
        assert_eq!(alice.submit("/account", "/account/password", &form).await.status, 303);
        assert!(!opens().await);
        let message = alice.page("/account").await.message().expect("a message");
        assert!(message.ends_with("One token was revoked."), "{message}");
        assert_eq!(count(&world, "token.revoked").await, 1);
    });
}

#[test]
fn what_is_typed_for_a_label_is_kept_and_is_only_text() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let long = "x".repeat(256);
        for bad in ["", "   ", "a\u{202e}b", &long] {
            let form = [("label", bad), ("password", PASSWORD)];
            let response = alice.submit("/account", "/account/tokens", &form).await;
            assert_eq!(response.status, 422, "{bad:?}");
            let (page, field) = (response.page(), "Label of a new token");
            assert_eq!(page.input(field).value, bad);
            assert!(page.error(field).is_some(), "{bad:?}");
        }
        let form = [("label", HOSTILE), ("password", PASSWORD)];
        alice.submit("/account", "/account/tokens", &form).await;
        let page = alice.get("/account").await;
        let [row] = page.page().rows("Your tokens").try_into().expect("one token");
        assert!(row.starts_with(HOSTILE), "{row}");
        let body = page.body;
        assert!(!body.contains("<script>alert") && !body.contains("<img"), "{body}");
    });
}
