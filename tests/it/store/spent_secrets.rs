//! What signs or opens nothing any more is overwritten, and what does stays.

use domain::extension::NewExtension;
use domain::operator::Role;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use e2e::run;
use serde_json::json;
use store::destinations::{NewDestination, Target, insert_destination};
use store::extensions::insert_extension;
use store::sealed_values::forget_unused;
use store::sessions::{put_flash, take_flash};
use store::signing_secrets::{list_valid_secrets, open_newest, rotate_secret};

use super::people::ALICE;
use super::retention::sql;
use super::shop::Shop;

const KEPT: &str = "SELECT count(*) FROM (SELECT sealed FROM signing_secrets UNION ALL SELECT sealed FROM destinations
    UNION ALL SELECT sealed FROM destination_secrets UNION ALL SELECT sealed FROM extensions) AS held WHERE sealed <> ''";

fn secret(bytes: u8) -> SigningSecret {
    SigningSecret::from_bytes([bytes; 32])
}

/// How many secrets are left once those that are spent were overwritten.
async fn left(shop: &Shop) -> i64 {
    forget_unused(&shop.pool).await.expect("a database");
    sqlx::query_scalar(KEPT).fetch_one(&shop.pool).await.expect("a count")
}

/// A webhook with its secret, and an extension.
async fn fill(shop: &Shop) {
    let (key, project_id) = (&shop.master_key, shop.owner.project_id);
    let mut db = shop.pool.acquire().await.expect("a connection");
    let url = "https://alerts.example.com/in".to_owned();
    let target = Target::Webhook { url, secrets: vec![secret(7)] };
    let shown = "alerts.example.com".to_owned();
    let new = NewDestination { target, shown, label: None, every_incident: None };
    insert_destination(&mut db, key, project_id, &new).await.expect("a destination");
    let body = json!({ "point": "before_incident", "url": "https://shop.example.com/ask" });
    let body = body.as_object().expect("an object");
    let new = NewExtension::read(body, Mode::Test, &AllowedNetworks::none()).expect("an extension");
    insert_extension(&mut db, key, project_id, "cli:bob", &new, Some(&secret(8)))
        .await
        .expect("an extension");
}

#[test]
fn secrets_that_expired_or_whose_owner_was_removed_are_overwritten() {
    run(async {
        let shop = Shop::open().await;
        fill(&shop).await;
        let (key, project_id) = (&shop.master_key, shop.owner.project_id);
        let mut tx = shop.begin().await;
        let current = rotate_secret(&mut tx, key, project_id, &secret(2)).await.expect("rotated");
        tx.commit().await.expect("a commit");
        assert_eq!(left(&shop).await, 5, "all of them sign or open something");
        for (minutes, expected) in [(59, 5), (61, 4)] {
            sql(
                &shop,
                format!(
                    "UPDATE signing_secrets SET expires_at = now() - interval '{minutes} minutes'
                     WHERE expires_at IS NOT NULL"
                ),
            )
            .await;
            assert_eq!(left(&shop).await, expected, "{minutes} minutes later");
        }
        let removed =
            "UPDATE destinations SET removed_at = now(); UPDATE extensions SET removed_at = now()";
        sql(&shop, removed.to_owned()).await;
        assert_eq!(left(&shop).await, 1);
        let signing = list_valid_secrets(&shop.pool, key, project_id).await.expect("secrets");
        assert_eq!(signing, [secret(2)]);
        assert_eq!(open_newest(&shop.pool, key).await.expect("it opens"), Some(current));
    });
}

#[test]
fn a_message_that_nobody_read_goes_with_its_session() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let (read, left) = (shop.sit_down(alice, 0xA7).await, shop.sit_down(alice, 0xA8).await);
        for session in [read, left] {
            put_flash(&shop.pool, &shop.master_key, session, "a key").await.expect("a message");
        }
        sql(
            &shop,
            format!(
                "UPDATE sessions SET last_seen_at = now() - interval '13 hours' WHERE id = '{}'",
                left.as_uuid()
            ),
        )
        .await;
        forget_unused(&shop.pool).await.expect("a database");
        for (session, expected) in [(read, Some("a key")), (left, None)] {
            let message = take_flash(&shop.pool, &shop.master_key, session).await;
            assert_eq!(message.expect("a database").as_deref(), expected);
        }
    });
}

#[test]
fn of_the_password_of_an_operator_who_was_removed_nothing_is_kept() {
    run(async {
        let shop = Shop::open().await;
        let gone = shop.hire(ALICE, Role::Admin).await;
        sql(
            &shop,
            format!("UPDATE operators SET removed_at = now() WHERE id = '{}'", gone.as_uuid()),
        )
        .await;
        let again = shop.hire(ALICE, Role::Admin).await;
        forget_unused(&shop.pool).await.expect("a database");
        for (id, is_kept) in [(gone, false), (again, true)] {
            let hash: String =
                sqlx::query_scalar("SELECT password_hash FROM operators WHERE id = $1")
                    .bind(id.as_uuid())
                    .fetch_one(&shop.pool)
                    .await
                    .expect("a hash");
            assert_eq!(!hash.is_empty(), is_kept);
        }
    });
}
