use super::*;
use crate::audit::texts::is_text;

/// Entries as the first releases stored them, one for each form that an action has.
const STORED: &str = include_str!("stored.txt");

fn stored() -> impl Iterator<Item = (&'static str, Value)> {
    STORED.lines().map(|line| {
        let (action, detail) = line.split_once(' ').expect("an action and its detail");
        (action, serde_json::from_str(detail).unwrap_or_else(|error| panic!("{line}: {error}")))
    })
}

#[test]
fn every_form_of_every_action_is_known_and_written_as_it_was() {
    for (action, detail) in stored() {
        let event = AuditEvent::read(action, detail.clone());
        assert!(!matches!(event, AuditEvent::Unknown { .. }), "{action} {detail}");
        assert_eq!((event.action(), event.detail()), (action, detail));
    }
    for action in Action::ALL {
        assert!(stored().any(|(stored, _)| stored == action.as_str()), "no entry of {action}");
    }
}

#[test]
fn what_is_not_known_is_kept_as_it_is_stored() {
    for (action, detail) in [
        ("incident.escalated", json!({ "level": 2 })),
        ("incident.opened", json!({ "reason": "chargeback", "error_code": null })),
        ("incident.opened", json!({})),
        ("secret.rotated", json!({ "secret_id": "of another form" })),
        ("watch.restarted", json!([])),
        ("watch.restarted", json!(null)),
        ("", json!({})),
    ] {
        let event = AuditEvent::read(action, detail.clone());
        assert!(matches!(event, AuditEvent::Unknown { .. }), "{event:?}");
        assert_eq!((event.action(), event.detail()), (action, detail));
    }
}

#[test]
fn a_key_of_a_newer_release_hides_none_of_the_others() {
    let detail = json!({ "note": "on it", "via": "chat" });
    let event = AuditEvent::read("incident.acknowledged", detail);
    let note = Some("on it".to_owned());
    assert_eq!(event, AuditEvent::IncidentAcknowledged(AcknowledgedDetail { note, bulk_id: None }));
}

#[test]
fn an_entry_whose_text_was_erased_is_still_known() {
    let mut erased = 0;
    for (action, mut detail) in stored() {
        let Some(keys) = detail.as_object_mut() else { panic!("{action} {detail}") };
        for (_, value) in
            keys.iter_mut().filter(|(key, value)| is_text(action, key) && !value.is_null())
        {
            *value = if value.is_object() { json!({}) } else { json!("erased") };
            erased += 1;
        }
        let event = AuditEvent::read(action, detail.clone());
        assert!(!matches!(event, AuditEvent::Unknown { .. }), "{action} {detail}");
    }
    assert!(erased > 20, "{erased}");
}

#[test]
fn every_word_of_a_person_or_an_app_is_a_text() {
    // What else is a string: our own words, settings of operators, ids and what payment providers name.
    let mut others = std::collections::BTreeSet::new();
    for (action, detail) in stored() {
        let Some(keys) = detail.as_object() else { panic!("{action} {detail}") };
        let plain = keys.iter().filter(|(key, value)| {
            (value.is_string() || value.is_array()) && !is_text(action, key)
        });
        others.extend(plain.map(|(key, _)| key.clone()));
    }
    insta::assert_snapshot!(others.into_iter().collect::<Vec<_>>().join(" "));
}
