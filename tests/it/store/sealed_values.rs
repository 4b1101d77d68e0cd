//! Everything that is sealed, sealed again with another key: no column is forgotten, no value is lost, and
//! whoever writes in the meantime wins.

use domain::callback_header::CallbackHeader;
use domain::extension::NewExtension;
use domain::ids::EventId;
use domain::operator::Role;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use e2e::{run, until_lock_wait};
use serde_json::json;
use store::destinations::{NewDestination, Target};
use store::key_holders::{self, HolderRun};
use store::seal::{Cell, SealError, SealedColumn, Version};
use store::sealed_values::{self, Batch, Cursor, Selection, Unopened};
use store::{
    MasterKey, StoreError, api_keys, callback_headers, destinations, extensions, pool,
    reference_keys, sessions, signing_secrets,
};
use time::OffsetDateTime;

use super::people::ALICE;
use super::sealed::take_snapshot;
use super::shop::{SECRET, Shop};

/// Columns of bytes that hold no secret: hashes, keys of indexes, stored responses.
const PLAIN: [(&str, &str); 15] = [
    ("api_keys", "hash"),
    ("audit_chain", "digest"),
    ("audit_chain", "hash"),
    ("audit_texts", "commitment"),
    ("audit_texts", "salt"),
    ("early_results", "fingerprint"),
    ("early_results", "request_hash"),
    ("event_keys", "key"),
    ("idempotency_keys", "body"),
    ("idempotency_keys", "fingerprint"),
    ("idempotency_keys", "request_hash"),
    ("operator_tokens", "hash"),
    ("proof_links", "token_hash"),
    ("sessions", "token_hash"),
    ("sign_in_failures", "email_hash"),
];

const MESSAGE: &str = "a key that is shown once";

/// A shop with a value in every sealed column, all under the first key; and both keys, newest first.
struct Rotation {
    shop: Shop,
    old: MasterKey,
    both: MasterKey,
    new: MasterKey,
}

impl Rotation {
    async fn open() -> Self {
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let read = |text: &str| MasterKey::parse(text).expect("keys");
        let mut shop = Shop::open().await;
        sqlx::query("DELETE FROM signing_secrets").execute(&shop.pool).await.expect("deleted");
        shop.master_key = read(&old);
        fill(&shop).await;
        let both = read(&format!("{new},{old}"));
        Self { shop, old: read(&old), both, new: read(&new) }
    }

    async fn reseal(&self, key: &MasterKey, selection: Selection) -> (u64, Vec<Unopened>) {
        let (mut resealed, mut unopened) = (0, Vec::new());
        for column in SealedColumn::ALL {
            let batch = self.batch(key, column, selection).await;
            assert_eq!(batch.next, None, "few values are one batch");
            resealed += batch.resealed;
            unopened.extend(batch.unopened);
        }
        (resealed, unopened)
    }

    async fn batch(&self, key: &MasterKey, column: SealedColumn, selection: Selection) -> Batch {
        let first = Cursor::default();
        let batch = sealed_values::reseal_batch(&self.shop.pool, key, column, selection, &first);
        batch.await.expect("a batch")
    }

    /// What each key sealed in each version: column by column, in order.
    async fn heads(&self) -> Vec<(SealedColumn, Version, bool)> {
        let counts = sealed_values::count(&self.shop.pool, true).await.expect("counts");
        let heads = counts.iter().map(|count| {
            let head = count.head.expect("a head");
            (count.column, head.version, head.key == self.new.newest())
        });
        let mut heads: Vec<_> = heads.collect();
        heads.sort_by_key(|(column, ..)| *column);
        heads
    }

    /// Opens everything as the product does.
    async fn opens(&self, key: &MasterKey) -> Result<(), StoreError> {
        let (pool, project_id) = (&self.shop.pool, self.shop.owner.project_id);
        let secrets = signing_secrets::list_valid_secrets(pool, key, project_id).await?;
        assert_eq!(secrets, [SigningSecret::from_bytes(SECRET)]);
        let headers = callback_headers::list_headers(pool, key, project_id).await?;
        assert_eq!(headers[0].value(), "hush");
        for found in destinations::list_destinations(pool, Some(project_id)).await? {
            let mut db = pool.acquire().await.map_err(StoreError::from)?;
            let target = destinations::find_target(&mut db, key, found.id).await?;
            assert!(target.is_some(), "{found:?}");
        }
        for found in extensions::list_extensions(pool, Some(project_id)).await? {
            let secret = extensions::find_secret(pool, key, found.id).await?;
            assert_eq!(secret, Some(SigningSecret::from_bytes([8; 32])));
        }
        let mut db = pool.acquire().await.map_err(StoreError::from)?;
        reference_keys::hash(&mut db, key, project_id, "user_1").await?;
        Ok(())
    }
}

async fn fill(shop: &Shop) {
    let (key, project_id) = (&shop.master_key, shop.owner.project_id);
    let secret = SigningSecret::from_bytes(SECRET);
    signing_secrets::insert_secret(&shop.pool, key, project_id, &secret).await.expect("a secret");
    let header = CallbackHeader::new("X-Gateway-Key", "hush").expect("a header");
    callback_headers::set_header(&shop.pool, key, project_id, &header).await.expect("a header");
    let mut db = shop.pool.acquire().await.expect("a connection");
    let slack = Target::Slack("https://hooks.slack.com/services/T0/B0/s".to_owned());
    let url = "https://alerts.example.com/in".to_owned();
    let webhook = Target::Webhook { url, secrets: vec![SigningSecret::from_bytes([7; 32])] };
    for (target, shown) in [(slack, "hooks.slack.com"), (webhook, "alerts.example.com")] {
        let new =
            NewDestination { target, shown: shown.to_owned(), label: None, every_incident: None };
        let added = destinations::insert_destination(&mut db, key, project_id, &new).await;
        added.expect("a destination");
    }
    let body = json!({ "point": "before_incident", "url": "https://shop.example.com/ask" });
    let body = body.as_object().expect("an object");
    let new = NewExtension::read(body, Mode::Test, &AllowedNetworks::none()).expect("an extension");
    let secret = SigningSecret::from_bytes([8; 32]);
    extensions::insert_extension(&mut db, key, project_id, "cli:bob", &new, Some(&secret))
        .await
        .expect("an extension");
    let alice = shop.hire(ALICE, Role::Admin).await;
    let session = shop.sit_down(alice, 0xA7).await;
    reference_keys::hash(&mut db, key, project_id, "user_1").await.expect("a hash");
    sessions::put_flash(&shop.pool, key, session, MESSAGE).await.expect("a message");
    take_snapshot(shop, "evt_1").await;
    seal_as_releases_before(shop, take_snapshot(shop, "evt_2").await).await;
}

/// Seals a snapshot with the master key.
async fn seal_as_releases_before(shop: &Shop, event_id: EventId) {
    let cell = Cell::snapshot(shop.owner.project_id, event_id);
    let sealed = shop.master_key.seal(&cell, b"{}").expect("sealed");
    let sql = "UPDATE payment_events SET snapshot = $2 WHERE id = $1";
    let done = sqlx::query(sql).bind(event_id.as_uuid()).bind(sealed).execute(&shop.pool).await;
    done.expect("a statement");
}

#[test]
fn who_was_erased_is_read_again_once_its_key_is_sealed_with_another() {
    run(async {
        let rotation = Rotation::open().await;
        let version =
            async || api_keys::find_version(&rotation.shop.pool).await.expect("a version");
        let before = version().await;
        let reseal = async || {
            let column = SealedColumn::ReferenceKey;
            rotation.batch(&rotation.both, column, Selection::OtherKeys).await.resealed
        };
        assert_eq!(reseal().await, 1);
        let after = version().await;
        assert!(after > before, "a process with the newest key alone could not open it before");
        assert_eq!(reseal().await, 0);
        assert_eq!(version().await, after, "nothing changed");
    });
}

#[test]
fn every_column_of_bytes_is_in_the_catalogue_or_holds_no_secret() {
    run(async {
        let shop = Shop::open().await;
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND data_type = 'bytea' AND table_name <> '_sqlx_migrations' ORDER BY 1, 2",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("columns");
        let sealed = SealedColumn::ALL.map(|one| (one.table(), one.column()));
        let mut known: Vec<_> = sealed.into_iter().chain(PLAIN).collect();
        known.sort_unstable();
        let found: Vec<_> = found.iter().map(|(table, column)| (&**table, &**column)).collect();
        assert_eq!(found, known, "a new column is sealed, or said to hold no secret");
    });
}

#[test]
fn every_sealed_value_is_sealed_again_and_opens_without_the_old_key() {
    run(async {
        let rotation = Rotation::open().await;
        rotation.opens(&rotation.both).await.expect("both open");
        let all =
            |version, new: bool| SealedColumn::ALL.map(|column| (column, version, new)).to_vec();
        assert_eq!(rotation.heads().await, all(Version::Two, false));
        let mut after = all(Version::Two, true);
        assert_eq!(after.pop().map(|(column, ..)| column), Some(SealedColumn::Snapshot));
        let (resealed, unopened) = rotation.reseal(&rotation.both, Selection::OtherKeys).await;
        assert_eq!(
            (resealed, unopened),
            (10, Vec::new()),
            "two URLs, and one value of each other column"
        );
        assert_eq!(rotation.heads().await, after, "snapshots are their projects' keys' now");
        rotation.opens(&rotation.new).await.expect("the new one alone opens");
        let failed = rotation.opens(&rotation.old).await.expect_err("the old one does not");
        assert!(failed.is_sealed_elsewhere(), "{failed}");
        let (again, _) = rotation.reseal(&rotation.both, Selection::OtherKeys).await;
        assert_eq!(again, 0, "nothing is left");
    });
}

#[test]
fn envelopes_are_made_as_the_release_before_reads_them_and_back() {
    run(async {
        let rotation = Rotation::open().await;
        // Snapshots do not go back: the release before opens none.
        for (version, of) in [(Version::One, 10), (Version::One, 0), (Version::Two, 9)] {
            let selection = Selection::OtherKeysAndForms(version);
            let (resealed, unopened) = rotation.reseal(&rotation.old, selection).await;
            assert_eq!((resealed, unopened), (of, Vec::new()), "{version:?}");
            assert!(rotation.heads().await.iter().all(|(_, found, _)| *found == version));
            rotation.opens(&rotation.old).await.expect("opened");
        }
        // Where only the key matters, the form stays.
        rotation.reseal(&rotation.old, Selection::OtherKeysAndForms(Version::One)).await;
        assert_eq!(rotation.reseal(&rotation.old, Selection::OtherKeys).await.0, 0);
    });
}

#[test]
fn whoever_writes_while_a_value_is_sealed_again_wins() {
    run(async {
        let rotation = Rotation::open().await;
        let (pool, project_id) = (&rotation.shop.pool, rotation.shop.owner.project_id);
        let mut tx = rotation.shop.begin().await;
        let header = CallbackHeader::new("X-Gateway-Key", "changed").expect("a header");
        callback_headers::set_header(&mut *tx, &rotation.old, project_id, &header)
            .await
            .expect("a header");
        let commit = async {
            until_lock_wait(pool).await;
            pool::commit(tx).await.expect("a commit");
        };
        let column = SealedColumn::CallbackHeader;
        let resealing = rotation.batch(&rotation.both, column, Selection::OtherKeys);
        let (batch, ()) = tokio::join!(resealing, commit);
        assert_eq!(batch.resealed, 0, "what was read is not there any more");
        let headers = callback_headers::list_headers(pool, &rotation.both, project_id).await;
        assert_eq!(headers.expect("headers")[0].value(), "changed");
        let left = rotation.batch(&rotation.both, column, Selection::OtherKeys).await;
        assert_eq!(left.resealed, 1, "the next run seals it again");
        let headers = callback_headers::list_headers(pool, &rotation.new, project_id).await;
        assert_eq!(headers.expect("headers")[0].value(), "changed");
    });
}

#[test]
fn what_does_not_open_is_named_stays_and_holds_nothing_up() {
    run(async {
        let rotation = Rotation::open().await;
        let stranger = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let (pool, project_id) = (&rotation.shop.pool, rotation.shop.owner.project_id);
        let secret = SigningSecret::from_bytes([9; 32]);
        let lost = signing_secrets::insert_secret(pool, &stranger, project_id, &secret).await;
        let lost = lost.expect("a secret").as_uuid().to_string();
        for cut in [
            "UPDATE callback_headers SET sealed = substring(sealed FROM 1 FOR 20)",
            "UPDATE sessions SET flash = set_byte(flash, 0, 9)",
            "UPDATE extensions SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)",
        ] {
            sqlx::query(cut).execute(pool).await.expect("damaged");
        }
        let before: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM extensions")
            .fetch_one(pool)
            .await
            .expect("a secret");
        let (resealed, unopened) = rotation.reseal(&rotation.both, Selection::OtherKeys).await;
        assert_eq!(resealed, 7);
        let said: Vec<_> = unopened.iter().map(|one| (one.column, one.error.clone())).collect();
        assert_eq!(
            said,
            [
                (SealedColumn::SigningSecret, SealError::UnknownKey(stranger.newest())),
                (SealedColumn::CallbackHeader, SealError::Truncated),
                (SealedColumn::ExtensionSecret, SealError::Damaged),
                (SealedColumn::SessionMessage, SealError::UnknownVersion(9)),
            ]
        );
        assert_eq!(unopened[0].row, lost);
        assert!(unopened[1].row.ends_with(" x-gateway-key"), "{}", unopened[1].row);
        let after: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM extensions")
            .fetch_one(pool)
            .await
            .expect("a secret");
        assert_eq!(after, before, "what does not open is not touched");
    });
}

#[test]
fn what_was_moved_to_another_project_does_not_open_there() {
    run(async {
        let rotation = Rotation::open().await;
        let (pool, mine) = (&rotation.shop.pool, rotation.shop.owner.project_id);
        let theirs = uuid::Uuid::now_v7();
        let insert = "INSERT INTO projects (id, name, mode, timeout_minutes) VALUES ($1, 'Charlie', 'test', 30)";
        sqlx::query(insert).bind(theirs).execute(pool).await.expect("a project");
        for table in ["callback_headers", "signing_secrets", "extensions", "destinations"] {
            let sql = format!("UPDATE {table} SET project_id = $2 WHERE project_id = $1");
            let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(mine.as_uuid()).bind(theirs);
            assert!(sql.execute(pool).await.expect("moved").rows_affected() > 0, "{table}");
        }
        let theirs = domain::ids::ProjectId::from_uuid(theirs);
        let headers = callback_headers::list_headers(pool, &rotation.old, theirs).await;
        assert!(headers.expect_err("moved").is_damaged_secret());
        let secrets = signing_secrets::list_valid_secrets(pool, &rotation.old, theirs).await;
        assert!(secrets.expect_err("moved").is_damaged_secret());
        for one in extensions::list_extensions(pool, Some(theirs)).await.expect("a list") {
            let secret = extensions::find_secret(pool, &rotation.old, one.id).await;
            assert!(secret.expect_err("moved").is_damaged_secret());
        }
        let moved = destinations::list_destinations(pool, Some(theirs)).await.expect("a list");
        let mut db = pool.acquire().await.expect("a connection");
        for one in moved.iter().filter(|one| one.kind != "email") {
            let target = destinations::find_target(&mut db, &rotation.old, one.id).await;
            assert!(target.expect_err("moved").is_damaged_secret(), "{one:?}");
        }
    });
}

#[test]
fn a_value_in_the_place_of_another_opens_in_no_column() {
    run(async {
        let rotation = Rotation::open().await;
        let pool = &rotation.shop.pool;
        let mut values: Vec<Vec<u8>> = Vec::new();
        for one in SealedColumn::ALL {
            let (table, column) = (one.table(), one.column());
            let sql =
                format!("SELECT {column} FROM {table} WHERE get_byte({column}, 0) = 2 LIMIT 1");
            let value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await;
            values.push(value.expect("a value"));
        }
        // Each value goes to the column before its own.
        values.rotate_left(1);
        for (one, value) in SealedColumn::ALL.into_iter().zip(&values) {
            let (table, column) = (one.table(), one.column());
            let sql = format!("UPDATE {table} SET {column} = $1 WHERE get_byte({column}, 0) = 2");
            let moved = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).execute(pool).await;
            assert!(moved.expect("a statement").rows_affected() > 0, "{table}");
        }
        let (resealed, unopened) = rotation.reseal(&rotation.both, Selection::OtherKeys).await;
        assert_eq!(resealed, 0, "nothing opened");
        let mut named: Vec<_> = unopened.iter().map(|one| one.column).collect();
        named.dedup();
        assert_eq!(named, SealedColumn::ALL);
        assert!(unopened.iter().all(|one| one.error == SealError::Damaged), "{unopened:?}");
    });
}

#[test]
fn batches_go_on_where_the_one_before_ended() {
    run(async {
        let rotation = Rotation::open().await;
        let (pool, project_id) = (&rotation.shop.pool, rotation.shop.owner.project_id);
        for number in 0..150_u8 {
            let secret = SigningSecret::from_bytes([number; 32]);
            signing_secrets::insert_secret(pool, &rotation.old, project_id, &secret)
                .await
                .expect("a secret");
        }
        let (mut batches, mut next) = (Vec::new(), Some(Cursor::default()));
        while let Some(after) = next {
            let column = SealedColumn::SigningSecret;
            let selection = Selection::OtherKeys;
            let batch =
                sealed_values::reseal_batch(pool, &rotation.both, column, selection, &after).await;
            let batch = batch.expect("a batch");
            batches.push(batch.resealed);
            next = batch.next;
        }
        assert_eq!(batches, [64, 64, 23]);
        let opened = signing_secrets::list_valid_secrets(pool, &rotation.new, project_id).await;
        assert_eq!(opened.expect("secrets").len(), 151);
    });
}

#[test]
fn what_is_sealed_again_in_the_background_waits_until_every_process_seals_with_the_new_key() {
    run(async {
        let rotation = Rotation::open().await;
        let pool = &rotation.shop.pool;
        let (api, worker) = (HolderRun::begin(), HolderRun::begin());
        let beat = async |run, name, key| {
            key_holders::beat(pool, run, name, "0.1.0", key).await.expect("a heartbeat");
        };
        beat(api, "api", &rotation.both).await;
        beat(worker, "worker", &rotation.old).await;
        let seal = async || engine::sealing::reseal(pool, &rotation.both).await.expect("sealed");
        assert_eq!(seal().await, []);
        rotation.opens(&rotation.old).await.expect("nothing was done");
        let listed = key_holders::list_running(pool).await.expect("a list");
        let names: Vec<_> = listed.iter().map(|one| one.process.as_str()).collect();
        assert_eq!(names, ["api", "worker"]);
        assert!(listed.iter().all(|one| one.started_at <= OffsetDateTime::now_utc()));
        key_holders::end(pool, worker).await.expect("ended");
        beat(HolderRun::begin(), "worker", &rotation.both).await;
        assert_eq!(seal().await, []);
        let left = rotation.heads().await.into_iter().filter(|(.., is_new)| !is_new);
        assert_eq!(left.map(|(column, ..)| column).collect::<Vec<_>>(), [SealedColumn::Snapshot]);
        let entry: serde_json::Value = sqlx::query_scalar(
            "SELECT detail FROM audit_entries WHERE action = 'master_key.rotated' AND actor = 'system'",
        )
        .fetch_one(pool)
        .await
        .expect("one entry");
        let key = rotation.new.newest().to_string();
        assert_eq!(
            (&entry["master_key_id"], &entry["resealed"]["destinations"]),
            (&json!(key), &json!(2))
        );
    });
}
