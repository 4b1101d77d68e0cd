//! What is not resolved, in numbers.

use std::collections::BTreeMap;

use domain::ids::{EventId, ProjectId};
use domain::project::Mode;
use e2e::run;
use serde_json::{Value, json};
use store::search::Sort;
use store::search::causes::count_causes;
use store::search::incidents::{IncidentSearch, count_unresolved, search_incidents};
use store::search::unresolved::{Customers, Unresolved, read_unresolved};

use super::super::shop::{Shop, receipt_with};
use super::{dispute, for_charlie};

async fn of(shop: &Shop, project_id: Option<ProjectId>, mode: Option<Mode>) -> Unresolved {
    read_unresolved(&shop.pool, project_id, mode).await.expect("counts")
}

async fn causes(shop: &Shop, project_id: Option<ProjectId>, mode: Option<Mode>) -> i64 {
    count_causes(&shop.pool, project_id, mode).await.expect("a count")
}

/// An incident of a customer, with what they paid.
async fn fail_for(shop: &Shop, event: &str, customer: &str, amount: Value) -> EventId {
    let receipt = receipt_with(event, &json!({ "internal_reference": customer, "amount": amount }));
    let event_id = shop.accept(&receipt).await.event_id;
    shop.fail(event_id).await;
    event_id
}

fn paid(value: i64, currency: &str) -> Value {
    json!({ "value": value, "currency": currency })
}

/// Sums as people read them.
fn sums(of: &Unresolved) -> Vec<String> {
    of.at_risk.iter().map(ToString::to_string).collect()
}

#[test]
fn incidents_are_counted_by_state_and_by_project() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        shop.missed("evt_open").await;
        let seen = shop.missed("evt_seen").await;
        let acknowledge = "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now() WHERE event_id = $1";
        shop.execute(acknowledge, seen).await;
        shop.reprocessing("evt_running").await;
        shop.resolve(shop.missed("evt_resolved").await).await;
        charlie.missed("evt_charlie").await;

        let (us, them) = (shop.owner.project_id, charlie.owner.project_id);
        let all = of(&shop, None, None).await;
        assert_eq!((all.open, all.acknowledged, all.reprocessing), (2, 1, 1));
        let ours = of(&shop, Some(us), None).await;
        assert_eq!((ours.open, ours.acknowledged, ours.reprocessing), (1, 1, 1));
        let oldest = IncidentSearch { sort: Sort::Oldest, ..IncidentSearch::default() };
        let oldest = search_incidents(&shop.pool, &oldest).await.expect("a page").data.remove(0);
        assert_eq!(ours.oldest_opened_at, Some(oldest.incident.opened_at));
        assert_eq!(of(&shop, None, Some(Mode::Live)).await, of(&shop, Some(them), None).await);
        let each = BTreeMap::from([(us, 3), (them, 1)]);
        assert_eq!(count_unresolved(&shop.pool).await.expect("counts"), each);

        let resolve =
            "UPDATE incidents SET state = 'resolved', resolution = 'manual', resolved_at = now()";
        sqlx::raw_sql(resolve).execute(&shop.pool).await.expect("resolved");
        let none = of(&shop, None, None).await;
        assert_eq!((none.open, none.oldest_opened_at), (0, None));
        assert_eq!(causes(&shop, None, None).await, 0);
        assert!(count_unresolved(&shop.pool).await.expect("counts").is_empty());
    });
}

#[test]
fn a_customer_counts_once_in_each_project_and_what_they_should_have_lost_apart() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        fail_for(&shop, "evt_1", "user_1", Value::Null).await;
        fail_for(&shop, "evt_2", "user_1", Value::Null).await;
        shop.missed("evt_missed").await;
        let dispute = shop.accept(&receipt_with("evt_dispute", &dispute())).await.event_id;
        shop.fail(dispute).await;
        fail_for(&charlie, "evt_3", "user_1", Value::Null).await;

        let all = of(&shop, None, None).await;
        assert_eq!(all.customers, Customers { without: 3, with_too_much: 1 });
        assert_eq!(causes(&shop, None, None).await, 4);
        let live = of(&shop, None, Some(Mode::Live)).await;
        assert_eq!(live.customers, Customers { without: 1, with_too_much: 0 });
        assert_eq!(causes(&shop, None, Some(Mode::Live)).await, 1);
    });
}

#[test]
fn what_is_at_risk_is_one_sum_per_currency_of_a_project_or_of_a_mode() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        for (event, amount) in [("evt_1", paid(4900, "USD")), ("evt_2", paid(100, "USD"))] {
            fail_for(&shop, event, "user_1", amount).await;
        }
        fail_for(&shop, "evt_3", "user_2", paid(1500, "JPY")).await;
        fail_for(&shop, "evt_4", "user_3", Value::Null).await;
        let put_right = fail_for(&shop, "evt_5", "user_4", paid(99, "CHF")).await;
        shop.resolve(put_right).await;
        fail_for(&charlie, "evt_6", "user_1", paid(700, "USD")).await;
        fail_for(&charlie, "evt_7", "user_1", paid(9000, "EUR")).await;

        let (us, them) = (shop.owner.project_id, charlie.owner.project_id);
        assert_eq!(sums(&of(&shop, Some(us), None).await), ["50.00 USD", "1,500 JPY"]);
        assert_eq!(sums(&of(&shop, Some(them), None).await), ["90.00 EUR", "7.00 USD"]);
        let all = ["90.00 EUR", "57.00 USD", "1,500 JPY"];
        assert_eq!(sums(&of(&shop, None, None).await), all);
        assert_eq!(sums(&of(&shop, None, Some(Mode::Test)).await), ["50.00 USD", "1,500 JPY"]);

        let archive = "UPDATE projects SET archived_at = now() WHERE mode = 'live'";
        sqlx::raw_sql(archive).execute(&shop.pool).await.expect("archived");
        assert_eq!(sums(&of(&shop, None, None).await), ["50.00 USD", "1,500 JPY"]);
        let named = of(&shop, Some(them), None).await;
        assert_eq!(sums(&named), ["90.00 EUR", "7.00 USD"], "it is asked for by name");
    });
}
