//! Snapshots: one key a project, kept for its days and no longer, the same in every attempt of a callback, and
//! never a reason to lose a receipt.

use domain::audit::Actor;
use domain::callback::AnswerVerdict;
use domain::ids::EventId;
use domain::retention::Rule;
use domain::snapshot::SnapshotSettings;
use e2e::{run, until_lock_wait};
use serde_json::json;
use store::administration::snapshot::{Look, look};
use store::projects::{self, ProjectSettings};
use store::seal::{Cell, Head, SealedColumn, Version};
use store::sealed_values::{Cursor, Selection, reseal_batch};
use store::transitions::receipt::{AcceptedReceipt, Delivery, accept_receipt};
use store::{MasterKey, StoreError, pool, retention, snapshots};

use super::sealed::{CANARY, take_snapshot};
use super::shop::{RunningReprocess, Shop, receipt_with};

/// What [`take_snapshot`] sends.
fn sent() -> String {
    json!({ "card": CANARY }).to_string()
}

impl Shop {
    async fn snapshot(&self, event_id: EventId) -> Result<Option<String>, StoreError> {
        let mut db = self.pool.acquire().await.expect("a connection");
        snapshots::find_snapshot(&mut db, &self.master_key, event_id).await
    }

    async fn wants(&self, snapshots: SnapshotSettings) {
        let id = self.owner.project_id;
        let now = projects::find_project(&self.pool, id).await.expect("a database");
        let now = now.expect("a project");
        let settings = ProjectSettings { snapshots, ..ProjectSettings::from_project(&now) };
        projects::update_project(&self.pool, id, &settings).await.expect("saved");
    }

    async fn came_days_ago(&self, event_id: EventId, days: i32) {
        let sql = "UPDATE payment_events SET received_at = now() - make_interval(days => $2) WHERE id = $1";
        let done = sqlx::query(sql).bind(event_id.as_uuid()).bind(days).execute(&self.pool).await;
        done.expect("a statement");
    }

    async fn count_rows(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a count")
    }

    async fn accept_with_snapshot(&self, key: &MasterKey, event: &str) -> AcceptedReceipt {
        let receipt = receipt_with(event, &json!({}));
        let (event_key, snapshot) = (receipt.identity("").key(), sent());
        let delivery =
            Delivery { snapshot: Some(&snapshot), ..Delivery::new(&receipt, &event_key) };
        let mut tx = self.begin().await;
        let taken = accept_receipt(&mut tx, key, &self.owner, delivery).await;
        pool::commit(tx).await.expect("a commit");
        taken.expect("a receipt")
    }

    /// A snapshot as the release before sealed it.
    async fn take_old_snapshot(&self, event: &str) -> EventId {
        let event_id = self.take(event).await;
        let cell = Cell::snapshot(self.owner.project_id, event_id);
        let sealed = self.master_key.seal(&cell, sent().as_bytes()).expect("sealed");
        let sql = "UPDATE payment_events SET snapshot = $2 WHERE id = $1";
        let done = sqlx::query(sql).bind(event_id.as_uuid()).bind(sealed).execute(&self.pool).await;
        done.expect("a statement");
        event_id
    }

    async fn version(&self, event_id: EventId) -> Version {
        let sql = "SELECT snapshot FROM payment_events WHERE id = $1";
        let sealed: Vec<u8> = sqlx::query_scalar(sql)
            .bind(event_id.as_uuid())
            .fetch_one(&self.pool)
            .await
            .expect("a snapshot");
        Head::read(&sealed).expect("a head").version
    }
}

const KEYS: &str = "SELECT count(*) FROM snapshot_keys";
const KEPT: &str = "SELECT count(snapshot) FROM payment_events";

#[test]
fn two_first_snapshots_at_the_same_time_share_one_key() {
    run(async {
        let shop = Shop::open().await;
        let (first, second) = (receipt_with("evt_1", &json!({})), sent());
        let event_key = first.identity("").key();
        let delivery = Delivery { snapshot: Some(&second), ..Delivery::new(&first, &event_key) };
        let mut tx = shop.begin().await;
        let taken = accept_receipt(&mut tx, &shop.master_key, &shop.owner, delivery).await;
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(tx).await.expect("a commit");
        };
        let (other, ()) =
            tokio::join!(shop.accept_with_snapshot(&shop.master_key, "evt_2"), commit);
        assert_eq!(shop.count_rows(KEYS).await, 1);
        for taken in [taken.expect("a receipt"), other] {
            assert!(taken.snapshot_kept);
            assert_eq!(shop.version(taken.event_id).await, Version::Three);
            assert_eq!(shop.snapshot(taken.event_id).await.expect("opened"), Some(sent()));
        }
    });
}

#[test]
fn a_receipt_that_is_not_committed_leaves_no_key_behind() {
    run(async {
        let shop = Shop::open().await;
        let (receipt, snapshot) = (receipt_with("evt_1", &json!({})), sent());
        let event_key = receipt.identity("").key();
        let delivery =
            Delivery { snapshot: Some(&snapshot), ..Delivery::new(&receipt, &event_key) };
        let mut tx = shop.begin().await;
        let taken = accept_receipt(&mut tx, &shop.master_key, &shop.owner, delivery).await;
        assert!(taken.expect("a receipt").snapshot_kept);
        tx.rollback().await.expect("rolled back");
        assert_eq!((shop.count_rows(KEYS).await, shop.count_rows(KEPT).await), (0, 0));
        let again = take_snapshot(&shop, "evt_1").await;
        assert_eq!(shop.snapshot(again).await.expect("opened"), Some(sent()));
    });
}

#[test]
fn a_receipt_is_taken_without_its_snapshot_where_the_projects_key_does_not_open() {
    run(async {
        let shop = Shop::open().await;
        let before = take_snapshot(&shop, "evt_1").await;
        let stranger = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let taken = shop.accept_with_snapshot(&stranger, "evt_2").await;
        assert!(!taken.duplicate && !taken.snapshot_kept);
        assert_eq!(shop.snapshot(taken.event_id).await.expect("none"), None);
        assert_eq!(shop.count_rows(KEYS).await, 1, "the key is not replaced");
        assert_eq!(shop.snapshot(before).await.expect("opened"), Some(sent()));
        let foreign = store::health::count_foreign_secrets(&shop.pool, &stranger).await;
        let ours = store::health::count_foreign_secrets(&shop.pool, &shop.master_key).await;
        assert_eq!(foreign.expect("a count"), 2, "a signing secret and the key of snapshots");
        assert_eq!(ours.expect("a count"), 0);
    });
}

#[test]
fn what_releases_before_sealed_opens_and_is_sealed_with_the_projects_key_by_a_rotation() {
    run(async {
        let shop = Shop::open().await;
        let old = shop.take_old_snapshot("evt_1").await;
        let new = take_snapshot(&shop, "evt_2").await;
        assert_eq!(shop.version(old).await, Version::Two);
        assert_eq!(shop.snapshot(old).await.expect("opened"), Some(sent()));
        let first = Cursor::default();
        let (selection, column) = (Selection::OtherKeys, SealedColumn::Snapshot);
        let reseal = async || {
            let key = &shop.master_key;
            reseal_batch(&shop.pool, key, column, selection, &first).await.expect("a batch")
        };
        assert_eq!(reseal().await.resealed, 1, "the one that a master key sealed");
        assert_eq!(reseal().await.resealed, 0, "once");
        for event_id in [old, new] {
            assert_eq!(shop.version(event_id).await, Version::Three);
            assert_eq!(shop.snapshot(event_id).await.expect("opened"), Some(sent()));
        }
    });
}

#[test]
fn a_snapshot_is_deleted_when_its_projects_days_are_over_and_the_event_stays() {
    run(async {
        let shop = Shop::open().await;
        let (young, due, old) = (
            take_snapshot(&shop, "evt_1").await,
            take_snapshot(&shop, "evt_2").await,
            shop.take_old_snapshot("evt_3").await,
        );
        shop.came_days_ago(young, 29).await;
        shop.came_days_ago(due, 31).await;
        shop.came_days_ago(old, 300).await;
        let dry = retention::count_due(&shop.pool, Rule::Snapshots).await.expect("a count");
        assert_eq!(dry.total(), 2);
        let counted = snapshots::count_due(&shop.pool).await.expect("a count");
        let counted: Vec<_> = counted.iter().map(|due| (due.project_id, due.snapshots)).collect();
        assert_eq!(counted, [(shop.owner.project_id, 2)]);
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 2);
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 0);
        assert_eq!(shop.snapshot(young).await.expect("opened"), Some(sent()));
        assert_eq!(shop.snapshot(due).await.expect("none"), None);
        assert_eq!(shop.count_rows("SELECT count(*) FROM payment_events").await, 3);
        // A shorter time holds for what is there already.
        shop.wants(SnapshotSettings { days: 7, ..SnapshotSettings::default() }).await;
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 1);
        let [last] = snapshots::list_last_purges(&shop.pool)
            .await
            .expect("purges")
            .try_into()
            .expect("one project");
        assert_eq!((last.project_id, last.snapshots, last.total), (shop.owner.project_id, 3, 3));
    });
}

#[test]
fn deleting_snapshots_waits_for_nobody_and_is_counted() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..5 {
            let event_id = take_snapshot(&shop, &format!("evt_{number}")).await;
            shop.came_days_ago(event_id, 31 + number).await;
        }
        let mut tx = shop.begin().await;
        let lock = "SELECT id FROM payment_events WHERE snapshot IS NOT NULL LIMIT 1 FOR UPDATE";
        sqlx::query(lock).execute(&mut *tx).await.expect("locked");
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 4);
        tx.rollback().await.expect("let go");
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 1);
        assert_eq!(shop.count_rows(KEPT).await, 0);
        assert_eq!(shop.count_rows("SELECT sum(snapshots)::bigint FROM snapshot_purges").await, 5);
    });
}

async fn missed_with_snapshot(shop: &Shop, event: &str) -> EventId {
    let event_id = take_snapshot(shop, event).await;
    shop.let_time_pass(event_id).await;
    shop.silence(event_id).await;
    event_id
}

#[test]
fn every_attempt_carries_the_same_snapshot_whatever_is_changed_in_between() {
    run(async {
        let shop = Shop::open().await;
        let wanted = SnapshotSettings { in_callback: true, ..SnapshotSettings::default() };
        shop.wants(wanted).await;
        let event_id = missed_with_snapshot(&shop, "evt_1").await;
        let running = RunningReprocess { event_id, replay_id: shop.reprocess(event_id).await };
        let first = shop.begin_attempt(running, "n1").await.expect("an attempt");
        let member = format!(",\"snapshot\":{}}}", sent());
        assert!(first.body.ends_with(&member), "{}", first.body);
        assert_eq!(first.snapshot, Some(sent()));
        shop.end_attempt(running, 1, AnswerVerdict::Retry).await;
        // It is not wanted any more, and its days are over.
        shop.wants(SnapshotSettings::default()).await;
        shop.came_days_ago(event_id, 31).await;
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 0);
        let second = shop.begin_attempt(running, "n2").await.expect("an attempt");
        assert_eq!(second.body, first.body);
        shop.end_attempt(running, 2, AnswerVerdict::Delivered).await;
        assert_eq!(shop.delete_due(Rule::Snapshots).await, 1, "no attempt needs it any more");
        let kept = "SELECT count(*) FROM reprocesses WHERE body LIKE '%card%'";
        assert_eq!(shop.count_rows(kept).await, 0, "it is kept sealed and nowhere else");
    });
}

#[test]
fn a_callback_without_a_snapshot_says_null_where_it_is_wanted_and_nothing_where_it_is_not() {
    run(async {
        let shop = Shop::open().await;
        let running = shop.reprocessing("evt_1").await;
        let work = shop.begin_attempt(running, "n1").await.expect("an attempt");
        assert!(!work.body.contains("snapshot"), "{}", work.body);
        let wanted = SnapshotSettings { kept: true, in_callback: true, ..Default::default() };
        shop.wants(wanted).await;
        let running = shop.reprocessing("evt_2").await;
        let work = shop.begin_attempt(running, "n1").await.expect("an attempt");
        assert!(work.body.ends_with(",\"snapshot\":null}"), "{}", work.body);
        let event_id = missed_with_snapshot(&shop, "evt_3").await;
        let damage = "UPDATE payment_events SET snapshot = set_byte(snapshot, 40, get_byte(snapshot, 40) # 1) WHERE id = $1";
        shop.execute(damage, event_id).await;
        let running = RunningReprocess { event_id, replay_id: shop.reprocess(event_id).await };
        let work = shop.begin_attempt(running, "n1").await.expect("the work matters more");
        assert!(work.body.ends_with(",\"snapshot\":null}"), "{}", work.body);
    });
}

#[test]
fn each_look_is_in_the_audit_before_anything_is_seen() {
    run(async {
        let shop = Shop::open().await;
        let (kept, none) = (take_snapshot(&shop, "evt_1").await, shop.take("evt_2").await);
        let alice = Actor::Operator("alice@cometcart.test".to_owned());
        let see = async |key: &MasterKey, event_id, as_what| {
            look(&shop.pool, key, &alice, event_id, as_what).await
        };
        assert_eq!(see(&shop.master_key, kept, Look::Page).await.expect("seen"), Some(sent()));
        assert_eq!(see(&shop.master_key, kept, Look::Download).await.expect("seen"), Some(sent()));
        assert_eq!(see(&shop.master_key, none, Look::Page).await.expect("none"), None);
        let stranger = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let failed = see(&stranger, kept, Look::Page).await.expect_err("another key");
        assert!(failed.is_sealed_elsewhere(), "{failed}");
        let sql = "SELECT concat_ws(' ', actor, action, detail) FROM audit_entries WHERE action LIKE 'snapshot.%' ORDER BY at";
        let said: Vec<String> = sqlx::query_scalar(sql).fetch_all(&shop.pool).await.expect("audit");
        assert_eq!(
            said,
            [
                "operator:alice@cometcart.test snapshot.viewed {}",
                "operator:alice@cometcart.test snapshot.downloaded {}"
            ]
        );
        // Where it cannot be said who looks, nothing is shown.
        let locked = "ALTER TABLE audit_entries ADD CONSTRAINT closed CHECK (action <> 'snapshot.viewed') NOT VALID";
        sqlx::query(locked).execute(&shop.pool).await.expect("closed");
        assert!(see(&shop.master_key, kept, Look::Page).await.is_err());
    });
}
