//! Searching incidents.

use domain::callback::AnswerVerdict;
use domain::catalogue::EffectType;
use domain::ids::{EventId, IncidentId};
use domain::incident::{IncidentState, Reason};
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use e2e::run;
use serde_json::json;
use store::page::Page;
use store::search::incidents::{
    IncidentRow, IncidentSearch, StateFilter, list_matching, search_incidents,
};
use store::search::{Cursor, Sort};
use time::{Duration, OffsetDateTime};

use super::super::shop::{RunningReprocess, Shop, receipt_with};
use super::{after, dispute, for_charlie, names};

async fn search(shop: &Shop, search: IncidentSearch) -> Page<IncidentRow> {
    search_incidents(&shop.pool, &search).await.expect("a page")
}

async fn found(shop: &Shop, wanted: IncidentSearch) -> String {
    names(&search(shop, wanted).await, |row| &row.provider_event_id)
}

async fn acknowledge(shop: &Shop, event_id: EventId) {
    shop.execute(
        "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now() WHERE event_id = $1",
        event_id,
    )
    .await;
    shop.execute(
        "INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id)
         SELECT gen_random_uuid(), 'operator:alice@cometcart.test', 'incident.acknowledged', project_id, event_id, id
         FROM incidents WHERE event_id = $1",
        event_id,
    )
    .await;
}

/// One incident in each state, one of another kind, and one of charlie's.
async fn seed(shop: &Shop) -> Shop {
    let charlie = for_charlie(shop).await;
    shop.missed("evt_open").await;
    acknowledge(shop, shop.missed("evt_seen").await).await;
    let running = shop.take("evt_running").await;
    shop.fail(running).await;
    shop.reprocess(running).await;
    shop.resolve(shop.missed("evt_resolved").await).await;
    let dispute = shop.accept(&receipt_with("evt_dispute", &dispute())).await.event_id;
    shop.fail(dispute).await;
    charlie.missed("evt_charlie").await;
    charlie
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn every_filter_of_incidents_narrows() {
    run(async {
        let shop = Shop::open().await;
        let charlie = seed(&shop).await;
        let any = || IncidentSearch { state: StateFilter::All, ..Default::default() };
        let one = |state| IncidentSearch { state: StateFilter::One(state), ..Default::default() };
        let ours = Some(shop.owner.project_id);
        let cases = [
            (any(), "evt_charlie evt_dispute evt_resolved evt_running evt_seen evt_open"),
            (IncidentSearch::default(), "evt_charlie evt_dispute evt_running evt_seen evt_open"),
            (one(IncidentState::Open), "evt_charlie evt_dispute evt_open"),
            (one(IncidentState::Acknowledged), "evt_seen"),
            (one(IncidentState::Reprocessing), "evt_running"),
            (one(IncidentState::Resolved), "evt_resolved"),
            (IncidentSearch { project_id: Some(charlie.owner.project_id), ..any() }, "evt_charlie"),
            (
                IncidentSearch { project_id: ours, ..one(IncidentState::Open) },
                "evt_dispute evt_open",
            ),
            (IncidentSearch { mode: Some(Mode::Live), ..any() }, "evt_charlie"),
            (
                IncidentSearch { reason: Some(Reason::FailedResult), ..any() },
                "evt_dispute evt_running",
            ),
            (
                IncidentSearch { event_type: Some("charge.dispute.created".into()), ..any() },
                "evt_dispute",
            ),
            (
                IncidentSearch {
                    effect_type: Some(EffectType::CreditGrant),
                    reason: Some(Reason::FailedResult),
                    ..Default::default()
                },
                "evt_running",
            ),
            (IncidentSearch { sort: Sort::Oldest, limit: 2, ..any() }, "evt_open evt_seen"),
        ];
        for (wanted, expected) in cases {
            let shown = format!("{wanted:?}");
            assert_eq!(found(&shop, wanted).await, expected, "{shown}");
        }
    });
}

#[test]
fn incidents_are_found_by_their_age() {
    run(async {
        let shop = Shop::open().await;
        shop.missed("evt_1").await;
        let hour_ago = Some(OffsetDateTime::now_utc() - Duration::HOUR);
        for state in [StateFilter::All, StateFilter::NeedsYou] {
            let recent = IncidentSearch { state, opened_after: hour_ago, ..Default::default() };
            let older = IncidentSearch { state, opened_before: hour_ago, ..Default::default() };
            assert_eq!(
                (found(&shop, recent).await, found(&shop, older).await),
                ("evt_1".into(), String::new())
            );
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn text_finds_an_incident_by_every_id_and_by_the_reference() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        let first =
            shop.accept(&receipt_with("evt_1", &json!({"internal_reference": "user_1"}))).await;
        let event_id = first.event_id;
        shop.fail(event_id).await;
        let replay_id = shop.reprocess(event_id).await;
        let incident_id = shop.incident(event_id).await.id;
        shop.missed("evt_12").await;
        charlie.missed("evt_2").await;
        shop.take("evt_3").await;
        let cases = [
            (event_id.to_string(), "evt_1"),
            (incident_id.to_string(), "evt_1"),
            (replay_id.to_string(), "evt_1"),
            ("evt_1".into(), "evt_1"),
            ("user_1".into(), "evt_1"),
            ("user_456".into(), "evt_2 evt_12"),
            ("evt".into(), "evt_2 evt_12 evt_1"),
            ("evt_3".into(), ""),
            ("ev".into(), ""),
        ];
        for (text, expected) in cases {
            let wanted = IncidentSearch { text: Some(text.clone()), ..Default::default() };
            assert_eq!(found(&shop, wanted).await, expected, "{text:?}");
        }
        let project_id = Some(shop.owner.project_id);
        let ours =
            IncidentSearch { text: Some("user_456".into()), project_id, ..Default::default() };
        assert_eq!(found(&shop, ours).await, "evt_12", "charlie's is another project's");
        let missing = IncidentSearch {
            text: Some("evt".into()),
            reason: Some(Reason::MissingResult),
            limit: 1,
            ..Default::default()
        };
        let page = search(&shop, missing.clone()).await;
        assert_eq!(names(&page, |row| &row.provider_event_id), "evt_2");
        let next = IncidentSearch { cursor: after(page.next_cursor.as_ref()), ..missing };
        assert_eq!(found(&shop, next).await, "evt_12");
    });
}

#[test]
fn words_find_an_incident_wherever_they_stand() {
    run(async {
        let shop = Shop::open().await;
        let reference = |name: &str| json!({ "internal_reference": name });
        for (event, name) in [("evt_1", "team_Northwind_153"), ("evt_2", "team_southwind_15")] {
            let event = shop.accept(&receipt_with(event, &reference(name))).await.event_id;
            shop.let_time_pass(event).await;
            shop.silence(event).await;
        }
        let failed = shop.take("evt_3").await;
        let error = json!({ "status": "failed", "error_code": "ActiveRecord::RecordNotUnique",
            "error_message": "duplicate key, of the ledger" });
        shop.report(failed, error).await;
        let text = |text: &str| IncidentSearch { text: Some(text.into()), ..Default::default() };
        for (typed, expected) in [
            ("northwind", "evt_1"),
            ("NORTH", "evt_1"),
            ("wind", ""),
            ("team southwind", "evt_2"),
            ("15 team", "evt_2 evt_1"),
            ("team_99", ""),
            ("recordnotunique", "evt_3"),
            ("ledger dup", "evt_3"),
            ("ledger northwind", ""),
            ("no", ""),
            ("%_'", ""),
        ] {
            assert_eq!(found(&shop, text(typed)).await, expected, "{typed:?}");
        }
        // What it says later counts, and nothing else.
        let again = json!({ "status": "failed", "error_code": "db_down", "error_message": "gone" });
        shop.report(failed, again).await;
        assert_eq!(found(&shop, text("db_down")).await, "evt_3");
        assert_eq!(found(&shop, text("ledger")).await, "");
    });
}

#[test]
fn a_word_of_very_many_finds_all_of_them_page_by_page() {
    run(async {
        let shop = Shop::open().await;
        shop.take("evt_1").await;
        // Ids in the past, the oldest first.
        let many = "INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type,
                 effect_type, internal_reference, occurred_at, effect, timeout_minutes, timeout_at)
             SELECT overlay(overlay(e.id::text PLACING '0192' FROM 1) PLACING lpad(n::text, 12, '0') FROM 25)::uuid,
                 project_id, api_key_id, provider, 'evt_old_' || n, event_type, effect_type, internal_reference,
                 occurred_at, 'failed', 30, now() FROM payment_events e, generate_series(1, 1200) AS n;
             INSERT INTO incidents (id, event_id, project_id, reason, error_code)
             SELECT id, id, project_id, 'failed_result', 'db_write_failed' FROM payment_events
             WHERE provider_event_id LIKE 'evt_old_%'";
        sqlx::raw_sql(many).execute(&shop.pool).await.expect("rows");
        let mut wanted =
            IncidentSearch { text: Some("db_write_failed".into()), ..Default::default() };
        let matching = list_matching(&shop.pool, &wanted, 10_001).await.expect("incidents");
        assert_eq!(matching.into_values().flatten().count(), 1_200, "a bulk takes all of them");

        let newest =
            "UPDATE incidents SET state = 'resolved', resolution = 'manual', resolved_at = now()
             WHERE id IN (SELECT id FROM incidents ORDER BY id DESC LIMIT 700)";
        sqlx::raw_sql(newest).execute(&shop.pool).await.expect("resolved");
        let mut met = 0;
        loop {
            let page = search(&shop, wanted.clone()).await;
            met += page.data.len();
            assert!(!page.capped, "nothing is left out");
            wanted.cursor = after(page.next_cursor.as_ref());
            if wanted.cursor.is_none() {
                break;
            }
        }
        assert_eq!(met, 500, "behind those that are resolved");
    });
}

#[test]
fn what_begins_with_a_text_hides_nothing_that_has_it_as_a_word() {
    run(async {
        let shop = Shop::open().await;
        let open = async |event: &str, name: &str| {
            let reference = json!({ "internal_reference": name });
            let event = shop.accept(&receipt_with(event, &reference)).await.event_id;
            shop.let_time_pass(event).await;
            shop.silence(event).await;
            event
        };
        let whole = open("evt_1", "northwind").await;
        let begins = open("evt_2", "northwind_1").await;
        open("evt_3", "team_northwind_153").await;
        open("evt_4", "northwind_12").await;
        let needs_you =
            |text: &str| IncidentSearch { text: Some(text.into()), ..Default::default() };
        assert_eq!(found(&shop, needs_you("northwind")).await, "evt_4 evt_3 evt_2 evt_1");
        assert_eq!(found(&shop, needs_you("northw")).await, "evt_4 evt_3 evt_2 evt_1");
        assert_eq!(found(&shop, needs_you("northwind_1")).await, "evt_2", "a whole id");
        for event in [whole, begins] {
            shop.resolve(event).await;
        }
        assert_eq!(found(&shop, needs_you("northwind")).await, "evt_4 evt_3");
        let first = search(&shop, IncidentSearch { limit: 1, ..needs_you("northwind") }).await;
        let cursor = after(first.next_cursor.as_ref());
        let rest = IncidentSearch { cursor, ..needs_you("northwind") };
        assert_eq!(found(&shop, rest).await, "evt_3");
        let mut matching =
            list_matching(&shop.pool, &needs_you("northwind"), 10).await.expect("incidents");
        let ours = matching.remove(&shop.owner.project_id).expect("of the project");
        assert_eq!(ours.len(), 2, "a bulk takes what the list shows");
    });
}

#[test]
fn a_row_of_an_incident_says_who_looks_after_it_and_what_was_tried() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        acknowledge(&shop, event_id).await;
        let replay_id = shop.reprocess(event_id).await;
        let row = || async { search(&shop, IncidentSearch::default()).await.data.remove(0) };
        let before = row().await;
        assert_eq!(before.running, Some((replay_id, ReprocessState::Requested, 0)));
        assert!(before.last_attempt.is_none());
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Retry).await;
        let after = row().await;
        assert_eq!(after.running, Some((replay_id, ReprocessState::Delivering, 1)));
        let attempt = after.last_attempt.expect("an attempt");
        assert_eq!((attempt.status, attempt.error), (Some(503), None));
        assert_eq!(after.acknowledged_by.as_deref(), Some("operator:alice@cometcart.test"));
        assert_eq!(after.incident.error.code.as_deref(), Some("db_write_failed"));
        assert_eq!((after.project_name.as_str(), after.mode), ("CometCart", Mode::Test));
        assert_eq!((after.timeout_minutes, after.internal_reference.as_str()), (30, "user_456"));
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Stop).await;
        let ended = row().await;
        assert_eq!((ended.running, ended.incident.state), (None, IncidentState::Open));
        assert_eq!(ended.last_attempt.and_then(|attempt| attempt.status), Some(422));
    });
}

#[test]
fn pages_of_incidents_have_no_gaps_and_no_doubles_while_rows_are_added() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..7 {
            shop.missed(&format!("evt_{number}")).await;
        }
        let wanted = |cursor: Option<Cursor<IncidentId>>| IncidentSearch {
            limit: 3,
            cursor,
            ..Default::default()
        };
        let name = |row: &IncidentRow| row.provider_event_id.clone();
        let mut met = Vec::new();
        let mut cursor = None;
        loop {
            let page = search(&shop, wanted(cursor)).await;
            met.extend(page.data.iter().map(name));
            shop.missed(&format!("evt_new_{}", met.len())).await;
            cursor = after(page.next_cursor.as_ref());
            if cursor.is_none() {
                break;
            }
        }
        let older: Vec<_> = (0..7).rev().map(|number| format!("evt_{number}")).collect();
        assert_eq!(met, older);
    });
}

#[test]
fn an_incident_carries_the_facts_of_its_event_whoever_writes_it() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.execute(
            "INSERT INTO incidents (id, event_id, project_id, reason, event_type)
             SELECT id, id, project_id, 'missing_result', 'charlie says so' FROM payment_events WHERE id = $1",
            event_id,
        )
        .await;
        let wanted =
            IncidentSearch { event_type: Some("invoice.paid".into()), ..Default::default() };
        assert_eq!(found(&shop, wanted).await, "evt_1");
    });
}
