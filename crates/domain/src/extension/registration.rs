//! The registration of an extension: what may be registered, and by which field it is rejected.
//!
//! The task queue of an extension begins with [`QUEUE_PREFIX`], so that nobody can have an activity
//! of ours run with an input of their choice: ours are on another queue.

use std::fmt;
use std::str::FromStr;

use sendpromptly_extension::QUEUE_PREFIX;
use serde_json::{Map, Value};
use url::Url;

use super::{ExtensionKind, Fallback, Point, Trust};
use crate::field::{FieldError, Fields};
use crate::identifier::check_identifier;
use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, UrlError, read_outbound};
use crate::text_column::text_column;

/// The longest task queue and the longest name of an activity, in characters.
const MAX_NAME: usize = 200;

/// The shortest time for an answer, in seconds.
pub const MIN_BUDGET_SECONDS: i32 = 5;
/// The longest time for an answer, in seconds.
pub const MAX_BUDGET_SECONDS: i32 = 600;
/// The time for an answer unless a registration says otherwise, in seconds.
pub const DEFAULT_BUDGET_SECONDS: i32 = 60;
/// The shortest and the longest time between two heartbeats, in seconds. An attempt has 20.
pub const HEARTBEAT_SECONDS: (i32, i32) = (2, 15);
/// How many calls a second an extension gets unless its registration says otherwise.
pub const DEFAULT_CALLS_PER_SECOND: i32 = 50;
/// The most calls a second that an extension may ask for.
pub const MAX_CALLS_PER_SECOND: i32 = 1_000;
/// How many extensions a project may have.
pub const MAX_EXTENSIONS: usize = 20;

/// A task queue of an extension's worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueName(String);

/// The text is no task queue of an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must begin with {QUEUE_PREFIX} and go on with letters a-z, digits, dots, hyphens or \
     underscores, {MAX_NAME} characters at most, such as {QUEUE_PREFIX}credits"
)]
pub struct InvalidQueue;

impl QueueName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QueueName {
    type Err = InvalidQueue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let rest = text.strip_prefix(QUEUE_PREFIX).ok_or(InvalidQueue)?;
        let is_good = rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            && rest.chars().all(plain)
            && text.len() <= MAX_NAME;
        if is_good { Ok(Self(text.to_owned())) } else { Err(InvalidQueue) }
    }
}

/// The name of an activity, as its worker registered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityName(String);

/// The text is no name of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_NAME} printable characters, none of them at an end a space")]
pub struct InvalidActivityName;

impl ActivityName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActivityName {
    type Err = InvalidActivityName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_good = check_identifier(text).is_ok()
            && text.trim() == text
            && text.chars().count() <= MAX_NAME;
        if is_good { Ok(Self(text.to_owned())) } else { Err(InvalidActivityName) }
    }
}

macro_rules! shown_and_stored {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        text_column!($name);
    )+};
}
shown_and_stored!(QueueName, ActivityName);

/// The endpoint of an extension, under the rules of a repair URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionUrl(Url);

impl ExtensionUrl {
    /// Reads a URL as the project's mode and the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found; its text continues a sentence that begins with the field.
    pub fn parse(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, UrlError> {
        read_outbound(text, mode, allow).map(Self)
    }

    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

/// How an extension is reached, as it is stored: a URL is parsed again before each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionTarget {
    Activity { activity: ActivityName, queue: QueueName },
    Https { url: String },
}

impl ExtensionTarget {
    #[must_use]
    pub const fn kind(&self) -> ExtensionKind {
        match self {
            Self::Activity { .. } => ExtensionKind::Activity,
            Self::Https { .. } => ExtensionKind::Https,
        }
    }

    #[must_use]
    pub fn activity(&self) -> Option<&str> {
        match self {
            Self::Activity { activity, .. } => Some(activity.as_str()),
            Self::Https { .. } => None,
        }
    }

    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        match self {
            Self::Activity { queue, .. } => Some(queue.as_str()),
            Self::Https { .. } => None,
        }
    }

    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Activity { .. } => None,
            Self::Https { url } => Some(url),
        }
    }

    /// What people and the audit call it: the activity, or the host of the URL.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Activity { activity, .. } => activity.as_str().to_owned(),
            Self::Https { url } => {
                let host = |url: &Url| url.host_str().map(str::to_owned);
                Url::parse(url).ok().as_ref().and_then(host).unwrap_or_else(|| url.clone())
            }
        }
    }
}

/// An extension that is about to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExtension {
    pub point: Point,
    pub target: ExtensionTarget,
    pub trust: Trust,
    /// How long it may take to answer.
    pub budget_seconds: i32,
    /// How long it may be silent while it works, if it is an activity that sends heartbeats.
    pub heartbeat_seconds: Option<i32>,
    /// Only at [`Point::Reprocess`].
    pub fallback: Option<Fallback>,
    /// Calls above so many a second are not made.
    pub calls_per_second: i32,
}

impl NewExtension {
    /// Reads a registration: `point`; `activity` and `queue`, or `url`; optional `trust`,
    /// `budget_seconds`, `heartbeat_seconds`, `fallback` and `calls_per_second`.
    ///
    /// # Errors
    /// Every field that is missing or wrong.
    pub fn read(
        object: &Map<String, Value>,
        mode: Mode,
        allow: &AllowedNetworks,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(object);
        let point = fields.choice::<Point>("point");
        let point = fields.require("point", point);
        let target = read_target(&mut fields, mode, allow);
        let trust = fields.choice("trust").unwrap_or(Trust::default_of(mode));
        let budget_seconds = read_number(
            &mut fields,
            "budget_seconds",
            (MIN_BUDGET_SECONDS, MAX_BUDGET_SECONDS, DEFAULT_BUDGET_SECONDS),
        );
        let heartbeat_seconds = read_heartbeat(&mut fields, budget_seconds);
        let calls_per_second = read_number(
            &mut fields,
            "calls_per_second",
            (1, MAX_CALLS_PER_SECOND, DEFAULT_CALLS_PER_SECOND),
        );
        let fallback = fields.choice::<Fallback>("fallback");
        if fallback.is_some() && point.is_some_and(|point| point != Point::Reprocess) {
            fields.reject("fallback", "is only for the point reprocess: leave it out");
        }
        let fallback = match point {
            Some(Point::Reprocess) => Some(fallback.unwrap_or(Fallback::Callback)),
            Some(Point::BeforeIncident | Point::AfterFailure) | None => None,
        };
        let read = point.zip(target).map(|(point, target)| Self {
            point,
            target,
            trust,
            budget_seconds,
            heartbeat_seconds,
            fallback,
            calls_per_second,
        });
        fields.finish(read)
    }
}

fn read_number(fields: &mut Fields<'_>, field: &str, (min, max, default): (i32, i32, i32)) -> i32 {
    let number = fields.whole_number(field, i64::from(min), i64::from(max));
    number.and_then(|number| i32::try_from(number).ok()).unwrap_or(default)
}

/// An activity that is silent for longer counts as dead, so it must be able to say something in time.
fn read_heartbeat(fields: &mut Fields<'_>, budget_seconds: i32) -> Option<i32> {
    const FIELD: &str = "heartbeat_seconds";
    if fields.value(FIELD).is_some() && fields.value("url").is_some() {
        fields.reject(FIELD, "is only for an activity: leave it out");
        return None;
    }
    let (min, max) = HEARTBEAT_SECONDS;
    let seconds = fields.whole_number(FIELD, i64::from(min), i64::from(max))?;
    let seconds = i32::try_from(seconds).ok()?;
    if seconds >= budget_seconds {
        fields.reject(FIELD, "must be less than budget_seconds");
    }
    Some(seconds)
}

fn read_target(
    fields: &mut Fields<'_>,
    mode: Mode,
    allow: &AllowedNetworks,
) -> Option<ExtensionTarget> {
    if fields.value("url").is_some() {
        for field in ["activity", "queue"] {
            if fields.value(field).is_some() {
                fields.reject(field, "does not go with url: an extension has one or the other");
            }
        }
        let url = fields.named("url", |text| ExtensionUrl::parse(text, mode, allow))?;
        return Some(ExtensionTarget::Https { url: url.as_url().to_string() });
    }
    if fields.value("activity").is_none() && fields.value("queue").is_none() {
        fields.reject("activity", "is required, with queue; or url for an extension over HTTPS");
        return None;
    }
    let activity = fields.named("activity", str::parse::<ActivityName>);
    let activity = fields.require("activity", activity);
    let queue = fields.named("queue", str::parse::<QueueName>);
    let queue = fields.require("queue", queue);
    let (activity, queue) = activity.zip(queue)?;
    Some(ExtensionTarget::Activity { activity, queue })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value, mode: Mode) -> Result<NewExtension, Vec<String>> {
        let object = value.as_object().expect("an object");
        NewExtension::read(object, mode, &AllowedNetworks::none())
            .map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    fn activity() -> Value {
        json!({ "point": "before_incident", "activity": "credits.verify", "queue": "sendpromptly-ext.credits" })
    }

    fn with(changes: &Value) -> Value {
        let mut value = activity();
        for (field, change) in changes.as_object().expect("an object") {
            value[field] = change.clone();
        }
        value
    }

    #[test]
    fn a_queue_outside_the_prefix_and_its_look_alikes_are_rejected_by_name() {
        let long = format!("sendpromptly-ext.{}", "x".repeat(184));
        for queue in [
            "sendpromptly",
            "",
            "credits",
            "sendpromptly-ext",
            "sendpromptly-ext.",
            "sendpromptly-ext..",
            "Sendpromptly-ext.credits",
            "SENDPROMPTLY-EXT.credits",
            "sendpromptly_ext.credits",
            "sendpromptly-ext credits",
            " sendpromptly-ext.credits",
            "sendpromptly-ext.credits ",
            "sendpromptly-ext.credits\n",
            "sendpromptly-ext.a/b",
            "sendpromptly\u{2010}ext.credits",
            "s\u{435}ndpromptly-ext.credits",
            "sendpromptly-ext\u{2024}credits",
            "sendpromptly-ext.cr\u{e9}dits",
            "sendpromptly-ext.\u{200b}credits",
            "/_sys/sendpromptly-ext.credits/1",
            "x.sendpromptly-ext.credits",
            &long,
        ] {
            let fields = read(&with(&json!({ "queue": queue })), Mode::Test);
            assert_eq!(fields, Err(vec!["queue".to_owned()]), "{queue:?}");
        }
        for queue in ["sendpromptly-ext.c", "sendpromptly-ext.Credits_2.eu-west"] {
            assert!(read(&with(&json!({ "queue": queue })), Mode::Live).is_ok(), "{queue}");
        }
        assert!(InvalidQueue.to_string().contains("such as sendpromptly-ext.credits"));
    }

    #[test]
    fn what_is_not_said_has_its_default_and_trust_depends_on_the_mode() {
        let test = read(&activity(), Mode::Test).expect("an extension");
        assert_eq!((test.trust, test.budget_seconds), (Trust::Settle, 60));
        assert_eq!((test.calls_per_second, test.fallback), (50, None));
        assert_eq!(test.target.name(), "credits.verify");
        let live = read(&activity(), Mode::Live).expect("an extension");
        assert_eq!(live.trust, Trust::Propose);
        let reprocess = read(&with(&json!({ "point": "reprocess" })), Mode::Live);
        assert_eq!(reprocess.expect("an extension").fallback, Some(Fallback::Callback));
    }

    #[test]
    fn a_url_stands_for_activity_and_queue_and_is_judged_as_a_repair_url_is() {
        let url = |text: &str| json!({ "point": "after_failure", "url": text });
        let https = read(&url("https://shop.example.com/probe"), Mode::Live).expect("an extension");
        assert_eq!((https.target.kind(), https.target.queue()), (ExtensionKind::Https, None));
        assert_eq!(https.target.name(), "shop.example.com");
        for bad in ["http://shop.example.com/", "https://127.0.0.1/", "https://a:b@shop.test/", "x"]
        {
            assert_eq!(read(&url(bad), Mode::Live), Err(vec!["url".to_owned()]), "{bad}");
        }
        let both = with(&json!({ "url": "https://shop.example.com/" }));
        assert_eq!(read(&both, Mode::Test), Err(vec!["activity".to_owned(), "queue".to_owned()]));
    }

    #[test]
    fn only_an_activity_heartbeats_and_it_does_within_its_budget() {
        assert_eq!(read(&activity(), Mode::Test).expect("one").heartbeat_seconds, None);
        for (changes, is_good) in [
            (json!({ "heartbeat_seconds": 2 }), true),
            (json!({ "heartbeat_seconds": 15 }), true),
            (json!({ "heartbeat_seconds": 1 }), false),
            (json!({ "heartbeat_seconds": 16 }), false),
            (json!({ "heartbeat_seconds": 5, "budget_seconds": 6 }), true),
            (json!({ "heartbeat_seconds": 6, "budget_seconds": 6 }), false),
        ] {
            let read = read(&with(&changes), Mode::Test);
            assert_eq!(read.is_ok(), is_good, "{changes}");
            if let Err(fields) = read {
                assert_eq!(fields, ["heartbeat_seconds"], "{changes}");
            }
        }
        let endpoint = json!({
            "point": "after_failure", "url": "https://shop.example.com/", "heartbeat_seconds": 5
        });
        assert_eq!(read(&endpoint, Mode::Test).expect_err("no"), ["heartbeat_seconds"]);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = json!({
            "point": "sometime", "activity": " ", "queue": 1, "trust": "blind", "budget_seconds": 4,
            "calls_per_second": 0, "fallback": "never",
        });
        let fields = read(&wrong, Mode::Test).expect_err("nothing holds");
        let all = [
            "point",
            "activity",
            "queue",
            "trust",
            "budget_seconds",
            "calls_per_second",
            "fallback",
        ];
        assert_eq!(fields, all);
        assert_eq!(read(&json!({}), Mode::Test).expect_err("empty"), ["point", "activity"]);
        let no_queue = json!({ "point": "reprocess", "activity": "a" });
        assert_eq!(read(&no_queue, Mode::Test).expect_err("no queue"), ["queue"]);
        let elsewhere = with(&json!({ "fallback": "none" }));
        assert_eq!(read(&elsewhere, Mode::Test).expect_err("not here"), ["fallback"]);
        for (seconds, is_good) in [(4, false), (5, true), (600, true), (601, false)] {
            let budget = with(&json!({ "budget_seconds": seconds }));
            assert_eq!(read(&budget, Mode::Test).is_ok(), is_good, "{seconds}");
        }
    }
}
