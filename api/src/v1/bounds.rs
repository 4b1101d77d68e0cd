//! What the document says of the values that a request may have: the texts of a choice, how long a text
//! and how large a number may be.
//!
//! Each bound is the constant that the request is checked against, so that a program which is made from
//! the document sends nothing that is rejected for its form.

use std::sync::LazyLock;

use domain::diagnostics::{MAX_ERROR_CODE, MAX_ERROR_MESSAGE};
use domain::effect_result::Outcome;
use domain::event::Effect;
use domain::extension::{
    Fallback, HEARTBEAT_SECONDS, MAX_BUDGET_SECONDS, MAX_CALLS_PER_SECOND, MIN_BUDGET_SECONDS,
    Point, Trust,
};
use domain::identifier::{MAX_IDENTIFIER, is_invisible};
use domain::incident::{IncidentState, MAX_NOTE, Reason};
use domain::project::{MAX_TIMEOUT_MINUTES, Mode};
use domain::proof::MAX_DAYS;
use domain::receipt::MAX_EFFECT_KEY;
use domain::repair_url::MAX_URL_LENGTH;
use domain::reprocess_policy::{MAX_ATTEMPTS, MAX_DELAY_SECONDS, MAX_STOP_CUSTOMERS, MAX_STOP_OF};
use domain::retention::MAX_MONTHS;
use domain::snapshot::{self, DropReason};
use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::schema::{Object, SchemaType};
use utoipa::openapi::{OpenApi, RefOr, Schema, Type};

/// What a value may be.
enum Bound {
    /// One of these texts.
    One(Vec<&'static str>),
    /// At least one character and at most so many.
    Text(usize),
    /// Text of this form.
    Like(&'static str),
    /// What names something, with at most so many characters.
    Identifier(usize),
    /// A whole number from the first to the second.
    Whole(i32, i32),
}

/// A name of the catalogue, or one that a project declares.
const NAME: &str = "^[a-z0-9][a-z0-9_./:-]{0,99}$";
/// What a project may expect of its receipts; a number of hours or days is checked beside that.
const EXPECTED: &str = "^(off|learned|[1-9][0-9]{0,2}h|[1-9][0-9]?d)$";
const EVENT_ID: &str = "^ev_[0-9A-HJKMNP-TV-Z]{26}$";
const REPLAY_ID: &str = "^rpl_[0-9A-HJKMNP-TV-Z]{26}$";

macro_rules! texts_of {
    ($choice:ty) => {
        Bound::One(<$choice>::ALL.iter().map(|it| it.as_str()).collect())
    };
}

/// The fields of bodies, by schema and name.
fn of_bodies() -> [(&'static str, &'static str, Bound); 34] {
    let (silent_least, silent_most) = HEARTBEAT_SECONDS;
    [
        ("ProjectBody", "name", Bound::Text(MAX_IDENTIFIER)),
        ("ProjectBody", "mode", texts_of!(Mode)),
        ("ProjectBody", "timeout_minutes", Bound::Whole(1, MAX_TIMEOUT_MINUTES)),
        ("ProjectBody", "snapshot_days", Bound::Whole(1, snapshot::MAX_DAYS)),
        ("ProjectBody", "retention_months", Bound::Whole(1, MAX_MONTHS)),
        ("ProjectBody", "repair_url", Bound::Text(MAX_URL_LENGTH)),
        ("ProjectBody", "expected_receipts", Bound::Like(EXPECTED)),
        ("ArchiveBody", "unresolved", Bound::Whole(0, i32::MAX)),
        ("KeyBody", "label", Bound::Text(MAX_IDENTIFIER)),
        ("ErasureBody", "internal_reference", Bound::Text(MAX_IDENTIFIER)),
        ("DestinationBody", "label", Bound::Text(MAX_IDENTIFIER)),
        ("DestinationBody", "slack", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "slack_api", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "teams", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "discord", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "ntfy", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "webhook", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationBody", "endpoint", Bound::Text(MAX_URL_LENGTH)),
        ("DestinationChange", "label", Bound::Text(MAX_IDENTIFIER)),
        ("ExtensionBody", "point", texts_of!(Point)),
        ("ExtensionBody", "trust", texts_of!(Trust)),
        ("ExtensionBody", "fallback", texts_of!(Fallback)),
        ("ExtensionBody", "url", Bound::Text(MAX_URL_LENGTH)),
        ("ExtensionBody", "budget_seconds", Bound::Whole(MIN_BUDGET_SECONDS, MAX_BUDGET_SECONDS)),
        ("ExtensionBody", "calls_per_second", Bound::Whole(1, MAX_CALLS_PER_SECOND)),
        ("ExtensionBody", "heartbeat_seconds", Bound::Whole(silent_least, silent_most)),
        ("NoteBody", "note", Bound::Text(MAX_NOTE)),
        ("ResolutionBody", "note", Bound::Text(MAX_NOTE)),
        ("ProofLinkBody", "days", Bound::Whole(1, MAX_DAYS)),
        ("PolicyBody", "attempts", Bound::Whole(1, MAX_ATTEMPTS)),
        ("PolicyBody", "delay_seconds", Bound::Whole(0, MAX_DELAY_SECONDS)),
        ("PolicyBody", "stop_of", Bound::Whole(1, MAX_STOP_OF)),
        ("PolicyBody", "stop_failed", Bound::Whole(1, MAX_STOP_OF)),
        ("PolicyBody", "stop_customers", Bound::Whole(1, MAX_STOP_CUSTOMERS)),
    ]
}

/// Those of the calls of apps, and of the responses to them.
fn of_calls() -> Vec<(&'static str, &'static str, Bound)> {
    let mut all = vec![
        ("ReceiptBody", "timeout_minutes", Bound::Whole(1, MAX_TIMEOUT_MINUTES)),
        ("ReceiptResponse", "snapshot_reason", texts_of!(DropReason)),
        ("ResultBody", "status", texts_of!(Outcome)),
        ("ResultResponse", "effect", texts_of!(Effect)),
        ("ReportedIncident", "state", texts_of!(IncidentState)),
        ("ResultBody", "error_code", Bound::Text(MAX_ERROR_CODE)),
        ("ResultBody", "error_message", Bound::Text(MAX_ERROR_MESSAGE)),
        ("ResultBody", "event_id", Bound::Like(EVENT_ID)),
        ("ResultBody", "replay_id", Bound::Like(REPLAY_ID)),
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

/// The parameters of queries, by operation and name.
fn of_queries() -> [(&'static str, &'static str, Bound); 3] {
    [
        ("list_incidents", "state", texts_of!(IncidentState)),
        ("list_incidents", "reason", texts_of!(Reason)),
        ("list_events", "effect", texts_of!(Effect)),
    ]
}

/// Says them; gives what the document does not have.
pub(super) fn say(document: &mut OpenApi) -> Vec<String> {
    let mut missing = Vec::new();
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for (schema, field, bound) in of_bodies().into_iter().chain(of_calls()) {
        let found = match schemas.get_mut(schema) {
            Some(RefOr::T(Schema::Object(body))) => body.properties.get_mut(field),
            _ => None,
        };
        match found {
            Some(RefOr::T(Schema::Object(value))) => say_of(value, &bound),
            _ => missing.push(format!("{schema}.{field}")),
        }
    }
    for (operation, name, bound) in of_queries() {
        let all = document.paths.paths.values_mut().filter_map(|path| path.get.as_mut());
        let one = all.filter(|it| it.operation_id.as_deref() == Some(operation));
        let parameters = one.flat_map(|it| it.parameters.iter_mut().flatten());
        let mut schemas = parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.name == name => parameter.schema.as_mut(),
            _ => None,
        });
        match schemas.next() {
            Some(RefOr::T(Schema::Object(value))) => say_of(value, &bound),
            _ => missing.push(format!("{operation}?{name}")),
        }
    }
    missing
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
        Bound::Identifier(most) => {
            (value.min_length, value.max_length) = (Some(1), Some(*most));
            value.pattern = Some(SEEN.clone());
        }
        Bound::Whole(least, most) => {
            value.minimum = Some(Number::from(*least));
            value.maximum = Some(Number::from(*most));
        }
    }
}

/// Text that is not all white space and has no character that is not seen, as a regular expression.
static SEEN: LazyLock<String> = LazyLock::new(|| {
    let unseen = |c: &char| is_invisible(*c) || *c == char::REPLACEMENT_CHARACTER;
    let unseen: Vec<char> = ('\0'..=char::MAX).filter(unseen).collect();
    let ranges = unseen.chunk_by(|one, next| u32::from(*one) + 1 == u32::from(*next));
    let ranges =
        ranges.flat_map(|range| [escape(range[0]), "-".into(), escape(range[range.len() - 1])]);
    let unseen: String = ranges.collect();
    format!(r"^[^{unseen}]*[^{unseen}\s][^{unseen}]*$")
});

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
    fn the_document_has_each_field_of_each_kind_of_destination() {
        let document = routes::automation().into_openapi();
        let document = serde_json::to_value(&document).expect("JSON");
        let fields = &document["components"]["schemas"]["DestinationBody"]["properties"];
        for (kind, field) in domain::destination::DestinationKind::all_fields() {
            assert!(fields[field.name].is_object(), "{kind} {}", field.name);
        }
    }
}
