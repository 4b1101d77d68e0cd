//! Causes: what is counted of them, and the incidents of one.

use domain::ids::{CauseId, EventId};
use domain::incident::IncidentState;
use domain::money::describe_sums;
use domain::project::Mode;
use domain::urgency::Urgency;
use e2e::run;
use serde_json::json;
use store::incidents::Incident;
use store::page::Page;
use store::search::causes::{
    CauseRow, CauseSearch, count_causes, count_waiting, find_cause, offer_causes, search_causes,
};
use store::search::incidents::{IncidentSearch, StateFilter, search_incidents};
use store::search::similar::list_similar;
use store::search::{Cursor, Sort};

use super::super::shop::{Shop, receipt_with};
use super::{after, before, dispute, for_charlie, names};

/// An incident of the usual failure, for a customer.
async fn fail_for(shop: &Shop, provider_event_id: &str, reference: &str) -> EventId {
    let receipt = receipt_with(provider_event_id, &json!({ "internal_reference": reference }));
    let event = shop.accept(&receipt).await.event_id;
    shop.fail(event).await;
    event
}

async fn search(shop: &Shop, search: CauseSearch) -> Page<CauseRow> {
    search_causes(&shop.pool, &search).await.expect("causes")
}

async fn causes(shop: &Shop) -> Vec<CauseRow> {
    search(shop, CauseSearch::default()).await.data
}

async fn found(shop: &Shop, cause_id: CauseId, search: IncidentSearch) -> String {
    let search = IncidentSearch { cause_id: Some(cause_id), ..search };
    let page = search_incidents(&shop.pool, &search).await.expect("a page");
    names(&page, |row| &row.provider_event_id)
}

/// The live one comes first.
async fn an_hour_later_only_the_live_one_is_urgent(shop: &Shop) {
    let urgencies = async || {
        let urgencies = causes(shop).await;
        urgencies.iter().map(|row| row.urgency).collect::<Vec<_>>()
    };
    assert_eq!(urgencies().await, [Urgency::Normal; 3]);
    sqlx::raw_sql("UPDATE incidents SET opened_at = now() - interval '61 minutes'")
        .execute(&shop.pool)
        .await
        .expect("older incidents");
    assert_eq!(urgencies().await, [Urgency::High, Urgency::Normal, Urgency::Normal]);
}

#[test]
fn a_cause_counts_what_waits_and_live_projects_come_first() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        for (event, customer) in [("evt_1", "user_1"), ("evt_2", "user_2"), ("evt_3", "user_2")] {
            fail_for(&shop, event, customer).await;
        }
        shop.missed("evt_missed").await;
        let resolved = shop.missed("evt_resolved").await;
        shop.resolve(resolved).await;
        charlie.missed("evt_charlie").await;
        sqlx::raw_sql("UPDATE incidents SET opened_at = now() - interval '16 minutes' WHERE provider_event_id = 'evt_1'")
            .execute(&shop.pool)
            .await
            .expect("an older incident");

        let causes = causes(&shop).await;
        let told: Vec<_> = causes
            .iter()
            .map(|row| {
                let count = (row.customers, row.incidents, row.open, row.opened_lately);
                (row.cause.title(), row.mode, count)
            })
            .collect();
        let silent = "no result in time on invoice.paid".to_owned();
        let broken = "db_write_failed on invoice.paid".to_owned();
        assert_eq!(
            told,
            [
                (silent.clone(), Mode::Live, (1, 1, 1, 1)),
                (broken, Mode::Test, (2, 3, 3, 2)),
                (silent, Mode::Test, (1, 1, 1, 1)),
            ]
        );
        assert_eq!(causes[1].id, causes[1].cause.id(), "the id is that of its fields");
        an_hour_later_only_the_live_one_is_urgent(&shop).await;
        let project_id = Some(charlie.owner.project_id);
        let only = search(&shop, CauseSearch { project_id, ..CauseSearch::default() }).await.data;
        assert_eq!(only.iter().map(|row| row.id).collect::<Vec<_>>(), [causes[0].id]);
    });
}

#[test]
fn of_what_a_list_offers_all_is_known_of_the_first_that_are_shared() {
    run(async {
        let shop = Shop::open().await;
        for (number, code) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)] {
            fail_with(&shop, number, code, &format!("user_{number}")).await;
        }
        sqlx::raw_sql("UPDATE incidents SET amount_value = 100, amount_currency = 'USD'")
            .execute(&shop.pool)
            .await
            .expect("amounts");
        let all = causes(&shop).await;
        let offer = async |limit, shown| {
            let search = CauseSearch { limit, ..CauseSearch::default() };
            offer_causes(&shop.pool, &search, shown).await.expect("causes")
        };
        let few = offer(2, 1).await;
        let offered: Vec<_> = few.offered.iter().map(|(id, _)| *id).collect();
        assert_eq!(offered, [all[0].id, all[1].id]);
        assert_eq!((few.is_complete, few.shared, few.shown.len()), (false, 2, 1));
        assert_eq!((few.shown[0].id, &few.shown[0].at_risk), (all[0].id, &all[0].at_risk));
        assert_eq!(describe_sums(&few.shown[0].at_risk).as_deref(), Some("3.00 USD"));
        let every = offer(100, 10).await;
        assert_eq!((every.is_complete, every.offered.len(), every.shown.len()), (true, 3, 2));
        assert!(offer(100, 0).await.shown.is_empty());
        let count = count_causes(&shop.pool, None, None).await.expect("a count");
        assert_eq!(count, 3);
    });
}

/// A failure with an error code of its own, for a customer.
async fn fail_with(shop: &Shop, number: usize, code: usize, reference: &str) -> EventId {
    let change = json!({ "internal_reference": reference });
    let event = shop.accept(&receipt_with(&format!("evt_{number}"), &change)).await.event_id;
    shop.report(event, json!({ "status": "failed", "error_code": format!("code_{code}") })).await;
    event
}

fn codes(page: &Page<CauseRow>) -> Vec<String> {
    page.data.iter().filter_map(|row| row.cause.error_code.clone()).collect()
}

#[test]
fn causes_are_found_page_by_page_the_most_customers_first_and_none_twice() {
    run(async {
        let shop = Shop::open().await;
        let mut events = Vec::new();
        for code in 0..103 {
            events.push(fail_with(&shop, code, code, "user_1").await);
        }
        fail_with(&shop, 103, 101, "user_2").await;
        fail_with(&shop, 104, 102, "user_1").await;

        let first = search(&shop, CauseSearch::default()).await;
        let mut met = codes(&first);
        assert_eq!(met[..2], ["code_101", "code_102"], "by customers, then by incidents");
        assert_eq!((met.len(), &first.previous_cursor), (50, &None));
        // The list goes on behind a cause that is over by then.
        let edge: usize = met[49].trim_start_matches("code_").parse().expect("a number");
        shop.resolve(events[edge]).await;
        let mut last = first;
        while let Some(cursor) = last.next_cursor.clone() {
            let next = CauseSearch { cursor: after(Some(&cursor)), ..CauseSearch::default() };
            last = search(&shop, next).await;
            met.extend(codes(&last));
        }
        let shown = (met.len(), last.data.len());
        met.sort_unstable();
        met.dedup();
        assert_eq!((shown, met.len()), ((103, 3), 103));

        let cursor = before(last.previous_cursor.as_ref());
        let back = search(&shop, CauseSearch { cursor, limit: 2, ..CauseSearch::default() }).await;
        assert_eq!(back.data.len(), 2);
        assert!(back.previous_cursor.is_some() && back.next_cursor.is_some());
    });
}

#[test]
fn a_cause_says_what_is_at_risk_in_each_currency() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        let paid = [(&shop, "evt_1", 4900, "USD"), (&shop, "evt_2", 100, "USD")];
        let paid = paid.into_iter().chain([
            (&shop, "evt_3", 1500, "JPY"),
            (&charlie, "evt_4", 700, "USD"),
            (&charlie, "evt_5", 900, "EUR"),
        ]);
        for (shop, event, value, currency) in paid {
            let amount = json!({ "amount": { "value": value, "currency": currency } });
            let event = shop.accept(&receipt_with(event, &amount)).await.event_id;
            shop.fail(event).await;
        }
        shop.missed("evt_6").await;
        let causes = causes(&shop).await;
        let sums = |row: &CauseRow| describe_sums(&row.at_risk);
        let told: Vec<_> = causes.iter().map(|row| (row.mode, sums(row))).collect();
        let sum = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                (Mode::Live, sum("9.00 EUR + 7.00 USD")),
                (Mode::Test, sum("50.00 USD + 1,500 JPY")),
                (Mode::Test, None),
            ]
        );
    });
}

#[test]
fn a_cause_is_over_with_its_last_incident_and_still_has_its_name() {
    run(async {
        let shop = Shop::open().await;
        let event = shop.take("evt_1").await;
        shop.fail(event).await;
        let id = shop.incident(event).await.cause_id.expect("a cause");
        assert_eq!(count_waiting(&shop.pool, id, 10).await.expect("a count"), 1);
        shop.resolve(event).await;
        assert!(causes(&shop).await.is_empty());
        assert_eq!(count_waiting(&shop.pool, id, 10).await.expect("a count"), 0);
        let cause = find_cause(&shop.pool, id).await.expect("a cause").expect("a cause");
        assert_eq!((cause.title().as_str(), cause.id()), ("db_write_failed on invoice.paid", id));
    });
}

#[test]
fn the_newest_five_that_are_resolved_are_similar_to_another_one_of_the_cause() {
    run(async {
        let shop = Shop::open().await;
        for number in 1..=7 {
            let (event, customer) = (format!("evt_{number}"), format!("user_{number}"));
            let event = fail_for(&shop, &event, &customer).await;
            shop.resolve(event).await;
        }
        shop.missed("evt_missed").await;
        let event = shop.take("evt_8").await;
        shop.fail(event).await;
        let similar = async |of: &Incident| {
            let found = list_similar(&shop.pool, of).await.expect("incidents");
            found.iter().map(|it| it.internal_reference.clone()).collect::<Vec<_>>().join(" ")
        };
        let open = shop.incident(event).await;
        let newest = list_similar(&shop.pool, &open).await.expect("incidents").remove(0);
        assert_eq!(newest.note.as_deref(), Some("by hand"));
        assert!(newest.by.expect("somebody").contains("bob"));
        assert_eq!(similar(&open).await, "user_7 user_6 user_5 user_4 user_3");
        shop.resolve(event).await;
        let itself = shop.incident(event).await;
        assert_eq!(similar(&itself).await, "user_7 user_6 user_5 user_4 user_3");
        let unknown = Incident { cause_id: None, ..itself };
        assert_eq!(similar(&unknown).await, "");
    });
}

#[test]
fn the_incidents_of_a_cause_are_found_page_by_page_and_no_other_is() {
    run(async {
        let shop = Shop::open().await;
        for number in 1..=5 {
            fail_for(&shop, &format!("evt_{number}"), "user_1").await;
        }
        shop.missed("evt_missed").await;
        let dispute = shop.accept(&receipt_with("evt_dispute", &dispute())).await.event_id;
        shop.fail(dispute).await;
        let id = causes(&shop).await[0].id;
        let any = || IncidentSearch { state: StateFilter::All, ..IncidentSearch::default() };
        assert_eq!(found(&shop, id, any()).await, "evt_5 evt_4 evt_3 evt_2 evt_1");
        let oldest = IncidentSearch { sort: Sort::Oldest, limit: 2, ..any() };
        assert_eq!(found(&shop, id, oldest).await, "evt_1 evt_2");

        let first = IncidentSearch { cause_id: Some(id), limit: 2, ..any() };
        let first = search_incidents(&shop.pool, &first).await.expect("a page");
        let cursor: Option<Cursor<_>> = after(first.next_cursor.as_ref());
        assert_eq!(found(&shop, id, IncidentSearch { cursor, ..any() }).await, "evt_3 evt_2 evt_1");

        let text = |text: &str| IncidentSearch { text: Some(text.to_owned()), ..any() };
        assert_eq!(found(&shop, id, text("evt_4")).await, "evt_4");
        assert_eq!(found(&shop, id, text("evt_missed")).await, "", "of another cause");
        let resolved = StateFilter::One(IncidentState::Resolved);
        assert_eq!(found(&shop, id, IncidentSearch { state: resolved, ..any() }).await, "");
        let live = IncidentSearch { mode: Some(Mode::Live), ..any() };
        assert_eq!(found(&shop, id, live).await, "", "every filter narrows");
    });
}
