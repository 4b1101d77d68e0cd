//! Policies by the API: set as a whole, listed, reset; who may not is refused.

use api_types::list::Listed;
use api_types::policies::{PolicyResetResponse, PolicyResponse};
use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::json;

use super::{Script, accepted, bad_fields};

#[test]
fn a_script_sets_lists_and_turns_off_a_policy() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let all = format!("/{}/policies", world.project.id);
        let one = format!("{all}/credit_grant");
        let none: Listed<PolicyResponse> = script.read(&all).await;
        assert_eq!(none.data, []);
        let body = json!({ "auto_reprocess": true, "attempts": 2, "delay_seconds": 60, "wait_alerts": true });
        let set: PolicyResponse = accepted(script.call(Method::PUT, &one, Some(body)).await);
        assert_eq!((set.attempts, set.delay_seconds, set.stop_customers), (2, 60, 20));
        let listed: Listed<PolicyResponse> = script.read(&all).await;
        assert_eq!(listed.data, [set]);
        // What is absent has its default: a policy is set as a whole.
        let off: PolicyResponse = accepted(script.call(Method::PUT, &one, Some(json!({}))).await);
        assert_eq!((off.auto_reprocess, off.attempts), (false, 1));
        let reset: PolicyResetResponse = script.send(&format!("{one}/reset"), json!({})).await;
        assert_eq!(reset.causes, []);
    });
}

#[test]
fn every_mistake_is_named_and_nothing_is_set() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let all = format!("/{}/policies", world.project.id);
        for (effect, body, fields) in [
            (
                "credit_grant",
                json!({ "auto_reprocess": true, "attempts": 0, "stop_failed": 11, "stop_customers": 0 }),
                &["attempts", "stop_failed", "stop_customers"][..],
            ),
            (
                "credit_grant",
                json!({ "attempts": "2", "wait_alerts": 1 }),
                &["wait_alerts", "attempts"],
            ),
            ("credit_grant", json!({ "allow": "credit_grant" }), &["allow"]),
            ("access_revocation", json!({ "auto_reprocess": true }), &["allow"]),
            (
                "credit_deduction",
                json!({ "auto_reprocess": true, "allow": "access_revocation" }),
                &["allow"],
            ),
            ("license_issue", json!({ "auto_reprocess": true }), &["effect_type"]),
        ] {
            let path = format!("{all}/{effect}");
            let (status, error) = script.reject(Method::PUT, &path, Some(body)).await;
            assert_eq!((status, bad_fields(&error)), (422, fields.to_vec()), "{effect}");
        }
        let (status, error) = script
            .reject(
                Method::POST,
                &format!("{all}/credit_grant/reset"),
                Some(json!({ "cause_id": "inc_1" })),
            )
            .await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["cause_id"]));
        let none: Listed<PolicyResponse> = script.read(&all).await;
        assert_eq!(none.data, []);
    });
}

#[test]
fn operators_reset_and_only_admins_set() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let one = format!("/{}/policies/credit_grant", world.project.id);
        let reset = format!("{one}/reset");
        for (role, may_set, may_reset) in
            [(Role::Viewer, 403, 403), (Role::Operator, 403, 200), (Role::Admin, 200, 200)]
        {
            let script = Script::new(&world, role).await;
            let body = Some(json!({ "auto_reprocess": true }));
            assert_eq!(script.call(Method::PUT, &one, body).await.0, may_set, "{role}");
            assert_eq!(script.post(&reset, json!({})).await.0, may_reset, "{role}");
        }
    });
}
