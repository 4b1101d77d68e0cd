//! What the role of api and worker may do in the database: all that the product writes, and no more.
//!
//! Said here once: [`grant`] gives it, and [`read_privileges`] finds what a role lacks or has too much. The grants are one
//! transaction: whoever is interrupted has given nothing, and gives it again. Of several processes one does after the
//! other, since Postgres rejects two changes of the same rights at the same time.

use sqlx::{AssertSqlSafe, Connection as _};

use crate::StoreError;
use crate::pool::{PgPool, connect_alone, take_turn};

/// Tables of which nothing is deleted but by functions of the owner, which delete what is due, or overwrite
/// whom an erasure is about.
const KEPT: [&str; 28] = [
    "audit_chain",
    "audit_sealer",
    "payment_events",
    "event_keys",
    "results",
    "incidents",
    "reprocesses",
    "callback_attempts",
    "alerts",
    "extension_calls",
    "proof_links",
    "daily_figures",
    "policy_stops",
    "silences",
    "maintenance_windows",
    "projects",
    "api_keys",
    "operators",
    "operator_tokens",
    "signing_secrets",
    "destinations",
    "destination_secrets",
    "extensions",
    "reprocess_policies",
    "snapshot_keys",
    "reference_keys",
    "erasures",
    "snapshot_purges",
];

/// Tables of [`KEPT`] and the like whose rows never change.
const APPENDED: [&str; 3] = ["results", "event_keys", "audit_chain"];

/// Tables that only functions of the owner write.
const READ: [&str; 2] = ["expired_events", "audit_texts"];

/// What kept a role from getting its rights.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Nobody of this name is known to the server.
    #[error("the server has no role of this name")]
    NoSuchRole,
    /// Whoever owns the schema may everything already, and would take rights from itself.
    #[error("the role owns the schema")]
    Owner,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives a role what it may do, and takes the rest from it. `url` is that of the schema's owner.
///
/// # Errors
/// When the role is unknown or the owner itself, the database out of reach, or the schema somebody else's.
pub async fn grant(url: &str, role: &str) -> Result<(), GrantError> {
    let mut owner = connect_alone(url).await?;
    let known =
        "SELECT format('%I', rolname), rolname = current_user FROM pg_roles WHERE rolname = $1";
    let known: Option<(String, bool)> = sqlx::query_as(known)
        .bind(role)
        .fetch_optional(&mut owner)
        .await
        .map_err(StoreError::from)?;
    let (role, is_owner) = known.ok_or(GrantError::NoSuchRole)?;
    if is_owner {
        return Err(GrantError::Owner);
    }
    take_turn(&mut owner).await?;
    sqlx::raw_sql(AssertSqlSafe(grants(&role)))
        .execute(&mut owner)
        .await
        .map_err(StoreError::from)?;
    owner.close().await.map_err(StoreError::from)?;
    Ok(())
}

/// Statements that are sent together are one transaction. Some teams close the schema to everyone. An audit entry is written
/// without its time, which the database sets, so that none can be back-dated. The defaults are for the tables of a later
/// migration, until its own grants.
fn grants(role: &str) -> String {
    let (kept, appended, read) = (KEPT.join(", "), APPENDED.join(", "), READ.join(", "));
    format!(
        "GRANT USAGE ON SCHEMA public TO {role};
         REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE ALL ON audit_entries, _sqlx_migrations FROM {role};
         GRANT SELECT, INSERT (id, actor, action, project_id, event_id, incident_id, detail) ON audit_entries TO {role};
         GRANT SELECT ON _sqlx_migrations TO {role};
         REVOKE UPDATE ON {appended} FROM {role};
         REVOKE INSERT, UPDATE, DELETE ON {read} FROM {role};
         REVOKE DELETE ON {kept} FROM {role};
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role};
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};"
    )
}

/// What the connected role may not do although the product does it, and what it may although it
/// must not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Privileges {
    /// Tables that it cannot work on.
    pub missing: Vec<String>,
    /// Whether, without owning them, it may change or back-date audit entries, or delete what the
    /// product never does.
    pub may_too_much: bool,
    /// Whether it owns the audit log, which cannot be kept from changing it then.
    pub owns_audit: bool,
    /// Whether it may call the functions by which the owner deletes what is kept no longer, and overwrites what is erased.
    pub may_purge: bool,
}

/// Asks what the connected role may do. The owner of the schema and superusers may everything.
pub async fn read_privileges(pool: &PgPool) -> Result<Privileges, StoreError> {
    let privileges = sqlx::query_as!(
        Privileges,
        r#"WITH tables AS (
               SELECT c.oid, c.relname::text AS name, pg_has_role(c.relowner, 'USAGE') AS owned,
                   c.relname::text = ANY ($2) AS appended, c.relname::text = ANY ($1) AS kept,
                   c.relname::text = ANY ($3) AS read_only
               FROM pg_class c JOIN pg_class ours ON ours.oid = to_regclass('payment_events')
               WHERE c.relnamespace = ours.relnamespace AND c.relowner = ours.relowner AND c.relkind IN ('r', 'p'))
           SELECT
             coalesce(array_agg(name ORDER BY name) FILTER (WHERE NOT CASE
                 WHEN read_only OR name = '_sqlx_migrations' THEN has_table_privilege(oid, 'SELECT')
                 WHEN name = 'audit_entries'
                     THEN has_table_privilege(oid, 'SELECT') AND has_column_privilege(oid, 'id', 'INSERT')
                 ELSE has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                     AND (appended OR has_table_privilege(oid, 'UPDATE'))
                     AND (kept OR has_table_privilege(oid, 'DELETE')) END), '{}') AS "missing!",
             coalesce(bool_or(NOT owned AND CASE
                 WHEN name = 'audit_entries' THEN has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE')
                     OR has_column_privilege(oid, 'at', 'INSERT')
                 WHEN read_only THEN has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                 WHEN appended THEN has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE')
                 ELSE kept AND has_table_privilege(oid, 'DELETE, TRUNCATE') END), false) AS "may_too_much!",
             coalesce(bool_or(name = 'audit_entries' AND owned), false) AS "owns_audit!", coalesce((SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p JOIN pg_class ours
                 ON ours.oid = to_regclass('payment_events') AND p.pronamespace = ours.relnamespace
                 WHERE p.prosecdef AND p.proowner = ours.relowner AND (p.proname LIKE 'purge%' OR p.proname IN
                     ('split_audit_texts', 'erase_events', 'make_partition', 'drop_partition', 'list_spent_partitions'))),
                 false) AS "may_purge!"
           FROM tables"#,
        &KEPT.map(str::to_owned),
        &APPENDED.map(str::to_owned),
        &READ.map(str::to_owned),
    )
    .fetch_one(pool)
    .await?;
    Ok(privileges)
}
