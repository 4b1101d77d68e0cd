//! Every activity run twice: a worker that dies after its last step repeats all of them, and the
//! second run must leave the database as the first one did.

mod extensions;
mod send_callback;

use std::sync::Arc;

use activities::callbacks::{self, Timing};
use activities::destinations::Senders;
use activities::destinations::email::EmailSender;
use activities::http::{GuardedClient, HttpPolicy};
use activities::{Deps, alerts, records};
use domain::ids::{AlertId, EventId, ReplayId};
use domain::repair_url::AllowedNetworks;
use domain::watch::{NextStep, WatchState};
use e2e::mailbox::Mailbox;
use e2e::{Receiver, run};
use serde_json::{Value, json};
use store::destinations::{NewDestination, Target};
use store::{destinations, reprocesses, results};
use temporalio_common::ActivityError;
use workflows::activity_contract::{
    EventInput, InputNotes, ManualReprocess, ManualResolution, ManualResult, ReprocessInput,
};

use crate::store::shop::Shop;

/// Alice's shop and the activities that work for it.
struct ActivityFixture {
    shop: Shop,
    repair: Receiver,
    mailbox: Mailbox,
    deps: Arc<Deps>,
}

impl ActivityFixture {
    async fn set() -> Self {
        let shop = Shop::open().await;
        let (repair, mailbox) = (Receiver::start().await.expect("one"), Mailbox::start().await);
        sqlx::query("UPDATE projects SET repair_url = $1")
            .bind(repair.url())
            .execute(&shop.pool)
            .await
            .expect("a repair URL");
        let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("a network");
        let http = GuardedClient::new(HttpPolicy::new(allow.clone())).expect("a client");
        let email = EmailSender::smtp(&mailbox.url(), "Shop watch <alerts@cometcart.test>");
        let deps = Deps {
            pool: shop.pool.clone(),
            master_key: shop.master_key.clone(),
            senders: Senders {
                email: email.expect("a mail server"),
                http: http.clone(),
                activities: None,
            },
            http,
            allow,
            public_url: "http://127.0.0.1:8080".to_owned(),
            mail_domain: "cometcart.test".to_owned(),
            dead_man: None,
        };
        Self { shop, repair, mailbox, deps: Arc::new(deps) }
    }

    async fn reprocess(&self, event_id: EventId) -> ReprocessInput {
        ReprocessInput { event_id, replay_id: self.shop.reprocess(event_id).await }
    }

    /// The same activities with another list of what callbacks may reach.
    fn allowing(&self, list: &str) -> Deps {
        let allow: AllowedNetworks = list.parse().expect("a list");
        let http = GuardedClient::new(HttpPolicy::new(allow.clone())).expect("a client");
        Deps {
            pool: self.deps.pool.clone(),
            master_key: self.deps.master_key.clone(),
            senders: self.deps.senders.clone(),
            http,
            allow,
            public_url: self.deps.public_url.clone(),
            mail_domain: self.deps.mail_domain.clone(),
            dead_man: self.deps.dead_man.clone(),
        }
    }

    /// Every table, row by row, as JSON.
    async fn dump(&self) -> Value {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'",
        )
        .fetch_all(&self.shop.pool)
        .await
        .expect("tables");
        let mut dump = json!({});
        for table in tables {
            let sql = format!(
                "SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t::text), '[]') FROM {table} t"
            );
            let rows: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&self.shop.pool)
                .await
                .expect("rows");
            dump[table] = rows;
        }
        dump
    }

    /// Runs a step twice; the second time changes nothing and has the same output as the first.
    async fn twice(&self, step: impl AsyncFn() -> WatchState) {
        let first = without_waits(step().await);
        let after_first = self.dump().await;
        let second = without_waits(step().await);
        assert_same(&self.dump().await, &after_first);
        assert_eq!(first, second, "the watch is told the same");
    }

    /// Adds a Slack channel to the shop.
    async fn also_tell(&self, slack: &Receiver) {
        let target = Target::Slack(slack.url().to_owned());
        let new = NewDestination {
            target,
            shown: "127.0.0.1".to_owned(),
            label: None,
            every_incident: None,
        };
        let (key, project_id) = (&self.shop.master_key, self.shop.owner.project_id);
        let mut db = self.shop.pool.acquire().await.expect("a connection");
        destinations::insert_destination(&mut db, key, project_id, &new)
            .await
            .expect("a destination");
    }

    async fn alert(&self, event_id: EventId) -> AlertId {
        let pending = store::alerts::list_pending(&self.shop.pool, event_id).await;
        pending.expect("a list")[0]
    }
}

/// Compares two dumps and shows the rows that only one of them has.
fn assert_same(now: &Value, before: &Value) {
    let (now, before) = (now.as_object().expect("tables"), before.as_object().expect("tables"));
    for (table, rows) in now {
        let rows_of = |dump: &Value| dump.as_array().cloned().unwrap_or_default();
        let (rows, known) = (rows_of(rows), rows_of(&before[table]));
        let new: Vec<_> = rows.iter().filter(|row| !known.contains(row)).collect();
        let gone: Vec<_> = known.iter().filter(|row| !rows.contains(row)).collect();
        assert!(new.is_empty() && gone.is_empty(), "{table}: new {new:?}, gone {gone:?}");
    }
}

/// The wait until a deadline is shorter each time.
fn without_waits(state: WatchState) -> WatchState {
    let next = match state.next {
        NextStep::WaitForResult { .. } => NextStep::WaitForResult { wait_ms: 0 },
        NextStep::WaitForRepair { replay_id, .. } => {
            NextStep::WaitForRepair { replay_id, wait_ms: 0 }
        }
        next => next,
    };
    WatchState { next, ..state }
}

#[test]
fn open_incident_if_due_twice() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.take("evt_1").await;
        let step =
            async || records::open_incident_if_due(&fixture.deps, EventInput { event_id }).await;
        fixture.twice(async || step().await.expect("not due")).await;
        fixture.shop.let_time_pass(event_id).await;
        fixture.twice(async || step().await.expect("due")).await;
        assert!(fixture.shop.story(event_id).await.contains("incident: open"));
    });
}

#[test]
fn read_standing_twice() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        let before = fixture.dump().await;
        let of = EventInput { event_id };
        fixture
            .twice(async || records::read_standing(&fixture.deps, of).await.expect("read"))
            .await;
        assert_same(&fixture.dump().await, &before);
    });
}

#[test]
fn record_result_twice_whatever_was_typed() {
    run(async {
        let fixture = ActivityFixture::set().await;
        for (number, body) in [
            json!({"status": "success", "reported_by": "alice"}),
            json!({"status": "failed", "error_code": "locked"}),
            json!({"status": "perhaps"}),
            json!({"status": "success", "replay_id": reprocesses::new_id()}),
            json!("nonsense"),
            Value::Null,
        ]
        .into_iter()
        .enumerate()
        {
            let event_id = fixture.shop.take(&format!("evt_{number}")).await;
            let typed = ManualResult {
                event_id,
                result_id: results::new_id(),
                body,
                notes: InputNotes::default(),
            };
            let step = async || records::record_result(&fixture.deps, typed.clone()).await;
            fixture.twice(async || step().await.expect("recorded")).await;
            let entries = fixture.shop.story(event_id).await.matches("result.").count();
            assert_eq!(entries, 1, "{typed:?}");
        }
    });
}

fn manual_reprocess(event_id: EventId) -> ManualReprocess {
    let (requested_by, note) = (Some("alice".to_owned()), Some("again".to_owned()));
    ManualReprocess {
        event_id,
        replay_id: reprocesses::new_id(),
        requested_by,
        note,
        notes: InputNotes::default(),
    }
}

#[test]
fn request_reprocess_twice_taken_and_rejected() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        for (action, event_id) in [
            ("reprocess.requested", event_id),
            ("reprocess.refused", event_id),
            ("reprocess.refused", fixture.shop.take("evt_2").await),
        ] {
            let manual_reprocess = manual_reprocess(event_id);
            let step =
                async || records::request_reprocess(&fixture.deps, manual_reprocess.clone()).await;
            fixture.twice(async || step().await.expect("recorded")).await;
            assert_eq!(fixture.shop.story(event_id).await.matches(action).count(), 1, "{action}");
        }
    });
}

#[test]
fn a_signal_to_reprocess_where_nobody_can_be_asked_is_noted_as_rejected() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&fixture.shop.pool)
            .await
            .expect("a database");
        let manual_reprocess = manual_reprocess(event_id);
        let step =
            async || records::request_reprocess(&fixture.deps, manual_reprocess.clone()).await;
        fixture.twice(async || step().await.expect("recorded")).await;
        let entries = store::timeline::list_for_event(&fixture.shop.pool, event_id).await;
        let last = entries.expect("a timeline").pop().expect("an entry");
        assert_eq!(
            (last.action.as_str(), last.actor.as_str()),
            ("reprocess.refused", "temporal:alice")
        );
        assert_eq!(last.detail["why"], "the project has no repair URL");
    });
}

#[test]
fn resolve_incident_twice_taken_and_rejected() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let open = fixture.shop.missed("evt_1").await;
        fixture.shop.reprocess(open).await;
        for (action, event_id) in
            [("incident.resolved", open), ("resolve.refused", fixture.shop.take("evt_2").await)]
        {
            let (entry_id, resolved_by) = (Some(store::audit::new_id()), Some("alice".to_owned()));
            let notes = InputNotes::default();
            let typed = ManualResolution { event_id, entry_id, resolved_by, note: None, notes };
            let step = async || records::resolve_incident(&fixture.deps, typed.clone()).await;
            fixture.twice(async || step().await.expect("recorded")).await;
            assert_eq!(fixture.shop.story(event_id).await.matches(action).count(), 1, "{action}");
        }
    });
}

/// An incident whose callback was delivered.
async fn delivered(fixture: &ActivityFixture) -> (EventId, ReplayId) {
    let event_id = fixture.shop.missed("evt_1").await;
    let of = fixture.reprocess(event_id).await;
    callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect("delivered");
    (event_id, of.replay_id)
}

#[test]
fn end_reprocess_if_due_twice() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let (event_id, replay_id) = delivered(&fixture).await;
        let of = ReprocessInput { event_id, replay_id };
        let step = async || records::end_reprocess_if_due(&fixture.deps, of).await;
        fixture.twice(async || step().await.expect("not due")).await;
        fixture
            .shop
            .execute("UPDATE reprocesses SET result_due_at = now() WHERE event_id = $1", event_id)
            .await;
        fixture.twice(async || step().await.expect("due")).await;
        assert!(fixture.shop.story(event_id).await.contains("reprocess: no_result"));
    });
}

#[test]
fn a_row_that_only_a_newer_release_can_read_waits_for_its_worker() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        let of = EventInput { event_id };
        let known = records::read_standing(&fixture.deps, of).await.expect("read");
        let renamed = "UPDATE payment_events SET provider = 'New Pay' WHERE id = $1";
        fixture.shop.execute(renamed, event_id).await;
        let failed = records::read_standing(&fixture.deps, of).await.expect_err("not read");
        let ActivityError::Application(failure) = failed else { panic!("{failed:?}") };
        assert!(!failure.is_non_retryable(), "{failure:?}");
        let restored = "UPDATE payment_events SET provider = 'stripe' WHERE id = $1";
        fixture.shop.execute(restored, event_id).await;
        let again = records::read_standing(&fixture.deps, of).await.expect("read");
        assert_eq!(without_waits(again), without_waits(known));
    });
}

#[test]
fn deliver_alert_twice_sends_one_mail() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        let id = fixture.alert(event_id).await;
        alerts::deliver(&fixture.deps, id).await.expect("delivered");
        let before = fixture.dump().await;
        alerts::deliver(&fixture.deps, id).await.expect("nothing to do");
        assert_same(&fixture.dump().await, &before);
        assert_eq!(fixture.mailbox.mails().len(), 1);
        assert!(fixture.shop.story(event_id).await.ends_with("incident.opened alert.delivered"));
    });
}

#[test]
fn deliver_alert_twice_gives_up_once() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        fixture
            .shop
            .execute(
                "UPDATE alerts SET created_at = now() - interval '25 hours' WHERE event_id = $1",
                event_id,
            )
            .await;
        let id = fixture.alert(event_id).await;
        alerts::deliver(&fixture.deps, id).await.expect("given up");
        let before = fixture.dump().await;
        alerts::deliver(&fixture.deps, id).await.expect("nothing to do");
        assert_same(&fixture.dump().await, &before);
        assert_eq!(fixture.mailbox.mails().len(), 0);
        assert!(fixture.shop.story(event_id).await.ends_with("incident.opened alert.given_up"));
    });
}

#[test]
fn deliver_alert_twice_asks_a_destination_that_failed_once() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let slack = Receiver::start().await.expect("a receiver");
        slack.respond_with(&[503]);
        fixture.also_tell(&slack).await;
        let event_id = fixture.shop.missed("evt_1").await;
        let pending = store::alerts::list_pending(&fixture.shop.pool, event_id).await;
        let id = *pending.expect("a list").last().expect("an alert to Slack");
        alerts::deliver(&fixture.deps, id).await.expect("noted");
        let before = fixture.dump().await;
        alerts::deliver(&fixture.deps, id).await.expect("it waits");
        assert_same(&fixture.dump().await, &before);
        assert_eq!(slack.received().len(), 1);
    });
}

#[test]
fn an_activity_about_an_unknown_event_fails_and_leaves_nothing() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let before = fixture.dump().await;
        let event_id = EventId::from_uuid(uuid::Uuid::now_v7());
        let replay_id = reprocesses::new_id();
        let of = EventInput { event_id };
        records::open_incident_if_due(&fixture.deps, of).await.expect_err("unknown");
        records::read_standing(&fixture.deps, of).await.expect_err("unknown");
        records::request_reprocess(&fixture.deps, manual_reprocess(event_id))
            .await
            .expect_err("unknown");
        callbacks::send(&fixture.deps, ReprocessInput { event_id, replay_id }, Timing::WhenDue)
            .await
            .expect_err("unknown");
        alerts::deliver(&fixture.deps, AlertId::from_uuid(event_id.as_uuid()))
            .await
            .expect("an alert that is gone needs no delivery");
        assert_same(&fixture.dump().await, &before);
    });
}
