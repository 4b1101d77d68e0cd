//! What the check of privileges says of a table, and what becomes of receipts without it.

use domain::audit::Actor;
use domain::retention::Rule;
use e2e::world::receipt;
use e2e::{World, run};
use engine::health::{Monitor, Status};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use store::{MasterKey, PgPool, erasure, privileges, retention};

use super::{bare_world, direct};

/// A role of this database's own, which may do all that the product does.
pub async fn create_role(owner: &mut PgConnection) -> String {
    let role: String = sqlx::query_scalar("SELECT 'limited_' || current_database()")
        .fetch_one(&mut *owner)
        .await
        .expect("a name");
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{role}';
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
         REVOKE UPDATE, DELETE ON audit_entries FROM {role};"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(owner).await.expect("a role");
    role
}

/// A pool of this role's connections.
pub fn pool_of(database_url: &str, role: &str) -> PgPool {
    let mut url = url::Url::parse(database_url).expect("a URL");
    url.set_username(role).and_then(|()| url.set_password(Some(role))).expect("a role");
    store::pool::connect_lazily(url.as_str(), 10).expect("a pool")
}

/// The same world for whom this role connects.
fn connect_as(world: &mut World, role: &str) {
    world.pool = pool_of(&world.database_url, role);
}

async fn check(world: &World) -> Status {
    let monitor = Monitor::new(world.pool.clone(), world.engine.clone());
    let report = Box::pin(monitor.report()).await;
    report.checks.iter().find(|check| check.name == "privileges").expect("the check").status
}

#[test]
fn the_check_fails_for_exactly_the_tables_without_which_no_receipt_is_accepted() {
    run(async {
        let mut world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = create_role(&mut owner).await;
        connect_as(&mut world, &role);
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'
               AND tablename <> '_sqlx_migrations' ORDER BY tablename",
        )
        .fetch_all(&mut owner)
        .await
        .expect("tables");
        let (mut failed, mut without_receipts) = (Vec::new(), Vec::new());
        for table in &tables {
            let rights: String = sqlx::query_scalar(
                "SELECT string_agg(privilege_type, ', ') FROM information_schema.table_privileges
                 WHERE grantee = $1 AND table_name = $2",
            )
            .bind(&role)
            .bind(table)
            .fetch_one(&mut owner)
            .await
            .expect("rights");
            let revoke = format!("REVOKE ALL ON {table} FROM {role}");
            sqlx::query(AssertSqlSafe(revoke)).execute(&mut owner).await.expect("no rights");

            // An API of its own, which has read nothing yet.
            world.url = world.serve_also(world.state()).await;
            let (status, _) = world.post("/api/v1/receipt", &receipt(table)).await;
            if status != 202 {
                without_receipts.push(table);
            }
            if check(&world).await == Status::Failed {
                failed.push(table);
            }

            let grant = format!("GRANT {rights} ON {table} TO {role}");
            sqlx::query(AssertSqlSafe(grant)).execute(&mut owner).await.expect("rights");
        }
        assert_eq!(failed, without_receipts);
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}

/// What rewrites the story.
const FORBIDDEN: [&str; 22] = [
    "INSERT INTO audit_entries (id, at, actor, action)
     VALUES (gen_random_uuid(), now() - interval '1 day', 'system', 'event.received')",
    "UPDATE audit_entries SET actor = 'system'",
    "DELETE FROM audit_entries",
    "TRUNCATE audit_entries",
    "UPDATE audit_texts SET text = '{}'",
    "INSERT INTO audit_texts (entry_id, text, commitment) VALUES (gen_random_uuid(), '{}', '')",
    "DELETE FROM audit_texts",
    "UPDATE audit_chain SET left_at = now()",
    "DELETE FROM audit_chain",
    "UPDATE results SET outcome = 'succeeded'",
    "DELETE FROM results",
    "DELETE FROM payment_events",
    "DELETE FROM incidents",
    "DELETE FROM callback_attempts",
    "DELETE FROM alerts",
    "INSERT INTO expired_events (event_id, timeout_at) SELECT id, now() FROM payment_events",
    "DELETE FROM proof_links",
    "DELETE FROM erasures",
    "DELETE FROM partitions.audit_entries_first",
    "UPDATE partitions.results_first SET outcome = 'succeeded'",
    "DROP TABLE partitions.audit_entries_last",
    "SELECT partitions.divide('audit_texts', 'entry_id', 'entry_id')",
];

/// The event is done with, and was so long ago.
const OF_LONG_AGO: &str = "DELETE FROM outbox; UPDATE alerts SET state = 'delivered';
    UPDATE payment_events SET settled_at = settled_at - interval '14 months';
    UPDATE incidents SET resolved_at = resolved_at - interval '14 months'";

/// How many events are erased, by the owner's function.
async fn erase(world: &World, reference: &str) -> i64 {
    let key = MasterKey::parse(&world.master_key).expect("a key");
    let (pool, project_id) = (&world.pool, world.project.id);
    let begun = erasure::begin(pool, &key, &Actor::System, project_id, reference).await;
    let done = erasure::run(pool, &key, begun.expect("it may").id, &mut |_| ()).await;
    done.expect("it may").erased["payment_events"]
}

/// How many rows leave, by all rules.
async fn due_by(pool: &PgPool) -> i64 {
    let mut gone = 0;
    for rule in Rule::ALL {
        gone += retention::delete_due(pool, *rule).await.expect("it may").total();
    }
    gone
}

#[test]
fn migrate_grants_to_no_role_that_is_unknown_or_its_own() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let itself: String = sqlx::query_scalar("SELECT current_user::text")
            .fetch_one(&mut owner)
            .await
            .expect("a name");
        for (role, why) in
            [("nobody; DROP TABLE outbox", "names no role"), (&itself, "must be another role")]
        {
            let (code, output) =
                world.cli(&["migrate", "--grant-to", role]).await.expect("a command");
            assert_eq!(
                (code, &output["error"]["code"]),
                (1, &json!("validation_error")),
                "{output}"
            );
            assert!(output["error"]["message"].to_string().contains(why), "{output}");
        }
        let role = create_role(&mut owner).await;
        let everything = format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}");
        sqlx::query(AssertSqlSafe(everything)).execute(&mut owner).await.expect("too much");
        let (code, output) = world.cli(&["migrate", "--grant-to", &role]).await.expect("a command");
        assert_eq!((code, &output["granted_to"]), (0, &json!(role)), "{output}");
        let more = "SELECT count(*) FROM information_schema.table_privileges
             WHERE grantee = $1 AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')";
        let more: i64 =
            sqlx::query_scalar(more).bind(&role).fetch_one(&mut owner).await.expect("a count");
        assert_eq!(more, 0);
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}

#[test]
fn several_processes_grant_at_once() {
    run(async {
        let world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = create_role(&mut owner).await;
        let grant = || privileges::grant(&world.database_url, &role);
        for _ in 0..5 {
            let (first, second, third) = tokio::join!(grant(), grant(), grant());
            first.and(second).and(third).expect("the grants");
        }
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}

#[test]
fn a_schema_that_is_closed_to_the_public_is_opened_to_the_role() {
    run(async {
        let mut world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = create_role(&mut owner).await;
        let close = "REVOKE ALL ON SCHEMA public FROM PUBLIC";
        sqlx::raw_sql(close).execute(&mut owner).await.expect("a closed schema");
        privileges::grant(&world.database_url, &role).await.expect("the grants");
        connect_as(&mut world, &role);
        assert_eq!(check(&world).await, Status::Ok);
        world.url = world.serve_also(world.state()).await;
        let (status, _) = world.post("/api/v1/receipt", &receipt("evt_1")).await;
        assert_eq!(status, 202);
        let make = sqlx::raw_sql("CREATE TABLE of_its_own ()").execute(&world.pool).await;
        make.expect_err("it makes no tables");
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}

#[test]
fn with_what_migrate_grants_the_product_works_and_the_story_cannot_be_rewritten() {
    run(async {
        let mut world = bare_world().await;
        let mut owner = direct(&world.database_url).await;
        let role = create_role(&mut owner).await;
        privileges::grant(&world.database_url, &role).await.expect("the grants");
        connect_as(&mut world, &role);
        assert_eq!(check(&world).await, Status::Ok);

        world.url = world.serve_also(world.state()).await;
        let (status, _) = world.post("/api/v1/receipt", &receipt("evt_1")).await;
        assert_eq!(status, 202);
        let failed = json!({"provider_event_id": "evt_1", "status": "failed"});
        assert_eq!(world.post("/api/v1/result", &failed).await.0, 202);
        let late = json!({"provider_event_id": "evt_1", "status": "success"});
        assert_eq!(world.post("/api/v1/result", &late).await.0, 202);

        for forbidden in FORBIDDEN {
            let rejected = sqlx::query(AssertSqlSafe(forbidden)).execute(&world.pool).await;
            let code = rejected.err().and_then(|error| {
                error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
            });
            assert_eq!(code.as_deref(), Some("42501"), "{forbidden}");
        }
        assert_eq!(erase(&world, "user_456").await, 1);
        // What is due leaves by the owner's functions, whoever calls them, and nothing else does.
        assert_eq!(due_by(&world.pool).await, 0);
        sqlx::raw_sql(OF_LONG_AGO).execute(&mut owner).await.expect("an event of long ago");
        assert!(due_by(&world.pool).await > 0);
        let future = "SELECT count(*) FROM audit_entries WHERE at > clock_timestamp()";
        let future: i64 = sqlx::query_scalar(future).fetch_one(&mut owner).await.expect("a count");
        assert_eq!(future, 0);
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}
