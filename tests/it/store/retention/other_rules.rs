//! The rules that are about no event, and the rows of runs.

use domain::audit::Actor;
use domain::ids::DestinationId;
use domain::retention::Rule;
use domain::secret_token::ProofToken;
use e2e::run;
use store::alerts::list_for_incident;
use store::cause_messages::finish_folded;
use store::proof_links::insert_link;
use store::retention::{self, runs};

use super::super::shop::{Shop, early, success};
use super::sql;

/// Whether a rule deletes what its dry run counts, once, and what that is.
async fn applied(shop: &Shop, rule: Rule) -> i64 {
    let due = retention::count_due(&shop.pool, rule).await.expect("a count");
    let gone = retention::delete_due(&shop.pool, rule).await.expect("deleted");
    assert_eq!(gone.rows(), due.rows(), "{rule}");
    assert_eq!(shop.delete_due(rule).await, 0, "{rule}");
    gone.total()
}

#[test]
fn proof_links_leave_30_days_after_they_expired_or_were_revoked() {
    run(async {
        let shop = Shop::open().await;
        let incident = shop.incident(shop.missed("evt_1").await).await;
        for (token, change) in (0..).zip([
            "created_at = now() - interval '40 days', expires_at = now() - interval '31 days'",
            "created_at = now() - interval '40 days', expires_at = now() - interval '29 days'",
            "revoked_at = now() - interval '31 days'",
            "revoked_at = now() - interval '29 days'",
            "views = 1",
        ]) {
            let hash = ProofToken::from_bytes([token; 32]).hash();
            let id = insert_link(&shop.pool, &incident, &hash, "operator:bob", 7).await;
            let id = id.expect("a link").as_uuid();
            sql(&shop, format!("UPDATE proof_links SET {change} WHERE id = '{id}'")).await;
        }
        assert_eq!(applied(&shop, Rule::ProofLinks).await, 2);
    });
}

#[test]
fn what_a_destination_responded_leaves_30_days_after_the_delivery_and_the_alert_stays() {
    run(async {
        let shop = Shop::open().await;
        for (state, days) in [("delivered", 31), ("delivered", 29), ("given_up", 31)] {
            let event_id = shop.missed(&format!("{state}_{days}")).await.as_uuid();
            sql(
                &shop,
                format!(
                    "UPDATE alerts SET state = '{state}', finished_at = now() - interval '{days} days',
                         last_answer = '250 kept' WHERE event_id = '{event_id}'"
                ),
            )
            .await;
        }
        assert_eq!(applied(&shop, Rule::AlertTexts).await, 1);
        let texts: Vec<i64> = sqlx::query_scalar(
            "SELECT count(last_answer) FROM alerts UNION ALL SELECT count(*) FROM alerts",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("counts");
        assert_eq!(texts, [2, 3]);
    });
}

#[test]
fn what_a_destination_responded_does_not_outlive_the_message_that_stands_for_the_alert() {
    run(async {
        let shop = Shop::open().await;
        let mut texts = Vec::new();
        for (name, given_up) in [("told", None), ("lost", Some("given up"))] {
            let event_id = shop.missed(name).await;
            let message = uuid::Uuid::now_v7();
            sql(
                &shop,
                format!(
                    "UPDATE alerts SET state = 'folded', told_by = '{message}', attempts = 1,
                         last_answer = '503 kept' WHERE event_id = '{}'",
                    event_id.as_uuid()
                ),
            )
            .await;
            let incident = shop.incident(event_id).await;
            let destination_id = DestinationId::from_uuid(uuid::Uuid::now_v7());
            let mut tx = shop.begin().await;
            let project_id = shop.owner.project_id;
            let finished =
                finish_folded(&mut tx, project_id, destination_id, message, given_up).await;
            finished.expect("a database");
            tx.commit().await.expect("a commit");
            let alerts = list_for_incident(&shop.pool, incident.id).await.expect("alerts");
            texts.extend(alerts.into_iter().map(|alert| alert.last_answer));
        }
        assert_eq!(texts, [None, Some("given up".to_owned())]);
    });
}

#[test]
fn a_result_that_no_receipt_claimed_becomes_an_entry_which_leaves_after_a_year() {
    run(async {
        let shop = Shop::open().await;
        assert!(shop.keep_early("k1", &early("evt_1", success())).await);
        sql(&shop, "UPDATE early_results SET received_at = now() - interval '25 hours'".to_owned())
            .await;
        assert_eq!(applied(&shop, Rule::EarlyResults).await, 1);
        assert_eq!(applied(&shop, Rule::UnclaimedResults).await, 0);
        // An entry of the past is one that the owner writes.
        sql(
            &shop,
            "INSERT INTO audit_entries (id, at, actor, action, project_id, detail)
             SELECT gen_random_uuid(), at - interval '13 months', actor, action, project_id, detail
             FROM audit_entries WHERE action = 'result.unclaimed'"
                .to_owned(),
        )
        .await;
        assert_eq!(applied(&shop, Rule::UnclaimedResults).await, 1);
        let left: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM audit_entries WHERE action = 'result.unclaimed'",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a count");
        assert_eq!(left, 1);
    });
}

#[test]
fn a_run_leaves_a_row_that_says_who_how_many_and_why_not() {
    run(async {
        let shop = Shop::open().await;
        assert!(runs::list_last(&shop.pool).await.expect("runs").is_empty());
        sql(&shop, "INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body, created_at)
             SELECT gen_random_uuid(), 'receipt', n::text, '', 202, '', now() - interval '8 days' FROM generate_series(1, 300) AS n".to_owned()).await;
        let (bob, mut beats) = (Actor::Cli("bob".to_owned()), Vec::new());
        let beat = &mut |gone| beats.push(gone);
        let run = retention::run(&shop.pool, Rule::IdempotencyKeys, &bob, beat).await;
        assert_eq!(run.expect("deleted").total(), 300);
        assert!(beats.len() > 2 && beats.is_sorted() && beats.last() == Some(&300), "{beats:?}");

        sql(&shop, "ALTER FUNCTION purge_identities RENAME TO purged".to_owned()).await;
        let failed =
            retention::run(&shop.pool, Rule::Identities, &Actor::System, &mut |_| ()).await;
        assert!(failed.is_err());
        let last = runs::list_last(&shop.pool).await.expect("runs");
        let [identities, keys] = last.as_slice() else { panic!("{last:?}") };
        assert_eq!((identities.rule, keys.rule), (Rule::Identities, Rule::IdempotencyKeys));
        assert_eq!(
            (keys.deleted, keys.error.as_deref(), keys.started_by.as_str()),
            (300, None, "cli:bob")
        );
        assert!(keys.ended_at.is_some() && keys.succeeded_at == keys.ended_at);
        let error = identities.error.as_deref().expect("an error");
        assert!(error.contains("purge_identities"), "{error}");
        assert!(identities.ended_at.is_some() && identities.succeeded_at.is_none());

        sql(&shop, "UPDATE retention_runs SET ended_at = NULL, seen_at = now() - interval '2 minutes' WHERE error IS NULL".to_owned()).await;
        let last = runs::list_last(&shop.pool).await.expect("runs");
        assert!(last[1].was_cut_off && last[1].succeeded_at.is_none(), "{last:?}");
        sql(&shop, "UPDATE retention_runs SET started_at = now() - interval '91 days'".to_owned())
            .await;
        assert_eq!(applied(&shop, Rule::Runs).await, 2);
    });
}
