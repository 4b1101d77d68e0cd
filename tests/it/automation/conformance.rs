//! What the harness finds wrong with a response: all that the document does not say of it.

use axum::http::Response;
use axum::http::response::Builder;
use e2e::conformance::faults;
use serde_json::{Value, json};

fn document() -> Value {
    let thing = json!({
        "type": "object",
        "required": ["id", "at"],
        "properties": {
            "id": { "type": "string" },
            "at": { "type": ["string", "null"], "format": "date-time" },
            "state": { "type": "string", "enum": ["open", "resolved"] },
            "amount": { "oneOf": [{ "$ref": "#/components/schemas/Amount" }, { "type": "null" }] },
            "detail": {},
        },
    });
    let amount =
        json!({ "type": "object", "properties": { "value": { "type": "integer", "minimum": 0 } } });
    let more = json!({ "type": "object", "properties": { "rows": { "type": "array", "items": { "type": "string" } } } });
    let whole = json!({ "allOf": [{ "$ref": "#/components/schemas/Thing" }, more] });
    json!({ "components": { "schemas": { "Thing": thing, "Amount": amount, "Whole": whole } } })
}

fn operation() -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Whole" });
    let wait = json!({ "Retry-After": { "schema": { "type": "integer" } } });
    let body = json!({ "application/json": { "schema": schema } });
    json!({ "responses": {
        "200": { "content": body },
        "204": {},
        "409": { "headers": wait, "content": body },
        "503": { "headers": wait, "content": body },
    } })
}

fn found(response: Builder, body: &str) -> usize {
    let response = response.header("x-request-id", "req_1");
    let response = response.header("content-type", "application/json").body(());
    let (parts, ()) = response.expect("a response").into_parts();
    faults(&document(), &operation(), &parts, body.as_bytes()).len()
}

/// A body that is right but for these fields; a null is no value of most.
fn spoiled(fields: &Value) -> String {
    let mut body = json!({ "id": "a", "at": "2026-11-21T14:02:09.5Z", "amount": { "value": 1 } });
    let fields = fields.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body.to_string()
}

#[test]
fn a_body_that_is_not_as_described_is_found() {
    for (fields, expected) in [
        (json!({}), 0),
        (json!({ "at": null, "amount": null, "state": "open", "rows": ["a"] }), 0),
        (json!({ "detail": { "any": [1, { "thing": null }] } }), 0),
        (json!({ "unknown": 1 }), 1),
        (json!({ "id": null }), 1),
        (json!({ "at": "2026-11-21T14:02:09+01:00" }), 1),
        (json!({ "at": "yesterday" }), 1),
        (json!({ "state": "opened" }), 1),
        (json!({ "rows": ["a", 1, null] }), 2),
        (json!({ "amount": { "value": -1 } }), 1),
        (json!({ "amount": { "value": 1, "unknown": 1 } }), 1),
        (json!({ "amount": { "value": 1.5 } }), 1),
    ] {
        assert_eq!(found(Response::builder(), &spoiled(&fields)), expected, "{fields}");
    }
    for (body, expected) in [("", 1), ("{", 1), ("[]", 2), ("{\"id\":\"a\"}", 1)] {
        assert_eq!(found(Response::builder(), body), expected, "{body}");
    }
}

#[test]
fn a_status_or_a_header_that_is_not_described_is_found() {
    let right = spoiled(&json!({}));
    let right = right.as_str();
    for (status, wait, body, expected) in [
        (200_u16, false, right, 0),
        (200, true, right, 1),
        (201, false, right, 1),
        (204, false, "", 0),
        (204, false, "{}", 1),
        (409, false, right, 0),
        (409, true, right, 0),
        (503, true, right, 0),
        (503, false, right, 1),
    ] {
        let response = Response::builder().status(status);
        let response = if wait { response.header("retry-after", "1") } else { response };
        assert_eq!(found(response, body), expected, "{status} {wait} {body}");
    }
}
