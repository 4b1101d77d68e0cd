//! The list of incidents: what needs an operator first, everything else a filter away.

use std::collections::BTreeSet;

use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::{parse, receipt};
use e2e::{World, eventually};
use serde_json::json;

use super::HOSTILE;
use super::broken::{assert_inert, fail, listed};

async fn ids(operator: &Operator, path: &str) -> Vec<String> {
    listed(&operator.page(path).await)
}

#[test]
fn the_home_says_who_waits_for_what_and_teaches_when_nobody_does() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let home = viewer.get("/").await;
        assert_eq!(home.location.as_deref(), Some("/incidents"));
        let empty = viewer.page("/incidents").await;
        assert_eq!(empty.heading(), "Nothing is missing");
        assert!(empty.text().contains("Nothing needs you"), "{}", empty.text());
        let try_out = format!("/projects/{}/integration-test", world.project.id);
        assert_eq!(empty.link("The Integration Test"), Some(try_out.clone()));

        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_2", &json!({})).await;
        // What goes well is added up now and then only.
        let page = eventually("no effect came on time", async || {
            let page = viewer.page("/incidents").await;
            page.texts(".sums b").contains(&"0%".to_owned()).then_some(page)
        })
        .await;
        assert_eq!(page.link("The Integration Test"), Some(try_out), "also while somebody waits");
        // Two incidents of one customer, in a project that watches no real money.
        assert_eq!(page.heading(), "1 test customer paid and got nothing");
        insta::assert_snapshot!(page.texts(".sums li").join("\n"), @"
        2 open now
        0 being reprocessed
        [time] since the oldest of these opened
        0% applied on time, 7 days
        ");
        insta::assert_snapshot!(page.rows("Incidents").join("\n"), @"
        Credits for user_456 invoice.paid · CometCart test · evt_2 | Failed: db_write_failed | Open | [time]
        Credits for user_456 invoice.paid · CometCart test · evt_1 | Failed: db_write_failed | Open | [time]
        ");
        assert_eq!(page.badges(), ["[open] Open", "[open] Open"]);
        assert_eq!(listed(&page)[1], incident.to_string());
    });
}

#[test]
fn turning_pages_shows_every_incident_once_and_leads_back() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let mut made = BTreeSet::new();
        for number in 0..103 {
            let (_, incident) = fail(&world, &format!("evt_{number:03}"), &json!({})).await;
            made.insert(incident.to_string());
        }
        for start in ["/incidents?reason=failed_result", "/incidents?q=user_456&sort=oldest"] {
            let (mut seen, mut sizes, mut path) = (Vec::new(), Vec::new(), start.to_owned());
            let mut before = None;
            loop {
                let page = viewer.page(&path).await;
                let rows = listed(&page);
                assert_eq!(page.link("Previous page").is_some(), !seen.is_empty(), "{path}");
                sizes.push(rows.len());
                seen.extend(rows.clone());
                let Some(next) = page.link("Next page") else {
                    let back = page.link("Previous page").expect("a way back");
                    assert_eq!(Some(ids(&viewer, &back).await), before, "{back}");
                    break;
                };
                before = Some(rows);
                path = next;
            }
            assert_eq!(sizes, [50, 50, 3], "{start}");
            assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), made, "{start}");
            let mut sorted = seen.clone();
            sorted.sort();
            if !start.contains("oldest") {
                sorted.reverse();
            }
            assert_eq!(seen, sorted, "{start}");
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn every_filter_narrows_the_list_and_says_so() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let (_, credits) = fail(&world, "evt_credits", &json!({})).await;
        let access = json!({"effect_type": "access_revocation", "event_type": "charge.refunded",
            "internal_reference": "user_091"});
        let (access_event, access) = fail(&world, "evt_access", &access).await;
        world.result(access_event, "success", json!({})).await;
        let charlie = world.charlie().await;
        let body = receipt("evt_charlie");
        let (_, response) = world.post_as(&charlie, "/api/v1/receipt", &body, "1").await;
        let body = json!({"event_id": response["event_id"], "status": "failed"});
        let (_, response) = world.post_as(&charlie, "/api/v1/result", &body, "2").await;
        let other: domain::ids::IncidentId = parse(&response["incident"]["id"]);

        let (credits, access, other) = (credits.to_string(), access.to_string(), other.to_string());
        let project = format!("/incidents?project={}&state=all", world.project.id);
        for (path, expected) in [
            ("/incidents", vec![&other, &credits]),
            ("/incidents?state=all", vec![&other, &access, &credits]),
            ("/incidents?state=all&sort=oldest", vec![&credits, &access, &other]),
            ("/incidents?state=resolved", vec![&access]),
            ("/incidents?state=acknowledged", vec![]),
            (project.as_str(), vec![&access, &credits]),
            ("/incidents?mode=live", vec![]),
            ("/incidents?mode=test", vec![&other, &credits]),
            ("/incidents?reason=missing_result&state=all", vec![]),
            ("/incidents?event_type=charge.refunded&state=all", vec![&access]),
            ("/incidents?effect_type=credit_grant&state=all", vec![&other, &credits]),
            ("/incidents?age=1h", vec![&other, &credits]),
            ("/incidents?age=over-1h", vec![]),
            ("/incidents?q=evt_acc&state=all", vec![&access]),
            ("/incidents?q=evt_acc", vec![]),
            ("/incidents?q=user_091&state=all", vec![&access]),
            // What is no filter narrows nothing.
            ("/incidents?state=nonsense&project=nonsense&after=nonsense", vec![&other, &credits]),
        ] {
            let found = ids(&viewer, path).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{path}");
        }
        let page = viewer.page("/incidents?q=evt_acc&reason=failed_result").await;
        assert_eq!(page.input("Search").value, "evt_acc");
        assert_eq!(page.input("Reason").value, "Failure");
        assert!(page.text().contains("More filters\nReason"), "they are unfolded: {}", page.text());
        assert!(page.link("Search all states").is_some());
        let alerts = viewer.page("/incidents?state=opened").await.alerts();
        let unknown =
            "Unknown filter: state=opened. Use open, acknowledged, reprocessing, resolved or all.";
        assert!(alerts.contains(&unknown.to_owned()), "{alerts:?}");
    });
}

#[test]
fn an_id_of_ours_is_found_and_the_list_stays_a_list() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let (event, incident) = fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_2", &json!({})).await;
        let replay = world.reprocess(incident).await;
        for id in [event.to_string(), incident.to_string(), replay.to_string()] {
            let path = format!("/incidents?q={id}");
            assert_eq!(ids(&viewer, &path).await, [incident.to_string()], "{path}");
        }
        let page = viewer.page("/incidents").await;
        assert_eq!(page.badges(), ["[open] Open", "[work] Reprocessing"]);
        assert!(page.texts(".sums li").contains(&"1 being reprocessed".to_owned()));
    });
}

#[test]
fn what_somebody_sees_to_is_not_counted_as_open() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, seen) = fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_2", &json!({})).await;
        let path = format!("/incidents/{seen}");
        bob.submit(&path, &format!("{path}/acknowledge"), &[]).await;
        let sums = bob.page("/incidents").await.texts(".sums li");
        for said in ["1 open now", "1 acknowledged", "0 being reprocessed"] {
            assert!(sums.contains(&said.to_owned()), "{said}: {sums:?}");
        }
        assert_eq!(ids(&bob, "/incidents?state=open").await.len(), 1, "as many as are counted");
    });
}

#[test]
fn hostile_text_is_inert_in_the_list_and_in_its_search() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let change = json!({"internal_reference": HOSTILE});
        let event = super::broken::take(&world, HOSTILE, &change).await;
        let words = json!({"error_code": "x", "error_message": HOSTILE});
        world.result(event, "failed", words).await;
        sqlx::query("UPDATE projects SET name = $1")
            .bind(HOSTILE)
            .execute(&world.pool)
            .await
            .expect("a database");
        let typed: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
        for path in ["/incidents".to_owned(), format!("/incidents?q={typed}&age={typed}")] {
            let page = viewer.get(&path).await;
            assert_eq!(listed(&page.page()).len(), 1, "{path}");
            assert_inert(&page.body);
        }
    });
}
