//! A project declares names of its own, at each of the three doors, and then uses them as any
//! other. A name that nothing uses can be removed there.

use domain::audit::Actor;
use domain::catalogue::Declaration;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, run, until_lock_wait};
use serde_json::{Value, json};
use store::administration::declared_name::{RemoveRejection, declare_names, remove_names};
use store::declared_names::hold_names;

fn license() -> Value {
    let mut body = receipt("acme-1");
    for (field, value) in
        [("provider", "acme"), ("event_type", "LICENSE.SOLD"), ("effect_type", "license_issue")]
    {
        body[field] = json!(value);
    }
    body
}

#[test]
fn declared_names_are_used_as_the_projects_own() {
    run(async {
        let world = World::start().await;
        let (status, rejected) = world.post("/api/v1/receipt", &license()).await;
        assert_eq!(status, 422);
        let message = rejected.to_string();
        assert!(message.contains("project declare --project prj_"), "{message}");
        assert!(message.contains("--effect-type license_issue"), "{message}");

        let id = world.project.id.to_string();
        let declare = ["project", "declare", "--project", &id, "--event-type", "acme:license.sold"];
        let more =
            ["--event-type", "paddle:transaction.completed", "--effect-type", "license_issue"];
        let (code, shown) = world.cli(&[&declare[..], &more].concat()).await.expect("a command");
        assert_eq!(
            (code, shown),
            (
                0,
                json!({"project_id": id, "event_types": ["acme:license.sold"], "effect_types": ["license_issue"]})
            )
        );

        let (status, taken) = world.post("/api/v1/receipt", &license()).await;
        assert_eq!(status, 202, "{taken}");
        let failed = json!({"provider_event_id": "acme-1", "effect_type": "license_issue", "status": "failed"});
        let (status, response) = world.post("/api/v1/result", &failed).await;
        assert_eq!(status, 202, "{response}");
        let alice = Operator::signed_in(&world, Role::Operator).await;
        let incident = response["incident"]["id"].as_str().expect("an incident");
        let page = alice.page(&format!("/incidents/{incident}")).await;
        assert_eq!(page.heading(), "user_456 paid for license_issue. Applying it failed.");
        assert_eq!(page.field("acme event"), "acme-1");
        let filtered = "/incidents?effect_type=license_issue&event_type=license.sold";
        let listed = alice.page(filtered).await.row_links("Incidents");
        assert_eq!(listed, [format!("/incidents/{incident}")]);

        let charlie = world.charlie().await;
        let (status, _) = world.post_as(&charlie, "/api/v1/receipt", &license(), "k").await;
        assert_eq!(status, 422, "another project does not know them");
    });
}

#[test]
fn names_that_are_none_are_rejected_where_they_are_typed() {
    run(async {
        let world = World::start().await;
        let id = world.project.id.to_string();
        for (option, text) in [("--event-type", "license.sold"), ("--effect-type", "a b")] {
            let command = ["project", "declare", "--project", &id, option, text];
            let (code, shown) = world.cli(&command).await.expect("a command");
            assert_eq!((code, &shown["error"]["code"]), (1, &json!("validation_error")), "{shown}");
        }
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let (page, names) = (format!("/projects/{id}"), format!("/projects/{id}/names"));
        let rejected =
            alice.submit(&page, &names, &[("event_type", "sold"), ("effect_type", "")]).await;
        assert_eq!(rejected.status, 422);
        let (again, field) = (rejected.page(), "Event type, with its provider");
        let error = again.error(field).expect("an error");
        assert!(error.contains("Must name its provider"), "{error}");
        assert_eq!(again.input(field).value, "sold");
        let empty = alice.submit(&page, &names, &[("event_type", ""), ("effect_type", " ")]).await;
        assert_eq!(empty.status, 422);
        alice
            .submit(&page, &names, &[("event_type", "acme:license.sold"), ("effect_type", "")])
            .await;
        let [declared] =
            alice.page(&page).await.rows("Declared event types").try_into().expect("one name");
        assert!(declared.starts_with("acme:license.sold"), "{declared}");
        let audit = alice.page("/audit?action=project.declared").await.rows("Entries").join("\n");
        assert!(audit.contains("acme:license.sold"), "{audit}");
    });
}

/// The names that the project declares, as the automation API gives them.
async fn declared(world: &World, token: &str) -> Value {
    call(world, token, reqwest::Method::GET, "").await.1
}

async fn call(world: &World, token: &str, method: reqwest::Method, query: &str) -> (u16, Value) {
    let url = format!("{}/api/v1/projects/{}/declared-names{query}", world.url, world.project.id);
    let request = world.http.request(method, url).bearer_auth(token).send().await;
    let response = request.expect("a response");
    let status = response.status().as_u16();
    let text = response.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn only_a_name_that_nothing_uses_is_removed_at_each_of_the_three_doors() {
    run(async {
        let world = World::start_without_worker().await;
        let id = world.project.id.to_string();
        let names = [
            ("--event-type", "acme:license.sold"),
            ("--event-type", "striped:invoice.paid"),
            ("--event-type", "acme:license.lost"),
            ("--effect-type", "license_issue"),
            ("--effect-type", "licence_issue"),
        ];
        let options = names.iter().flat_map(|(option, name)| [*option, *name]);
        let declare: Vec<&str> =
            ["project", "declare", "--project", &id].into_iter().chain(options).collect();
        assert_eq!(world.cli(&declare).await.expect("a command").0, 0);
        let (status, accepted) = world.post("/api/v1/receipt", &license()).await;
        assert_eq!(status, 202, "{accepted}");
        // Stripe's own event type of the same name is no use of the mistyped provider's.
        world.receipt("evt_1").await;

        let undeclare = ["project", "undeclare", "--project", &id];
        let both = ["--event-type", "striped:invoice.paid", "--event-type", "acme:license.sold"];
        let (code, shown) = world.cli(&[&undeclare[..], &both].concat()).await.expect("a command");
        assert_eq!((code, &shown["error"]["code"]), (1, &json!("validation_error")), "{shown}");
        let one = ["--event-type", "striped:invoice.paid"];
        let (code, shown) = world.cli(&[&undeclare[..], &one].concat()).await.expect("a command");
        assert_eq!(code, 0, "{shown}");
        assert_eq!(shown["event_types"], json!(["acme:license.lost", "acme:license.sold"]));

        let alice = Operator::signed_in(&world, Role::Admin).await;
        let (page, remove) = (format!("/projects/{id}"), format!("/projects/{id}/names/remove"));
        for (field, name, expected) in [
            ("effect_type", "licence_issue", "licence_issue is removed"),
            ("effect_type", "license_issue", "license_issue stays: events of this project have it"),
        ] {
            let response = alice.submit(&page, &remove, &[(field, name)]).await;
            assert_eq!(response.status, 303, "{}", response.body);
            let message = alice.page(&page).await.message().expect("a message");
            assert!(message.contains(expected), "{expected}: {message}");
        }
        let unknown = alice.submit(&page, &remove, &[("effect_type", "licence_issue")]).await;
        assert_eq!(unknown.status, 404, "twice");

        let secret = alice.token(&world).await;
        let delete = |query| call(&world, &secret, reqwest::Method::DELETE, query);
        let (status, rejected) = delete("?event_type=acme:license.sold").await;
        assert_eq!((status, &rejected["error"]["fields"][0]["field"]), (422, &json!("event_type")));
        assert_eq!(delete("?event_type=acme:license.lost").await.0, 204);
        assert_eq!(delete("?event_type=acme:license.lost").await.0, 404);
        assert_eq!(delete("").await.0, 422);
        assert_eq!(delete("?event_type=lost").await.0, 422);
        assert_eq!(
            declared(&world, &secret).await,
            json!({"event_types": ["acme:license.sold"], "effect_types": ["license_issue"]})
        );
        let audit = "/audit?action=project.name_removed";
        let audit = alice.page(audit).await.rows("Entries").join("\n");
        for gone in ["striped:invoice.paid", "licence_issue", "acme:license.lost"] {
            assert!(audit.contains(gone), "{gone}: {audit}");
        }
    });
}

#[test]
fn a_kept_result_keeps_the_names_that_its_receipt_may_have() {
    run(async {
        let world = World::start_without_worker().await;
        let names = [
            Declaration::event_type("acme:license.sold").expect("a name"),
            Declaration::effect_type("license_issue").expect("a name"),
        ];
        let mut tx = world.pool.begin().await.expect("a transaction");
        declare_names(&mut tx, &Actor::System, world.project.id, &names).await.expect("declared");
        tx.commit().await.expect("a commit");
        let early = json!({"provider": "acme", "provider_event_id": "acme-1",
            "effect_type": "license_issue", "status": "failed"});
        assert_eq!(world.post("/api/v1/result", &early).await.0, 202);
        for name in names {
            let mut tx = world.pool.begin().await.expect("a transaction");
            let one = std::slice::from_ref(&name);
            let removed = remove_names(&mut tx, &Actor::System, world.project.id, one).await;
            let rejection = removed.expect_err("it is used").rejection();
            assert_eq!(rejection.expect("a database"), RemoveRejection::InUse(name));
        }
        assert_eq!(world.post("/api/v1/receipt", &license()).await.0, 202, "and it comes");
    });
}

#[test]
fn a_receipt_and_a_removal_at_once_leave_no_event_with_an_unknown_name() {
    run(async {
        let world = World::start_without_worker().await;
        let project = world.project.id;
        let names = [
            Declaration::event_type("acme:license.sold").expect("a name"),
            Declaration::effect_type("license_issue").expect("a name"),
        ];
        for round in 0..20 {
            let mut tx = world.pool.begin().await.expect("a transaction");
            declare_names(&mut tx, &Actor::System, project, &names).await.expect("declared");
            tx.commit().await.expect("a commit");
            let mut body = license();
            body["provider_event_id"] = json!(format!("acme-{round}"));
            let remove = async {
                let mut tx = world.pool.begin().await.expect("a transaction");
                let removed = remove_names(&mut tx, &Actor::System, project, &names).await;
                let removed = removed.map_err(|error| error.rejection().expect("no deadlock"));
                if removed.is_ok() {
                    tx.commit().await.expect("a commit");
                }
                removed
            };
            let ((status, response), removed) =
                tokio::join!(world.post("/api/v1/receipt", &body), remove);
            match removed {
                Ok(()) => assert_eq!(status, 422, "{response}"),
                Err(RemoveRejection::InUse(_)) => {
                    assert_eq!(status, 202, "{response}");
                    break;
                }
                Err(RemoveRejection::NotDeclared(name)) => panic!("{name} was declared"),
            }
        }
    });
}

#[test]
fn a_removal_waits_for_the_receipt_that_is_about_to_use_the_name() {
    run(async {
        let world = World::start_without_worker().await;
        let project = world.project.id;
        let name = Declaration::effect_type("license_issue").expect("a name");
        let mut tx = world.pool.begin().await.expect("a transaction");
        declare_names(&mut tx, &Actor::System, project, std::slice::from_ref(&name))
            .await
            .expect("declared");
        tx.commit().await.expect("a commit");

        let mut receipt = world.pool.begin().await.expect("a transaction");
        let gone = hold_names(&mut receipt, project, vec![name.clone()]).await.expect("held");
        assert!(gone.is_empty(), "{gone:?}");
        let pool = world.pool.clone();
        let wanted = name.clone();
        let removal = tokio::spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction");
            let removed = remove_names(&mut tx, &Actor::System, project, &[wanted]).await;
            tx.commit().await.expect("a commit");
            removed.is_ok()
        });
        until_lock_wait(&world.pool).await;
        assert!(!removal.is_finished(), "it waits");
        receipt.commit().await.expect("a commit");
        assert!(removal.await.expect("no panic"), "nothing used it after all");
        let mut late = world.pool.begin().await.expect("a transaction");
        let gone = hold_names(&mut late, project, vec![name.clone()]).await.expect("asked");
        assert_eq!(gone, [name], "a receipt that comes now is rejected");
    });
}
