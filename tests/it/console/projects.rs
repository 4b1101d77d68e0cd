//! Projects: made, changed, and their signing secrets rotated without a gap.

use domain::operator::Role;
use domain::project::Mode;
use domain::snapshot::SnapshotSettings;
use e2e::World;
use e2e::console::Operator;
use e2e::html_page::{HtmlPage, Input};
use e2e::until_lock_wait;
use serde_json::json;
use store::PgPool;
use store::projects::{Project, list_projects};
use store::{MasterKey, signing_secrets};

use super::HOSTILE;

const SETTINGS: [(&str, &str); 6] = [
    ("name", "Northwind"),
    ("mode", "live"),
    ("timeout_minutes", "10"),
    ("retention_months", "24"),
    ("repair_url", "https://pay.northwind.example/repair?token=1"),
    ("snapshot_days", "30"),
];

/// Settings with one of them changed.
fn with<'a>(name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    SETTINGS
        .into_iter()
        .map(|(field, old)| (field, if field == name { value } else { old }))
        .collect()
}

/// What the form calls this field; the mode is a group of buttons.
fn label_of(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("Name"),
        "timeout_minutes" => Some("Minutes until silence is an incident"),
        "retention_months" => Some("Months that events are kept"),
        "repair_url" => Some("Repair URL"),
        "snapshot_days" => Some("Days until a payload is deleted"),
        _ => None,
    }
}

/// The project that was made last.
async fn newest(pool: &PgPool) -> Project {
    list_projects(pool).await.expect("projects").pop().expect("a project")
}

async fn audited(pool: &PgPool, action: &str) -> Vec<String> {
    let actors = "SELECT actor FROM audit_entries WHERE action = $1 ORDER BY at";
    sqlx::query_scalar(actors).bind(action).fetch_all(pool).await.expect("the audit")
}

async fn signing(world: &World, project: &Project) -> Vec<String> {
    let key = MasterKey::parse(&world.master_key).expect("a key");
    let secrets = signing_secrets::list_valid_secrets(&world.pool, &key, project.id).await;
    secrets.expect("secrets").iter().map(domain::signature::SigningSecret::reveal).collect()
}

#[test]
fn a_new_project_shows_its_signing_secret_once() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let made = alice.submit("/projects/new", "/projects", &SETTINGS).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let project = newest(&world.pool).await;
        let path = format!("/projects/{}", project.id);
        assert_eq!(made.location.as_deref(), Some(path.as_str()));
        assert_eq!((project.name.as_str(), project.mode), ("Northwind", Mode::Live));
        assert_eq!((project.timeout_minutes, project.snapshots), (10, false));
        assert_eq!(project.retention_months, 24);
        assert_eq!(project.repair_url.as_deref(), Some(SETTINGS[4].1));

        let shown = alice.page(&path).await.secret();
        assert_eq!(signing(&world, &project).await, [shown.expect("a secret")]);
        let again = alice.page(&path).await;
        assert!(!again.html().contains("whsec_"), "it is shown once: {}", again.html());
        assert_eq!(
            audited(&world.pool, "project.created").await,
            ["operator:admin@cometcart.test"]
        );

        let list = alice.get("/projects").await;
        let [_, row] = list.page().rows("Projects").try_into().expect("two projects");
        assert_eq!(row, "Northwind live | pay.northwind.example | 10 minutes | Nothing unresolved");
        assert!(!list.body.contains("token=1"), "{}", list.body);
    });
}

#[test]
fn a_form_with_mistakes_comes_back_with_what_was_typed_and_makes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        for (field, typed, expected) in [
            ("name", "", "Must have 1 to 255 characters."),
            (
                "name",
                "a\u{202e}b",
                "Must not contain U+202E (a text-direction character; character 2)",
            ),
            ("mode", "real", "Must be one of test, live."),
            ("timeout_minutes", "0", "Must be a whole number from 1 to 10080."),
            ("timeout_minutes", "10081", "Must be a whole number from 1 to 10080."),
            ("timeout_minutes", "half an hour", "Must be a whole number from 1 to 10080."),
            ("snapshot_days", "0", "Must be a whole number from 1 to 90."),
            ("snapshot_days", "91", "Must be a whole number from 1 to 90."),
            ("snapshot_days", "a month", "Must be a whole number from 1 to 90."),
            ("retention_months", "0", "Must be a whole number from 1 to 84."),
            ("retention_months", "85", "Must be a whole number from 1 to 84."),
            ("retention_months", "", "Must be a whole number from 1 to 84."),
            ("repair_url", "http://pay.example/x", "Must begin with https:// in a live project."),
            ("repair_url", "https://10.0.0.1/x", "Must not point to 10.0.0.1"),
            ("repair_url", "pay.example", "Must be a full address"),
        ] {
            let response = alice.submit("/projects/new", "/projects", &with(field, typed)).await;
            assert_eq!(response.status, 422, "{field} {typed}");
            let page = response.page();
            let [error] = page.errors().try_into().expect("one error");
            assert!(error.starts_with(expected), "{field} {typed}: {error}");
            if let Some(label) = label_of(field) {
                assert_eq!(page.error(label), Some(error));
            }
            for (other, value) in with(field, typed) {
                if let Some(label) = label_of(other) {
                    assert_eq!(page.input(label).value, value, "what was typed is kept");
                }
            }
        }
        assert_eq!(list_projects(&world.pool).await.expect("projects").len(), 1);
    });
}

#[test]
fn settings_are_saved_with_their_audit_and_the_mode_stays() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}", world.project.id);
        let form = [
            ("name", "CometCart credits"),
            ("mode", "live"),
            ("timeout_minutes", "5"),
            ("retention_months", "84"),
            ("repair_url", ""),
            ("snapshots", "on"),
            ("snapshot_days", "7"),
            ("snapshot_in_callback", "on"),
        ];
        let saved = alice.submit(&path, &path, &form).await;
        assert_eq!(saved.location.as_deref(), Some(path.as_str()));
        let project = newest(&world.pool).await;
        assert_eq!((project.name.as_str(), project.mode), ("CometCart credits", Mode::Test));
        assert_eq!(project.timeout_minutes, 5);
        let wanted = SnapshotSettings { kept: true, days: 7, in_callback: true };
        assert_eq!(project.snapshot_settings(), wanted);
        assert_eq!(project.retention_months, 84);
        assert_eq!(project.repair_url, None);
        let message = alice.page(&path).await.message();
        assert_eq!(message.as_deref(), Some("The settings of CometCart credits are saved."));

        alice.submit(&path, &path, &form).await;
        assert_eq!(audited(&world.pool, "project.updated").await.len(), 1, "nothing changed twice");

        let rejected =
            alice.submit(&path, &path, &[("name", "x"), ("timeout_minutes", "no")]).await;
        assert_eq!(rejected.status, 422);
        assert_eq!(rejected.page().input("Minutes until silence is an incident").value, "no");
        assert_eq!(newest(&world.pool).await.name, "CometCart credits");
    });
}

#[test]
fn who_saves_from_an_old_page_leaves_what_another_changed_in_the_meantime() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}", world.project.id);
        let old = alice.page(&path).await;
        let [url, months, days] = ["repair_url", "retention_months", "snapshot_days"]
            .map(|field| old.input(label_of(field).expect("a label")).value);
        let shown = old.hidden("shown");
        let send = async |name: &str, url: &str| {
            let form = [
                ("shown", shown.as_str()),
                ("name", name),
                ("timeout_minutes", "7"),
                ("retention_months", months.as_str()),
                ("repair_url", url),
                ("snapshot_days", days.as_str()),
            ];
            alice.submit(&path, &path, &form).await
        };
        let moved =
            "UPDATE projects SET repair_url = 'https://new.example/repair', retention_months = 24";
        sqlx::query(moved).execute(&world.pool).await.expect("bob's change");
        let rejected = send("", &url).await.page();
        assert_eq!(rejected.input("Repair URL").value, "https://new.example/repair");
        assert_eq!(rejected.hidden("shown"), alice.page(&path).await.hidden("shown"));

        assert_eq!(send("CometCart", &url).await.status, 303);
        let kept = newest(&world.pool).await;
        assert_eq!(kept.repair_url.as_deref(), Some("https://new.example/repair"));
        assert_eq!((kept.timeout_minutes, kept.retention_months), (7, 24));
        send("CometCart", "https://mine.example/repair").await;
        let mine = newest(&world.pool).await.repair_url;
        assert_eq!(mine.as_deref(), Some("https://mine.example/repair"), "it was typed");
    });
}

#[test]
fn who_saves_while_another_does_leaves_what_that_one_changed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}", world.project.id);
        let old = alice.page(&path).await;
        let [name, url, months, days] = ["name", "repair_url", "retention_months", "snapshot_days"]
            .map(|field| old.input(label_of(field).expect("a label")).value);
        let shown = old.hidden("shown");
        let form = [
            ("shown", shown.as_str()),
            ("name", name.as_str()),
            ("timeout_minutes", "7"),
            ("retention_months", months.as_str()),
            ("repair_url", url.as_str()),
            ("snapshot_days", days.as_str()),
        ];
        let mut tx = world.pool.begin().await.expect("a transaction");
        let moved = sqlx::query("UPDATE projects SET retention_months = 24").execute(&mut *tx);
        moved.await.expect("bob's change");
        let ending = async {
            until_lock_wait(&world.pool).await;
            tx.commit().await.expect("a commit");
        };
        let (saved, ()) = tokio::join!(alice.submit(&path, &path, &form), ending);
        assert_eq!(saved.status, 303);
        let kept = newest(&world.pool).await;
        assert_eq!((kept.timeout_minutes, kept.retention_months), (7, 24));
    });
}

#[test]
fn a_rotated_secret_signs_beside_the_old_one_until_that_is_revoked() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}", world.project.id);
        let rotated = alice.submit(&path, &format!("{path}/secret/rotate"), &[]).await;
        assert_eq!(rotated.location.as_deref(), Some(path.as_str()));
        let new = alice.page(&path).await.secret().expect("the new secret");
        assert_eq!(signing(&world, &world.project).await, [new.clone(), world.secret.reveal()]);

        let page = alice.page(&path).await;
        assert!(!page.html().contains("whsec_"), "it is shown once: {}", page.html());
        insta::assert_snapshot!(page.rows("Secrets that sign").join("\n"), @"
        Current | [time] ago | until it is rotated
        Replaced | [time] ago | until [time] | Revoke now…
        ");

        let secrets = signing_secrets::list_secrets(&world.pool, world.project.id).await;
        let [current, old] = secrets.expect("secrets").try_into().expect("two secrets");
        let revoke = |id| format!("{path}/secrets/{id}/revoke");
        let kept = alice.submit(&path, &revoke(current.id), &[]).await;
        assert_eq!(kept.status, 404, "the current one cannot be revoked");
        let gone = alice.submit(&path, &revoke(old.id), &[]).await;
        assert_eq!(gone.status, 303, "{}", gone.body);
        alice.submit(&path, &revoke(old.id), &[]).await;
        let message = alice.page(&path).await.message().expect("a message");
        assert!(message.contains("this secret was revoked already"), "{message}");
        assert_eq!(signing(&world, &world.project).await, [new]);
        for action in ["secret.rotated", "secret.revoked"] {
            assert_eq!(audited(&world.pool, action).await, ["operator:admin@cometcart.test"]);
        }
    });
}

#[test]
fn a_secret_is_not_revoked_by_way_of_another_project() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}", world.project.id);
        alice.submit(&path, &format!("{path}/secret/rotate"), &[]).await;
        world.charlie().await;
        let other = format!("/projects/{}", newest(&world.pool).await.id);
        let secrets = signing_secrets::list_secrets(&world.pool, world.project.id).await;
        let old = secrets.expect("secrets").pop().expect("an older one");
        let rejected =
            alice.submit(&other, &format!("{other}/secrets/{}/revoke", old.id), &[]).await;
        assert_eq!(rejected.status, 404);
        assert_eq!(signing(&world, &world.project).await.len(), 2);
    });
}

#[test]
fn a_viewer_reads_the_settings_and_changes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let path = format!("/projects/{}", world.project.id);
        let page = viewer.page(&path).await;
        assert_eq!(page.input("Name"), Input { value: "CometCart".to_owned(), disabled: true });
        assert!(page.text().contains("Changing these needs the role admin."), "{}", page.text());
        assert_eq!(page.buttons(), ["Sign out"]);
        assert_eq!(viewer.page("/projects").await.link("Create a project"), None);
        let sent = viewer.submit(&path, &path, &SETTINGS).await;
        assert_eq!(sent.status, 403);
        assert_eq!(newest(&world.pool).await.name, "CometCart");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn the_list_says_what_is_not_resolved_and_the_checklist_what_was_seen() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Viewer).await;
        let path = format!("/projects/{}", world.project.id);
        let seen =
            |page: &HtmlPage| page.steps().iter().filter(|step| step.starts_with("[seen]")).count();
        let before = alice.page(&path).await;
        // A key was made and the repair URL is set.
        assert_eq!(seen(&before), 2, "{:?}", before.steps());
        insta::assert_snapshot!(before.steps().join("\n"), @"
        [seen] An API key was created (seen) [time] ago
        Send a receipt
        Send one when your app receives a payment event. Integration Test
        Report a success
        Send a result once your app has applied what was paid for. Integration Test
        Report a failure
        Report one on purpose, to know what it looks like. Integration Test
        Open an incident
        A failure opens one immediately, silence when the time is over. Integration Test
        Test a destination
        Add an address, a channel, a service or a webhook and press Test. Destinations
        Get an alert
        Every destination is notified of the next incident. Destinations
        [seen] A repair URL is set (seen)
        Accept a callback
        Press Reprocess on an incident; your endpoint answers 2xx. Integration Test
        Repair by a reprocess
        Report the success with the callback's replay_id. Integration Test
        Create a live project
        Create one for real money, with keys of its own. Create a project
        ");
        let list = alice.page("/projects").await;
        assert_eq!(list.badges(), ["[done] Nothing unresolved"]);

        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", json!({})).await;
        let after = alice.page(&path).await;
        assert_eq!(seen(&after), 5, "{:?}", after.steps());
        assert!(after.text().contains("5 of 11 set-up steps done"), "{}", after.text());
        // It is not open any more, and counts all the same.
        let seen_to = "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now()";
        sqlx::query(seen_to).execute(&world.pool).await.expect("a database");
        let list = alice.page("/projects").await;
        assert_eq!(list.badges(), ["[open] 1 unresolved"]);
        assert!(list.heading().contains("with unresolved incidents"), "{}", list.heading());

        let quiet = [
            ("mode", "live"),
            ("name", "Quiet"),
            ("timeout_minutes", "30"),
            ("retention_months", "12"),
            ("snapshot_days", "30"),
        ];
        let admin = Operator::signed_in(&world, Role::Admin).await;
        assert_eq!(admin.submit("/projects/new", "/projects", &quiet).await.status, 303);
        let badges = alice.page("/projects").await.badges();
        assert_eq!(badges, ["[open] 1 unresolved", "Not set up: 0 of 10"]);
    });
}

#[test]
fn what_strangers_wrote_is_text_on_every_page_of_a_project() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let form = [
            ("name", HOSTILE),
            ("timeout_minutes", "30"),
            ("retention_months", "12"),
            ("repair_url", ""),
            ("snapshot_days", "30"),
        ];
        let path = format!("/projects/{}", world.project.id);
        let saved = alice.submit(&path, &path, &form).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let keys = format!("{path}/keys");
        alice.submit(&keys, &keys, &[("label", HOSTILE)]).await;
        let bad = ["name", "timeout_minutes", "retention_months", "repair_url"];
        let bad = bad.map(|field| (field, HOSTILE));
        let rejected = alice.submit(&path, &path, &bad).await;
        let mut pages = vec![rejected.body];
        for page in
            ["", "/keys", "/destinations", "/policies", "/integration-test?run=65f0c2a19f3b12"]
        {
            pages.push(alice.get(&format!("{path}{page}")).await.body);
        }
        pages.push(alice.get("/projects").await.body);
        for page in pages {
            assert!(page.contains("alert(1)"), "the text is there: {page}");
            for markup in ["<script>alert", "<img src=x"] {
                assert!(!page.contains(markup), "{page}");
            }
        }
    });
}
