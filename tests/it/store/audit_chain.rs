//! The chain beside the audit: what is linked when, and what stays valid.

mod tampering;

use domain::retention::Rule;
use e2e::{eventually, run};
use engine::audit_chain::Sealer;
use sqlx::AssertSqlSafe;
use store::audit_chain::{
    Verification, find_waiting, list_heads, list_scopes, verify_chain, verify_unlinked,
};
use store::pool;

use super::retention::sql;
use super::shop::Shop;

/// Links everything that is committed.
pub async fn link(shop: &Shop) {
    let mut sealer = Sealer::default();
    eventually("a link of every entry", async || {
        sealer.round(&shop.pool).await.expect("a round");
        find_waiting(&shop.pool).await.expect("a database").is_none().then_some(())
    })
    .await;
}

/// Checks every chain.
pub async fn verify(shop: &Shop) -> Verification {
    let mut verification = Verification::default();
    for scope in list_scopes(&shop.pool).await.expect("projects") {
        verify_chain(&shop.pool, scope, &mut verification).await.expect("a check");
    }
    verify_unlinked(&shop.pool, None, &mut verification).await.expect("a check");
    verification
}

/// Checks every chain, finds nothing, and gives how many links there are.
pub async fn holds(shop: &Shop) -> u64 {
    let verification = verify(shop).await;
    assert_eq!(verification.findings, []);
    verification.links
}

async fn count(shop: &Shop, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&shop.pool).await.expect("a count")
}

/// As who may do everything, with no trigger in the way.
pub async fn as_superuser(shop: &Shop, statements: &str) {
    let sql = format!("BEGIN; SET LOCAL session_replication_role = replica; {statements}; COMMIT");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&shop.pool).await.expect("a superuser");
}

#[test]
fn every_entry_is_linked_once_in_the_chain_of_its_project() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.reprocess(event_id).await;
        sql(&shop, "INSERT INTO audit_entries (id, actor, action) VALUES (gen_random_uuid(), 'cli:bob', 'operator.added')".to_owned()).await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 4);
        assert_eq!(count(&shop, "SELECT count(DISTINCT project_id) FROM audit_chain").await, 2);
        shop.resolve(event_id).await;
        link(&shop).await;
        let links = holds(&shop).await;
        assert_eq!(
            i64::try_from(links).ok(),
            Some(count(&shop, "SELECT count(*) FROM audit_entries").await)
        );
    });
}

#[test]
fn nothing_is_linked_past_a_transaction_that_may_still_bring_an_earlier_entry() {
    run(async {
        let shop = Shop::open().await;
        let add = "INSERT INTO audit_entries (id, actor, action, project_id)
                   SELECT gen_random_uuid(), 'cli:bob', 'project.updated', id FROM projects";
        let mut slow = shop.begin().await;
        sqlx::query(add).execute(&mut *slow).await.expect("an entry");
        sql(&shop, add.to_owned()).await;
        let mut sealer = Sealer::default();
        for _ in 0..2 {
            assert_eq!(sealer.round(&shop.pool).await.expect("a round"), []);
        }
        pool::commit(slow).await.expect("a commit");
        link(&shop).await;
        assert_eq!(holds(&shop).await, 2);
        let in_order = "SELECT count(*) FROM audit_chain a JOIN audit_chain b
                        ON b.project_id = a.project_id AND b.sequence = a.sequence + 1 AND b.at > a.at";
        assert_eq!(count(&shop, in_order).await, 1);
    });
}

#[test]
fn two_workers_link_each_entry_once() {
    run(async {
        let shop = Shop::open().await;
        sql(&shop, "INSERT INTO audit_entries (id, at, actor, action, project_id)
            SELECT gen_random_uuid(), now() - n * interval '1 second', 'cli:bob', 'project.updated', id
            FROM projects, generate_series(10, 2500) AS n".to_owned()).await;
        let (mut one, mut other) = (Sealer::default(), Sealer::default());
        let (first, second) = tokio::join!(one.round(&shop.pool), other.round(&shop.pool));
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        link(&shop).await;
        assert_eq!(holds(&shop).await, 2_491);
    });
}

#[test]
fn a_batch_that_is_cut_off_leaves_nothing_and_is_done_again() {
    run(async {
        let shop = Shop::open().await;
        sql(&shop, OLD_EVENTS.to_owned()).await;
        let closed = "ALTER TABLE audit_sealer ADD CONSTRAINT closed CHECK (ran_at IS NULL)";
        sql(&shop, closed.to_owned()).await;
        assert!(Sealer::default().round(&shop.pool).await.is_err());
        assert_eq!(count(&shop, "SELECT count(*) FROM audit_chain").await, 0);
        sql(&shop, "ALTER TABLE audit_sealer DROP CONSTRAINT closed".to_owned()).await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 20);
    });
}

#[test]
fn what_a_round_has_linked_is_told_by_the_next_one_where_it_failed_after_that() {
    run(async {
        let shop = Shop::open().await;
        shop.missed("evt_1").await;
        // No entry can be looked at again.
        let closed =
            "ALTER TABLE audit_sealer ADD CONSTRAINT closed CHECK (swept_at = '1970-01-01Z')";
        sql(&shop, closed.to_owned()).await;
        let mut sealer = Sealer::default();
        eventually("a round that fails", async || {
            sealer.round(&shop.pool).await.is_err().then_some(())
        })
        .await;
        let ends = list_heads(&shop.pool).await.expect("heads");
        assert_eq!((ends.len(), ends[0].sequence), (1, 2), "the second entry is linked");
        sql(&shop, "ALTER TABLE audit_sealer DROP CONSTRAINT closed".to_owned()).await;
        assert_eq!(sealer.round(&shop.pool).await.expect("a round"), ends);
        assert_eq!(sealer.round(&shop.pool).await.expect("a round"), []);
    });
}

#[test]
fn an_entry_that_somebody_or_a_wrong_clock_brings_behind_the_others_is_linked_and_named() {
    run(async {
        let shop = Shop::open().await;
        shop.take("evt_1").await;
        link(&shop).await;
        sql(&shop, "INSERT INTO audit_entries (id, at, actor, action, project_id)
            SELECT gen_random_uuid(), now() - interval '1 day', 'cli:bob', 'project.updated', id FROM projects".to_owned()).await;
        assert_eq!(verify(&shop).await.findings[0].flaw.as_str(), "unlinked_entry");
        let mut sealer = Sealer::default();
        for _ in 0..2 {
            sealer.round(&shop.pool).await.expect("a round");
        }
        let verification = verify(&shop).await;
        let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
        assert_eq!((verification.links, flaws.collect::<Vec<_>>()), (2, vec!["late_entry"]));
        let (finding, late) = (&verification.findings[0], count(&shop, LATE_LINKS).await);
        assert_eq!((finding.sequence, late), (Some(2), 1), "{finding:?}");
    });
}

/// Links of entries that were written a minute ago or earlier.
const LATE_LINKS: &str =
    "SELECT count(*) FROM audit_chain c JOIN audit_entries e ON e.id = c.entry_id
    WHERE e.at < now() - interval '1 minute'";

#[test]
fn an_entry_a_minute_behind_the_others_is_none_that_was_added_later() {
    run(async {
        let shop = Shop::open().await;
        shop.take("evt_1").await;
        link(&shop).await;
        sql(&shop, "INSERT INTO audit_entries (id, at, actor, action, project_id)
            SELECT gen_random_uuid(), now() - interval '2 minutes', 'cli:bob', 'project.updated', id FROM projects".to_owned()).await;
        let mut sealer = Sealer::default();
        for _ in 0..2 {
            sealer.round(&shop.pool).await.expect("a round");
        }
        assert_eq!((holds(&shop).await, count(&shop, LATE_LINKS).await), (2, 1));
    });
}

/// Ended fourteen months ago.
const OLD_EVENTS: &str = "INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
         internal_reference, occurred_at, effect, received_at, timeout_minutes, timeout_at, settled_at)
     SELECT gen_random_uuid(), p.id, gen_random_uuid(), 'stripe', 'evt_' || n, 'invoice.paid', 'credit_grant',
         'user_' || n, at, 'succeeded', at, 30, at, at
     FROM projects p, generate_series(1, 20) AS n, LATERAL (SELECT now() - interval '14 months' - n * interval '1 hour' AS at) AS t;
     INSERT INTO audit_entries (id, at, actor, action, project_id, event_id, detail)
     SELECT gen_random_uuid(), received_at, 'key:1', 'result.failed', project_id, id, '{\"error_message\": \"no\"}' FROM payment_events";

#[test]
fn the_chain_holds_over_what_retention_took() {
    run(async {
        let shop = Shop::open().await;
        sql(&shop, OLD_EVENTS.to_owned()).await;
        shop.take("evt_new").await;
        link(&shop).await;
        shop.delete_due(Rule::Events).await;
        let verification = verify(&shop).await;
        assert_eq!((verification.findings.as_slice(), verification.left), ([].as_slice(), 20));
        assert_eq!(count(&shop, "SELECT count(*) FROM audit_texts").await, 0);
        shop.take("evt_newer").await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 22);
    });
}

#[test]
fn links_can_be_added_and_nothing_else_even_by_the_owner() {
    run(async {
        let shop = Shop::open().await;
        shop.missed("evt_1").await;
        link(&shop).await;
        for statement in [
            "UPDATE audit_chain SET sequence = sequence + 100",
            "UPDATE audit_chain SET left_at = now()",
            "DELETE FROM audit_chain",
            "TRUNCATE audit_chain",
        ] {
            let refused = sqlx::query(statement).execute(&shop.pool).await.expect_err(statement);
            let refused = refused.into_database_error().expect("a refusal by the database");
            assert_eq!(refused.code().as_deref(), Some("42501"), "{statement}");
        }
        assert_eq!(holds(&shop).await, 2);
    });
}
