//! Searching and exporting the audit.

use domain::audit::{Action, Actor, AuditEvent};
use domain::ids::AuditId;
use e2e::run;
use serde_json::json;
use store::audit::{Subject, record, record_once};
use store::page::Page;
use store::search::audit::{AuditEntry, AuditExport, AuditSearch, MAX_EXPORT, search_audit};
use time::{Duration, OffsetDateTime};

use super::super::shop::{Shop, bob};
use super::{after, before, for_charlie, names};

async fn search(shop: &Shop, search: AuditSearch) -> Page<AuditEntry> {
    search_audit(&shop.pool, &search).await.expect("a page")
}

async fn found(shop: &Shop, wanted: AuditSearch) -> String {
    names(&search(shop, wanted).await, |entry| &entry.action)
}

async fn sign_in(shop: &Shop, name: &str) {
    let actor = Actor::Operator(format!("{name}@cometcart.test"));
    let subject = Subject::default();
    let added = AuditEvent::read(Action::OperatorAdded.as_str(), json!({}));
    record(&shop.pool, &actor, subject, &added).await.expect("one");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn every_filter_of_the_audit_narrows() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        let theirs = charlie.take("evt_charlie").await;
        let event_id = shop.missed("evt_1").await;
        shop.reprocess(event_id).await;
        sign_in(&shop, "alice").await;
        let incident_id = shop.incident(event_id).await.id;
        let key = format!("key:{}", shop.owner.key_id);
        let any = AuditSearch::default;
        let by = |actor: &str| AuditSearch { actor: Some(actor.into()), ..any() };
        let of = |action: &str| AuditSearch { action: Some(action.into()), ..any() };
        let about = |subject: String| AuditSearch { subject: Some(subject), ..any() };
        let ours = Some(shop.owner.project_id);
        let story = "reprocess.requested incident.opened receipt.accepted";
        let cases = [
            (any(), format!("operator.added {story} receipt.accepted")),
            (by(&key), "receipt.accepted".into()),
            (by("key:"), "receipt.accepted receipt.accepted".into()),
            (by("system"), "incident.opened".into()),
            (by("operator:"), "operator.added".into()),
            (by("operator:alice@cometcart.test"), "operator.added".into()),
            (by("operator:alice"), String::new()),
            (by("operator"), String::new()),
            (of("incident.opened"), "incident.opened".into()),
            (of("incident."), "incident.opened".into()),
            (of("incident"), String::new()),
            (AuditSearch { project_id: ours, ..any() }, story.into()),
            (AuditSearch { project_id: ours, ..of("operator.") }, String::new()),
            (AuditSearch { project_id: ours, ..by("cli:bob") }, "reprocess.requested".into()),
            (about(event_id.to_string()), story.into()),
            (about(theirs.to_string()), "receipt.accepted".into()),
            (about(incident_id.to_string()), "reprocess.requested incident.opened".into()),
            (about(charlie.owner.project_id.to_string()), "receipt.accepted".into()),
            (AuditSearch { project_id: ours, ..about(theirs.to_string()) }, String::new()),
            (
                AuditSearch { project_id: ours, ..about(charlie.owner.project_id.to_string()) },
                String::new(),
            ),
            (
                AuditSearch { actor: Some("cli:".into()), ..about(event_id.to_string()) },
                "reprocess.requested".into(),
            ),
            (about("inc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ".into()), String::new()),
            (about("evt_1".into()), String::new()),
        ];
        for (wanted, expected) in cases {
            let shown = format!("{wanted:?}");
            assert_eq!(found(&shop, wanted).await, expected, "{shown}");
        }
    });
}

#[test]
fn entries_are_sorted_by_their_time_whatever_their_ids_say() {
    run(async {
        let shop = Shop::open().await;
        let subject = Subject::project(shop.owner.project_id);
        // Drawn by a workflow, the id sorts after everything that a clock has made.
        let id = uuid::Uuid::from_u128(u128::MAX >> 1);
        let rejected = AuditEvent::read(Action::ResultRefused.as_str(), json!({}));
        record_once(&shop.pool, id, &bob(), subject, &rejected).await.expect("an entry");
        for project_id in [None, Some(shop.owner.project_id)] {
            shop.take(&format!("evt_{}", project_id.is_some())).await;
            let wanted = AuditSearch { project_id, ..Default::default() };
            let page = search(&shop, wanted).await;
            assert_eq!(page.data.last().map(|entry| entry.id), Some(AuditId::from_uuid(id)));
        }
    });
}

#[test]
fn entries_are_found_between_two_moments() {
    run(async {
        let shop = Shop::open().await;
        let now = OffsetDateTime::now_utc();
        shop.take("evt_1").await;
        for project_id in [None, Some(shop.owner.project_id)] {
            let from = |from| AuditSearch { project_id, from: Some(from), ..Default::default() };
            let to = |to| AuditSearch { project_id, to: Some(to), ..Default::default() };
            assert_eq!(found(&shop, from(now - Duration::HOUR)).await, "receipt.accepted");
            assert_eq!(found(&shop, from(now + Duration::HOUR)).await, "");
            assert_eq!(found(&shop, to(now + Duration::HOUR)).await, "receipt.accepted");
            assert_eq!(found(&shop, to(now - Duration::HOUR)).await, "");
        }
    });
}

#[test]
fn pages_of_the_audit_lead_on_and_back_while_entries_are_added() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..5 {
            sign_in(&shop, &format!("operator{number}")).await;
        }
        for action in [None, Some("operator.added".to_owned())] {
            let wanted = |cursor| AuditSearch {
                action: action.clone(),
                cursor,
                limit: 2,
                ..Default::default()
            };
            let first = search(&shop, wanted(None)).await;
            sign_in(&shop, "late").await;
            let second = search(&shop, wanted(after(first.next_cursor.as_ref()))).await;
            let back = search(&shop, wanted(before(second.previous_cursor.as_ref()))).await;
            let ids = |page: &Page<AuditEntry>| {
                page.data.iter().map(|entry| entry.id).collect::<Vec<_>>()
            };
            assert_eq!(ids(&first), ids(&back));
            let actors = |page: &Page<AuditEntry>| names(page, |entry| &entry.actor);
            assert_ne!(actors(&first), actors(&second));
            assert_eq!((first.data.len(), second.data.len()), (2, 2));
        }
    });
}

async fn export(shop: &Shop, search: AuditSearch) -> (Vec<AuditEntry>, bool) {
    let mut export = AuditExport::new(search);
    let mut all = Vec::new();
    loop {
        let some = export.next(&shop.pool).await.expect("entries");
        if some.is_empty() {
            return (all, export.is_cut_off());
        }
        assert!(some.len() <= 1_000, "a thousand at a time");
        all.extend(some);
    }
}

#[test]
fn an_export_has_every_entry_once_and_says_when_it_was_cut_off() {
    run(async {
        let shop = Shop::open().await;
        let add = |count: usize, action: &'static str| {
            let sql = format!(
                "INSERT INTO audit_entries (id, at, actor, action)
                 SELECT gen_random_uuid(), now() - interval '1 second' * (n / 7), 'system', '{action}'
                 FROM generate_series(1, {count}) AS n"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&shop.pool)
        };
        let of = |action: &str| AuditSearch { action: Some(action.into()), ..Default::default() };
        add(2_500, "relay.parked").await.expect("rows");
        for wanted in [of("relay.parked"), AuditSearch::default()] {
            let (entries, cut_off) = export(&shop, wanted).await;
            let mut ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
            assert!(entries.windows(2).all(|two| two[0].at >= two[1].at), "newest first");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!((ids.len(), entries.len(), cut_off), (2_500, 2_500, false));
        }
        assert_eq!(export(&shop, of("key.created")).await.0.len(), 0);
        add(MAX_EXPORT, "watch.restarted").await.expect("rows");
        let (entries, cut_off) = export(&shop, of("watch.restarted")).await;
        assert_eq!(
            (entries.len(), cut_off),
            (MAX_EXPORT, false),
            "exactly as many as there may be"
        );
        let (entries, cut_off) = export(&shop, AuditSearch::default()).await;
        assert_eq!((entries.len(), cut_off), (MAX_EXPORT, true));
    });
}
