//! What `docs/operations.md` says of the way from `dev` to a server of one's own: a dump of the database, in which
//! everything belongs to a superuser, is restored by an ordinary role, which owns it from then on.

use std::path::Path;
use std::process::Output;

use e2e::{World, run};
use sqlx::AssertSqlSafe;
use tokio::process::Command;

use super::privileges::pool_of;
use super::{bare_world, direct};

/// An empty database that belongs to a role that is no superuser; the URL of that role. Its name is its password.
async fn empty_database(world: &World, name: &str) -> String {
    let server = world.engines.postgres.url("postgres");
    let mut administrator = direct(&server).await;
    for sql in [
        format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"),
        format!("CREATE ROLE {name}_app LOGIN PASSWORD '{name}_app'"),
        format!("CREATE DATABASE {name} OWNER {name}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut administrator).await.expect("made");
    }
    let mut url = url::Url::parse(&world.engines.postgres.url(name)).expect("a URL");
    url.set_username(name).and_then(|()| url.set_password(Some(name))).expect("a role");
    url.into()
}

/// Runs a tool of Postgres, which must succeed.
async fn tool(world: &World, name: &str, arguments: &[&str]) {
    let program = world.engines.found.postgres.dir.join(name);
    let mut command = Command::new(program);
    let Output { status, stderr, .. } =
        command.args(arguments).kill_on_drop(true).output().await.expect(name);
    assert!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
}

async fn copy(world: &World, folder: &Path, target: &str) {
    let file = folder.join("dump.sql");
    let file = file.to_str().expect("a path");
    tool(world, "pg_dump", &["--no-owner", "--file", file, "--dbname", &world.database_url]).await;
    let rest = ["--single-transaction", "--set", "ON_ERROR_STOP=1", "--file", file, "--dbname"];
    tool(world, "psql", &[&["--no-psqlrc"][..], &rest, &[target]].concat()).await;
}

#[test]
fn a_dump_is_restored_by_a_role_that_is_no_superuser_and_has_all_its_rights_then() {
    run(async {
        let world = bare_world().await;
        let folder = embedded::scratch_dir().expect("a folder");
        let name = format!("moved_{}", uuid::Uuid::now_v7().simple());
        let target = empty_database(&world, &name).await;
        copy(&world, folder.path(), &target).await;

        store::pool::migrate(&target).await.expect("nothing is missing");
        let app = format!("{name}_app");
        store::privileges::grant(&target, &app).await.expect("granted");
        let pool = pool_of(&target, &app);
        let rights = store::privileges::read_privileges(&pool).await.expect("a database");
        let all = store::privileges::Privileges { may_purge: true, ..Default::default() };
        assert_eq!(rights, all);
        let ours = store::environments::find_id(&world.pool).await.expect("an id");
        assert_eq!(store::environments::find_id(&pool).await.expect("an id"), ours);

        let mut owner = direct(&target).await;
        let open: Vec<String> = sqlx::query_scalar(
            "SELECT proname::text FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a
             WHERE pronamespace = 'public'::regnamespace AND prosecdef AND a.grantee = 0
               AND proname LIKE ANY (ARRAY['purge%', 'erase%', 'drop%'])",
        )
        .fetch_all(&mut owner)
        .await
        .expect("functions");
        assert!(open.is_empty(), "anyone may call {open:?}");
    });
}
