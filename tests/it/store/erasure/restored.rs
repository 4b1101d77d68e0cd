//! A database that was restored from before an erasure: who was erased since is erased again.

use e2e::{leaks, run};
use store::backfill;
use store::erasure::{self, Replayed};

use super::super::shop::Shop;
use super::{CANARY, OTHER, leaking};
use crate::reconcile::{BACKUP, RESTORE};

#[test]
fn after_a_restore_who_was_erased_since_is_erased_again() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.break_for("evt_1", CANARY).await;
        sqlx::raw_sql(BACKUP).execute(&shop.pool).await.expect("a backup");
        let done = shop.erase(CANARY).await;
        let records = erasure::list_records(&shop.pool).await.expect("records");
        sqlx::raw_sql(RESTORE).execute(&shop.pool).await.expect("a restore");
        assert!(leaks::holds(&shop.rows().await, CANARY), "it is back");

        let replay = async || {
            let replayed = erasure::replay(&shop.pool, &shop.master_key, &records).await;
            replayed.expect("replayed")
        };
        assert_eq!(replay().await, Replayed { erased: 1, ..Replayed::default() });
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        assert_eq!(replay().await, Replayed { known: 1, ..Replayed::default() });
        let found = erasure::find_erasure(&shop.pool, done.id).await.expect("a database");
        let found = found.expect("the same erasure");
        assert_eq!((found.customer, found.requested_by.as_str()), (done.customer, "cli:bob"));
        let shop = shop.informed().await;
        let again = shop.send("evt_1", CANARY).await;
        assert!(again.duplicate && again.event_id == event_id, "{again:?}");
    });
}

#[test]
fn events_of_a_backup_from_before_keys_are_known_again_once_erased() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.send("evt_1", CANARY).await.event_id;
        for sql in ["DELETE FROM event_keys", "UPDATE payment_events SET keyed = false"] {
            sqlx::query(sql).execute(&shop.pool).await.expect("as before keys");
        }
        shop.erase(CANARY).await;
        while backfill::key_events(&shop.pool).await.expect("a batch") {}
        let shop = shop.informed().await;
        let again = shop.send("evt_1", CANARY).await;
        assert!(again.duplicate && again.event_id == event_id, "{again:?}");
    });
}

#[test]
fn after_a_restore_who_never_had_an_event_is_erased_again() {
    run(async {
        let shop = Shop::open().await;
        shop.keep_waiting(CANARY).await;
        shop.leave_unclaimed(OTHER).await;
        sqlx::raw_sql(BACKUP).execute(&shop.pool).await.expect("a backup");
        for reference in [CANARY, OTHER] {
            shop.erase(reference).await;
        }
        let records = erasure::list_records(&shop.pool).await.expect("records");
        sqlx::raw_sql(RESTORE).execute(&shop.pool).await.expect("a restore");
        for reference in [CANARY, OTHER] {
            assert!(leaks::holds(&shop.rows().await, reference), "it is back");
        }
        let replayed = erasure::replay(&shop.pool, &shop.master_key, &records).await;
        assert_eq!(replayed.expect("replayed").erased, 2);
        for reference in [CANARY, OTHER] {
            assert_eq!(leaking(&shop.rows().await, reference), [""; 0]);
        }
    });
}

#[test]
fn after_a_restore_who_was_erased_is_found_although_another_was_erased_first() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.break_for("evt_1", CANARY).await;
        sqlx::raw_sql(BACKUP).execute(&shop.pool).await.expect("a backup");
        let done = shop.erase(CANARY).await;
        let records = erasure::list_records(&shop.pool).await.expect("records");
        sqlx::raw_sql(RESTORE).execute(&shop.pool).await.expect("a restore");
        // This one makes the project another key for its hashes.
        shop.erase(OTHER).await;

        let replayed = erasure::replay(&shop.pool, &shop.master_key, &records).await;
        assert_eq!(replayed.expect("replayed").erased, 1);
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        let found = erasure::find_erasure(&shop.pool, done.id).await.expect("a database");
        assert_ne!(found.expect("the same erasure").customer, done.customer, "by the new key");
        let shop = shop.informed().await;
        let again = shop.send("evt_1", CANARY).await;
        assert!(again.duplicate && again.event_id == event_id, "{again:?}");
    });
}

#[test]
fn a_replay_that_was_cut_off_goes_on_where_another_key_was_made_since() {
    run(async {
        let shop = Shop::open().await;
        shop.break_for("evt_1", CANARY).await;
        sqlx::raw_sql(BACKUP).execute(&shop.pool).await.expect("a backup");
        let done = shop.erase(CANARY).await;
        let records = erasure::list_records(&shop.pool).await.expect("records");
        sqlx::raw_sql(RESTORE).execute(&shop.pool).await.expect("a restore");
        shop.erase(OTHER).await;
        let replay = async || erasure::replay(&shop.pool, &shop.master_key, &records).await;
        replay().await.expect("replayed");
        // As if the command had been killed when the events were overwritten.
        let back =
            "UPDATE erasures SET state = 'rest', reference = $2, finished_at = NULL WHERE id = $1";
        let back = sqlx::query(back).bind(done.id.as_uuid()).bind(CANARY);
        back.execute(&shop.pool).await.expect("an erasure that goes on");
        assert_eq!(replay().await.expect("replayed").erased, 1);
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        assert_eq!(replay().await.expect("replayed").known, 1);
    });
}

#[test]
fn a_record_of_an_unknown_project_is_counted_and_one_with_another_key_rejected() {
    run(async {
        let shop = Shop::open().await;
        shop.send("evt_1", CANARY).await;
        shop.erase(CANARY).await;
        let records = erasure::list_records(&shop.pool).await.expect("records");
        let elsewhere = Shop::open().await;
        let done = erasure::replay(&elsewhere.pool, &shop.master_key, &records).await;
        assert_eq!(done.expect("replayed"), Replayed { without_project: 1, ..Replayed::default() });
        sqlx::query("DELETE FROM erased_watches").execute(&shop.pool).await.expect("deleted");
        sqlx::query("DELETE FROM erasures").execute(&shop.pool).await.expect("deleted");
        let foreign = erasure::replay(&shop.pool, &elsewhere.master_key, &records).await;
        assert!(foreign.expect_err("a foreign key").is_sealed_elsewhere());
    });
}
