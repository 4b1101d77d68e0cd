//! What operators do to incidents, and what those who come late learn.

use domain::ids::EventId;
use domain::rejection::Rejection;
use e2e::run;
use store::operator_actions::{ActionError, OperatorAction};

use super::people::alice;
use super::shop::{Shop, bob};

/// Everything that alice may try, and why each changed nothing.
async fn rejections(shop: &Shop, event_id: EventId) -> Vec<String> {
    let (incident, actor) = (shop.incident(event_id).await, alice());
    let action = OperatorAction { incident: &incident, actor: &actor, note: Some("me too") };
    let before = shop.story(event_id).await;
    let outcomes = [
        action.acknowledge(&shop.pool).await,
        action.request_reprocess(&shop.pool).await.map(drop),
        action.resolve(&shop.pool, None).await,
    ];
    assert_eq!(shop.story(event_id).await, before, "a rejection leaves no trace");
    let rejections = outcomes.map(|outcome| match outcome {
        Err(ActionError::Rejected(rejection)) => rejection.to_string(),
        other => panic!("not rejected: {other:?}"),
    });
    rejections.to_vec()
}

/// How long ago something was, which no test can know.
fn without_time(text: &str) -> String {
    text.replace("under a second ago", "… ago").replace("1 second ago", "… ago")
}

#[test]
fn who_comes_late_learns_who_was_faster() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let (incident, actor) = (shop.incident(event_id).await, bob());
        let action = OperatorAction { incident: &incident, actor: &actor, note: Some("on it") };
        action.acknowledge(&shop.pool).await.expect("an open incident");
        let again = action.acknowledge(&shop.pool).await;
        let Err(ActionError::Rejected(Rejection::Acknowledged(Some(earlier)))) = again else {
            panic!("acknowledged twice: {again:?}");
        };
        assert_eq!(earlier.actor, actor.to_string());

        let replay_id = action.request_reprocess(&shop.pool).await.expect("a reprocess");
        let again = action.request_reprocess(&shop.pool).await;
        let Err(ActionError::Rejected(Rejection::Reprocessing(Some(running), Some(earlier)))) =
            again
        else {
            panic!("reprocessed twice: {again:?}");
        };
        assert_eq!((running, earlier.actor), (replay_id, actor.to_string()));
        assert!(earlier.ago < time::Duration::MINUTE, "{:?}", earlier.ago);

        action.resolve(&shop.pool, None).await.expect("an unresolved incident");
        let texts: Vec<_> =
            rejections(&shop, event_id).await.iter().map(|text| without_time(text)).collect();
        let resolved = "bob (command line) already resolved the incident … ago";
        assert_eq!(texts, [resolved; 3]);
    });
}

#[test]
fn an_incident_that_a_result_resolved_names_nobody() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.succeed(event_id).await;
        assert_eq!(rejections(&shop, event_id).await, ["the incident is already resolved"; 3]);
    });
}
