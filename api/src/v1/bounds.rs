//! What the document says of the values that a request may have: the texts of a choice, how long a text
//! and how large a number may be.
//!
//! Each bound is the constant that the request is checked against, so that a program which is made from
//! the document sends nothing that is rejected for its form.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use domain::alert_rules::MAX_STEPS;
use domain::bulk::{BulkAction, ItemState, MAX_CANARY, MAX_ITEMS, MAX_PER_MINUTE};
use domain::diagnostics::{MAX_ERROR_CODE, MAX_ERROR_MESSAGE};
use domain::effect_result::Outcome;
use domain::event::Effect;
use domain::extension::{
    Fallback, HEARTBEAT_SECONDS, MAX_BUDGET_SECONDS, MAX_CALLS_PER_SECOND, MIN_BUDGET_SECONDS,
    Point, Trust,
};
use domain::identifier::{EMOJI, MAX_IDENTIFIER, is_deceptive, is_invisible};
use domain::ids::{
    AuditId, BulkId, BulkSetId, CallId, CauseId, DestinationId, EventId, IncidentId, MaintenanceId,
    ReplayId,
};
use domain::incident::{IncidentState, MAX_NOTE, Reason};
use domain::project::{MAX_TIMEOUT_MINUTES, Mode};
use domain::proof::MAX_DAYS;
use domain::receipt::MAX_EFFECT_KEY;
use domain::repair_url::MAX_URL_LENGTH;
use domain::reprocess_policy::{MAX_ATTEMPTS, MAX_DELAY_SECONDS, MAX_STOP_CUSTOMERS, MAX_STOP_OF};
use domain::retention::MAX_MONTHS;
use domain::snapshot::{self, DropReason};
use serde_json::Value;
use store::administration::declared_name::MAX_NAMES;
use utoipa::Number;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayItems, KnownFormat, Object, SchemaFormat, SchemaType,
};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema, Type};

/// What a value may be.
enum Bound {
    /// One of these texts.
    One(Vec<&'static str>),
    /// At least one character and at most so many.
    Text(usize),
    /// Text of this form.
    Like(&'static str),
    /// An id that begins so.
    Id(&'static str),
    /// What names something, with at most so many characters.
    Identifier(usize),
    /// What people call something, with at most so many characters.
    Label(usize),
    /// What people say, with at most so many characters.
    Note(usize),
    /// A whole number from the first to the second.
    Whole(i32, i32),
    /// A day.
    Day,
    /// A moment.
    Moment,
    /// A list of so many, each of this form.
    List(RangeInclusive<usize>, Box<Self>),
}

/// A name of the catalogue, or one that a project declares.
const NAME: &str = "^[a-z0-9][a-z0-9_./:-]{0,99}$";
/// What a project may expect of its receipts; a number of hours or days is checked beside that.
const EXPECTED: &str = "^(off|learned|[1-9][0-9]{0,2}h|[1-9][0-9]?d)$";
/// A name of an event type that a project declares, with its provider.
const DECLARED: &str = "^[a-z0-9][a-z0-9_./-]{0,99}:[a-z0-9][a-z0-9_./:-]{0,99}$";
/// A time of a rule for alerts, from five minutes to a week.
const RULE_TIME: &str = "^(([5-9]|[1-9][0-9]{1,3})m|([1-9][0-9]?|1[0-5][0-9]|16[0-8])h|[1-7]d)$";
/// The same, or none.
const RULE_TIME_OR_OFF: &str =
    "^(off|([5-9]|[1-9][0-9]{1,3})m|([1-9][0-9]?|1[0-5][0-9]|16[0-8])h|[1-7]d)$";
/// How long a maintenance may last: at most a week.
const WINDOW: &str = "^([1-9][0-9]{0,3}m|([1-9][0-9]?|1[0-5][0-9]|16[0-8])h|[1-7]d)$";
/// Hours of a day, and the zone that they are of; which zones there are is checked beside that.
const QUIET_HOURS: &str =
    "^(off|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9] [A-Za-z0-9_+/-]+)$";
/// What an audit entry may be about.
const SUBJECT: &str = "^(prj|ev|inc)_[0-7][0-9A-HJKMNP-TV-Z]{25}$";
/// Text without control characters.
const PRINTED: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// What people say is not all white space, and holds no NUL.
const SAID: &str = r"^[^\u0000]*[^\u0000\s][^\u0000]*$";
/// How many items of a bulk lie before the page.
const PLACE: &str = "^[0-9]{1,9}$";

macro_rules! texts_of {
    ($choice:ty) => {
        Bound::One(<$choice>::ALL.iter().map(|it| it.as_str()).collect())
    };
}

/// A field, by schema or operation and by name, and what it may be.
type Field = (&'static str, &'static str, Bound);

/// The fields of bodies.
fn of_bodies() -> Vec<Field> {
    let (silent_least, silent_most) = HEARTBEAT_SECONDS;
    vec![
        ("ProjectBody", "name", Bound::Label(MAX_IDENTIFIER)),
        ("ProjectBody", "mode", texts_of!(Mode)),
        ("ProjectBody", "timeout_minutes", Bound::Whole(1, MAX_TIMEOUT_MINUTES)),
        ("ProjectBody", "snapshot_days", Bound::Whole(1, snapshot::MAX_DAYS)),
        ("ProjectBody", "retention_months", Bound::Whole(1, MAX_MONTHS)),
        ("ProjectBody", "repair_url", Bound::Text(MAX_URL_LENGTH)),
        ("ProjectBody", "expected_receipts", Bound::Like(EXPECTED)),
        ("ArchiveBody", "unresolved", Bound::Whole(0, i32::MAX)),
        ("KeyBody", "label", Bound::Label(MAX_IDENTIFIER)),
        ("ErasureBody", "internal_reference", Bound::Note(MAX_IDENTIFIER)),
        ("DestinationBody", "label", Bound::Label(MAX_IDENTIFIER)),
        ("DestinationBody", "slack", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "slack_api", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "teams", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "discord", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "ntfy", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "webhook", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "endpoint", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationChange", "label", Bound::Label(MAX_IDENTIFIER)),
        ("ExtensionBody", "point", texts_of!(Point)),
        ("ExtensionBody", "trust", texts_of!(Trust)),
        ("ExtensionBody", "fallback", texts_of!(Fallback)),
        ("ExtensionBody", "url", Bound::Text(MAX_URL_LENGTH)),
        ("ExtensionBody", "budget_seconds", Bound::Whole(MIN_BUDGET_SECONDS, MAX_BUDGET_SECONDS)),
        ("ExtensionBody", "calls_per_second", Bound::Whole(1, MAX_CALLS_PER_SECOND)),
        ("ExtensionBody", "heartbeat_seconds", Bound::Whole(silent_least, silent_most)),
        ("ProofLinkBody", "days", Bound::Whole(1, MAX_DAYS)),
        ("PolicyBody", "attempts", Bound::Whole(1, MAX_ATTEMPTS)),
        ("PolicyBody", "delay_seconds", Bound::Whole(0, MAX_DELAY_SECONDS)),
        ("PolicyBody", "stop_of", Bound::Whole(1, MAX_STOP_OF)),
        ("PolicyBody", "stop_failed", Bound::Whole(1, MAX_STOP_OF)),
        ("PolicyBody", "stop_customers", Bound::Whole(1, MAX_STOP_CUSTOMERS)),
    ]
}

/// Those of what people do to incidents, and of how they are told.
fn of_incidents() -> Vec<Field> {
    let name = || Box::new(Bound::Like(NAME));
    let declared = || Box::new(Bound::Like(DECLARED));
    vec![
        ("NoteBody", "note", Bound::Note(MAX_NOTE)),
        ("ResolutionBody", "note", Bound::Note(MAX_NOTE)),
        ("ResolutionBody", "call_id", Bound::Id(CallId::PREFIX)),
        ("CommentBody", "text", Bound::Note(MAX_NOTE)),
        ("SnoozeBody", "note", Bound::Note(MAX_NOTE)),
        ("SnoozeBody", "for", Bound::Like(RULE_TIME)),
        ("SnoozeBody", "until", Bound::Moment),
        ("MaintenanceBody", "for", Bound::Like(WINDOW)),
        ("MaintenanceBody", "reason", Bound::Note(MAX_NOTE)),
        ("MaintenanceEndBody", "maintenance_id", Bound::Id(MaintenanceId::PREFIX)),
        ("AlertRulesBody", "quiet_hours", Bound::Like(QUIET_HOURS)),
        ("AlertRulesBody", "remind_every", Bound::Like(RULE_TIME_OR_OFF)),
        ("AlertRulesBody", "escalate_after", Bound::Like(RULE_TIME_OR_OFF)),
        ("AlertRulesBody", "come_back_after", Bound::Like(RULE_TIME_OR_OFF)),
        ("AlertRulesBody", "escalate_to", ids(0..=MAX_STEPS, DestinationId::PREFIX)),
        ("PolicyResetBody", "cause_id", Bound::Id(CauseId::PREFIX)),
        ("TrialBody", "event_id", Bound::Id(EventId::PREFIX)),
        ("DeclareBody", "event_types", Bound::List(0..=MAX_NAMES, declared())),
        ("DeclareBody", "effect_types", Bound::List(0..=MAX_NAMES, name())),
    ]
}

/// Those of what is done to many incidents.
fn of_bulks() -> Vec<Field> {
    let most = usize::try_from(MAX_ITEMS).unwrap_or(usize::MAX);
    let mut all = vec![
        ("BulkPreviewBody", "cause_id", Bound::Id(CauseId::PREFIX)),
        ("BulkPreviewBody", "failures_of", Bound::Id(BulkId::PREFIX)),
        ("BulkSetPreviewBody", "failures_of", Bound::Id(BulkSetId::PREFIX)),
        ("BulkFilter", "cause_id", Bound::Id(CauseId::PREFIX)),
        ("BulkSetFilter", "mode", texts_of!(Mode)),
        ("BulkStartBody", "note", Bound::Note(MAX_NOTE)),
        ("BulkStartBody", "canary", Bound::Whole(0, MAX_CANARY)),
        ("BulkStartBody", "per_minute", Bound::Whole(1, MAX_PER_MINUTE)),
        ("BulkStartBody", "stop_percent", Bound::Whole(1, 100)),
    ];
    for body in ["BulkPreviewBody", "BulkSetPreviewBody"] {
        all.push((body, "action", texts_of!(BulkAction)));
        all.push((body, "incident_ids", ids(1..=most, IncidentId::PREFIX)));
    }
    for filter in ["BulkFilter", "BulkSetFilter"] {
        all.push((filter, "state", texts_of!(IncidentState)));
        all.push((filter, "reason", texts_of!(Reason)));
        all.push((filter, "q", Bound::Like(SAID)));
    }
    all
}

fn ids(length: RangeInclusive<usize>, prefix: &'static str) -> Bound {
    Bound::List(length, Box::new(Bound::Id(prefix)))
}

/// Those of the calls of apps, and of the responses to them.
fn of_calls() -> Vec<Field> {
    let mut all = vec![
        ("ReceiptBody", "timeout_minutes", Bound::Whole(1, MAX_TIMEOUT_MINUTES)),
        ("ReceiptResponse", "snapshot_reason", texts_of!(DropReason)),
        ("ResultBody", "status", texts_of!(Outcome)),
        ("ResultResponse", "effect", texts_of!(Effect)),
        ("ReportedIncident", "state", texts_of!(IncidentState)),
        ("ResultBody", "error_code", Bound::Text(MAX_ERROR_CODE)),
        ("ResultBody", "error_message", Bound::Text(MAX_ERROR_MESSAGE)),
        ("ResultBody", "event_id", Bound::Id(EventId::PREFIX)),
        ("ResultBody", "replay_id", Bound::Id(ReplayId::PREFIX)),
    ];
    for body in ["ReceiptBody", "ResultBody"] {
        all.extend([
            (body, "provider", Bound::Like(NAME)),
            (body, "provider_event_id", Bound::Identifier(MAX_IDENTIFIER)),
            (body, "event_type", Bound::Identifier(MAX_IDENTIFIER)),
            (body, "effect_type", Bound::Like(NAME)),
            (body, "internal_reference", Bound::Identifier(MAX_IDENTIFIER)),
            (body, "effect_key", Bound::Identifier(MAX_EFFECT_KEY)),
        ]);
    }
    all
}

/// The parameters of paths and queries, by operation and name.
fn of_parameters() -> Vec<Field> {
    vec![
        ("list_incidents", "state", texts_of!(IncidentState)),
        ("list_incidents", "reason", texts_of!(Reason)),
        ("list_incidents", "cause_id", Bound::Id(CauseId::PREFIX)),
        ("list_incidents", "cursor", Bound::Id(IncidentId::PREFIX)),
        ("list_events", "effect", texts_of!(Effect)),
        ("list_events", "cursor", Bound::Id(EventId::PREFIX)),
        ("list_bulk_items", "state", texts_of!(ItemState)),
        ("list_bulk_items", "cursor", Bound::Like(PLACE)),
        ("list_audit_entries", "actor", Bound::Like(PRINTED)),
        ("list_audit_entries", "subject", Bound::Like(SUBJECT)),
        ("list_audit_entries", "from", Bound::Day),
        ("list_audit_entries", "to", Bound::Day),
        ("list_audit_entries", "cursor", Bound::Id(AuditId::PREFIX)),
        ("remove_declared_name", "event_type", Bound::Like(DECLARED)),
        ("remove_declared_name", "effect_type", Bound::Like(NAME)),
        ("set_policy", "effect_type", Bound::Like(NAME)),
        ("reset_policy", "effect_type", Bound::Like(NAME)),
    ]
}

/// Says them; gives what the document does not have.
pub(super) fn say(document: &mut OpenApi) -> Vec<String> {
    let mut missing = Vec::new();
    let schemas = &mut document.components.get_or_insert_default().schemas;
    let of_scripts = of_bodies().into_iter().chain(of_incidents()).chain(of_bulks());
    for (schema, field, bound) in of_scripts.chain(of_calls()) {
        let found = match schemas.get_mut(schema) {
            Some(RefOr::T(Schema::Object(body))) => body.properties.get_mut(field),
            _ => None,
        };
        if !found.is_some_and(|value| say_of_any(value, &bound)) {
            missing.push(format!("{schema}.{field}"));
        }
    }
    for (operation, name, bound) in of_parameters() {
        let all = document.paths.paths.values_mut();
        let all = all.flat_map(|path| {
            let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
            methods.into_iter().flatten()
        });
        let one = all.filter(|it| it.operation_id.as_deref() == Some(operation));
        let parameters = one.flat_map(|it| it.parameters.iter_mut().flatten());
        let mut schemas = parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.name == name => parameter.schema.as_mut(),
            _ => None,
        });
        if !schemas.next().is_some_and(|value| say_of_any(value, &bound)) {
            missing.push(format!("{operation}?{name}"));
        }
    }
    missing
}

/// What is inside the bodies of scripts, and read as strictly.
const INSIDE: [&str; 2] = ["BulkFilter", "BulkSetFilter"];

/// Says that the bodies of scripts have no other fields. The calls of apps ignore what they do not know.
pub(super) fn close_bodies(document: &mut OpenApi) {
    let mut closed: Vec<String> = INSIDE.map(str::to_owned).into();
    for path in document.paths.paths.values() {
        for operation in [&path.post, &path.put, &path.patch].into_iter().flatten() {
            let is_call = operation.tags.iter().flatten().any(|tag| tag == "calls");
            if let Some(RefOr::T(body)) = operation.request_body.as_ref().filter(|_| !is_call) {
                closed.extend(body.content.values().filter_map(schema_name));
            }
        }
    }
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for name in closed {
        if let Some(RefOr::T(Schema::Object(body))) = schemas.get_mut(&name) {
            body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

fn schema_name(content: &RefOr<Content>) -> Option<String> {
    let RefOr::T(content) = content else { return None };
    let Some(RefOr::Ref(schema)) = &content.schema else { return None };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}

/// Says it of a value or of a list; whether it is one of them.
fn say_of_any(value: &mut RefOr<Schema>, bound: &Bound) -> bool {
    match (value, bound) {
        (RefOr::T(Schema::Array(list)), Bound::List(length, each)) => {
            (list.min_items, list.max_items) = (Some(*length.start()), Some(*length.end()));
            match &mut list.items {
                ArrayItems::RefOrSchema(item) => say_of_any(item, each),
                ArrayItems::False => false,
            }
        }
        (RefOr::T(Schema::Object(value)), bound) if !matches!(bound, Bound::List(..)) => {
            say_of(value, bound);
            true
        }
        _ => false,
    }
}

fn say_of(value: &mut Object, bound: &Bound) {
    match bound {
        Bound::One(texts) => {
            let mut all: Vec<Value> = texts.iter().map(|text| Value::from(*text)).collect();
            if may_be_null(value) {
                all.push(Value::Null);
            }
            value.enum_values = Some(all);
        }
        Bound::Text(most) => (value.min_length, value.max_length) = (Some(1), Some(*most)),
        Bound::Like(form) => value.pattern = Some((*form).to_owned()),
        Bound::Id(prefix) => {
            value.pattern = Some(format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$"));
        }
        Bound::Identifier(most) => say_of_text(value, *most, &SEEN),
        Bound::Label(most) => say_of_text(value, *most, &CALLED),
        Bound::Note(most) => say_of_text(value, *most, SAID),
        Bound::Day => value.format = Some(SchemaFormat::KnownFormat(KnownFormat::Date)),
        Bound::Moment => value.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)),
        // A list has a schema of its own.
        Bound::List(..) => {}
        Bound::Whole(least, most) => {
            value.minimum = Some(Number::from(*least));
            value.maximum = Some(Number::from(*most));
        }
    }
}

fn say_of_text(value: &mut Object, most: usize, form: &str) {
    (value.min_length, value.max_length) = (Some(1), Some(most));
    value.pattern = Some(form.to_owned());
}

/// What names something: not all white space, and no character that is not seen or no plain space.
static SEEN: LazyLock<String> =
    LazyLock::new(|| without(|c| is_deceptive(c) || c == char::REPLACEMENT_CHARACTER));
/// What people call something: the same, with the character that shows a sign as an emoji.
static CALLED: LazyLock<String> = LazyLock::new(|| without(|c| c != EMOJI && is_invisible(c)));

/// Text that is not all white space and has none of these, as a regular expression.
fn without(unseen: impl Fn(char) -> bool) -> String {
    let unseen: Vec<char> = ('\0'..=char::MAX).filter(|c| unseen(*c)).collect();
    let ranges = unseen.chunk_by(|one, next| u32::from(*one) + 1 == u32::from(*next));
    let ranges =
        ranges.flat_map(|range| [escape(range[0]), "-".into(), escape(range[range.len() - 1])]);
    let unseen: String = ranges.collect();
    format!(r"^[^{unseen}]*[^{unseen}\s][^{unseen}]*$")
}

/// As all regular expressions read it; beyond the first plane each language has an escape of its own.
fn escape(c: char) -> String {
    let code = u32::from(c);
    if code <= 0xFFFF { format!(r"\u{code:04x}") } else { c.to_string() }
}

fn may_be_null(value: &Object) -> bool {
    matches!(&value.schema_type, SchemaType::Array(types) if types.contains(&Type::Null))
}

#[cfg(test)]
mod tests {
    use super::super::routes;

    #[test]
    fn every_bound_is_one_of_a_field_that_the_document_has() {
        let mut document = routes::automation().into_openapi();
        document.merge(routes::calls().into_openapi());
        assert_eq!(super::say(&mut document), Vec::<String>::new());
    }

    #[test]
    fn bodies_of_scripts_have_no_other_fields_and_those_of_apps_may() {
        let document = serde_json::to_value(super::super::reference::document()).expect("JSON");
        let schemas = &document["components"]["schemas"];
        for (body, is_closed) in [
            ("ProjectBody", true),
            ("BulkPreviewBody", true),
            ("BulkFilter", true),
            ("ReceiptBody", false),
            ("ResultBody", false),
        ] {
            let closed = schemas[body]["additionalProperties"] == false;
            assert_eq!(closed, is_closed, "{body}");
        }
    }

    #[test]
    fn the_document_has_each_field_of_each_kind_of_destination() {
        let document = routes::automation().into_openapi();
        let document = serde_json::to_value(&document).expect("JSON");
        let fields = &document["components"]["schemas"]["DestinationBody"]["properties"];
        for (kind, field) in domain::destination::DestinationKind::all_fields() {
            assert!(fields[field.name].is_object(), "{kind} {}", field.name);
        }
    }
}
