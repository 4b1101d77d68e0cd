//! Who may open what: every page, for an anonymous visitor and for each role, and forms from
//! elsewhere.

use axum::http::Method;
use console::access::Access;
use domain::operator::Role;
use e2e::World;
use e2e::console::{Operator, PASSWORD};

/// Every page with who may open it, ids filled in that belong to nothing.
fn pages(world: &World) -> Vec<(Method, String, Access)> {
    let pages = console::pages(&world.state());
    let list = pages.list().iter().map(|(method, path, access)| {
        let filled = path
            .split('/')
            .map(|part| match part {
                "{project_id}" => "prj_00000000000000000000000001",
                "{incident_id}" => "inc_00000000000000000000000001",
                "{event_id}" => "ev_00000000000000000000000001",
                part if part.starts_with('{') => "nothing",
                part => part,
            })
            .collect::<Vec<_>>();
        (method.clone(), filled.join("/"), *access)
    });
    list.collect()
}

#[test]
fn nobody_gets_in_without_a_session() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let stranger = Operator::stranger(&world);
        for (method, path, access) in pages(&world) {
            if access == Access::Anyone {
                continue;
            }
            let response = if method == Method::POST {
                stranger.send(&path, &[]).await
            } else {
                stranger.get(&path).await
            };
            assert_eq!(response.status, 303, "{method} {path}");
            let to = response.location.expect("a place");
            assert!(to.starts_with("/sign-in"), "{method} {path} leads to {to}");
        }
    });
}

#[test]
fn each_role_opens_what_it_may_and_nothing_else() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            let mut operator = Operator::signed_in(&world, role).await;
            let mut csrf = operator.csrf().await;
            for (method, path, access) in pages(&world) {
                if path == "/sign-out" {
                    continue;
                }
                let status = if method == Method::POST {
                    let status = operator.send(&path, &[("csrf", &csrf)]).await.status;
                    // Some forms end the session that sends them.
                    if operator.get("/account").await.status != 200 {
                        operator = Operator::signed_in(&world, role).await;
                        csrf = operator.csrf().await;
                    }
                    status
                } else {
                    operator.get(&path).await.status
                };
                let may = match access {
                    Access::Anyone | Access::Viewer => true,
                    Access::Operator => role != Role::Viewer,
                    Access::Admin => role == Role::Admin,
                };
                assert_eq!(status == 403, !may, "{role} {method} {path}: {status}");
                assert!(status.as_u16() < 500, "{role} {method} {path}: {status}");
            }
            assert_eq!(operator.get("/account").await.status, 200, "no page ends a session");
        }
    });
}

#[test]
fn a_form_from_elsewhere_is_rejected() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let token = admin.csrf().await;
        for (method, path, access) in pages(&world) {
            if method != Method::POST {
                continue;
            }
            for foreign in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
            ] {
                let response = admin.send_from(foreign, &path, &[("csrf", &token)]).await;
                assert_eq!(response.status, 403, "{path} from {foreign:?}");
            }
            if access != Access::Anyone {
                for form in [&[][..], &[("csrf", "")], &[("csrf", "0000")]] {
                    assert_eq!(admin.send(&path, form).await.status, 403, "{path} with {form:?}");
                }
            }
        }
    });
}

#[test]
fn every_page_forbids_what_it_does_not_need() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let stranger = Operator::stranger(&world);
        for path in ["/sign-in", "/nothing/here", "/proof/nothing"] {
            let response = stranger.get(path).await;
            let header = |name: &str| response.headers[name].to_str().expect("text").to_owned();
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"));
            assert!(!policy.contains("unsafe"), "{policy}");
            let customers = path.starts_with("/proof/");
            let referrer = if customers { "no-referrer" } else { "same-origin" };
            assert_eq!(header("referrer-policy"), referrer, "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("cache-control"), "no-store");
            for inline in ["style=", "<style", "onclick", "javascript:"] {
                assert!(!response.body.contains(inline), "{path} has {inline}");
            }
        }
    });
}

#[test]
fn what_browsers_keep_for_ever_has_its_content_in_its_name() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let stranger = Operator::stranger(&world);
        let page = stranger.get("/sign-in").await.body;
        let kept: Vec<_> = page
            .split('"')
            .filter(|text| text.starts_with("/assets/"))
            .map(|path| (path, path.split(['-', '.']).nth(1).unwrap_or_default()))
            .collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
        for (path, hash) in kept {
            assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{path}");
            let answer = stranger.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            let keep = answer.headers["cache-control"].to_str().expect("text");
            assert!(keep.ends_with("immutable"), "{path}: {keep}");
        }
        for path in ["icon.svg", "console-0.css", "console-0123456789abcdef.png"] {
            assert_eq!(stranger.get(&format!("/assets/{path}")).await.status, 404, "{path}");
        }
    });
}

#[test]
fn pages_of_another_release_have_a_style_sheet_and_keep_it_no_longer_than_they_are_shown() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let stranger = Operator::stranger(&world);
        for (kind, content_type) in [("css", "text/css"), ("js", "text/javascript")] {
            let file = format!("/assets/console-0123456789abcdef.{kind}");
            let answer = stranger.get(&file).await;
            assert_eq!(answer.status, 200, "{file}");
            assert_eq!(answer.headers["cache-control"], "no-store", "{file}");
            let its_type = answer.headers["content-type"].to_str().expect("text");
            assert!(its_type.starts_with(content_type), "{file}: {its_type}");
        }
    });
}

#[test]
fn what_everybody_may_open_is_there_while_the_database_is_away() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = alice.get("/sign-in").await.body;
        let style = page.split('"').find(|text| text.contains(".css")).expect("a style sheet");
        world.pool.close().await;
        for path in [style, "/sign-in", "/api/reference"] {
            assert_eq!(alice.get(path).await.status, 200, "{path}");
        }
        assert_eq!(alice.get("/account").await.status, 503);
    });
}

#[test]
fn asking_for_headers_takes_no_message_away() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        alice
            .submit("/account", "/account/tokens", &[("label", "nightly"), ("password", PASSWORD)])
            .await;
        assert_eq!(alice.head("/account").await.status, 200);
        let message = alice.page("/account").await.message().expect("a message");
        assert!(message.contains("opens the API in your name"), "{message}");
    });
}
