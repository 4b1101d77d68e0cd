//! Whether the database takes receipts: it takes writes, its schema is this version's, and the role
//! may work on it.

use store::privileges::{Privileges, read_privileges};
use store::{Fault, PgPool, pool};

use super::{Check, in_time};

pub(super) const DATABASE: &str = "database";
pub(super) const SCHEMA: &str = "schema";
pub(super) const PRIVILEGES: &str = "privileges";

const GRANT: &str = "run `sendpromptly migrate --grant-to` with the role of api and worker, as the owner of the schema";

/// What every receipt works on, as `tests/it/database/privileges.rs` finds out; without rights on
/// another table receipts are still accepted.
const OF_RECEIPTS: [&str; 14] = [
    "api_keys",
    "audit_entries",
    "claimed_early_results",
    "declared_names",
    "early_results",
    "erasures",
    "event_identities",
    "event_keys",
    "extensions",
    "idempotency_keys",
    "outbox",
    "payment_events",
    "projects",
    "reference_keys",
];

/// `database`, which is never remembered.
pub(super) async fn writable(pool: &PgPool) -> Check {
    // Until it responds with an error of its own.
    let mut met = Some(Fault::Silent);
    let asking = async { pool::is_writable(pool).await.inspect_err(|error| met = error.fault()) };
    let writable = in_time(asking).await;
    match full_disk(pool) {
        Some(full) if writable == Ok(true) => full,
        _ => judge_writable(writable, pool.connect_failure(), pool.connect_fault().or(met)),
    }
}

/// `database`, where it takes writes as far as it knows, and a statement of this process found no room
/// for one.
pub(super) fn full_disk(pool: &PgPool) -> Option<Check> {
    pool.met_full_disk().then(|| {
        Check::failed(
            DATABASE,
            "the disk of the database is full: receipts cannot be accepted",
            "make room on the disk of Postgres's data, or give it more; what was rejected is sent again by the apps",
        )
    })
}

/// A caller that waited in vain for a connection knows less than one that tried to make one.
fn judge_writable(
    writable: Result<bool, String>,
    connect_failure: Option<String>,
    fault: Option<Fault>,
) -> Check {
    match writable {
        Ok(true) => Check::ok(DATABASE, "takes writes"),
        Ok(false) => Check::failed(
            DATABASE,
            "the database is read-only: no receipt can be accepted",
            pool::READ_ONLY_CURE,
        ),
        Err(cause) if cause.contains(pool::UNNAMED_POOLER) => Check::failed(
            DATABASE,
            format!("{}, and is not named: no receipt can be accepted", pool::UNNAMED_POOLER),
            "set SENDPROMPTLY_DATABASE_POOLER=transaction for every api and worker",
        ),
        Err(cause) => {
            let (wrong, cure) = match fault {
                Some(fault) => (fault.to_string(), fault.cure()),
                None => ("responds with an error".to_owned(), "see the log of the server"),
            };
            let detail = format!("the database {wrong}: no receipt can be accepted");
            Check::failed(DATABASE, detail, cure)
                .because_for_doctor(&connect_failure.unwrap_or(cause))
        }
    }
}

/// `schema` and `privileges`.
pub(super) async fn schema(pool: &PgPool) -> Vec<Check> {
    let (missing, privileges) =
        tokio::join!(in_time(pool::pending_migrations(pool)), in_time(read_privileges(pool)),);
    vec![judge_schema(missing), judge_privileges(privileges)]
}

fn judge_schema(missing: Result<usize, String>) -> Check {
    match missing {
        Ok(0) => Check::ok(SCHEMA, "all migrations are there"),
        Ok(missing) => Check::failed(
            SCHEMA,
            format!("migrations of this version are missing: {missing}"),
            "run `sendpromptly migrate` as the owner of the schema",
        ),
        Err(cause) if cause.contains("permission denied") => {
            Check::degraded(SCHEMA, "the role may not read which migrations are there", GRANT)
                .because(&cause)
        }
        Err(cause) => Check::unknown(SCHEMA, DATABASE).because(&cause),
    }
}

fn judge_privileges(privileges: Result<Privileges, String>) -> Check {
    let Privileges { missing, may_too_much, owns_audit, may_purge } = match privileges {
        Ok(privileges) => privileges,
        Err(cause) => return Check::unknown(PRIVILEGES, DATABASE).because(&cause),
    };
    if let Some(first) = missing.first() {
        let others = missing.len() - 1;
        let others = if others == 0 { String::new() } else { format!(" and {others} others") };
        let detail = format!("the role may not work on the table {first}{others}");
        if missing.iter().any(|table| OF_RECEIPTS.contains(&table.as_str())) {
            let detail = format!("{detail}: no receipt can be accepted");
            return Check::failed(PRIVILEGES, detail, GRANT);
        }
        return Check::degraded(PRIVILEGES, detail, GRANT);
    }
    if may_too_much {
        let detail = "the role has rights that it does not need: to change or back-date audit entries, or to \
                      delete what apps reported and what was done about it";
        return Check::degraded(PRIVILEGES, detail, GRANT);
    }
    if !may_purge {
        let detail = "the role may not call the functions that delete what is kept no longer, or overwrite what is erased";
        return Check::degraded(PRIVILEGES, detail, GRANT);
    }
    if owns_audit {
        let detail = "the role may do what it must; it owns the tables, so only a trigger protects the \
                      audit log: docs/operations.md has a second role, that cannot change it";
        return Check::ok(PRIVILEGES, detail);
    }
    Check::ok(PRIVILEGES, "the role may do what it must")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn a_pooler_that_is_not_named_is_named_with_its_setting() {
        let cause = format!("prepared statement \"s_1\" already exists; {}", pool::UNNAMED_POOLER);
        let check = judge_writable(Err(cause), None, Some(Fault::Pooler));
        assert!(check.detail.starts_with(pool::UNNAMED_POOLER), "{check:?}");
        assert!(check.cure.is_some_and(|cure| cure.contains("POOLER=transaction")));
    }

    #[test]
    fn only_a_database_that_is_silent_does_not_respond() {
        let check = |fault| judge_writable(Err("no".to_owned()), None, fault);
        let silent = check(Some(Fault::Silent));
        assert!(silent.detail.starts_with("the database does not respond"), "{silent:?}");
        assert!(check(None).detail.starts_with("the database responds with an error"));
        let rejected = check(Some(Fault::Password));
        assert!(rejected.detail.starts_with("the database rejects the user"), "{rejected:?}");
        let cure = rejected.cure.expect("a cure");
        assert!(cure.starts_with(Fault::Password.cure()) && cure.contains("doctor"), "{cure}");
    }

    #[test]
    fn only_rights_that_receipts_need_keep_them_out() {
        for (table, status) in [
            ("event_keys", Status::Failed),
            ("audit_entries", Status::Failed),
            ("notices", Status::Degraded),
        ] {
            let missing = vec!["alerts".to_owned(), table.to_owned()];
            let found = judge_privileges(Ok(Privileges { missing, ..Privileges::default() }));
            assert_eq!(found.status, status, "{table}");
        }
    }
}
