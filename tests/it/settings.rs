//! Settings that are mistyped are named, by every command.

use e2e::{World, WorldOptions, eventually, run};

const MISTYPED: [(&str, &str); 3] = [
    ("SENDPROMPTLY_PUBLIC_URI", "https://canary.example.com"),
    ("SENDPROMPTLY_MASTER_KEY_FIEL", "/run/secrets/canary"),
    // What Kubernetes adds for a service of this name.
    ("SENDPROMPTLY_SERVICE_HOST", "10.0.0.11"),
];

const WARNINGS: [&str; 2] = [
    "SENDPROMPTLY_PUBLIC_URI is not a setting and changes nothing: did you mean \
     SENDPROMPTLY_PUBLIC_URL?",
    "SENDPROMPTLY_MASTER_KEY_FIEL is not a setting and changes nothing: did you mean \
     SENDPROMPTLY_MASTER_KEY_FILE?",
];

#[test]
fn a_service_names_them_when_it_starts_with_what_was_meant() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        // Nothing is there: a worker of this test must not take the watches of others.
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        for service in ["api", "worker"] {
            let (_part, log) = world.spawn_logged(service, &MISTYPED).expect("a service");
            let log = eventually(&format!("{service} names both"), async || {
                let log = log.text();
                WARNINGS.iter().all(|warning| log.contains(warning)).then_some(log)
            })
            .await;
            assert!(!log.contains("canary"), "{log}");
            assert!(!log.contains("SERVICE_HOST"), "{log}");
        }
    });
}

#[test]
fn migrate_and_administration_name_them_beside_their_output() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for arguments in [&["migrate"][..], &["project", "list"][..]] {
            let told = world.cli_with(arguments, &MISTYPED, "").await.expect("a command");
            let (code, printed, log) = told;
            assert_eq!(code, 0, "{printed}");
            assert!(WARNINGS.iter().all(|warning| log.contains(warning)), "{arguments:?}: {log}");
            assert!(!log.contains("canary") && !log.contains("SERVICE_HOST"), "{log}");
        }
    });
}

#[test]
fn doctor_lists_them_as_a_warning() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let (_, found, _) = world.cli_with(&["doctor"], &MISTYPED, "").await.expect("a command");
        let settings = |found: &serde_json::Value| found["checks"][0].clone();
        let check = settings(&found);
        assert_eq!((&check["name"], &check["status"]), (&"settings".into(), &"warn".into()));
        let message = check["message"].as_str().expect("a message");
        assert!(WARNINGS.iter().all(|warning| message.contains(warning)), "{message}");
        assert!(!message.contains("canary"), "{message}");
        let (_, found) = world.cli(&["doctor"]).await.expect("a command");
        assert_eq!(settings(&found)["status"], "pass", "{found}");
        let privileges = found["checks"].as_array().expect("checks");
        let privileges = privileges.iter().find(|check| check["name"] == "privileges");
        let message = privileges.expect("a check")["message"].as_str().expect("a message");
        assert!(message.contains("a second role, that cannot change it"), "{message}");
        let unset = &found["checks"][1];
        assert_eq!((&unset["name"], &unset["status"]), (&"public_url".into(), &"warn".into()));
        let told = [("SENDPROMPTLY_PUBLIC_URL", "https://pay.example.com")];
        let (_, found, _) = world.cli_with(&["doctor"], &told, "").await.expect("a command");
        assert_eq!(found["checks"][1]["status"], "pass", "{found}");
    });
}

#[test]
fn doctor_fails_on_what_a_service_would_not_start_with() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for (name, value, check) in [
            ("SENDPROMPTLY_CALLBACK_ALLOW", "*.internal", "settings"),
            ("SENDPROMPTLY_CALLBACK_ALLOW", "http://billing:3000", "settings"),
            ("SENDPROMPTLY_CALLBACK_ALLOW", "10.0.0.0/99", "settings"),
            ("SENDPROMPTLY_KEEP_ALIVE", "3", "settings"),
            ("SENDPROMPTLY_DATABASE_POOLER", "statement", "database"),
            ("SENDPROMPTLY_WORKFLOW_POLLERS", "1", "settings"),
            ("SENDPROMPTLY_ACTIVITY_POLLERS", "many", "settings"),
            ("SENDPROMPTLY_LOG", "store=loud", "settings"),
            ("SENDPROMPTLY_LOG_FORMAT", "yaml", "settings"),
        ] {
            let (code, found, _) =
                world.cli_with(&["doctor"], &[(name, value)], "").await.expect("a command");
            let checks = found["checks"].as_array().expect("checks");
            let found = checks.iter().find(|one| one["name"] == check).expect("a check");
            assert_eq!((code, &found["status"]), (1, &"fail".into()), "{name}={value}: {found}");
        }
        for (url, expected) in [
            ("https://example.com/sub", "does not work below a path"),
            ("http://pay.example.com", "set its https address"),
        ] {
            let told = [("SENDPROMPTLY_PUBLIC_URL", url)];
            let (_, found, _) = world.cli_with(&["doctor"], &told, "").await.expect("a command");
            let check = &found["checks"][1];
            let message = check["message"].as_str().expect("a message");
            assert!(check["status"] == "warn" && message.contains(expected), "{check}");
        }
    });
}

#[test]
fn a_password_that_is_not_percent_encoded_is_said_without_showing_it() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for (name, value, check) in [
            ("SMTP_URL", "smtp://u:a/hunter2#c@mail.example.com?tls=required", "smtp"),
            ("DATABASE_URL", "postgres://u:a/hunter2#c@db.example.com/shop", "database"),
        ] {
            let (code, found, log) =
                world.cli_with(&["doctor"], &[(name, value)], "").await.expect("a command");
            assert_eq!(code, 1);
            let checks = found["checks"].as_array().expect("checks");
            let found = checks.iter().find(|one| one["name"] == check).expect("a check");
            let message = found["message"].as_str().expect("a message");
            let expected = format!("{name} has / and # in its user name or password");
            assert!(
                message.contains(&expected) && message.contains("%2F for / and %23 for #"),
                "{message}"
            );
            assert!(!format!("{message}{log}").contains("hunter2"), "{message}");
        }
    });
}
