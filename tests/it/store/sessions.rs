//! Signed-in browsers.

use domain::ids::SessionId;
use domain::operator::Role;
use domain::retention::Rule;
use e2e::run;
use store::StoreError;
use store::sessions::{end_session, end_sessions_of, find_session, insert_session, list_sessions};

use super::people::{ALICE, BOB, token_hash};
use super::shop::Shop;

/// Whether a token still opens its session.
async fn opens(shop: &Shop, token: u8) -> bool {
    find_session(&shop.pool, &token_hash(token), true).await.expect("a database").is_some()
}

async fn set(shop: &Shop, id: SessionId, change: &'static str) {
    let sql = format!("UPDATE sessions SET {change} WHERE id = $1");
    let done = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_uuid()).execute(&shop.pool).await;
    done.expect("a change");
}

#[test]
fn a_session_says_whose_it_is_until_it_is_ended() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        let found = find_session(&shop.pool, &token_hash(1), true).await.expect("a database");
        let session = found.expect("a session");
        assert_eq!((session.id, session.operator_id), (id, alice));
        assert_eq!((session.email.as_str(), session.role), (ALICE, Role::Admin));
        let week = "SELECT expires_at - created_at = interval '7 days' FROM sessions";
        let week: bool = sqlx::query_scalar(week).fetch_one(&shop.pool).await.expect("a session");
        assert!(week, "it lives for a week at most");
        assert!(!opens(&shop, 2).await, "another token");
        assert!(end_session(&shop.pool, id).await.expect("a database"));
        assert!(!opens(&shop, 1).await);
        assert!(!end_session(&shop.pool, id).await.expect("a database"), "it had ended before");
    });
}

#[test]
fn a_page_that_refreshes_by_itself_keeps_nobody_signed_in() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        let seen = async |is_use: bool| {
            set(&shop, id, "last_seen_at = now() - interval '2 hours'").await;
            let found = find_session(&shop.pool, &token_hash(1), is_use).await;
            assert!(found.expect("a database").is_some());
            let sql = "SELECT last_seen_at > now() - interval '1 hour' FROM sessions";
            sqlx::query_scalar::<_, bool>(sql).fetch_one(&shop.pool).await.expect("a session")
        };
        assert!(!seen(false).await, "asked by a script");
        assert!(seen(true).await, "asked by alice");
    });
}

#[test]
fn a_session_ends_after_a_week_or_twelve_hours_without_use() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        for (token, (change, valid)) in [
            ("last_seen_at = now() - interval '11 hours 59 minutes'", true),
            ("last_seen_at = now() - interval '12 hours'", false),
            ("expires_at = now() + interval '1 minute'", true),
            ("expires_at = now()", false),
            ("ended_at = now()", false),
        ]
        .into_iter()
        .enumerate()
        {
            let token = u8::try_from(token).expect("a few");
            let id = shop.sit_down(alice, token).await;
            set(&shop, id, change).await;
            let listed = list_sessions(&shop.pool, alice).await.expect("a list");
            assert_eq!(listed.iter().any(|session| session.id == id), valid, "{change}");
            assert_eq!(opens(&shop, token).await, valid, "{change}");
        }
    });
}

#[test]
fn the_last_use_is_noted_once_a_minute() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        for (age, kept) in [("30 seconds", true), ("2 minutes", false)] {
            let sql = format!(
                "UPDATE sessions SET last_seen_at = now() - interval '{age}' RETURNING last_seen_at"
            );
            let before: time::OffsetDateTime = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&shop.pool)
                .await
                .expect("a time");
            assert!(opens(&shop, 1).await);
            let listed = list_sessions(&shop.pool, alice).await.expect("a list");
            assert_eq!(listed[0].id, id);
            assert_eq!(listed[0].last_seen_at == before, kept, "{age}");
        }
    });
}

#[test]
fn the_sessions_of_an_operator_are_listed_last_used_first_and_ended_but_one() {
    run(async {
        let shop = Shop::open().await;
        let (alice, bob) =
            (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Operator).await);
        let mut ids = Vec::new();
        for token in 1..=3 {
            ids.push(shop.sit_down(alice, token).await);
        }
        shop.sit_down(bob, 4).await;
        set(&shop, ids[1], "last_seen_at = now() - interval '1 hour'").await;
        set(&shop, ids[0], "last_seen_at = now() - interval '13 hours'").await;
        let listed = list_sessions(&shop.pool, alice).await.expect("a list");
        let listed: Vec<_> = listed.into_iter().map(|session| session.id).collect();
        assert_eq!(listed, [ids[2], ids[1]]);
        let ended = end_sessions_of(&shop.pool, alice, Some(ids[2])).await.expect("ended");
        assert_eq!(ended, 1, "the idle one had ended by itself");
        set(&shop, ids[0], "last_seen_at = now()").await;
        assert!(!opens(&shop, 1).await, "but it cannot come back");
        assert_eq!(
            (opens(&shop, 2).await, opens(&shop, 3).await, opens(&shop, 4).await),
            (false, true, true)
        );
        assert_eq!(end_sessions_of(&shop.pool, alice, None).await.expect("ended"), 1);
        assert!(!opens(&shop, 3).await);
    });
}

#[test]
fn a_new_role_holds_from_the_next_request_on() {
    run(async {
        let shop = Shop::open().await;
        let (_alice, bob) =
            (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Operator).await);
        shop.sit_down(bob, 1).await;
        let mut tx = shop.begin().await;
        store::operators::change_role(&mut tx, bob, Role::Viewer).await.expect("a change");
        store::pool::commit(tx).await.expect("a commit");
        let found = find_session(&shop.pool, &token_hash(1), true).await.expect("a database");
        assert_eq!(found.expect("a session").role, Role::Viewer);
    });
}

#[test]
fn whatever_a_browser_calls_itself_fits_and_a_token_is_used_once() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let names =
            [None, Some(""), Some("a\0b\u{1b}[31m"), Some("<script>"), Some(&*"é".repeat(999))]
                .map(|name| name.map(str::to_owned));
        for (token, name) in (10..).zip(&names) {
            let begun =
                insert_session(&shop.pool, alice, &token_hash(token), name.as_deref()).await;
            begun.expect("a session");
        }
        let listed = list_sessions(&shop.pool, alice).await.expect("a list");
        let mut kept: Vec<_> =
            listed.into_iter().filter_map(|session| session.user_agent).collect();
        kept.sort();
        assert_eq!(kept, ["<script>".to_owned(), "ab[31m".to_owned(), "é".repeat(255)]);
        let again = insert_session(&shop.pool, alice, &token_hash(10), None).await;
        let Err(StoreError::Driver(sqlx::Error::Database(rejected))) = again else {
            panic!("the same token twice: {again:?}");
        };
        assert_eq!(rejected.constraint(), Some("sessions_token_hash_key"));
    });
}

#[test]
fn sessions_are_forgotten_thirty_days_after_they_are_over() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        for (token, change) in (0..).zip([
            "ended_at = now() - interval '31 days'",
            "expires_at = now() - interval '31 days'",
            "last_seen_at = now() - interval '31 days'",
            "ended_at = now() - interval '29 days'",
            "expires_at = now() - interval '29 days'",
            "last_seen_at = now() - interval '30 days'",
            "last_seen_at = now()",
        ]) {
            let id = shop.sit_down(alice, token).await;
            set(&shop, id, change).await;
        }
        assert_eq!(shop.delete_due(Rule::Sessions).await, 3);
        assert_eq!(shop.delete_due(Rule::Sessions).await, 0);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(left, 4);
    });
}
