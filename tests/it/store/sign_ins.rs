//! Guesses at passwords.

use domain::retention::Rule;
use e2e::run;
use futures::future::join_all;
use store::sign_ins::{SignInAttempt, begin_attempt, clear_failures};
use time::OffsetDateTime;

use super::people::{ALICE, BOB};
use super::shop::Shop;

async fn attempt(shop: &Shop, email: &str) -> SignInAttempt {
    begin_attempt(&shop.pool, email).await.expect("a database")
}

/// Until when this address is locked, looked up without an attempt.
async fn end_of_lock(shop: &Shop, email: &str) -> Option<OffsetDateTime> {
    let sql = "SELECT locked_until FROM sign_in_failures
         WHERE email_hash = sha256($1::text::bytea) AND locked_until > clock_timestamp()";
    let until = sqlx::query_scalar(sql).bind(email).fetch_optional(&shop.pool);
    until.await.expect("a database")
}

async fn locked(shop: &Shop, email: &str) -> bool {
    end_of_lock(shop, email).await.is_some()
}

/// Lets what happened lie further in the past.
async fn age(shop: &Shop, by: &str) {
    let sql = format!(
        "UPDATE sign_in_failures SET first_failed_at = first_failed_at - interval '{by}',
             locked_until = locked_until - interval '{by}'"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
}

#[test]
fn the_fifth_failure_locks_an_address_for_a_quarter_of_an_hour() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..4 {
            assert_eq!(attempt(&shop, ALICE).await, SignInAttempt::Allowed);
        }
        assert!(!locked(&shop, ALICE).await);
        let SignInAttempt::Last { locked_until } = attempt(&shop, "Alice@CometCart.test ").await
        else {
            panic!("the fifth one locks, whatever its case");
        };
        let wait = locked_until - OffsetDateTime::now_utc();
        assert!((14..=15).contains(&wait.whole_minutes()), "{wait}");
        for _ in 0..10 {
            assert_eq!(attempt(&shop, ALICE).await, SignInAttempt::Locked { until: locked_until });
        }
        let until = end_of_lock(&shop, ALICE).await;
        assert_eq!(until, Some(locked_until), "guessing on does not make it longer");
        assert_eq!(attempt(&shop, BOB).await, SignInAttempt::Allowed, "only this address");
        age(&shop, "15 minutes").await;
        assert!(!locked(&shop, ALICE).await);
        for _ in 0..4 {
            assert_eq!(
                attempt(&shop, ALICE).await,
                SignInAttempt::Allowed,
                "counted from the start"
            );
        }
        assert!(matches!(attempt(&shop, ALICE).await, SignInAttempt::Last { .. }));
    });
}

#[test]
fn failures_count_together_for_a_quarter_of_an_hour() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..4 {
            attempt(&shop, ALICE).await;
        }
        age(&shop, "14 minutes").await;
        assert!(matches!(attempt(&shop, ALICE).await, SignInAttempt::Last { .. }));
        for _ in 0..4 {
            attempt(&shop, BOB).await;
        }
        age(&shop, "15 minutes").await;
        assert_eq!(attempt(&shop, BOB).await, SignInAttempt::Allowed);
        assert!(!locked(&shop, BOB).await);
    });
}

#[test]
fn of_twenty_guesses_at_once_five_are_looked_at_and_one_locks() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..10 {
            let email = format!("dora{round}@cometcart.test");
            let all = join_all((0..20).map(|_| attempt(&shop, &email))).await;
            let allowed = all.iter().filter(|one| **one == SignInAttempt::Allowed).count();
            let last = all.iter().filter(|one| matches!(one, SignInAttempt::Last { .. })).count();
            assert_eq!((allowed, last), (4, 1), "round {round}: {all:?}");
            assert!(locked(&shop, &email).await);
        }
    });
}

#[test]
fn a_right_password_forgets_the_wrong_ones() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(attempt(&shop, ALICE).await, SignInAttempt::Allowed);
            }
            clear_failures(&shop.pool, ALICE).await.expect("cleared");
        }
        for _ in 0..5 {
            attempt(&shop, ALICE).await;
        }
        clear_failures(&shop.pool, ALICE).await.expect("cleared");
        assert!(!locked(&shop, ALICE).await, "the fifth one may be the right one");
    });
}

#[test]
fn what_was_typed_is_not_kept_and_old_failures_are_forgotten() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..5 {
            attempt(&shop, "correct horse battery").await;
        }
        attempt(&shop, ALICE).await;
        let kept: String =
            sqlx::query_scalar("SELECT string_agg(f::text, ' ') FROM sign_in_failures f")
                .fetch_one(&shop.pool)
                .await
                .expect("rows");
        assert!(!kept.contains("horse") && !kept.contains(&hex::encode("horse")), "{kept}");
        assert_eq!(shop.delete_due(Rule::SignInFailures).await, 0);
        age(&shop, "25 hours").await;
        attempt(&shop, BOB).await;
        assert_eq!(shop.delete_due(Rule::SignInFailures).await, 2);
    });
}
