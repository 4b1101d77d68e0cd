//! Saved filters in the API: one's own and those that are shared, and the list of incidents narrowed by the name of one.

use api_types::filters::SavedFilterResponse;
use api_types::incidents::IncidentResponse;
use api_types::list::Listed;
use domain::audit::Actor;
use domain::ids::IncidentId;
use domain::operator::Role;
use domain::saved_filter::{FilterValues, FilteredList};
use e2e::{World, run};
use reqwest::Method;
use serde_json::json;
use store::pool::transaction;
use store::saved_filters::{NewFilter, save};

use super::{Script, bad_fields};

/// An incident whose cause has this error code.
async fn fail(world: &World, provider_event_id: &str, code: &str) -> IncidentId {
    let event_id = world.receipt(provider_event_id).await;
    world.result(event_id, "failed", json!({ "error_code": code })).await;
    world.incident(event_id).await.id
}

/// Lets an operator keep a filter under a name.
async fn keep(world: &World, by: &str, name: &str, is_shared: bool, filter: &[(&str, &str)]) {
    let owner = e2e::console::add(&world.pool, by, Role::Operator).await;
    let filter = filter.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let filter: FilterValues = filter.collect();
    let actor = Actor::Operator(by.to_owned());
    let list = FilteredList::Incidents;
    let new = NewFilter { owner, actor: &actor, list, name, filter: &filter, is_shared };
    transaction(&world.pool, async |tx| save(tx, new).await).await.expect("a filter");
}

/// The incidents that this query finds.
async fn found(script: &Script<'_>, world: &World, query: &str) -> Vec<IncidentId> {
    let path = format!("/{}/incidents?{query}", world.project.id);
    let page: Listed<IncidentResponse> = script.read(&path).await;
    page.data.into_iter().map(|incident| incident.incident_id).collect()
}

#[test]
fn filters_are_listed_with_their_owners_and_narrow_incidents_by_their_names() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Script::new(&world, Role::Operator).await;
        let viewer = Script::new(&world, Role::Viewer).await;
        let (disk, locked) =
            (fail(&world, "evt_1", "disk").await, fail(&world, "evt_2", "locked").await);
        let path = format!("/{}/incidents/{disk}", world.project.id);
        assert_eq!(bob.call(Method::PUT, &format!("{path}/owner"), Some(json!({}))).await.0, 200);
        bob.post(
            &format!("/{}/incidents/{locked}/resolution", world.project.id),
            json!({ "note": "done" }),
        )
        .await;
        let me = "operator@cometcart.test";
        keep(&world, me, "Mine", false, &[("owner", "me")]).await;
        keep(&world, me, "Failures", true, &[("reason", "failed_result")]).await;
        keep(&world, me, "Of theirs", true, &[("project", "prj_00000000000000000000000001")]).await;

        let filters = format!("/{}/filters", world.project.id);
        let listed: Listed<SavedFilterResponse> = bob.read(&filters).await;
        let names: Vec<_> = listed.data.iter().map(|it| (it.name.as_str(), it.shared)).collect();
        assert_eq!(names, [("Mine", false), ("Failures", true)], "none that names another project");
        let failures = &listed.data[1];
        assert_eq!(
            failures.filter,
            FilterValues::from([("reason".into(), "failed_result".into())])
        );
        assert_eq!((failures.list, failures.saved_by.as_str()), (FilteredList::Incidents, me));
        let others: Listed<SavedFilterResponse> = viewer.read(&filters).await;
        assert_eq!(others.data, listed.data[1..]);

        assert_eq!(found(&bob, &world, "").await, [locked, disk], "without a filter, all");
        assert_eq!(found(&bob, &world, "filter=mine").await, [disk]);
        assert_eq!(
            found(&viewer, &world, "filter=FAILURES").await,
            [disk],
            "as the console's list"
        );
        let further = "filter=Failures&state=resolved";
        assert_eq!(found(&bob, &world, further).await, [locked], "a parameter takes its place");
    });
}

#[test]
fn a_filter_that_is_not_there_or_names_what_is_gone_is_rejected_by_its_field() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Viewer).await;
        let rejected = async |name: &str| {
            let path = format!("/{}/incidents?filter={name}", world.project.id);
            let (status, error) = script.reject(Method::GET, &path, None).await;
            assert_eq!((status, bad_fields(&error)), (422, vec!["filter"]), "{name}");
            error.fields.expect("a field").remove(0).message
        };
        assert!(rejected("Team").await.contains("no filter of incidents is yours or shared"));
        let bob = "bob@cometcart.test";
        keep(&world, bob, "His own", false, &[("state", "open")]).await;
        keep(&world, bob, "Team", true, &[("event_type", "acme:gone")]).await;
        let unknown = rejected("His%20own").await;
        assert!(unknown.contains("must be one of Team"), "{unknown}");
        let gone = rejected("team").await;
        assert!(gone.contains("names event_type=acme:gone, which is gone"), "{gone}");
    });
}
