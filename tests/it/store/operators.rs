//! Operators: added, changed, removed, and never without an admin.

use domain::ids::OperatorId;
use domain::operator::Role;
use domain::secret_token::OperatorToken;
use e2e::{run, until_lock_wait};
use futures::future::join_all;
use store::administration::operator as administration;
use store::administration::session::sign_in;
use store::administration::token::create_token;
use store::operators::{
    OperatorChange, change_password, change_role, find_login, find_operator, list_operators,
    remove_operator,
};
use store::sessions::find_session;
use store::{Insertion, StoreError, operator_tokens, pool};

use super::people::{ALICE, BOB, CHARLIE, alice, token_hash};
use super::shop::Shop;

/// The outcome of a change, as one label.
fn word(change: &Result<OperatorChange, StoreError>) -> &'static str {
    match change.as_ref().expect("a database") {
        OperatorChange::Done(_) => "done",
        OperatorChange::LastAdmin => "last admin",
        OperatorChange::Unknown => "unknown",
    }
}

async fn demote(shop: &Shop, id: OperatorId) -> &'static str {
    let mut tx = shop.begin().await;
    let change = change_role(&mut tx, id, Role::Operator).await;
    pool::commit(tx).await.expect("a commit");
    word(&change)
}

async fn remove(shop: &Shop, id: OperatorId) -> &'static str {
    let mut tx = shop.begin().await;
    let change = remove_operator(&mut tx, id).await;
    pool::commit(tx).await.expect("a commit");
    word(&change)
}

async fn admins(shop: &Shop) -> usize {
    let all = list_operators(&shop.pool).await.expect("a list");
    all.iter().filter(|operator| operator.role == Role::Admin).count()
}

#[test]
fn an_address_belongs_to_one_operator_whoever_adds_them_first() {
    run(async {
        let shop = Shop::open().await;
        let bob = shop.hire(BOB, Role::Operator).await;
        assert_eq!(shop.try_hire(BOB, Role::Admin).await, Insertion::Existing(bob));
        let found = find_operator(&shop.pool, bob).await.expect("a database").expect("bob");
        assert_eq!((found.email.as_str(), found.role), (BOB, Role::Operator), "nothing changed");
        for round in 0..10 {
            let email = format!("dora{round}@cometcart.test");
            let all = join_all((0..8).map(|_| shop.try_hire(&email, Role::Viewer))).await;
            let added = all.iter().filter(|one| matches!(one, Insertion::Inserted(_))).count();
            assert_eq!(added, 1, "{all:?}");
        }
    });
}

#[test]
fn a_removed_operator_is_nowhere_and_whoever_gets_the_address_is_somebody_else() {
    run(async {
        let shop = Shop::open().await;
        shop.hire(ALICE, Role::Admin).await;
        let bob = shop.hire(BOB, Role::Operator).await;
        shop.sit_down(bob, 1).await;
        let known = shop.login(BOB).await;
        let token = OperatorToken::from_random(&[7; 64]).expect("a token");
        operator_tokens::insert_token(&shop.pool, bob, "pager", &token).await.expect("a token");
        assert_eq!(remove(&shop, bob).await, "done");
        assert_eq!(remove(&shop, bob).await, "unknown");
        assert_eq!(demote(&shop, bob).await, "unknown");
        assert!(find_login(&shop.pool, BOB).await.expect("a database").is_none());
        assert!(find_operator(&shop.pool, bob).await.expect("a database").is_none());
        assert!(!change_password(&shop.pool, &known, "new").await.expect("a database"));
        let listed = list_operators(&shop.pool).await.expect("a list");
        assert_eq!(listed.len(), 1);

        let again = shop.hire(BOB, Role::Viewer).await;
        assert_ne!(again, bob);
        let session = find_session(&shop.pool, &token_hash(1), true).await.expect("a database");
        assert_eq!(session, None, "the old session stays over");
        let owner = operator_tokens::find_token_owner(&shop.pool, &token.hash()).await;
        assert_eq!(owner.expect("a database"), None, "the old token stays revoked");
    });
}

#[test]
fn the_last_admin_can_be_neither_demoted_nor_removed() {
    run(async {
        let shop = Shop::open().await;
        let (alice, bob) =
            (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Operator).await);
        for _ in 0..2 {
            assert_eq!(
                (demote(&shop, alice).await, remove(&shop, alice).await),
                ("last admin", "last admin")
            );
        }
        let mut tx = shop.begin().await;
        let stays = change_role(&mut tx, alice, Role::Admin).await;
        assert_eq!(word(&stays), "done", "an admin may stay one");
        let promoted = change_role(&mut tx, bob, Role::Admin).await;
        let OperatorChange::Done(before) = promoted.expect("a database") else {
            panic!("bob may become one");
        };
        assert_eq!((before.id, before.role), (bob, Role::Operator));
        pool::commit(tx).await.expect("a commit");
        assert_eq!(demote(&shop, alice).await, "done");
        assert_eq!(remove(&shop, bob).await, "last admin");
        assert_eq!(remove(&shop, alice).await, "done");
        assert_eq!(admins(&shop).await, 1);
    });
}

#[test]
fn a_removed_admin_does_not_count_as_one() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let charlie = shop.hire(CHARLIE, Role::Admin).await;
        assert_eq!(remove(&shop, charlie).await, "done");
        assert_eq!(demote(&shop, alice).await, "last admin");
    });
}

#[test]
fn two_admins_who_demote_each_other_at_once_leave_one() {
    run(async {
        let shop = Shop::open().await;
        let (alice, bob) = (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Admin).await);
        let mut first = shop.begin().await;
        assert_eq!(word(&change_role(&mut first, bob, Role::Viewer).await), "done");
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(first).await.expect("a commit");
        };
        let (second, ()) = tokio::join!(demote(&shop, alice), commit);
        assert_eq!(second, "last admin", "judged on what the first one did");
        assert_eq!(admins(&shop).await, 1);
    });
}

#[test]
fn of_many_admins_who_leave_at_once_one_stays() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..10 {
            let mut ids = Vec::new();
            for number in 0..6 {
                let email = format!("admin{number}.{round}@cometcart.test");
                ids.push(shop.hire(&email, Role::Admin).await);
            }
            let before = admins(&shop).await;
            let leaving = ids.iter().enumerate().map(async |(at, id)| {
                if at % 2 == 0 { demote(&shop, *id).await } else { remove(&shop, *id).await }
            });
            let left = join_all(leaving).await;
            let done = left.iter().filter(|one| **one == "done").count();
            assert_eq!(admins(&shop).await, (before - done).max(1), "round {round}: {left:?}");
            assert!(admins(&shop).await >= 1);
        }
    });
}

#[test]
fn a_session_begins_only_with_the_password_that_is_still_the_right_one() {
    run(async {
        let shop = Shop::open().await;
        shop.hire(ALICE, Role::Admin).await;
        let bob = shop.hire(BOB, Role::Operator).await;
        let looked_at = shop.login(BOB).await;
        assert!(!format!("{looked_at:?}").contains("hash"), "{looked_at:?}");
        let begin = async |login, token| {
            let mut tx = shop.begin().await;
            let begun =
                sign_in(&mut tx, login, &token_hash(token), None).await.expect("a database");
            pool::commit(tx).await.expect("a commit");
            begun.is_some()
        };
        assert!(begin(&looked_at, 1).await);
        assert!(change_password(&shop.pool, &looked_at, "another").await.expect("a database"));
        assert!(!begin(&looked_at, 2).await, "the password was changed in the meantime");
        let looked_at = shop.login(BOB).await;
        assert_eq!(looked_at.password_hash, "another");
        assert_eq!(remove(&shop, bob).await, "done");
        assert!(!begin(&looked_at, 3).await, "bob was removed in the meantime");
    });
}

#[test]
fn of_two_who_know_a_password_the_second_changes_nothing_and_makes_no_token() {
    run(async {
        let shop = Shop::open().await;
        shop.hire(BOB, Role::Operator).await;
        let known = shop.login(BOB).await;
        let (actor, own) = (alice(), OperatorToken::from_random(&[7; 64]).expect("a token"));
        let mut first = shop.begin().await;
        let changed =
            administration::change_password(&mut first, &actor, &known, "new", None).await;
        assert_eq!(changed.expect("a database"), Some(0));
        let second = async {
            let mut tx = shop.begin().await;
            let changed = administration::change_password(&mut tx, &actor, &known, "evil", None);
            let changed = changed.await.expect("a database");
            let made = create_token(&mut tx, &actor, &known, "evil", &own).await;
            pool::commit(tx).await.expect("a commit");
            (changed, made.expect("a database"))
        };
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(first).await.expect("a commit");
        };
        let (second, ()) = tokio::join!(second, commit);
        assert_eq!(second, (None, None), "both had checked it before it was changed");
        assert_eq!(shop.login(BOB).await.password_hash, "new");
    });
}

#[test]
fn a_session_that_begins_while_its_operator_is_removed_is_over_too() {
    run(async {
        let shop = Shop::open().await;
        shop.hire(ALICE, Role::Admin).await;
        let bob = shop.hire(BOB, Role::Operator).await;
        let looked_at = shop.login(BOB).await;
        let mut first = shop.begin().await;
        let begun = sign_in(&mut first, &looked_at, &token_hash(1), None).await;
        begun.expect("a database").expect("a session");
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(first).await.expect("a commit");
        };
        let (removed, ()) = tokio::join!(remove(&shop, bob), commit);
        assert_eq!(removed, "done");
        let ended: bool = sqlx::query_scalar("SELECT ended_at IS NOT NULL FROM sessions")
            .fetch_one(&shop.pool)
            .await
            .expect("a session");
        assert!(ended);
    });
}
