//! Secrets are never plain in the database, and a sealed value opens in its own row only.

use domain::callback_header::{CallbackHeader, HeaderChanges};
use domain::ids::DestinationId;
use domain::operator::Role;
use domain::secret_token::{OperatorToken, SessionToken};
use domain::signature::SigningSecret;
use e2e::{leaks, run};
use serde_json::json;
use store::administration::callback_header::{HeaderRejection, change_headers};
use store::api_keys::KeyOwner;
use store::destinations::{self, NewDestination, Target};
use store::seal::{Cell, SealError};
use store::snapshots::find_snapshot;
use store::transitions::receipt::{Delivery, accept_receipt};
use store::{
    Insertion, MasterKey, StoreError, api_keys, callback_headers, health, operator_tokens, pool,
    sessions, signing_secrets,
};

use super::people::ALICE;
use super::shop::{SECRET, Shop, receipt_with};

const SLACK: &str = "https://hooks.slack.com/services/T0/B0/canarycanary";
const WEBHOOK: &str = "https://alerts.example.com/in?key=canarycanary";
pub const CANARY: &str = "4242-canary-4242";

async fn add_slack(shop: &Shop) -> DestinationId {
    add(shop, Target::Slack(SLACK.to_owned()), "hooks.slack.com").await
}

async fn add_webhook(shop: &Shop) -> DestinationId {
    let secrets = vec![SigningSecret::from_bytes(SECRET)];
    add(shop, Target::Webhook { url: WEBHOOK.to_owned(), secrets }, "alerts.example.com").await
}

async fn add(shop: &Shop, target: Target, shown: &str) -> DestinationId {
    let new = NewDestination { target, shown: shown.to_owned(), label: None, every_incident: None };
    let (key, project_id) = (&shop.master_key, shop.owner.project_id);
    let mut db = shop.pool.acquire().await.expect("a connection");
    let added = destinations::insert_destination(&mut db, key, project_id, &new);
    let Insertion::Inserted(id) = added.await.expect("a destination") else {
        panic!("the database was empty");
    };
    id
}

#[test]
fn a_channel_of_the_release_before_is_named_by_the_end_of_its_webhook() {
    run(async {
        let shop = Shop::open().await;
        let (key, project_id) = (&shop.master_key, shop.owner.project_id);
        let mut db = shop.pool.acquire().await.expect("a connection");
        for end in ["AbCd", "WxYz"] {
            let url = format!("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrst{end}");
            let (target, shown) = (Target::Slack(url), "hooks.slack.com".to_owned());
            let new = NewDestination { target, shown, label: None, every_incident: None };
            let added = destinations::insert_destination(&mut db, key, project_id, &new).await;
            added.expect("a destination");
        }
        let other = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let labelled = destinations::label_slack_destinations(&mut db, &other).await;
        assert_eq!(labelled.expect("a database"), 0, "another key opens none");
        let labelled = destinations::label_slack_destinations(&mut db, key).await;
        assert_eq!(labelled.expect("a database"), 2);
        let labelled = destinations::label_slack_destinations(&mut db, key).await;
        assert_eq!(labelled.expect("a database"), 0, "once");
        let all = destinations::list_destinations(&shop.pool, Some(project_id)).await;
        let labels: Vec<_> = all.expect("a list").into_iter().map(|one| one.label).collect();
        assert_eq!(labels[1..], ["Slack …AbCd", "Slack …WxYz"]);
    });
}

/// Takes a receipt with a snapshot, as a project that keeps them does.
pub async fn take_snapshot(shop: &Shop, event: &str) -> domain::ids::EventId {
    let owner = KeyOwner { snapshots: true, ..shop.owner.clone() };
    let receipt = receipt_with(event, &json!({}));
    let snapshot = json!({ "card": CANARY }).to_string();
    let event_key = receipt.identity("").key();
    let delivery = Delivery { snapshot: Some(&snapshot), ..Delivery::new(&receipt, &event_key) };
    let mut tx = shop.begin().await;
    let taken = accept_receipt(&mut tx, &shop.master_key, &owner, delivery).await;
    pool::commit(tx).await.expect("a commit");
    taken.expect("a receipt").event_id
}

#[test]
fn no_secret_and_no_snapshot_is_plain_anywhere() {
    run(async {
        let shop = Shop::open().await;
        add_slack(&shop).await;
        take_snapshot(&shop, "evt_1").await;
        let key = e2e::world::new_key().expect("a key");
        api_keys::insert_key(&shop.pool, shop.owner.project_id, "second", &key)
            .await
            .expect("a key");
        let alice = shop.hire(ALICE, Role::Admin).await;
        let session = shop.sit_down(alice, 0xA7).await;
        sessions::put_flash(&shop.pool, &shop.master_key, session, CANARY)
            .await
            .expect("a message");
        let header = CallbackHeader::new("X-Gateway-Key", CANARY).expect("a header");
        let project = shop.owner.project_id;
        callback_headers::set_header(&shop.pool, &shop.master_key, project, &header)
            .await
            .expect("a header");
        let own = OperatorToken::from_random(&[7; 64]).expect("a token");
        operator_tokens::insert_token(&shop.pool, alice, "pager", &own).await.expect("a token");
        let all = leaks::dump(&shop.pool).await;
        assert!(all.contains("evt_1") && all.contains("hooks.slack.com"), "the dump holds rows");
        assert!(all.contains("X-Gateway-Key"), "names of headers are plain");
        let secret = SigningSecret::from_bytes(SECRET).reveal();
        let cookie = SessionToken::from_bytes([0xA7; 32]).reveal();
        let held = [&key.reveal()[8..], &own.reveal()[3..], &cookie];
        for plain in [&secret[6..], "canarycanary", CANARY].into_iter().chain(held) {
            assert!(!all.contains(plain), "{plain} is plain");
            assert!(!all.contains(&hex::encode(plain)), "{plain} is plain in bytes");
        }
        for bytes in [SECRET, [0xA7; 32]] {
            assert!(!all.contains(&hex::encode(bytes)), "the key's bytes are plain");
        }
    });
}

#[test]
fn a_signing_secret_copied_to_another_row_does_not_open() {
    run(async {
        let shop = Shop::open().await;
        let (key, project_id) = (&shop.master_key, shop.owner.project_id);
        let second = SigningSecret::from_bytes([7; 32]);
        signing_secrets::insert_secret(&shop.pool, key, project_id, &second)
            .await
            .expect("a secret");
        let list = async || signing_secrets::list_valid_secrets(&shop.pool, key, project_id).await;
        let secrets = list().await.expect("secrets");
        assert_eq!(secrets, [second, SigningSecret::from_bytes(SECRET)], "newest first");
        sqlx::query("UPDATE signing_secrets SET sealed = (SELECT sealed FROM signing_secrets ORDER BY id LIMIT 1)")
            .execute(&shop.pool)
            .await
            .expect("copied");
        assert!(matches!(list().await, Err(StoreError::Seal(_))));
    });
}

#[test]
fn a_callback_header_opens_in_its_row_and_with_every_key_of_the_list() {
    run(async {
        let shop = Shop::open().await;
        let project = shop.owner.project_id;
        let header = |name, value| CallbackHeader::new(name, value).expect("a header");
        let (one, other) = (header("X-One", CANARY), header("X-Two", "another"));
        for header in [&one, &other] {
            callback_headers::set_header(&shop.pool, &shop.master_key, project, header)
                .await
                .expect("a header");
        }
        let list =
            async |key: &MasterKey| callback_headers::list_headers(&shop.pool, key, project).await;
        let opened = list(&shop.master_key).await.expect("headers");
        assert_eq!(opened, [one.clone(), other]);

        // The key is replaced: what comes is sealed with the new one, and both open.
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let old_key = MasterKey::parse(&old).expect("a key");
        let rotated = MasterKey::parse(&format!("{new},{old}")).expect("keys");
        callback_headers::set_header(&shop.pool, &old_key, project, &one).await.expect("a header");
        let second = header("X-Two", "rotated");
        callback_headers::set_header(&shop.pool, &rotated, project, &second).await.expect("one");
        assert_eq!(list(&rotated).await.expect("headers"), [one, second]);
        let new_alone = MasterKey::parse(&new).expect("a key");
        assert!(matches!(list(&new_alone).await, Err(StoreError::Seal(_))));

        sqlx::query("UPDATE callback_headers SET sealed = (SELECT sealed FROM callback_headers WHERE name = 'x-one')")
            .execute(&shop.pool)
            .await
            .expect("copied");
        assert!(matches!(list(&rotated).await, Err(StoreError::Seal(_))));
    });
}

#[test]
fn two_people_at_once_do_not_pass_the_limit_together() {
    run(async {
        let shop = Shop::open().await;
        let project = shop.owner.project_id;
        let set = async |names: std::ops::Range<usize>| {
            let header = |at| CallbackHeader::new(&format!("X-{at}"), "x").expect("a header");
            let changes = HeaderChanges { set: names.map(header).collect(), removed: Vec::new() };
            let mut tx = shop.begin().await;
            let actor = super::people::alice();
            let done = change_headers(&mut tx, &actor, &shop.master_key, project, &changes).await;
            let done = done.map_err(|error| error.rejection().expect("a database"));
            if done == Ok(true) {
                pool::commit(tx).await.expect("a commit");
            }
            done
        };
        let (one, other) = tokio::join!(set(0..6), set(6..12));
        let too_many = Err(HeaderRejection::TooMany);
        assert!(one == too_many || other == too_many, "{one:?} {other:?}");
        let count = "SELECT count(*) FROM callback_headers";
        let count: i64 = sqlx::query_scalar(count).fetch_one(&shop.pool).await.expect("a count");
        assert_eq!(count, 6);
    });
}

#[test]
fn an_expired_signing_secret_signs_no_more() {
    run(async {
        let shop = Shop::open().await;
        sqlx::query("UPDATE signing_secrets SET expires_at = now()")
            .execute(&shop.pool)
            .await
            .expect("expired");
        let (key, project_id) = (&shop.master_key, shop.owner.project_id);
        let secrets = signing_secrets::list_valid_secrets(&shop.pool, key, project_id).await;
        assert_eq!(secrets.expect("secrets"), []);
    });
}

#[test]
fn a_slack_url_copied_to_another_row_does_not_open() {
    run(async {
        let shop = Shop::open().await;
        let (first, second) = (add_slack(&shop).await, add_slack(&shop).await);
        let find = async |id| {
            let mut db = shop.pool.acquire().await.expect("a connection");
            destinations::find_target(&mut db, &shop.master_key, id).await
        };
        let found = find(first).await.expect("a target").expect("a target");
        assert_eq!(found.target, Target::Slack(SLACK.to_owned()));
        sqlx::query("UPDATE destinations SET sealed = (SELECT sealed FROM destinations WHERE id = $1) WHERE id = $2")
            .bind(first.as_uuid())
            .bind(second.as_uuid())
            .execute(&shop.pool)
            .await
            .expect("copied");
        assert!(matches!(find(second).await, Err(StoreError::Seal(_))));
    });
}

#[test]
fn a_webhook_does_not_open_as_slacks_and_its_secrets_open_in_their_rows_only() {
    run(async {
        let shop = Shop::open().await;
        let (first, second) = (add_webhook(&shop).await, add_webhook(&shop).await);
        let find = async |id| {
            let mut db = shop.pool.acquire().await.expect("a connection");
            destinations::find_target(&mut db, &shop.master_key, id).await
        };
        let secrets = vec![SigningSecret::from_bytes(SECRET)];
        let found = find(first).await.expect("a target").expect("a target");
        assert_eq!(found.target, Target::Webhook { url: WEBHOOK.to_owned(), secrets });
        // What a worker of the release before does with every sealed URL.
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM destinations WHERE id = $1")
            .bind(first.as_uuid())
            .fetch_one(&shop.pool)
            .await
            .expect("a URL");
        let slacks = Cell::destination_url(shop.owner.project_id, "slack", first);
        assert_eq!(shop.master_key.open(&slacks, &sealed), Err(SealError::Damaged));
        let copy = "UPDATE destination_secrets SET sealed =
            (SELECT sealed FROM destination_secrets WHERE destination_id = $1) WHERE destination_id = $2";
        sqlx::query(copy)
            .bind(first.as_uuid())
            .bind(second.as_uuid())
            .execute(&shop.pool)
            .await
            .expect("copied");
        assert!(matches!(find(second).await, Err(StoreError::Seal(_))));
    });
}

#[test]
fn a_snapshot_opens_with_the_name_of_its_own_event_only() {
    run(async {
        let shop = Shop::open().await;
        let (first, second) =
            (take_snapshot(&shop, "evt_1").await, take_snapshot(&shop, "evt_2").await);
        let sealed: Vec<u8> =
            sqlx::query_scalar("SELECT snapshot FROM payment_events WHERE id = $1")
                .bind(first.as_uuid())
                .fetch_one(&shop.pool)
                .await
                .expect("a snapshot");
        let mut db = shop.pool.acquire().await.expect("a connection");
        let opened = find_snapshot(&mut db, &shop.master_key, first).await.expect("opened");
        assert_eq!(opened, Some(format!(r#"{{"card":"{CANARY}"}}"#)));
        let moved = "UPDATE payment_events SET snapshot = $2 WHERE id = $1";
        let moved = sqlx::query(moved).bind(second.as_uuid()).bind(sealed);
        moved.execute(&shop.pool).await.expect("moved");
        let opened = find_snapshot(&mut db, &shop.master_key, second).await;
        assert!(opened.expect_err("moved").is_damaged_secret());
    });
}

#[test]
fn what_another_key_sealed_is_counted_of_each_kind() {
    run(async {
        let shop = Shop::open().await;
        let (old, project_id) = (&shop.master_key, shop.owner.project_id);
        add_slack(&shop).await;
        let webhook = add_webhook(&shop).await;
        let header = CallbackHeader::new("X-Gateway-Key", CANARY).expect("a header");
        callback_headers::set_header(&shop.pool, old, project_id, &header).await.expect("set");
        let new = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let count = async |key: &MasterKey| {
            health::count_foreign_secrets(&shop.pool, key).await.expect("a count")
        };
        assert_eq!((count(old).await, count(&new).await), (0, 5));
        // The newest opens with the new key alone; the others are counted all the same.
        let secret = SigningSecret::from_bytes(SECRET);
        let rotated = signing_secrets::insert_secret(&shop.pool, &new, project_id, &secret).await;
        rotated.expect("a secret");
        assert_eq!((count(old).await, count(&new).await), (1, 5));
        // What belongs to a removed destination is opened no more.
        let removed = destinations::remove_destination(&shop.pool, webhook).await;
        removed.expect("removed");
        assert_eq!((count(old).await, count(&new).await), (1, 3));
    });
}
