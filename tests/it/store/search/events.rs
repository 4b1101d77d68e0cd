//! Searching events.

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::project::Mode;
use e2e::run;
use serde_json::{Value, json};
use store::page::Page;
use store::search::Sort;
use store::search::events::{EventRow, EventSearch, search_events};
use time::{Duration, OffsetDateTime};

use super::super::shop::{Shop, receipt_with};
use super::{after, before, dispute, for_charlie, names};

async fn take(shop: &Shop, provider_event_id: &str, change: Value) -> EventId {
    shop.accept(&receipt_with(provider_event_id, &change)).await.event_id
}

async fn search(shop: &Shop, search: EventSearch) -> Page<EventRow> {
    search_events(&shop.pool, &search).await.expect("a page")
}

async fn found(shop: &Shop, wanted: EventSearch) -> String {
    names(&search(shop, wanted).await, |row| &row.event.provider_event_id)
}

/// One event in each state, one of another kind, and one of charlie's.
async fn seed(shop: &Shop) -> Shop {
    let charlie = for_charlie(shop).await;
    shop.take("evt_pending").await;
    let applied = shop.take("evt_applied").await;
    shop.succeed(applied).await;
    let failed = shop.take("evt_failed").await;
    shop.fail(failed).await;
    shop.missed("evt_missing").await;
    take(shop, "evt_dispute", dispute()).await;
    charlie.missed("evt_charlie").await;
    charlie
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn every_filter_of_events_narrows() {
    run(async {
        let shop = Shop::open().await;
        let charlie = seed(&shop).await;
        let all = "evt_charlie evt_dispute evt_missing evt_failed evt_applied evt_pending";
        let any = EventSearch::default;
        let cases = [
            (any(), all),
            (EventSearch { project_id: Some(charlie.owner.project_id), ..any() }, "evt_charlie"),
            (EventSearch { mode: Some(Mode::Live), ..any() }, "evt_charlie"),
            (
                EventSearch { mode: Some(Mode::Test), effect: Some(Effect::Missing), ..any() },
                "evt_missing",
            ),
            (EventSearch { effect: Some(Effect::Pending), ..any() }, "evt_dispute evt_pending"),
            (EventSearch { effect: Some(Effect::Succeeded), ..any() }, "evt_applied"),
            (EventSearch { effect: Some(Effect::Missing), ..any() }, "evt_charlie evt_missing"),
            (
                EventSearch { event_type: Some("charge.dispute.created".into()), ..any() },
                "evt_dispute",
            ),
            (EventSearch { event_type: Some("orders/paid".into()), ..any() }, ""),
            (
                EventSearch { effect_type: Some(EffectType::AccessRevocation), ..any() },
                "evt_dispute",
            ),
            (
                EventSearch {
                    effect: Some(Effect::Failed),
                    effect_type: Some(EffectType::CreditGrant),
                    project_id: Some(shop.owner.project_id),
                    ..any()
                },
                "evt_failed",
            ),
        ];
        for (wanted, expected) in cases {
            let shown = format!("{wanted:?}");
            assert_eq!(found(&shop, wanted).await, expected, "{shown}");
        }
        let oldest = EventSearch { sort: Sort::Oldest, mode: Some(Mode::Test), limit: 2, ..any() };
        assert_eq!(found(&shop, oldest).await, "evt_pending evt_applied");
    });
}

#[test]
fn a_row_of_an_event_says_what_belongs_to_it() {
    run(async {
        let shop = Shop::open().await;
        let charlie = seed(&shop).await;
        let page =
            search(&shop, EventSearch { effect: Some(Effect::Missing), ..Default::default() });
        let rows = page.await.data;
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.project_name.as_str(), row.mode, row.incident.map(|it| it.state)))
            .collect();
        let open = Some(IncidentState::Open);
        assert_eq!(shown, [("Charlie's", Mode::Live, open), ("CometCart", Mode::Test, open)]);
        assert_eq!(rows[0].event.project_id, charlie.owner.project_id);
        let pending = EventSearch { effect: Some(Effect::Pending), ..Default::default() };
        assert!(search(&shop, pending).await.data[0].incident.is_none());
    });
}

#[test]
fn events_are_found_between_two_moments() {
    run(async {
        let shop = Shop::open().await;
        let now = OffsetDateTime::now_utc();
        shop.take("evt_1").await;
        let between = |from: Duration, until: Duration, project| EventSearch {
            received_after: Some(now + from),
            received_before: Some(now + until),
            project_id: project,
            ..Default::default()
        };
        let hour = Duration::HOUR;
        // With and without another filter: these are different queries.
        for project in [None, Some(shop.owner.project_id)] {
            assert_eq!(found(&shop, between(-hour, hour, project)).await, "evt_1");
            assert_eq!(found(&shop, between(hour, hour * 2, project)).await, "");
            assert_eq!(found(&shop, between(-hour * 2, -hour, project)).await, "");
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn text_finds_ids_of_ours_exact_texts_and_only_then_beginnings() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        let first = take(&shop, "evt_1", json!({"internal_reference": "user_1"})).await;
        take(&shop, "evt_10", json!({"internal_reference": "user_10"})).await;
        take(&shop, "evt_11", json!({"internal_reference": "évt_1%"})).await;
        take(&charlie, "evt_1", json!({"internal_reference": "user_2"})).await;
        shop.fail(first).await;
        let replay_id = shop.reprocess(first).await;
        let incident_id = shop.incident(first).await.id;
        let cases = [
            (first.to_string(), "evt_1"),
            (format!("  {incident_id} "), "evt_1"),
            (replay_id.to_string(), "evt_1"),
            ("evt_1".into(), "evt_1 evt_1"),
            ("user_1".into(), "evt_1"),
            ("evt_".into(), "evt_1 evt_11 evt_10 evt_1"),
            ("user".into(), "evt_1 evt_10 evt_1"),
            ("évt_1%".into(), "evt_11"),
            ("évt".into(), "evt_11"),
            // Shorter than three characters, a wildcard, another case, something that is not there.
            ("ev".into(), ""),
            ("evt%".into(), ""),
            ("EVT_1".into(), ""),
            ("a\0b".into(), ""),
            ("ev_7ZZZZZZZZZZZZZZZZZZZZZZZZZ".into(), ""),
            ("   ".into(), "evt_1 evt_11 evt_10 evt_1"),
        ];
        for (text, expected) in cases {
            let wanted = EventSearch { text: Some(text.clone()), ..Default::default() };
            assert_eq!(found(&shop, wanted).await, expected, "{text:?}");
        }
        let project_id = Some(shop.owner.project_id);
        let ours =
            |text: &str| EventSearch { text: Some(text.into()), project_id, ..Default::default() };
        assert_eq!(found(&shop, ours("evt_1")).await, "evt_1", "charlie's is another project's");
        assert_eq!(found(&shop, ours("user_2")).await, "", "exactly charlie's");
        let pending = EventSearch { effect: Some(Effect::Pending), ..ours("evt_1") };
        assert_eq!(found(&shop, pending).await, "", "it failed");
        let named = EventSearch { mode: Some(Mode::Live), ..ours(&first.to_string()) };
        assert_eq!(found(&shop, named).await, "", "the shop is a test");
    });
}

#[test]
fn pages_of_events_have_no_gaps_and_no_doubles_while_rows_are_added() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..10 {
            let change = if number % 2 == 0 { json!({}) } else { dispute() };
            take(&shop, &format!("evt_{number}"), change).await;
        }
        for project_id in [None, Some(shop.owner.project_id)] {
            let wanted =
                |cursor| EventSearch { project_id, limit: 4, cursor, ..Default::default() };
            let first = search(&shop, wanted(None)).await;
            assert_eq!((first.data.len(), first.previous_cursor.as_deref()), (4, None));
            shop.take(&format!("evt_new_{}", project_id.is_some())).await;
            let second = search(&shop, wanted(after(first.next_cursor.as_ref()))).await;
            let third = search(&shop, wanted(after(second.next_cursor.as_ref()))).await;
            let met: Vec<_> = [&first, &second, &third]
                .iter()
                .flat_map(|page| page.data.iter().map(|row| row.event.provider_event_id.as_str()))
                .collect();
            let skipped = usize::from(project_id.is_some());
            let older: Vec<_> = (0..10).rev().map(|number| format!("evt_{number}")).collect();
            assert_eq!(met[skipped..], older[..met.len() - skipped]);
            let back = search(&shop, wanted(before(second.previous_cursor.as_ref()))).await;
            let name = |row: &EventRow| row.event.provider_event_id.clone();
            let (back, first): (Vec<_>, Vec<_>) =
                (back.data.iter().map(name).collect(), first.data.iter().map(name).collect());
            assert_eq!(back, first);
        }
    });
}

#[test]
fn a_reference_with_very_many_events_is_searched_page_after_page() {
    run(async {
        let shop = Shop::open().await;
        shop.take("evt_1").await;
        // Ids in the past, so that the shop's own event is the newest.
        sqlx::raw_sql(
            "INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
                 internal_reference, occurred_at, effect, timeout_minutes, timeout_at)
             SELECT overlay(overlay(e.id::text PLACING '0192' FROM 1) PLACING lpad(n::text, 12, '0') FROM 25)::uuid,
                 project_id, api_key_id, provider, 'evt_old_' || n, event_type, effect_type, internal_reference, occurred_at,
                 CASE n WHEN 3 THEN 'failed' ELSE 'succeeded' END, 30, now()
             FROM payment_events e, generate_series(1, 2500) AS n",
        )
        .execute(&shop.pool)
        .await
        .expect("rows");
        let mut wanted = EventSearch {
            text: Some("user_456".into()),
            effect: Some(Effect::Failed),
            ..Default::default()
        };
        let (mut pages, mut met) = (0, String::new());
        loop {
            let page = search(&shop, wanted.clone()).await;
            met += &names(&page, |row| &row.event.provider_event_id);
            pages += 1;
            assert!(!page.capped, "nothing is left out");
            wanted.cursor = after(page.next_cursor.as_ref());
            if wanted.cursor.is_none() {
                break;
            }
        }
        assert_eq!((met.as_str(), pages), ("evt_old_3", 3), "a thousand at a time");
        let vague = EventSearch { text: Some("evt_old".into()), ..Default::default() };
        let page = search(&shop, vague).await;
        assert_eq!((page.capped, page.data.len()), (true, 50));
    });
}
