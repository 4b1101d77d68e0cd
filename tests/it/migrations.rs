//! Migrations on a database that holds data: after each one its sample rows are added, so that a
//! later one that breaks on rows, and not only on an empty schema, fails here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use e2e::engines::{self, Engines};
use e2e::{run, until_lock_wait};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::pool;
use store::search::incidents::{IncidentRow, IncidentSearch, StateFilter, search_incidents};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names of the SQL files in a folder, without their ending, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{name}.sql"))).expect("a file")
}

async fn apply(connection: &mut PgConnection, what: &str, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{what}: {error}"));
}

async fn tables(connection: &mut PgConnection) -> BTreeSet<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'",
    )
    .fetch_all(connection)
    .await
    .expect("tables");
    tables.into_iter().collect()
}

/// A database without any table; gives its URL.
pub async fn empty_database() -> (Arc<Engines>, String) {
    let engines = engines::shared().await.expect("engines");
    let name = format!("empty_{}", uuid::Uuid::now_v7().simple());
    let server = engines.postgres.url("postgres");
    let mut connection = PgConnection::connect(&server).await.expect("a connection");
    apply(&mut connection, &name, format!("CREATE DATABASE {name}")).await;
    let url = engines.postgres.url(&name);
    (engines, url)
}

#[test]
fn every_migration_has_its_sample_rows_and_no_sample_is_left_over() {
    assert_eq!(names(&folder("migrations")), names(&folder("../migrations")));
}

#[test]
fn every_migration_has_a_version_of_its_own() {
    // Two of one version are embedded without a word; only a start finds that the second fails.
    let migrations = names(&folder("../migrations"));
    let versions: BTreeSet<_> =
        migrations.iter().filter_map(|name| name.split('_').next()).collect();
    assert_eq!(versions.len(), migrations.len(), "{migrations:?}");
}

#[test]
fn every_migration_applies_on_the_rows_of_those_before() {
    run(async {
        let (_engines, url) = empty_database().await;
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        for name in names(&folder("../migrations")) {
            let before = tables(&mut connection).await;
            apply(&mut connection, &name, read(&folder("../migrations"), &name)).await;
            apply(
                &mut connection,
                &format!("sample of {name}"),
                read(&folder("migrations"), &name),
            )
            .await;
            for table in tables(&mut connection).await.difference(&before) {
                let sql = format!("SELECT count(*) FROM {table}");
                let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_one(&mut connection)
                    .await
                    .expect("a count");
                assert!(rows > 0, "{name} makes {table}, and its sample has no row for it");
            }
        }
        assert_the_code_reads_the_samples(&url).await;
    });
}

/// The samples are rows as the code writes them, or they would prove nothing.
async fn assert_the_code_reads_the_samples(url: &str) {
    let pool = pool::connect_lazily(url, 2).expect("a pool");
    let projects = store::projects::list_projects(&pool).await.expect("projects");
    assert!(projects.len() > 1, "a test and a live one");
    assert_the_code_reads_who_may_see(&pool).await;
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM payment_events ORDER BY id")
        .fetch_all(&pool)
        .await
        .expect("events");
    let mut effects = BTreeSet::new();
    for id in ids {
        let event_id = domain::ids::EventId::from_uuid(id);
        let mut tx = pool::begin(&pool).await.expect("a transaction");
        let state = store::event_state::read_for_watch(&mut tx, event_id).await.expect("a state");
        effects.insert(state.effect.to_string());
        assert!(!store::timeline::list_for_event(&pool, event_id).await.expect("one").is_empty());
    }
    assert_eq!(effects.len(), domain::event::Effect::ALL.len(), "{effects:?}");
    let messages = store::outbox::claim_due(&pool, None, 100).await.expect("messages");
    assert_eq!(messages.len(), 7, "one of each kind, and one more start");
}

/// The same for what opens doors: operators, their sessions and tokens, secrets, proof links.
async fn assert_the_code_reads_who_may_see(pool: &store::PgPool) {
    let operators = store::operators::list_operators(pool).await.expect("operators");
    let (mut sessions, mut tokens) = (0, 0);
    for operator in &operators {
        let found = store::sessions::list_sessions(pool, operator.id).await.expect("sessions");
        sessions += found.len();
        let found = store::operator_tokens::list_tokens(pool, operator.id).await.expect("tokens");
        tokens += found.len();
    }
    assert_eq!((operators.len(), sessions, tokens), (4, 1, 2), "one was removed, two are over");
    for project in store::projects::list_projects(pool).await.expect("projects") {
        store::signing_secrets::list_secrets(pool, project.id).await.expect("secrets");
    }
    let all = IncidentSearch { state: StateFilter::All, limit: 10, ..IncidentSearch::default() };
    let incidents = search_incidents(pool, &all).await.expect("incidents");
    let mut links = 0;
    for IncidentRow { incident, .. } in incidents.data {
        links += store::proof_links::list_links(pool, incident.id).await.expect("links").len();
    }
    assert_eq!(links, 3, "one is open, one has expired, one was revoked");
}

#[test]
fn migrating_again_changes_nothing() {
    run(async {
        let (_engines, url) = empty_database().await;
        let pool = pool::connect_lazily(&url, 1).expect("a pool");
        assert_eq!(
            pool::pending_migrations(&pool).await.expect("a count"),
            names(&folder("../migrations")).len()
        );
        for _ in 0..2 {
            pool::migrate(&url).await.expect("migrated");
            assert_eq!(pool::pending_migrations(&pool).await.expect("a count"), 0);
        }
    });
}

#[test]
fn migrating_from_two_connections_at_once_applies_each_migration_once() {
    run(async {
        let (_engines, url) = empty_database().await;
        let (a, b, c) = tokio::join!(pool::migrate(&url), pool::migrate(&url), pool::migrate(&url));
        for outcome in [a, b, c] {
            outcome.expect("migrated");
        }
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        let applied: i64 =
            sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
                .fetch_one(&mut connection)
                .await
                .expect("a count");
        assert_eq!(usize::try_from(applied).ok(), Some(names(&folder("../migrations")).len()));
    });
}

#[test]
fn a_database_that_is_half_way_is_brought_up_to_date() {
    run(async {
        let (_engines, url) = empty_database().await;
        let migrator = Migrator::new(folder("../migrations")).await.expect("migrations");
        let version = migrator.iter().nth(2).expect("three migrations").version;
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        migrator.run_direct(Some(version), &mut connection, false).await.expect("half-way");
        for name in &names(&folder("migrations"))[..3] {
            apply(&mut connection, name, read(&folder("migrations"), name)).await;
        }
        pool::migrate(&url).await.expect("migrated");
        let pool = pool::connect_lazily(&url, 1).expect("a pool");
        assert_eq!(pool::pending_migrations(&pool).await.expect("a count"), 0);
    });
}

#[test]
fn an_index_that_was_left_half_built_is_built_again() {
    run(async {
        let (_engines, url) = empty_database().await;
        let migrator = Migrator::new(folder("../migrations")).await.expect("migrations");
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        let before = Some(20_261_225_049_999);
        migrator.run_direct(before, &mut connection, false).await.expect("before");
        // What is left of one whose building broke off is there, of another sort, and no query may use it.
        let left = "CREATE INDEX notices_over_idx ON notices (day);
            UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'notices_over_idx'::regclass";
        apply(&mut connection, "half an index", left.to_owned()).await;
        pool::migrate(&url).await.expect("migrated");
        let built: String = sqlx::query_scalar(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index
             WHERE indexrelid = 'notices_over_idx'::regclass AND indisvalid",
        )
        .fetch_one(&mut connection)
        .await
        .expect("a whole one");
        assert!(built.contains("(created_at)"), "{built}");
    });
}

#[test]
fn of_an_address_that_is_told_twice_the_oldest_destination_stays() {
    run(async {
        let (_engines, url) = empty_database().await;
        let migrator = Migrator::new(folder("../migrations")).await.expect("migrations");
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        migrator
            .run_direct(Some(20_261_122_100_400), &mut connection, false)
            .await
            .expect("before");
        let projects = "20261121090000_create_projects";
        apply(&mut connection, projects, read(&folder("migrations"), projects)).await;
        let twice = "INSERT INTO destinations (id, project_id, kind, address, sealed, created_at, removed_at)
            SELECT gen_random_uuid(), p.id, kind, address, sealed, now() - age * interval '1 hour', gone
            FROM projects p, (VALUES
                ('email', 'bob@x.test', NULL, 1, NULL), ('email', 'Bob@X.test', NULL, 3, NULL),
                ('email', 'bob@x.test', NULL, 2, NULL), ('email', 'bob@x.test', NULL, 9, now()),
                ('slack', 'hooks.slack.com', '\\x01'::bytea, 1, NULL),
                ('slack', 'hooks.slack.com', '\\x02', 2, NULL)) AS d (kind, address, sealed, age, gone)
            WHERE p.name = 'CometCart'";
        apply(&mut connection, "doubles", twice.to_owned()).await;
        pool::migrate(&url).await.expect("migrated");
        let left: Vec<String> = sqlx::query_scalar(
            "SELECT string_agg(address, ' ' ORDER BY address COLLATE \"C\") FROM destinations
             WHERE removed_at IS NULL GROUP BY project_id",
        )
        .fetch_all(&mut connection)
        .await
        .expect("destinations");
        assert_eq!(left, ["Bob@X.test hooks.slack.com hooks.slack.com"; 2]);
    });
}

#[test]
fn nobody_waits_behind_a_migration_that_waits_for_a_dump() {
    run(async {
        let (_engines, url) = empty_database().await;
        let migrator = Migrator::new(folder("../migrations")).await.expect("migrations");
        let mut dump = PgConnection::connect(&url).await.expect("a connection");
        migrator.run_direct(Some(20_261_208_151_000), &mut dump, false).await.expect("before");
        let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 700', current_database()); END $$";
        apply(&mut dump, "a limit for others", limit.to_owned()).await;
        apply(&mut dump, "a dump", "BEGIN; SELECT FROM notices".to_owned()).await;
        let others = pool::connect_lazily(&url, 1).expect("a pool");
        let meanwhile = async {
            until_lock_wait(&others).await;
            let read = sqlx::query("SELECT FROM notices").execute(&others).await;
            read.expect("read while the migration waits");
            assert_ne!(pool::pending_migrations(&others).await.expect("a count"), 0);
            apply(&mut dump, "the end of the dump", "COMMIT".to_owned()).await;
        };
        let (migrated, ()) = tokio::join!(pool::migrate(&url), meanwhile);
        migrated.expect("migrated");
        assert_eq!(pool::pending_migrations(&others).await.expect("a count"), 0);
    });
}

#[test]
fn a_new_database_that_cannot_keep_every_text_is_rejected_before_anything_is_made() {
    run(async {
        let (engines, url) = empty_database().await;
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        let name = format!("ascii_{}", uuid::Uuid::now_v7().simple());
        let like = "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0";
        let make = format!("CREATE DATABASE {name} {like}");
        apply(&mut connection, &name, make).await;
        let url = engines.postgres.url(&name);
        let rejected = pool::migrate(&url).await.expect_err("another encoding").to_string();
        assert!(rejected.contains("SQL_ASCII"), "{rejected}");
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        assert!(tables(&mut connection).await.is_empty());
    });
}

const LATER: &str =
    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
    VALUES (29991231235959, 'from the future', true, '', 0)";

#[test]
fn a_database_of_a_later_version_is_rejected() {
    run(async {
        let (_engines, url) = empty_database().await;
        pool::migrate(&url).await.expect("migrated");
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        apply(&mut connection, "a later migration", LATER.to_owned()).await;
        assert!(matches!(pool::migrate(&url).await, Err(store::StoreError::Migrate(_))));
    });
}

#[test]
fn a_database_of_a_later_version_that_lacks_some_of_ours_is_rejected_as_it_is() {
    run(async {
        let (_engines, url) = empty_database().await;
        let migrator = Migrator::new(folder("../migrations")).await.expect("migrations");
        let version = migrator.iter().nth(2).expect("three migrations").version;
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        migrator.run_direct(Some(version), &mut connection, false).await.expect("half-way");
        apply(&mut connection, "a later migration", LATER.to_owned()).await;
        assert!(matches!(pool::migrate(&url).await, Err(store::StoreError::Migrate(_))));
        let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        assert_eq!(applied, 4, "three of ours, and the later one");
    });
}
