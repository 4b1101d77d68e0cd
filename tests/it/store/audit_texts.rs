//! What people and apps wrote freely stands apart from the entry, whoever writes it, and can go.

use domain::audit::texts::is_text;
use domain::ids::EventId;
use e2e::run;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::timeline;
use uuid::Uuid;

use super::audit_chain::{as_superuser, holds, link, verify};
use super::retention::sql;
use super::shop::Shop;

/// Entries in every form that any release wrote.
const STORED: &str = include_str!("../../../crates/domain/src/audit/event/stored.txt");

#[test]
fn the_database_keeps_apart_what_the_code_takes_for_text_and_readers_see_the_whole() {
    run(async {
        let shop = Shop::open().await;
        for line in STORED.lines() {
            let (action, detail) = line.split_once(' ').expect("an action and its detail");
            let (id, detail): (_, Value) =
                (Uuid::now_v7(), serde_json::from_str(detail).expect("JSON"));
            let add = "INSERT INTO audit_entries (id, actor, action, detail) VALUES ($1, 'system', $2, $3)";
            let add = sqlx::query(add).bind(id).bind(action).bind(&detail);
            add.execute(&shop.pool).await.expect("an entry");
            let (kept, text, read): (Value, Option<Value>, Value) = sqlx::query_as(
                "SELECT e.detail, (SELECT text FROM audit_texts WHERE entry_id = e.id), l.detail
                 FROM audit_entries e JOIN audit_log l USING (id) WHERE e.id = $1",
            )
            .bind(id)
            .fetch_one(&shop.pool)
            .await
            .expect("the entry");
            assert_eq!(read, detail, "{line}");
            let keys = detail.as_object().expect("an object").iter();
            let (texts, rest): (Vec<_>, Vec<_>) =
                keys.partition(|(key, value)| is_text(action, key) && !value.is_null());
            let object = |keys: Vec<(&String, &Value)>| {
                Value::Object(
                    keys.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                )
            };
            assert_eq!(text.unwrap_or_else(|| json!({})), object(texts), "{line}");
            assert_eq!(kept, object(rest), "{line}");
        }
        link(&shop).await;
        holds(&shop).await;
    });
}

#[test]
fn a_step_that_is_repeated_adds_no_second_text() {
    run(async {
        let shop = Shop::open().await;
        for note in ["first", "second"] {
            sql(&shop, format!("INSERT INTO audit_entries (id, actor, action, detail) VALUES
                ('0192d1a0-0000-7000-8000-0000000000f1', 'system', 'incident.acknowledged', '{{\"note\": \"{note}\"}}')
                ON CONFLICT ON CONSTRAINT audit_entries_pkey DO NOTHING")).await;
        }
        let texts: Vec<Value> = sqlx::query_scalar("SELECT text FROM audit_texts")
            .fetch_all(&shop.pool)
            .await
            .expect("texts");
        assert_eq!(texts, [json!({"note": "first"})]);
    });
}

#[test]
fn texts_of_the_releases_before_are_moved_before_their_entry_is_linked() {
    run(async {
        let shop = Shop::open().await;
        as_superuser(&shop, "INSERT INTO audit_entries (id, at, actor, action, project_id, detail)
            SELECT gen_random_uuid(), now() - interval '1 hour', 'cli:bob', 'incident.acknowledged', id, '{\"note\": \"as it was\"}'
            FROM projects").await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 1);
        let (kept, text, read): (Value, Value, Value) = sqlx::query_as(
            "SELECT e.detail, t.text, l.detail FROM audit_entries e JOIN audit_texts t ON t.entry_id = e.id
             JOIN audit_log l ON l.id = e.id",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("the entry");
        let note = json!({"note": "as it was"});
        assert_eq!((kept, text, read), (json!({}), note.clone(), note));
    });
}

/// Erases what is about an event or names this reference, on behalf of a new entry.
async fn erase(shop: &Shop, action: &str, reference: &str, event_id: EventId) -> i64 {
    let id = Uuid::now_v7();
    sql(shop, format!("INSERT INTO audit_entries (id, actor, action, project_id) VALUES ('{id}', 'cli:bob', '{action}', '{}')",
        shop.owner.project_id.as_uuid())).await;
    let call = "SELECT erase_audit_texts($1, $2, $3)";
    let call = sqlx::query_scalar(call).bind(id).bind(reference).bind(vec![event_id.as_uuid()]);
    call.fetch_one(&shop.pool).await.expect("a call")
}

#[test]
fn the_texts_of_a_customer_are_erased_and_the_chain_holds() {
    run(async {
        let shop = Shop::open().await;
        let (gone, stays) = (shop.take("evt_1").await, shop.take("evt_2").await);
        for event_id in [gone, stays] {
            let failed = json!({"status": "failed", "error_message": "canary of user_1"});
            shop.report(event_id, failed).await;
        }
        sql(&shop, "INSERT INTO audit_entries (id, actor, action, project_id, detail) SELECT gen_random_uuid(), 'system',
            'result.unclaimed', id, '{\"internal_reference\": \"user_1\", \"status\": \"success\", \"received_at\": \"\"}' FROM projects"
            .to_owned()).await;
        link(&shop).await;
        assert_eq!(erase(&shop, "project.updated", "user_1", gone).await, 0, "no entry says so");
        assert_eq!(erase(&shop, "customer.erased", "user_1", gone).await, 3);
        link(&shop).await;
        let verification = verify(&shop).await;
        assert_eq!((verification.findings.as_slice(), verification.erased), ([].as_slice(), 3));
        let held = |text: &str| {
            format!("SELECT count(*) FROM audit_log WHERE detail::text LIKE '%{text}%'")
        };
        for (text, rows) in [("canary", 2), ("user_1", 2), ("erased", 3)] {
            let found: i64 = sqlx::query_scalar(AssertSqlSafe(held(text)))
                .fetch_one(&shop.pool)
                .await
                .expect("a count");
            assert_eq!(found, rows, "{text}");
        }
        let entries = timeline::list_for_event(&shop.pool, gone).await.expect("a timeline");
        assert!(
            entries.iter().any(|entry| entry.detail["error_message"] == "erased"),
            "{entries:?}"
        );
    });
}

#[test]
fn a_text_is_not_changed_and_not_erased_in_silence() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.reprocess(event_id).await;
        for statement in [
            "UPDATE audit_texts SET text = '{}'",
            "UPDATE audit_texts SET text = erased_audit_text(text), salt = NULL, erased_by = entry_id",
            "DELETE FROM audit_texts",
            "TRUNCATE audit_texts",
            "UPDATE audit_entries SET detail = detail - 'replay_id' WHERE detail ? 'replay_id'",
        ] {
            let refused = sqlx::query(statement).execute(&shop.pool).await.expect_err(statement);
            let refused = refused.into_database_error().expect("a refusal by the database");
            assert_eq!(refused.code().as_deref(), Some("42501"), "{statement}");
        }
    });
}
