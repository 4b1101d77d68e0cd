//! What was entered, read and rejected.

use super::*;

const KEY: &str = "0123456789abcdef0123456789aBcDeF";
const TOKEN: &str = "xoxb-0123456789-0123456789-abcd";
const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";

fn read(entered: &[(&str, &str)]) -> Result<NewDestination, Vec<String>> {
    let allow = AllowedNetworks::none();
    let secret = SigningSecret::from_bytes([7; 32]);
    let rules = EntryRules { mode: Mode::Live, allow: &allow, secret };
    let read = NewDestination::read(&entered.iter().copied().collect(), rules);
    read.map_err(|errors| errors.iter().map(|it| format!("{} {}", it.field, it.message)).collect())
}

#[test]
fn an_address_is_kept_in_lower_case() {
    let new = read(&[("email", " Bob@Example.com ")]).expect("an address");
    assert_eq!(new.target, Target::Email("bob@example.com".into()));
    assert_eq!((new.shown.as_str(), new.name()), ("bob@example.com", "bob@example.com"));
    assert_eq!(NewDestination::email("bob"), Err(MalformedEmail));
}

#[test]
fn only_hosts_and_ends_of_secrets_are_shown() {
    let slack = "https://hooks.slack.com/services/T0/B0/secret";
    let webhook = "https://alerts.example.com/in?key=secret";
    for (entered, shown, name) in [
        (vec![("slack", slack)], "hooks.slack.com", "Slack at hooks.slack.com"),
        (vec![("webhook", webhook)], "alerts.example.com", "Webhook at alerts.example.com"),
        (
            vec![("slack_app", TOKEN), ("channel", "C0ABCDEFGH"), ("signing_secret", APP_SECRET)],
            "C0ABCDEFGH",
            "Slack C0ABCDEFGH",
        ),
        (vec![("pagerduty", KEY)], "events.pagerduty.com", "PagerDuty …cDeF"),
        (
            vec![("pagerduty", KEY), ("endpoint", "https://events.eu.pagerduty.com/v2/enqueue")],
            "events.eu.pagerduty.com",
            "PagerDuty …cDeF",
        ),
        (
            vec![("pagerduty", KEY), ("endpoint", " "), ("label", "On call")],
            "events.pagerduty.com",
            "On call",
        ),
    ] {
        let new = read(&entered).expect(name);
        assert_eq!((new.shown.as_str(), new.name()), (shown, name));
        let debug = format!("{new:?}");
        assert!(!debug.contains("secret") && !debug.contains("0123456789"), "{debug}");
    }
}

#[test]
fn each_error_names_its_field_and_the_cure() {
    let kinds = "give one of email, slack, slack_app, teams, discord, pagerduty, ntfy, webhook and activity";
    let key = "pagerduty must be the integration key of an Events API V2 integration: 32 letters";
    for (entered, expected) in [
        (vec![], vec![format!("email {kinds}")]),
        (vec![("queue", "x")], vec![format!("email {kinds}")]),
        (vec![("slack", ""), ("pagerduty", KEY)], vec![format!("slack {kinds}")]),
        (vec![("pagerduty", "R1")], vec![key.to_owned()]),
        (
            vec![("pagerduty", KEY), ("endpoint", "https://cometcart.pagerduty.com/")],
            vec!["endpoint must lead to events.pagerduty.com".to_owned()],
        ),
        (
            vec![("email", "bob@example.com"), ("endpoint", "https://x.test/"), ("queue", "x")],
            vec!["endpoint is only for PagerDuty".into(), "queue is only for an activity".into()],
        ),
        (
            vec![("ntfy", "https://ntfy.sh/"), ("token", "secret")],
            vec![
                "ntfy must be the URL of one topic".into(),
                "token must be an access token".into(),
            ],
        ),
        (vec![("discord", "https://x.test/")], vec!["discord must lead to discord.com".into()]),
        (vec![("teams", "https://x.test/")], vec!["teams must lead to a workflow".into()]),
        (vec![("activity", "alerts.page")], vec!["queue is required with activity".into()]),
        (
            vec![("email", "bob"), ("label", "a\nb")],
            vec!["label must not contain U+000A".into(), "email must be an e-mail address".into()],
        ),
    ] {
        let errors = read(&entered).expect_err("an error");
        assert_eq!(errors.len(), expected.len(), "{entered:?} {errors:?}");
        for (error, start) in errors.iter().zip(&expected) {
            assert!(error.starts_with(start.as_str()), "{entered:?}: {error}");
        }
    }
}

#[test]
fn each_part_of_a_slack_app_is_read_and_rejected_by_itself() {
    let bad = [("slack_app", "xoxp-1"), ("channel", "#payments"), ("slack_api", "https://x.test/")];
    let errors = read(&bad).expect_err("errors");
    let starts = [
        "slack_app must be the Bot User OAuth Token",
        "channel must be the channel's id",
        "signing_secret must be the app's Signing Secret",
        "slack_api must lead to slack.com",
    ];
    assert_eq!(errors.len(), starts.len(), "{errors:?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error}");
    }
}
