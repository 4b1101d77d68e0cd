//! Words about several customers: comments on causes, and notes of bulks, which stand at each of their incidents.

use std::collections::BTreeMap;

use domain::bulk::{BulkAction, BulkSettings};
use domain::ids::CauseId;
use e2e::run;
use serde_json::json;
use store::bulk::{self, NewBulk, Selection};
use store::comments::{self, About};
use store::pool;

use super::super::audit_chain::{holds, link};
use super::super::shop::{Shop, bob};
use super::{CANARY, OTHER, leaking};

/// Resolves every incident together.
async fn resolve_all(shop: &Shop, note: &str) {
    let (project_id, actor) = (shop.owner.project_id, bob());
    let new = NewBulk {
        project_id,
        action: BulkAction::Resolve,
        selection: Selection::All,
        include_taking: false,
        actor: &actor,
    };
    let mut tx = shop.begin().await;
    let frozen = bulk::create_preview(&mut tx, &new).await.expect("a preview");
    let settings = BulkSettings::default();
    bulk::start(&mut tx, frozen.id, &actor, settings, note).await.expect("a start");
    pool::commit(tx).await.expect("a commit");
    while bulk::step(&shop.pool, frozen.id).await.expect("a step").expect("it").wait.is_some() {}
}

async fn comment(shop: &Shop, cause_id: CauseId, text: &str) {
    let about = About::Cause { project_id: shop.owner.project_id, cause_id };
    let mut tx = shop.begin().await;
    comments::add_comment(&mut tx, about, &bob(), text).await.expect("a comment");
    pool::commit(tx).await.expect("a commit");
}

async fn comments_on(shop: &Shop, cause_id: CauseId) -> Vec<String> {
    let mut db = shop.begin().await;
    let all = comments::list_of_cause(&mut db, cause_id).await.expect("comments");
    all.into_iter().map(|one| one.text).collect()
}

#[test]
fn words_about_several_customers_go_where_they_name_one_who_is_erased() {
    run(async {
        let shop = Shop::open().await;
        let failed = async |event: &str, reference: &str| {
            let event_id = shop.send(event, reference).await.event_id;
            shop.report(event_id, json!({ "status": "failed" })).await;
            event_id
        };
        let (_, his) = (failed("evt_1", CANARY).await, failed("evt_2", OTHER).await);
        let cause = shop.incident(his).await.cause_id.expect("a cause");
        comment(&shop, cause, &format!("all of them, as {CANARY} wrote")).await;
        comment(&shop, cause, "the disk is full").await;
        resolve_all(&shop, &format!("refunded, beginning with {CANARY}")).await;
        link(&shop).await;

        let done = shop.erase(CANARY).await;
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        let note = "SELECT resolution_note FROM incidents WHERE event_id = $1";
        let note: String = sqlx::query_scalar(note)
            .bind(his.as_uuid())
            .fetch_one(&shop.pool)
            .await
            .expect("a note");
        assert_eq!(note, format!("refunded, beginning with {}", done.customer));
        assert_eq!(comments_on(&shop, cause).await, ["erased", "the disk is full"]);
        link(&shop).await;
        holds(&shop).await;
    });
}

#[test]
fn who_is_named_in_words_about_several_alone_can_be_erased() {
    run(async {
        let shop = Shop::open().await;
        let his = shop.send("evt_1", OTHER).await.event_id;
        shop.report(his, json!({ "status": "failed" })).await;
        let cause = shop.incident(his).await.cause_id.expect("a cause");
        comment(&shop, cause, &format!("as before - {CANARY} wrote, too")).await;
        shop.save_filter(CANARY).await;
        let known = [("audit_texts", 1), ("saved_filters", 1)];
        let known: BTreeMap<_, _> = known.map(|(table, rows)| (table.to_owned(), rows)).into();
        assert_eq!(shop.preview(CANARY).await.rows, known, "or nobody could ask for it");
        for nobody in ["", " ", "-"] {
            assert!(shop.preview(nobody).await.is_empty(), "{nobody:?} is no word");
        }
        assert_eq!(shop.erase(CANARY).await.erased, known);
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        assert!(shop.preview(CANARY).await.is_empty());
    });
}

#[test]
fn the_name_of_a_shared_filter_goes_from_the_audit_too() {
    run(async {
        let shop = Shop::open().await;
        shop.send("evt_1", CANARY).await;
        for name in [CANARY, "Dunning"] {
            let sql = "INSERT INTO audit_entries (id, actor, action, detail) VALUES (gen_random_uuid(), 'cli:bob',
                'filter.shared', jsonb_build_object('filter_id', 'flt_1', 'list', 'incidents', 'name', $1::text))";
            sqlx::query(sql).bind(name).execute(&shop.pool).await.expect("an entry");
        }
        link(&shop).await;
        shop.erase(CANARY).await;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT detail ->> 'name' FROM audit_log WHERE action = 'filter.shared' ORDER BY 1",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("names");
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"Dunning".to_owned()) && names.contains(&"erased".to_owned()));
        link(&shop).await;
        holds(&shop).await;
    });
}
