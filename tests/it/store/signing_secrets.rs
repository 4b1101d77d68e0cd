//! Rotating the secret that signs callbacks.

use domain::ids::{ProjectId, SecretId};
use domain::signature::SigningSecret;
use e2e::{run, until_lock_wait};
use store::signing_secrets::{list_secrets, list_valid_secrets, revoke_secret, rotate_secret};
use store::{StoreError, pool};
use time::Duration;

use super::shop::{RunningReprocess, SECRET, Shop};

fn secret(bytes: u8) -> SigningSecret {
    SigningSecret::from_bytes([bytes; 32])
}

async fn rotate(shop: &Shop, to: &SigningSecret) -> SecretId {
    let mut tx = shop.begin().await;
    let id = rotate_secret(&mut tx, &shop.master_key, shop.owner.project_id, to).await;
    pool::commit(tx).await.expect("a commit");
    id.expect("a rotation")
}

async fn revoke(shop: &Shop, id: SecretId) -> bool {
    revoke_secret(&shop.pool, shop.owner.project_id, id).await.expect("a database")
}

/// The valid secrets, and how long each goes on.
async fn valid(shop: &Shop) -> Vec<(SecretId, Option<Duration>)> {
    let listed = list_secrets(&shop.pool, shop.owner.project_id).await.expect("a list");
    let now = time::OffsetDateTime::now_utc();
    listed.into_iter().map(|one| (one.id, one.expires_at.map(|at| at - now))).collect()
}

async fn what_signs(shop: &Shop) -> Vec<SigningSecret> {
    let signing = list_valid_secrets(&shop.pool, &shop.master_key, shop.owner.project_id).await;
    signing.expect("secrets")
}

#[test]
fn a_replaced_secret_signs_for_another_day_unless_it_is_revoked() {
    run(async {
        let shop = Shop::open().await;
        let [(first, None)] = valid(&shop).await[..] else { panic!("one that does not expire") };
        assert!(!revoke(&shop, first).await, "nothing would sign");
        let second = rotate(&shop, &secret(2)).await;
        let listed = valid(&shop).await;
        let [(current, None), (older, Some(rest))] = listed[..] else { panic!("{listed:?}") };
        assert_eq!((current, older), (second, first));
        assert_eq!((rest + Duration::minutes(1)).whole_hours(), 24, "{rest}");
        assert_eq!(what_signs(&shop).await, [secret(2), SigningSecret::from_bytes(SECRET)]);
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        let work = shop
            .begin_attempt(RunningReprocess { event_id, replay_id }, "n1")
            .await
            .expect("an attempt");
        assert_eq!(work.secrets, what_signs(&shop).await, "every valid secret signs a callback");
        assert!(!revoke(&shop, second).await, "the current one stays");
        assert!(revoke(&shop, first).await);
        assert!(!revoke(&shop, first).await, "only once");
        assert_eq!(what_signs(&shop).await, [secret(2)]);
    });
}

#[test]
fn a_second_rotation_makes_no_secret_last_longer() {
    run(async {
        let shop = Shop::open().await;
        rotate(&shop, &secret(2)).await;
        sqlx::query("UPDATE signing_secrets SET expires_at = now() + interval '1 hour' WHERE expires_at IS NOT NULL")
            .execute(&shop.pool)
            .await
            .expect("23 hours later");
        rotate(&shop, &secret(3)).await;
        let hours: Vec<_> = valid(&shop)
            .await
            .into_iter()
            .map(|(_, rest)| rest.map(|rest| (rest + Duration::minutes(1)).whole_hours()))
            .collect();
        assert_eq!(hours, [None, Some(24), Some(1)]);
    });
}

#[test]
fn of_two_people_who_rotate_at_once_the_later_one_has_the_current_secret() {
    run(async {
        let shop = Shop::open().await;
        let mut first = shop.begin().await;
        let project_id = shop.owner.project_id;
        let one = rotate_secret(&mut first, &shop.master_key, project_id, &secret(2)).await;
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(first).await.expect("a commit");
        };
        let third = secret(3);
        let (other, ()) = tokio::join!(rotate(&shop, &third), commit);
        let listed = valid(&shop).await;
        let current: Vec<_> = listed.iter().filter(|(_, rest)| rest.is_none()).collect();
        assert_eq!(current, [&(other, None)]);
        assert!(
            listed
                .iter()
                .any(|(id, rest)| *id == one.as_ref().copied().expect("a rotation")
                    && rest.is_some())
        );
        assert_eq!(listed.len(), 3);
    });
}

#[test]
fn a_secret_belongs_to_its_project() {
    run(async {
        let shop = Shop::open().await;
        let [(first, _)] = valid(&shop).await[..] else { panic!("one secret") };
        rotate(&shop, &secret(2)).await;
        let charlies = ProjectId::from_uuid(uuid::Uuid::now_v7());
        assert!(!revoke_secret(&shop.pool, charlies, first).await.expect("a database"));
        assert_eq!(valid(&shop).await.len(), 2);
        assert_eq!(list_secrets(&shop.pool, charlies).await.expect("a list"), []);
        let mut tx = shop.begin().await;
        let lost = rotate_secret(&mut tx, &shop.master_key, charlies, &secret(3)).await;
        assert!(matches!(lost, Err(StoreError::Missing("projects"))), "{lost:?}");
    });
}
