//! The functions of the owner decide for themselves, and the audit lets nothing else go.

use domain::ids::EventId;
use domain::retention::Rule;
use e2e::run;

use super::super::shop::Shop;
use super::{age, is_there, sql};

async fn call(shop: &Shop, events: &[EventId]) -> i64 {
    let ids: Vec<_> = events.iter().map(|id| id.as_uuid()).collect();
    let called =
        sqlx::query_scalar("SELECT coalesce(sum(quantity), 0)::bigint FROM purge_events($1)");
    called.bind(ids).fetch_one(&shop.pool).await.expect("a call")
}

#[test]
fn called_with_events_that_are_young_or_open_they_delete_nothing() {
    run(async {
        let shop = Shop::open().await;
        let (young, open, due) =
            (shop.take("1").await, shop.missed("2").await, shop.take("3").await);
        for event_id in [young, due] {
            shop.succeed(event_id).await;
        }
        age(&shop, young, 11).await;
        age(&shop, open, 14).await;
        age(&shop, due, 14).await;
        assert_eq!(call(&shop, &[young, open]).await, 0);
        assert_eq!(call(&shop, &[]).await, 0);
        assert_eq!(call(&shop, &[young, due, open]).await, 5);
        assert!(is_there(&shop, young).await && is_there(&shop, open).await);
        for function in ["purge_identities", "purge_unclaimed_results", "purge_proof_links"] {
            let sql = format!("SELECT count(*) FROM {function}(1000000)");
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&shop.pool)
                .await
                .expect("a call");
            assert_eq!(rows, 0, "{function}");
        }
    });
}

#[test]
fn a_table_of_the_callers_own_does_not_stand_in_for_the_real_one() {
    run(async {
        let shop = Shop::open().await;
        let young = shop.take("1").await;
        shop.succeed(young).await;
        age(&shop, young, 1).await;
        let mut tx = shop.begin().await;
        let shadow = "CREATE TEMP TABLE projects ON COMMIT DROP AS SELECT id, 0 AS retention_months FROM public.projects";
        sqlx::query(shadow).execute(&mut *tx).await.expect("a shadow");
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM purge_events($1)")
            .bind(vec![young.as_uuid()])
            .fetch_one(&mut *tx)
            .await
            .expect("a call");
        assert_eq!(rows, 0);
    });
}

#[test]
fn an_entry_leaves_the_audit_with_its_event_and_in_no_other_way() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("1").await;
        shop.succeed(event_id).await;
        age(&shop, event_id, 14).await;
        sql(
            &shop,
            format!(
                "INSERT INTO audit_entries (id, at, actor, action, project_id) VALUES
                     (gen_random_uuid(), now() - interval '10 years', 'cli:bob', 'project.updated', '{0}'),
                     (gen_random_uuid(), now() - interval '11 months', 'system', 'result.unclaimed', '{0}'),
                     (gen_random_uuid(), now() - interval '10 years', 'system', 'result.unclaimed', NULL)",
                shop.owner.project_id.as_uuid()
            ),
        )
        .await;
        let entries: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM audit_entries")
            .fetch_all(&shop.pool)
            .await
            .expect("entries");
        for id in entries {
            let deleted = sqlx::query("DELETE FROM audit_entries WHERE id = $1").bind(id);
            let refused = deleted.execute(&shop.pool).await.expect_err("the owner may not either");
            let refused = refused.into_database_error().expect("a refusal by the database");
            assert_eq!(refused.code().as_deref(), Some("42501"));
        }
        assert_eq!(shop.delete_due(Rule::Events).await, 5);
        assert_eq!(shop.delete_due(Rule::UnclaimedResults).await, 0);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entries")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(left, 3);
    });
}

#[test]
fn an_entry_that_was_written_while_its_event_went_leaves_with_the_identity() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("1").await;
        shop.succeed(event_id).await;
        age(&shop, event_id, 14).await;
        shop.delete_due(Rule::Events).await;
        let late = "INSERT INTO audit_entries (id, actor, action, event_id) VALUES (gen_random_uuid(), 'system', 'result.ambiguous', $1)";
        shop.execute(late, event_id).await;
        sql(
            &shop,
            "UPDATE expired_events SET expired_at = now() - interval '13 months'".to_owned(),
        )
        .await;
        assert_eq!(shop.delete_due(Rule::Identities).await, 3);
    });
}
