use domain::incident::Resolution;
use serde_json::json;
use time::macros::datetime;

use super::*;

fn details() -> IncidentDetails {
    IncidentDetails {
        incident: samples::incident(),
        event: samples::event(),
        reprocesses: vec![(samples::reprocess(), vec![samples::attempt()])],
        alerts: vec![samples::alert()],
        timeline: vec![TimelineEntry {
            at: datetime!(2026-11-21 14:32:09 UTC),
            actor: "system".into(),
            action: "incident.opened".into(),
            detail: json!({ "reason": "failed_result" }),
        }],
        names: Names::default(),
        proposals: Vec::new(),
        similar: vec![SimilarIncident {
            id: "inc_00000000000000000000000002".parse().expect("an id"),
            internal_reference: "user_1".into(),
            resolution: Resolution::Manual,
            opened_at: datetime!(2026-11-20 10:00:00 UTC),
            resolved_at: datetime!(2026-11-20 12:00:00 UTC),
            by: Some("operator:bob@example.com".into()),
            note: Some("unlocked\nthe account".into()),
        }],
    }
}

#[test]
fn the_shape_has_exactly_the_fields_of_the_contract() {
    let wanted = concat!(
        r#"{"incident_id":"inc_00000000000000000000000001","event_id":"ev_00000000000000000000000001","#,
        r#""state":"open","reason":"failed_result","error_code":"account_locked","error_message":null,"#,
        r#""resolution":null,"outage_grace_seconds":null,"opened_at":"2026-11-21T14:32:09Z","resolved_at":null,"#,
        r#""cause_id":"cau_00000000000000000000000001","#,
        r#""reprocesses":[{"replay_id":"rpl_00000000000000000000000001","state":"undelivered","#,
        r#""requested_by":"cli:alice","attempts":[{"attempt":1,"at":"2026-11-21T14:40:00Z","#,
        r#""status":null,"error":"connect","latency_ms":12}]}],"#,
        r#""alerts":[{"kind":"incident_opened","destination":"bob@example.com","state":"delivered","attempts":2}],"#,
        r#""similar":[{"incident_id":"inc_00000000000000000000000002","internal_reference":"user_1","#,
        r#""resolution":"manual","opened_at":"2026-11-20T10:00:00Z","resolved_at":"2026-11-20T12:00:00Z","#,
        r#""resolved_by":"operator:bob@example.com","note":"unlocked\nthe account"}],"#,
        r#""timeline":[{"at":"2026-11-21T14:32:09Z","actor":"system","action":"incident.opened","#,
        r#""detail":{"reason":"failed_result"}}]}"#,
    );
    assert_eq!(serde_json::to_string(&Whole::from(details())).expect("json"), wanted);
}

#[test]
fn a_redirects_target_is_shown_to_people_and_machines() {
    let mut details = details();
    let attempt = &mut details.reprocesses[0].1[0];
    attempt.status = Some(308);
    attempt.error = None;
    attempt.redirect_to = Some("https://www.example.com/repair".into());
    let text = describe(&details);
    assert!(text.contains("HTTP 308, redirects to https://www.example.com/repair"), "{text}");
    let json = serde_json::to_value(Whole::from(details)).expect("json");
    let attempt = &json["reprocesses"][0]["attempts"][0];
    assert_eq!(attempt["redirect_to"], "https://www.example.com/repair");
}

#[test]
fn the_heading_says_how_the_last_reprocess_ended_while_none_runs() {
    let mut details = details();
    let mut first_line = |state| {
        details.reprocesses[0].0.state = state;
        describe(&details).lines().next().unwrap_or_default().to_owned()
    };
    let failed = first_line(ReprocessState::Failed);
    assert_eq!(failed, "user_456 paid for credits. The reprocess failed.");
    let running = first_line(ReprocessState::Delivering);
    assert_eq!(running, "user_456 paid for credits. Adding them failed.");
}

#[test]
fn people_read_the_story_from_its_heading_to_its_last_step() {
    let text = describe(&details());
    let begins = "user_456 paid for credits. The reprocess was not delivered.";
    assert!(text.starts_with(begins), "{text}");
    let ended = "2026-11-20 12:00:00Z  manually by bob@example.com, after 2 hours";
    let parts = [
        "account_locked",
        "Reprocesses:",
        "connect",
        "Alerts:",
        "Similar past incidents:",
        ended,
        "unlocked the account",
        "Timeline:",
    ];
    let mut rest = text.as_str();
    for part in parts {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part} is missing or misplaced: {text}"));
        rest = &rest[at..];
    }
}
