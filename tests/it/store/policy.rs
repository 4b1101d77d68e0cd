//! What a policy does about incidents, by the transitions alone: when it starts a reprocess, who
//! is faster, and which alerts are written.

mod acknowledged;
mod archived;
mod breaker;
mod held;

use domain::audit::Actor;
use domain::callback::AnswerVerdict;
use domain::catalogue::EffectType;
use domain::ids::{EventId, ReplayId};
use domain::incident::IncidentState;
use domain::rejection::Rejection;
use domain::reprocess_policy::PolicySettings;
use e2e::run;
use serde_json::{Value, json};
use store::administration::policy::{PolicyRejection, set_policy, turn_off};
use store::policies::{self, PolicyStop};
use store::pool::{self, transaction};
use store::transitions::policy::carry_out;
use store::{policy_plans, reprocesses};

use super::shop::{RunningReprocess, Shop, accepted, bob, receipt_with};

fn on() -> PolicySettings {
    PolicySettings { enabled: true, ..PolicySettings::default() }
}

fn locked() -> Value {
    json!({ "status": "failed", "error_code": "locked" })
}

impl Shop {
    async fn set(
        &self,
        effect_type: EffectType,
        settings: PolicySettings,
    ) -> Result<bool, PolicyRejection> {
        let project_id = self.owner.project_id;
        let set = transaction(&self.pool, async |tx| {
            set_policy(tx, &bob(), project_id, &effect_type, &settings).await
        });
        set.await.map_err(|error| error.rejection().expect("a database"))
    }

    async fn policy(&self, settings: PolicySettings) {
        assert_eq!(self.set(EffectType::CreditGrant, settings).await, Ok(true));
    }

    /// A new customer's event, which failed with this code.
    async fn failed(&self, name: &str, error_code: &str) -> EventId {
        let customer = json!({ "internal_reference": format!("user_{name}") });
        let event_id = self.accept(&receipt_with(&format!("evt_{name}"), &customer)).await.event_id;
        self.report(event_id, json!({ "status": "failed", "error_code": error_code })).await;
        event_id
    }

    /// The reprocess that runs.
    async fn running(&self, event_id: EventId) -> RunningReprocess {
        let incident = self.incident(event_id).await;
        let all = reprocesses::list_for_incident(&self.pool, incident.id).await.expect("a list");
        let running = all.iter().find(|it| it.state.is_running()).expect("one that runs");
        RunningReprocess { event_id, replay_id: running.id }
    }

    /// The policy's reprocess does not help.
    async fn try_in_vain(&self, event_id: EventId) -> ReplayId {
        let RunningReprocess { replay_id, .. } = self.running(event_id).await;
        let words = json!({ "status": "failed", "error_code": "again", "replay_id": replay_id });
        self.report(event_id, words).await;
        replay_id
    }

    async fn carry_out(&self, event_id: EventId) {
        transaction(&self.pool, async |tx| carry_out(tx, event_id).await).await.expect("done");
    }

    /// What is planned lies in the past.
    async fn let_plans_be_due(&self, event_id: EventId) {
        self.execute(
            "UPDATE policy_plans SET try_at = try_at - interval '1 day', alerts_at = alerts_at - interval '1 day'
             WHERE event_id = $1",
            event_id,
        )
        .await;
        let due = policy_plans::list_due(&self.pool, 10).await.expect("a list");
        assert!(due.contains(&event_id), "{due:?}");
    }

    /// The alerts that were written about an event.
    async fn alerts(&self, event_id: EventId) -> Option<String> {
        let story = self.story(event_id).await;
        story.lines().find(|line| line.starts_with("alerts")).map(str::to_owned)
    }

    async fn stops(&self) -> Vec<PolicyStop> {
        policies::list_stops(&self.pool, self.owner.project_id, 10).await.expect("a list")
    }

    async fn notices(&self) -> i64 {
        let sql = "SELECT count(*) FROM notices WHERE kind = 'policy_stopped'";
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a count")
    }
}

#[test]
fn an_incident_opens_with_its_reprocess_in_one_transaction() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(on()).await;
        let event_id = shop.missed("evt_1").await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: reprocessing/missing_result
        reprocess: requested
        alerts: incident_opened
        outbox: start
        timeline: receipt.accepted incident.opened reprocess.requested
        ");
        let entries = store::timeline::list_for_event(&shop.pool, event_id).await.expect("entries");
        assert_eq!(entries.last().map(|entry| entry.actor.as_str()), Some("policy"));
        shop.silence(event_id).await;
        let other = shop.take("evt_2").await;
        let outcome = shop.fail(other).await;
        assert_eq!(accepted(&outcome).incident, Some(IncidentState::Reprocessing));
        let RunningReprocess { replay_id, .. } = shop.running(event_id).await;
        let rejected = shop.try_reprocess(event_id, reprocesses::new_id()).await;
        assert_eq!(rejected, Err(Rejection::Reprocessing(Some(replay_id), None)));
    });
}

#[test]
fn without_a_policy_or_for_another_effect_nothing_is_started() {
    run(async {
        let shop = Shop::open().await;
        let seats = json!({ "effect_type": "seat_update" });
        shop.policy(on()).await;
        let event_id = shop.accept(&receipt_with("evt_1", &seats)).await.event_id;
        shop.fail(event_id).await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
        let actor = Actor::Operator("alice@cometcart.test".into());
        let project_id = shop.owner.project_id;
        let off = async |effect_type| {
            transaction(&shop.pool, async |tx| turn_off(tx, &actor, project_id, &effect_type).await)
                .await
                .expect("a database")
        };
        assert_eq!(off(EffectType::SeatUpdate).await, None);
        assert_eq!(off(EffectType::CreditGrant).await, Some(true));
        assert_eq!(off(EffectType::CreditGrant).await, Some(false));
        let event_id = shop.missed("evt_2").await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
        let entries: Vec<String> = sqlx::query_scalar(
            "SELECT actor FROM audit_entries WHERE action = 'policy.changed' ORDER BY at",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("entries");
        assert_eq!(entries, ["cli:bob", "operator:alice@cometcart.test"]);
    });
}

#[test]
fn what_takes_something_from_customers_must_be_allowed_by_name() {
    run(async {
        let shop = Shop::open().await;
        for effect_type in EffectType::TAKING {
            let rejected = shop.set(effect_type.clone(), on()).await.expect_err("a rejection");
            assert!(matches!(rejected, PolicyRejection::Invalid(why) if why.len() == 1));
            // Not even with a statement beside the product.
            let sql = "INSERT INTO reprocess_policies VALUES ($1, $2, true, 1, 0, 5, 10, 20, false, false)";
            let written = sqlx::query(sql)
                .bind(shop.owner.project_id.as_uuid())
                .bind(effect_type.as_str())
                .execute(&shop.pool);
            let error = written.await.expect_err("a constraint").to_string();
            assert!(error.contains("reprocess_policies_take_check"), "{error}");
            let change = json!({ "effect_type": effect_type, "event_type": "charge.refunded" });
            let name = format!("evt_{effect_type}");
            let event_id = shop.accept(&receipt_with(&name, &change)).await.event_id;
            shop.fail(event_id).await;
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Open, "{effect_type}");
            let allowed = PolicySettings { may_take: true, ..on() };
            assert_eq!(shop.set(effect_type.clone(), allowed).await, Ok(true));
            assert_eq!(shop.set(effect_type.clone(), allowed).await, Ok(false));
            let name = format!("evt_2_{effect_type}");
            let event_id = shop.accept(&receipt_with(&name, &change)).await.event_id;
            shop.fail(event_id).await;
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
        }
        let unknown = "license_issue".parse().expect("a name");
        let rejected = shop.set(unknown, on()).await.expect_err("a rejection");
        assert!(matches!(rejected, PolicyRejection::UnknownEffect(_)), "{rejected:?}");
    });
}

#[test]
fn a_reprocess_that_failed_is_repeated_as_often_as_allowed() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { attempts: 2, ..on() }).await;
        let event_id = shop.failed("1", "locked").await;
        let first = shop.try_in_vain(event_id).await;
        let second = shop.try_in_vain(event_id).await;
        assert_ne!(first, second);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: failed
        incident: open/failed_result/again
        reprocess: failed failed
        alerts: incident_opened reprocess_failed reprocess_failed
        outbox: start result result result
        timeline: receipt.accepted result.failed incident.opened reprocess.requested result.failed reprocess.failed reprocess.requested result.failed reprocess.failed
        ");
        // What a person asks for is a person's to repeat.
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Stop).await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_delay_is_a_plan_that_success_and_people_end() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { delay_seconds: 60, ..on() }).await;
        let planned = async |name| {
            let event_id = shop.failed(name, "locked").await;
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
            event_id
        };
        let (healed, asked, resolved) =
            (planned("1").await, planned("2").await, planned("3").await);
        shop.carry_out(healed).await;
        assert_eq!(shop.incident(healed).await.state, IncidentState::Open, "too early");
        shop.succeed(healed).await;
        shop.reprocess(asked).await;
        shop.resolve(resolved).await;
        let plans: i64 = sqlx::query_scalar("SELECT count(*) FROM policy_plans")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(plans, 0);
        for event_id in [healed, asked, resolved] {
            shop.carry_out(event_id).await;
        }
        insta::assert_snapshot!(shop.story(healed).await, @r"
        effect: succeeded
        incident: resolved/failed_result/locked/late_success
        alerts: incident_opened incident_resolved
        outbox: start result result
        timeline: receipt.accepted result.failed incident.opened reprocess.planned result.succeeded incident.resolved
        ");
        insta::assert_snapshot!(shop.story(asked).await, @r"
        effect: failed
        incident: reprocessing/failed_result/locked
        reprocess: requested
        alerts: incident_opened
        outbox: start result reprocess
        timeline: receipt.accepted result.failed incident.opened reprocess.planned reprocess.requested
        ");
        let due = planned("4").await;
        shop.let_plans_be_due(due).await;
        shop.carry_out(due).await;
        shop.carry_out(due).await;
        insta::assert_snapshot!(shop.story(due).await, @r"
        effect: failed
        incident: reprocessing/failed_result/locked
        reprocess: requested
        alerts: incident_opened
        outbox: start result reprocess
        timeline: receipt.accepted result.failed incident.opened reprocess.planned reprocess.requested
        ");
    });
}

#[test]
fn alerts_that_wait_are_never_written_where_it_heals() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { wait_alerts: true, attempts: 2, ..on() }).await;
        let event_id = shop.failed("1", "locked").await;
        shop.try_in_vain(event_id).await;
        shop.succeed(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: succeeded
        incident: resolved/failed_result/again/reprocessed
        reprocess: failed succeeded
        outbox: start result result result
        timeline: receipt.accepted result.failed incident.opened reprocess.requested result.failed reprocess.failed reprocess.requested result.succeeded reprocess.succeeded incident.resolved
        ");
    });
}

#[test]
fn alerts_that_waited_go_out_when_it_did_not_help_or_takes_too_long() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { wait_alerts: true, ..on() }).await;
        let failed = shop.failed("1", "locked").await;
        shop.try_in_vain(failed).await;
        let late = shop.failed("2", "locked").await;
        shop.carry_out(late).await;
        assert!(!shop.story(late).await.contains("alerts"), "not yet");
        let bound: i64 = sqlx::query_scalar(
            "SELECT extract(epoch FROM alerts_at - now())::bigint FROM policy_plans WHERE event_id = $1",
        )
        .bind(late.as_uuid())
        .fetch_one(&shop.pool)
        .await
        .expect("a bound");
        assert!((29 * 60..=30 * 60).contains(&bound), "{bound}");
        shop.let_plans_be_due(late).await;
        shop.carry_out(late).await;
        shop.carry_out(late).await;
        shop.succeed(late).await;
        assert_eq!(shop.alerts(failed).await.as_deref(), Some("alerts: reprocess_failed"));
        let told = shop.alerts(late).await;
        assert_eq!(told.as_deref(), Some("alerts: incident_opened incident_resolved"));
    });
}

#[test]
fn a_person_who_takes_over_is_no_reason_to_keep_the_others_waiting() {
    run(async {
        let shop = Shop::open().await;
        shop.set(
            EffectType::CreditGrant,
            PolicySettings { wait_alerts: true, delay_seconds: 60, ..on() },
        )
        .await
        .expect("set");
        let asked = shop.failed("3", "locked").await;
        assert_eq!(shop.alerts(asked).await, None);
        shop.reprocess(asked).await;
        assert_eq!(shop.alerts(asked).await.as_deref(), Some("alerts: incident_opened"));
        let resolved = shop.failed("4", "locked").await;
        shop.resolve(resolved).await;
        assert_eq!(shop.alerts(resolved).await, None);
    });
}

#[test]
fn what_can_not_start_says_so_and_lets_alerts_go() {
    run(async {
        let shop = Shop::open().await;
        let waiting = PolicySettings { wait_alerts: true, ..on() };
        shop.policy(waiting).await;
        let sql = "UPDATE projects SET repair_url = NULL";
        sqlx::query(sql).execute(&shop.pool).await.expect("a statement");
        let event_id = shop.failed("1", "locked").await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: failed
        incident: open/failed_result/locked
        alerts: incident_opened
        outbox: start result
        timeline: receipt.accepted result.failed incident.opened reprocess.skipped
        ");
        let sql = "UPDATE projects SET repair_url = 'http://127.0.0.1:9/repair'";
        sqlx::query(sql).execute(&shop.pool).await.expect("a statement");
        let delayed = PolicySettings { delay_seconds: 60, ..waiting };
        shop.set(EffectType::CreditGrant, delayed).await.expect("set");
        let event_id = shop.failed("2", "locked").await;
        let off = PolicySettings { enabled: false, ..delayed };
        shop.set(EffectType::CreditGrant, off).await.expect("set");
        shop.execute(
            "UPDATE policy_plans SET try_at = now() - interval '1 second' WHERE event_id = $1",
            event_id,
        )
        .await;
        shop.carry_out(event_id).await;
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: failed
        incident: open/failed_result/locked
        alerts: incident_opened
        outbox: start result acknowledged
        timeline: receipt.accepted result.failed incident.opened reprocess.planned reprocess.skipped
        ");
    });
}

#[test]
fn a_process_that_dies_before_the_commit_leaves_neither_incident_nor_reprocess() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(on()).await;
        let event_id = shop.take("evt_1").await;
        let mut tx = shop.begin().await;
        shop.report_in(&mut tx, event_id, &locked()).await;
        drop(tx);
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: pending
        outbox: start
        timeline: receipt.accepted
        ");
        let mut tx = shop.begin().await;
        shop.report_in(&mut tx, event_id, &locked()).await;
        pool::commit(tx).await.expect("a commit");
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
    });
}
