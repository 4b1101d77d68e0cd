//! The secret that signs callbacks is rotated while they go out: an endpoint that checks with the eight lines of
//! `docs/security.md` rejects none of them, whether it has the old secret or the new one, until the old one is
//! revoked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::audit::Actor;
use domain::ids::SecretId;
use domain::signature::SigningSecret;
use e2e::receiver::Received;
use e2e::{World, eventually, run};
use serde_json::json;
use store::administration::secret::{revoke_secret, rotate_secret};
use store::pool::transaction;
use store::{MasterKey, signing_secrets};

use super::verifying::{Check, judge};

/// A callback as an endpoint gets it.
struct Signed {
    body: String,
    sent: i64,
    nonce: String,
    signature: String,
}

impl Signed {
    fn read(callback: &Received) -> Self {
        Self {
            body: String::from_utf8(callback.body.clone()).expect("text"),
            sent: callback.header("x-sp-timestamp").parse().expect("a moment"),
            nonce: callback.header("x-sp-nonce").to_owned(),
            signature: callback.header("x-sp-signature").to_owned(),
        }
    }

    fn checked_with<'a>(&'a self, secret: &'a SigningSecret) -> Check<'a> {
        let Self { body, sent, nonce, signature } = self;
        Check { secret, body, sent: *sent, nonce, signature }
    }
}

async fn rotate(world: &World, to: &SigningSecret) {
    let key = MasterKey::parse(&world.master_key).expect("a key");
    let rotated = transaction(&world.pool, async |tx| {
        rotate_secret(tx, &Actor::Cli("alice".to_owned()), &key, world.project.id, to).await
    });
    rotated.await.expect("a rotation");
}

/// The older secret that still signs.
async fn replaced(world: &World) -> SecretId {
    let all = signing_secrets::list_secrets(&world.pool, world.project.id).await.expect("secrets");
    all.into_iter().find(|one| one.expires_at.is_some()).expect("an older one").id
}

async fn revoke(world: &World, id: SecretId) {
    let revoked = transaction(&world.pool, async |tx| {
        revoke_secret(tx, &Actor::Cli("alice".to_owned()), world.project.id, id).await
    });
    assert!(revoked.await.expect("a database"));
}

/// One customer after the other whose effect fails and is reprocessed, until it is enough.
async fn sell(world: &World, enough: &AtomicBool, sold: &AtomicUsize) {
    while !enough.load(Ordering::Relaxed) {
        let event = world.receipt(&format!("evt_{}", sold.load(Ordering::Relaxed))).await;
        let incident = world.fail(event, json!({})).await;
        world.reprocess(incident).await;
        let number = sold.fetch_add(1, Ordering::Relaxed) + 1;
        world.repair.keep_up_with(number).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until every callback that was asked for so far, and five more, came in; how many came.
async fn until_more(world: &World, sold: &AtomicUsize) -> usize {
    let wanted = sold.load(Ordering::Relaxed) + 5;
    eventually("more callbacks", async || {
        let came = world.repair.received().len();
        (came >= wanted).then_some(came)
    })
    .await
}

#[test]
fn no_callback_is_rejected_while_the_signing_secret_is_rotated_twice_under_load() {
    run(async {
        let world = World::start().await;
        let (first, second) = (world.secret.clone(), SigningSecret::from_bytes([2; 32]));
        let third = SigningSecret::from_bytes([3; 32]);
        let (enough, sold) = (AtomicBool::new(false), AtomicUsize::new(0));
        let change = async {
            let mut at = vec![until_more(&world, &sold).await];
            rotate(&world, &second).await;
            at.push(until_more(&world, &sold).await);
            at.push(until_more(&world, &sold).await);
            revoke(&world, replaced(&world).await).await;
            at.push(until_more(&world, &sold).await);
            rotate(&world, &third).await;
            at.push(until_more(&world, &sold).await);
            at.push(until_more(&world, &sold).await);
            enough.store(true, Ordering::Relaxed);
            at
        };
        let (at, ()) = tokio::join!(change, sell(&world, &enough, &sold));
        let all = world.repair.wait_for(sold.load(Ordering::Relaxed)).await;
        // Until after the first rotation an endpoint has the first secret; then it is given the second, and
        // keeps it through a revocation and another rotation, whose new secret it is given last.
        let all: Vec<_> = all.iter().map(Signed::read).collect();
        let times = [(&first, 0..at[2]), (&second, at[1]..all.len()), (&third, at[4]..all.len())];
        let asked =
            || times.iter().flat_map(|(secret, range)| range.clone().map(move |n| (*secret, n)));
        let taken = judge(asked().map(|(secret, number)| all[number].checked_with(secret)));
        let wrong: Vec<_> = asked()
            .zip(&taken)
            .filter(|(_, taken)| !**taken)
            .map(|((_, number), _)| number)
            .collect();
        assert!(wrong.is_empty(), "callbacks {wrong:?} of {at:?}");
        assert_eq!(taken.len(), asked().count());
        let last = all.last().expect("callbacks").checked_with(&first);
        assert_eq!(judge([last]), [false], "a revoked secret signs no more");
        let sql = "SELECT count(*) FROM audit_entries WHERE action = 'callback.failed'";
        let failed: i64 = sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(failed, 0);
    });
}
