//! What keeps a command from its database is said in its own words, each with its cure.

use e2e::{World, run};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use url::Url;

use super::{bare_world, direct};

/// What a command says that fails on the database of this URL.
async fn said(world: &World, arguments: &[&str], url: &str) -> String {
    let there = [("DATABASE_URL", url)];
    let (code, output, _) = world.cli_with(arguments, &there, "").await.expect("a command");
    assert_eq!((code, &output["error"]["code"]), (1, &json!("unavailable")), "{output}");
    output["error"]["message"].as_str().expect("a message").to_owned()
}

/// A role that may sign in and nothing else.
async fn stranger(owner: &mut PgConnection) -> String {
    let name = "SELECT 'stranger_' || current_database()";
    let role: String = sqlx::query_scalar(name).fetch_one(&mut *owner).await.expect("a name");
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD '{role}'");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(owner).await.expect("a role");
    role
}

#[test]
fn only_a_server_that_is_away_is_said_not_to_respond() {
    run(async {
        let world = bare_world().await;
        let ours = Url::parse(&world.database_url).expect("a URL");
        let (mut locked, mut unknown, mut away) = (ours.clone(), ours.clone(), ours.clone());
        locked.set_password(Some("wrong")).expect("a password");
        unknown.set_path("/nowhere");
        away.set_port(Some(1)).expect("a port");
        for (url, wrong, cure) in [
            (&locked, "rejects the user or the password", "correct them"),
            (&unknown, "does not exist on its server", "CREATE DATABASE"),
            (&away, "does not respond", "is it running"),
        ] {
            for arguments in [&["project", "list"][..], &["migrate"][..]] {
                let said = said(&world, arguments, url.as_str()).await;
                let begin = format!("the database of DATABASE_URL {wrong} (");
                assert!(said.starts_with(&begin) && said.contains(cure), "{arguments:?}: {said}");
            }
            let there = [("DATABASE_URL", url.as_str())];
            let (_, found, _) = world.cli_with(&["doctor"], &there, "").await.expect("a command");
            let checks = found["checks"].as_array().expect("checks");
            let check = checks.iter().find(|check| check["name"] == "database").expect("a check");
            assert!(check.to_string().contains(&format!("the database {wrong}")), "{check}");
        }
    });
}

#[test]
fn a_role_without_rights_and_a_newer_schema_are_said_with_what_helps() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = stranger(&mut owner).await;
        let mut url = Url::parse(&world.database_url).expect("a URL");
        url.set_username(&role).and_then(|()| url.set_password(Some(&role))).expect("a role");
        for (arguments, cure) in [
            (&["project", "list"][..], "run `sendpromptly migrate --grant-to`"),
            (&["migrate"][..], "migrate as the owner of the schema"),
        ] {
            let said = said(&world, arguments, url.as_str()).await;
            assert!(said.contains("may not be worked on by this role (permission"), "{said}");
            assert!(said.contains(&format!("): {cure}")), "{said}");
        }
        let drop = format!("DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
        let newer = "INSERT INTO _sqlx_migrations
                     (version, description, success, checksum, execution_time)
                     VALUES (99999999999999, 'later', true, '', 0)";
        sqlx::query(newer).execute(&mut owner).await.expect("a newer schema");
        let said = said(&world, &["migrate"], &world.database_url).await;
        assert!(said.contains("is of a newer version than this program ("), "{said}");
    });
}
