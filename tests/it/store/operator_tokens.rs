//! Operators' own tokens.

use domain::ids::{OperatorId, TokenId};
use domain::operator::Role;
use domain::secret_token::OperatorToken;
use e2e::run;
use store::operator_tokens::{
    TokenOwner, find_token_owner, insert_token, list_tokens, revoke_token,
};

use super::people::{ALICE, BOB};
use super::shop::Shop;

fn token(bytes: u8) -> OperatorToken {
    OperatorToken::from_random(&[bytes; 64]).expect("a token")
}

async fn give(shop: &Shop, to: OperatorId, bytes: u8) -> TokenId {
    insert_token(&shop.pool, to, "pager", &token(bytes)).await.expect("a token")
}

async fn owner(shop: &Shop, bytes: u8) -> Option<TokenOwner> {
    find_token_owner(&shop.pool, &token(bytes).hash()).await.expect("a database")
}

#[test]
fn a_token_speaks_for_its_operator_until_it_is_revoked() {
    run(async {
        let shop = Shop::open().await;
        let bob = shop.hire(BOB, Role::Operator).await;
        let token_id = give(&shop, bob, 1).await;
        let expected =
            TokenOwner { token_id, operator_id: bob, email: BOB.to_owned(), role: Role::Operator };
        assert_eq!(owner(&shop, 1).await, Some(expected));
        assert_eq!(owner(&shop, 2).await, None, "never made");
        let revoked = revoke_token(&shop.pool, bob, token_id).await.expect("a database");
        assert!(revoked.is_some());
        assert_eq!(owner(&shop, 1).await, None);
        assert!(
            revoke_token(&shop.pool, bob, token_id).await.expect("a database").is_none(),
            "only once"
        );
        let listed = list_tokens(&shop.pool, bob).await.expect("a list");
        assert_eq!(listed.len(), 1, "it stays in the list");
        assert!(listed[0].revoked_at.is_some() && listed[0].last_used_at.is_some());
        assert_eq!(listed[0].last_four, token(1).last_four());
    });
}

#[test]
fn nobody_sees_or_revokes_the_token_of_somebody_else() {
    run(async {
        let shop = Shop::open().await;
        let (alice, bob) =
            (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Operator).await);
        let his = give(&shop, bob, 1).await;
        assert_eq!(list_tokens(&shop.pool, alice).await.expect("a list"), []);
        assert!(revoke_token(&shop.pool, alice, his).await.expect("a database").is_none());
        assert!(owner(&shop, 1).await.is_some());
    });
}

#[test]
fn the_last_use_is_noted_once_a_minute() {
    run(async {
        let shop = Shop::open().await;
        let bob = shop.hire(BOB, Role::Operator).await;
        give(&shop, bob, 1).await;
        let used = async || list_tokens(&shop.pool, bob).await.expect("a list")[0].last_used_at;
        assert_eq!(used().await, None);
        owner(&shop, 1).await;
        let first = used().await;
        assert!(first.is_some());
        owner(&shop, 1).await;
        assert_eq!(used().await, first);
        sqlx::query("UPDATE operator_tokens SET last_used_at = now() - interval '2 minutes'")
            .execute(&shop.pool)
            .await
            .expect("aged");
        owner(&shop, 1).await;
        assert!(used().await > first);
    });
}
