//! Who acknowledges an incident whose alerts wait for the policy's reprocess.

use domain::incident::IncidentState;
use domain::reprocess_policy::PolicySettings;
use e2e::run;
use store::policy_plans::find_plan;
use store::pool::transaction;
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};

use super::super::shop::{Shop, bob};
use super::on;

#[test]
fn who_acknowledges_is_no_reason_to_keep_the_others_waiting_and_the_policy_goes_on() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { wait_alerts: true, delay_seconds: 60, ..on() }).await;
        let event_id = shop.failed("1", "locked").await;
        assert_eq!(shop.alerts(event_id).await, None);
        let actor = bob();
        let request = AcknowledgeRequest { actor: &actor, note: None, bulk_id: None };
        let acknowledged =
            transaction(&shop.pool, async |tx| acknowledge_incident(tx, event_id, request).await);
        assert!(acknowledged.await.is_ok());
        assert_eq!(shop.alerts(event_id).await.as_deref(), Some("alerts: incident_opened"));
        let plan = find_plan(&shop.pool, event_id).await.expect("a database").expect("a plan");
        assert!(plan.try_at.is_some() && plan.alerts_at.is_none(), "{plan:?}");

        shop.let_plans_be_due(event_id).await;
        shop.carry_out(event_id).await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
        shop.try_in_vain(event_id).await;
        let told = shop.alerts(event_id).await;
        assert_eq!(told.as_deref(), Some("alerts: incident_opened reprocess_failed"));
    });
}
