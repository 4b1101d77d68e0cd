//! The audit can only grow.

use e2e::run;
use serde_json::json;
use store::timeline;

use super::shop::Shop;

#[test]
fn entries_cannot_be_changed_deleted_or_truncated() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let before = shop.story(event_id).await;
        for sql in [
            "UPDATE audit_entries SET actor = 'charlie'",
            "UPDATE audit_entries SET detail = detail WHERE action = 'incident.opened'",
            "DELETE FROM audit_entries",
            "DELETE FROM audit_entries WHERE action = 'incident.opened'",
            "TRUNCATE audit_entries",
            "TRUNCATE audit_entries CASCADE",
            "INSERT INTO audit_entries (id, actor, action) SELECT id, 'charlie', action FROM audit_entries
             ON CONFLICT ON CONSTRAINT audit_entries_pkey DO UPDATE SET actor = excluded.actor",
        ] {
            let rejected = sqlx::query(sql).execute(&shop.pool).await.expect_err(sql);
            let rejected = rejected.into_database_error().expect("a refusal by the database");
            assert_eq!(rejected.code().as_deref(), Some("42501"), "{sql}");
            assert_eq!(rejected.message(), "audit entries cannot be changed or deleted", "{sql}");
        }
        assert_eq!(shop.story(event_id).await, before);
    });
}

#[test]
fn a_long_timeline_shows_how_it_ends() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.execute(
            "INSERT INTO audit_entries (id, actor, action, event_id, at)
             SELECT gen_random_uuid(), 'key:1', 'result.repeated', $1, now() - n * interval '1 ms'
             FROM generate_series(1, 1200) AS n",
            event_id,
        )
        .await;
        shop.succeed(event_id).await;
        let entries = timeline::list_for_event(&shop.pool, event_id).await.expect("a timeline");
        assert_eq!(entries.len(), 1_000);
        assert_eq!(entries[999].action, "result.succeeded");
        assert!(entries.is_sorted_by_key(|entry| entry.at), "oldest first");
    });
}

#[test]
fn entries_say_who_did_it_and_what_it_was_about() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.report(event_id, json!({"status": "failed", "error_message": "<b>no</b>"})).await;
        shop.reprocess(event_id).await;
        shop.resolve(event_id).await;
        let entries: Vec<(String, String, bool, bool)> = sqlx::query_as(
            "SELECT actor, action, project_id IS NOT NULL AND event_id IS NOT NULL, incident_id IS NOT NULL
             FROM audit_entries ORDER BY at, id",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("entries");
        let key = format!("key:{}", shop.owner.key_id);
        let expected = [
            (key.as_str(), "receipt.accepted", false),
            (key.as_str(), "result.failed", false),
            ("system", "incident.opened", true),
            ("cli:bob", "reprocess.requested", true),
            ("cli:bob", "reprocess.ended", true),
            ("cli:bob", "incident.resolved", true),
        ];
        let expected =
            expected.map(|(who, what, incident)| (who.to_owned(), what.to_owned(), true, incident));
        assert_eq!(entries, expected);
    });
}
