//! What who may write to every table changes in the past, and how it is found.

use e2e::run;
use store::audit_chain::{list_heads, verify_head};

use super::super::retention::sql;
use super::{Shop, as_superuser, holds, link, verify};

/// A change, and what is said of it.
const CHANGES: [(&str, &[&str]); 15] = [
    ("UPDATE audit_entries SET actor = 'cli:eve' WHERE action = 'incident.opened'", &["changed_entry"]),
    ("UPDATE audit_entries SET at = at - interval '1 microsecond' WHERE action = 'incident.opened'", &["changed_entry"]),
    ("UPDATE audit_entries SET detail = '{}' WHERE action = 'incident.opened'", &["changed_entry"]),
    ("UPDATE audit_entries SET project_id = NULL WHERE action = 'incident.opened'", &["changed_entry"]),
    ("DELETE FROM audit_entries WHERE action = 'incident.opened'", &["missing_entry"]),
    (
        "UPDATE audit_chain c SET left_at = now() FROM audit_entries e WHERE e.id = c.entry_id AND action = 'incident.opened';
         DELETE FROM audit_entries WHERE action = 'incident.opened'",
        &["missing_entry"],
    ),
    // Who swaps two entries.
    (
        "UPDATE audit_entries SET action = CASE action WHEN 'incident.opened' THEN 'receipt.accepted' ELSE 'incident.opened' END
         WHERE action IN ('incident.opened', 'receipt.accepted')",
        &["changed_entry", "changed_entry"],
    ),
    ("UPDATE audit_texts SET text = '{\"note\": \"as agreed with alice\"}'", &["changed_text"]),
    ("UPDATE audit_texts SET salt = NULL, erased_by = entry_id", &["changed_text"]),
    ("UPDATE audit_texts SET commitment = sha256(salt || '{}'), text = '{}'", &["changed_entry"]),
    ("DELETE FROM audit_texts", &["changed_entry"]),
    ("DELETE FROM audit_chain WHERE sequence = 2", &["missing_link"]),
    (
        "UPDATE audit_chain SET sequence = 9 WHERE sequence = 2; UPDATE audit_chain SET sequence = 2 WHERE sequence = 3;
         UPDATE audit_chain SET sequence = 3 WHERE sequence = 9",
        &["broken_link", "broken_link"],
    ),
    // Who puts another entry in place of one and its digest beside it.
    ("UPDATE audit_chain SET entry_id = gen_random_uuid(), digest = sha256('') WHERE sequence = 2", &["broken_link", "missing_entry"]),
    // Who takes the event along, and says that retention will have taken both.
    (
        "UPDATE audit_chain c SET left_at = now() + interval '2 years' FROM audit_entries e
         WHERE e.id = c.entry_id AND action = 'incident.opened';
         DELETE FROM audit_entries WHERE action = 'incident.opened'; DELETE FROM payment_events",
        &["missing_entry"],
    ),
];

/// Copies of all that is changed.
const KEEP: &str = "CREATE TABLE kept_entries AS TABLE audit_entries; CREATE TABLE kept_texts AS TABLE audit_texts;
    CREATE TABLE kept_chain AS TABLE audit_chain";

/// Puts it back as it was.
const PUT_BACK: &str =
    "DELETE FROM audit_entries; DELETE FROM audit_texts; DELETE FROM audit_chain;
    INSERT INTO audit_entries TABLE kept_entries; INSERT INTO audit_texts TABLE kept_texts;
    INSERT INTO audit_chain TABLE kept_chain";

/// What an erasure adds that overwrites every text.
const NAMED: &str = "INSERT INTO audit_entries (id, actor, action, project_id, detail)
    SELECT gen_random_uuid(), 'cli:bob', 'customer.texts_erased', p.id,
        jsonb_build_object('entries', (SELECT jsonb_agg(entry_id) FROM audit_texts)) FROM projects p";

async fn shop() -> Shop {
    let shop = Shop::open().await;
    let event_id = shop.missed("evt_1").await;
    shop.reprocess(event_id).await;
    link(&shop).await;
    assert_eq!(holds(&shop).await, 3);
    shop
}

#[test]
fn a_superuser_who_changes_the_past_is_found_out() {
    run(async {
        let shop = shop().await;
        as_superuser(&shop, KEEP).await;
        for (change, expected) in CHANGES {
            as_superuser(&shop, change).await;
            let verification = verify(&shop).await;
            let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
            assert_eq!(flaws.collect::<Vec<_>>(), expected, "{change}");
            assert!(verification.findings.iter().all(|finding| finding.sequence.is_some()));
            as_superuser(&shop, PUT_BACK).await;
            assert_eq!(holds(&shop).await, 3, "as it was");
        }
    });
}

#[test]
fn an_entry_that_left_sooner_than_its_project_ever_let_any_is_missing() {
    run(async {
        let shop = Shop::open().await;
        let add = "INSERT INTO audit_entries (id, at, actor, action, project_id)
            SELECT gen_random_uuid(), now() - interval '2 months', 'system', 'result.unclaimed', id FROM projects";
        sql(&shop, add.to_owned()).await;
        link(&shop).await;
        let gone = "UPDATE audit_chain SET left_at = now(); DELETE FROM audit_entries";
        as_superuser(&shop, gone).await;
        let verification = verify(&shop).await;
        let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
        assert_eq!(flaws.collect::<Vec<_>>(), ["missing_entry"], "the project keeps twelve months");
        sql(&shop, "UPDATE projects SET retention_months = 1".to_owned()).await;
        assert_eq!(holds(&shop).await, 1, "it is due as the project is now");
        let longer = "UPDATE projects SET retention_months = 12;
            INSERT INTO audit_entries (id, actor, action, project_id, detail)
            SELECT gen_random_uuid(), 'cli:bob', 'project.updated', id, '{\"retention_months\":{\"from\":1,\"to\":12}}' FROM projects";
        sql(&shop, longer.to_owned()).await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 2, "as it was for a while, which the audit says");
    });
}

#[test]
fn a_project_that_was_removed_beside_hides_nothing() {
    run(async {
        let shop = shop().await;
        let change = "UPDATE audit_entries SET actor = 'cli:eve' WHERE action = 'incident.opened'; DELETE FROM projects";
        as_superuser(&shop, change).await;
        let verification = verify(&shop).await;
        let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
        assert_eq!(flaws.collect::<Vec<_>>(), ["changed_entry"]);
        assert_eq!(list_heads(&shop.pool).await.expect("heads").len(), 1, "its end is said, too");
    });
}

#[test]
fn words_in_place_of_an_erased_text_are_found_out() {
    run(async {
        let shop = shop().await;
        let erased = "INSERT INTO audit_entries (id, actor, action, project_id)
            SELECT gen_random_uuid(), 'cli:bob', 'customer.erased', id FROM projects";
        sql(&shop, erased.to_owned()).await;
        sql(&shop, NAMED.to_owned()).await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 5);
        let change = |text: &str| {
            format!(
                "UPDATE audit_texts SET text = '{text}', salt = NULL,
                erased_by = (SELECT id FROM audit_entries WHERE action = 'customer.texts_erased')"
            )
        };
        as_superuser(&shop, &change(r#"{"note": "as agreed with alice"}"#)).await;
        let verification = verify(&shop).await;
        let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
        assert_eq!(flaws.collect::<Vec<_>>(), ["changed_text"]);
        as_superuser(&shop, &change(r#"{"note": "erased"}"#)).await;
        assert_eq!(holds(&shop).await, 5, "as an erasure leaves it");
    });
}

#[test]
fn a_text_that_is_emptied_in_the_name_of_the_erasure_of_another_is_found_out() {
    run(async {
        let shop = shop().await;
        let erased = "INSERT INTO audit_entries (id, actor, action, project_id)
            SELECT gen_random_uuid(), 'cli:bob', 'customer.erased', id FROM projects";
        sql(&shop, erased.to_owned()).await;
        let other = "INSERT INTO audit_entries (id, actor, action, project_id, detail)
            SELECT gen_random_uuid(), 'cli:bob', 'result.unclaimed', id, '{\"internal_reference\": \"user_9\"}' FROM projects";
        sql(&shop, other.to_owned()).await;
        let erase = "SELECT erase_audit_texts(id, 'user_9', '{}') FROM audit_entries WHERE action = 'customer.erased'";
        sql(&shop, erase.to_owned()).await;
        link(&shop).await;
        assert_eq!(holds(&shop).await, 6, "as an erasure leaves it");
        for by in ["customer.erased", "customer.texts_erased"] {
            let empty = format!(
                "UPDATE audit_texts SET text = erased_audit_text(text), salt = NULL,
                 erased_by = (SELECT id FROM audit_entries WHERE action = '{by}') WHERE text ? 'note'"
            );
            as_superuser(&shop, &empty).await;
            let verification = verify(&shop).await;
            let flaws = verification.findings.iter().map(|finding| finding.flaw.as_str());
            assert_eq!(flaws.collect::<Vec<_>>(), ["changed_text"], "{by}");
        }
    });
}

#[test]
fn the_end_of_a_chain_that_was_cut_off_is_missed_by_its_head() {
    run(async {
        let shop = shop().await;
        let heads = list_heads(&shop.pool).await.expect("heads");
        as_superuser(
            &shop,
            "DELETE FROM audit_entries WHERE action = 'reprocess.requested';
             DELETE FROM audit_texts; DELETE FROM audit_chain WHERE sequence = 3",
        )
        .await;
        assert_eq!(verify(&shop).await.findings, [], "nothing else tells");
        let mut verification = verify(&shop).await;
        for head in &heads {
            verify_head(&shop.pool, head, &mut verification).await.expect("a check");
        }
        assert_eq!(verification.findings[0].flaw.as_str(), "missing_head");
        // Whoever goes on as if nothing had been there gets another hash.
        shop.take("evt_2").await;
        link(&shop).await;
        let mut verification = verify(&shop).await;
        for head in &heads {
            verify_head(&shop.pool, head, &mut verification).await.expect("a check");
        }
        assert_eq!(verification.findings[0].flaw.as_str(), "other_head");
        assert_eq!(verification.total, 1);
    });
}
