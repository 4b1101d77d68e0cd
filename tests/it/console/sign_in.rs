//! Signing in and out.

use std::sync::Arc;

use ::console::password_queue::{Comer, PasswordQueue};
use ::console::settings::ConsoleSettings;
use domain::operator::Role;
use e2e::World;
use e2e::console::{self, Operator, PASSWORD};
use e2e::html_page::HtmlPage;

/// Another console, with the queue that its sign-ins wait in.
async fn serve_with_queue(world: &World) -> (String, PasswordQueue) {
    let passwords = PasswordQueue::default();
    let mut state = world.state();
    let console = ConsoleSettings { passwords: passwords.clone(), ..(*state.console).clone() };
    state.console = Arc::new(console);
    (world.serve_also(state).await, passwords)
}

#[test]
fn the_cookie_is_of_this_host_alone_and_no_script_reads_it() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let form =
            [("email", "Alice@cometcart.test"), ("password", PASSWORD), ("next", "/events?x=1")];
        let response = Operator::stranger(&world).send("/sign-in", &form).await;
        assert_eq!(
            (response.status.as_u16(), response.location.as_deref()),
            (303, Some("/events?x=1"))
        );
        let cookie = response.headers["set-cookie"].to_str().expect("text");
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for wanted in ["; HttpOnly", "; Secure", "; Path=/", "; SameSite=Lax"] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let stranger = Operator::stranger(&world);
        for (email, password) in [
            ("alice@cometcart.test", "wrong wrong wrong"),
            ("nobody@cometcart.test", PASSWORD),
            ("no address", PASSWORD),
            ("alice@cometcart.test", ""),
        ] {
            let response =
                stranger.send("/sign-in", &[("email", email), ("password", password)]).await;
            assert_eq!(response.status, 422, "{email}");
            let page = response.page();
            let error = page.error("E-mail").expect("an error");
            assert!(error.contains("do not go together"), "{error}");
            assert_eq!(page.input("E-mail").value, email, "what was typed is kept");
            assert!(!response.headers.contains_key("set-cookie"));
        }
    });
}

#[test]
fn guessing_locks_the_address_even_for_the_right_password() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let stranger = Operator::stranger(&world);
        let guess = |password: &'static str| {
            let stranger = stranger.clone();
            async move {
                let form = [("email", "alice@cometcart.test"), ("password", password)];
                stranger.send("/sign-in", &form).await.status.as_u16()
            }
        };
        for _ in 0..4 {
            assert_eq!(guess("wrong wrong wrong").await, 422);
        }
        assert_eq!(guess("wrong wrong wrong").await, 429);
        assert_eq!(guess(PASSWORD).await, 429);
        let locked = "SELECT count(*) FROM audit_entries WHERE action = 'operator.locked_out'";
        let count: i64 = sqlx::query_scalar(locked).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(count, 1);
    });
}

#[test]
fn a_locked_address_is_said_to_be_so_for_as_long_as_it_is() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let stranger = Operator::stranger(&world);
        let right = [("email", "alice@cometcart.test"), ("password", PASSWORD)];
        let wrong = [("email", "alice@cometcart.test"), ("password", "wrong wrong wrong")];
        for _ in 0..4 {
            stranger.send("/sign-in", &wrong).await;
        }
        let text = stranger.send("/sign-in", &wrong).await.page().text();
        assert!(text.contains("It is locked for 15 minutes."), "{text}");
        let later =
            "UPDATE sign_in_failures SET locked_until = locked_until - interval '13 minutes'";
        sqlx::query(later).execute(&world.pool).await.expect("later");
        let text = stranger.send("/sign-in", &right).await.page().text();
        assert!(text.contains("It is locked for 2 minutes."), "{text}");
    });
}

#[test]
fn guesses_of_others_neither_lock_a_known_browser_nor_take_its_turn() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let (url, passwords) = serve_with_queue(&world).await;
        let right = [("email", "alice@cometcart.test"), ("password", PASSWORD)];
        let wrong = [("email", "alice@cometcart.test"), ("password", "wrong wrong wrong")];
        let mut alice = Operator::stranger(&world).at(&url);
        let known = alice.send("/sign-in", &right).await;
        let cookies = known.headers.get_all("set-cookie").iter();
        let pairs = cookies.filter_map(|one| one.to_str().ok()?.split(';').next());
        let known = pairs.filter(|pair| pair.contains("-known=")).collect::<Vec<_>>();
        alice.cookie = Some(known.concat());

        let stranger = Operator::stranger(&world).at(&url);
        for _ in 0..5 {
            stranger.send("/sign-in", &wrong).await;
        }
        let locked = stranger.send("/sign-in", &right).await;
        assert_eq!(locked.status, 429);
        let seconds = locked.headers["retry-after"].to_str().expect("text");
        let seconds: u64 = seconds.parse().expect("a number");
        assert!((1..=900).contains(&seconds), "{seconds}");
        let _others: Vec<_> =
            std::iter::from_fn(|| passwords.enter(Comer::Stranger(None)).ok()).collect();
        assert_eq!(alice.send("/sign-in", &right).await.status, 303);

        for _ in 0..4 {
            assert_eq!(alice.send("/sign-in", &wrong).await.status, 422);
        }
        assert_eq!(alice.send("/sign-in", &wrong).await.status, 429, "a thief of the cookie");
        assert_eq!(alice.send("/sign-in", &right).await.status, 429);
    });
}

#[test]
fn a_megabyte_for_a_password_is_not_looked_at() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let password = "x".repeat(1024 * 1024);
        let form = [("email", "alice@cometcart.test"), ("password", password.as_str())];
        let response = Operator::stranger(&world).send("/sign-in", &form).await;
        assert_eq!(response.status, 413);
    });
}

#[test]
fn a_session_that_was_signed_out_is_over_wherever_its_cookie_is() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let token = alice.csrf().await;
        let left = alice.send("/sign-out", &[("csrf", &token)]).await;
        assert_eq!(left.location.as_deref(), Some("/sign-in"));
        let cookie = left.headers["set-cookie"].to_str().expect("text");
        assert!(cookie.contains("Max-Age=0"), "{cookie}");
        let after = alice.get("/account").await;
        assert_eq!(after.location.as_deref(), Some("/sign-in?next=%2Faccount"));
    });
}

#[test]
fn a_form_that_is_sent_after_the_session_ended_is_said_to_have_done_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        sqlx::query("DELETE FROM sessions").execute(&world.pool).await.expect("no session");
        let from = format!("{}/incidents/inc_1?a=b%26c", world.url);
        let resolve = [("note", "refunded")];
        let sent = alice.send_from(("referer", &from), "/incidents/inc_1/resolve", &resolve).await;
        let to = sent.location.expect("a place");
        assert_eq!(to, "/sign-in?unsent=yes&next=%2Fincidents%2Finc_1%3Fa%3Db%2526c");
        let page = alice.page(&to).await;
        assert!(page.text().contains("what you sent did nothing"), "{}", page.text());
        let form = [
            ("email", alice.email.as_str()),
            ("password", PASSWORD),
            ("next", "/incidents/inc_1?a=b%26c"),
        ];
        assert!(page.html().contains("value=\"/incidents/inc_1?a=b%26c\""), "{}", page.html());
        let back = alice.send("/sign-in", &form).await.location;
        assert_eq!(back.as_deref(), Some("/incidents/inc_1?a=b%26c"));
        let unsaid = alice.send("/incidents/inc_1/resolve", &resolve).await.location;
        assert_eq!(unsaid.as_deref(), Some("/sign-in?unsent=yes"), "no page is named");
        let out = alice.send("/sign-out", &[]).await.location;
        assert_eq!(out.as_deref(), Some("/sign-in"), "who signs out has what they want");
    });
}

#[test]
fn whoever_comes_while_too_many_sign_in_has_tried_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let (url, passwords) = serve_with_queue(&world).await;
        let alice = Operator::stranger(&world).at(&url);
        let form = [("email", "alice@cometcart.test"), ("password", PASSWORD)];
        let others: Vec<_> =
            std::iter::from_fn(|| passwords.enter(Comer::Stranger(None)).ok()).collect();
        for _ in 0..6 {
            let response = alice.send("/sign-in", &form).await;
            assert_eq!(response.status, 429);
            assert_eq!(response.headers["retry-after"], "2");
            let text = response.page().text();
            assert!(text.contains("Too many people are signing in"), "{text}");
        }
        drop(others);
        let counted = "SELECT count(*) FROM sign_in_failures";
        let counted: i64 = sqlx::query_scalar(counted).fetch_one(&world.pool).await.expect("one");
        assert_eq!(counted, 0);
        assert_eq!(alice.send("/sign-in", &form).await.status, 303);
    });
}

#[test]
fn signing_in_again_ends_the_session_that_the_browser_had() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let mut alice = Operator::signed_in(&world, Role::Admin).await;
        let wrong = [("email", alice.email.as_str()), ("password", "wrong wrong wrong")];
        assert_eq!(alice.send("/sign-in", &wrong).await.status, 422);
        assert_eq!(alice.get("/account").await.status, 200, "a wrong password ends nothing");
        let again = [("email", alice.email.as_str()), ("password", PASSWORD)];
        let response = alice.send("/sign-in", &again).await;
        let cookie = response.headers["set-cookie"].to_str().expect("text");
        let cookie = cookie.split(';').next().map(str::to_owned);
        assert_eq!(alice.get("/account").await.status, 303, "the former session is over");
        alice.cookie = cookie;
        assert_eq!(alice.get("/account").await.status, 200);
        let ended = "SELECT count(*) FROM audit_entries WHERE action = 'operator.signed_out'";
        let ended: i64 = sqlx::query_scalar(ended).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(ended, 1);
    });
}

#[test]
fn a_form_that_no_page_sends_is_rejected_in_words_for_people() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let json = world.http.post(format!("{}/sign-in", world.url));
        let json = json.header("content-type", "application/json").body("{}");
        let response = json.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 415);
        let page = HtmlPage::parse(&response.text().await.expect("text")).text();
        assert!(page.contains("Send the form from the page that has it."), "{page}");
        let alice = Operator::signed_in(&world, Role::Admin).await;
        for (to, form) in [
            ("/people", ("role", "emperor")),
            ("/people/opr_1/role", ("role", "emperor")),
            ("/account/sessions/end", ("which", "some")),
        ] {
            let response = alice.submit("/account", to, &[form]).await;
            assert_eq!(response.status, 422, "{to}");
            let text = response.page().text();
            assert!(text.contains("A field held what cannot be chosen there."), "{to}: {text}");
        }
    });
}
