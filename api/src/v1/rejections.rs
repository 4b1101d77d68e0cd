//! Which rejections each operation of the document may respond with.
//!
//! Nearly all of them follow from what an operation takes: a token, a role, something in its path,
//! a query, a body. So they are said here once for all operations, and none can be forgotten beside
//! a new one. Only an operation that can meet a conflict says so itself.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Content, Object, OpenApi, Ref, RefOr, Response, ResponseBuilder, Type};

/// A status, and when it is the response.
type Rejection = (&'static str, &'static str);

/// Of every operation.
const ALWAYS: [Rejection; 6] = [
    ("400", "A header, the query or the body could not be read."),
    ("401", "There is no key or token, or one that is malformed, revoked or unknown."),
    ("406", "The `Accept` header excludes JSON."),
    ("422", "A value breaks a rule, or a name is not known; each is named."),
    ("500", "A fault of ours. Nothing of its cause is shown."),
    (
        "503",
        "The database cannot be reached or takes no writes; `Retry-After` says when to try again.",
    ),
];
/// Of those that change something, and of those that say that they need a role.
const ROLE: Rejection = ("403", "The role of the token's owner is too small.");
/// Of those whose path names something.
const NOT_FOUND: Rejection = ("404", "There is no such thing, or it belongs to another project.");
/// Of those that have a body.
const BODY: [Rejection; 2] = [
    (
        "413",
        "The body is over 256 KiB or has over 64 fields. Ids of incidents may have 512 KiB, and the calls of apps take more: docs/api.md.",
    ),
    ("415", "The body is not `application/json` in UTF-8, or it has a `Content-Encoding`."),
];
/// Of the calls of apps.
const CALL: [Rejection; 2] = [
    (
        "409",
        "The idempotency key was used for another event, or the first call with it still runs.",
    ),
    ("429", "The key sends more than it may; `Retry-After` says when to try again."),
];

const RETRY_AFTER: &str = "Retry-After";
const SECONDS: &str = "After so many seconds the same request may be sent again as it is.";
const WHILE_IT_RUNS: &str = "There while the first call with the key still runs: after so many seconds the same \
                             request may be sent again as it is.";

/// The operation whose rejections say what became of each of several receipts.
const LIST: &str = "post_receipts";

/// Adds them to every operation of the document.
pub(super) fn declare(document: &mut OpenApi) {
    let all = ALWAYS.iter().chain([&ROLE, &NOT_FOUND]).chain(&BODY).chain(&CALL);
    let components = document.components.get_or_insert_default();
    let shared = all.map(|one| (name(one), RefOr::T(response(one, "ErrorBody"))));
    components.responses.extend(shared);
    for item in document.paths.paths.values_mut() {
        let changing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in changing.into_iter().flatten() {
            let is_call = operation.tags.iter().flatten().any(|tag| tag == "calls");
            add(operation, if is_call { &CALL } else { &[ROLE] });
            declare_for(operation);
            if operation.operation_id.as_deref() == Some(LIST) {
                say_of_each(operation);
            }
        }
        if let Some(operation) = &mut item.get {
            if needs_role(operation) {
                add(operation, &[ROLE]);
            }
            declare_for(operation);
        }
    }
}

/// Whether an operation that only reads is not for everyone, as its description says.
fn needs_role(operation: &Operation) -> bool {
    let said = [&operation.summary, &operation.description];
    said.into_iter().flatten().any(|text| text.contains("Needs the role"))
}

fn declare_for(operation: &mut Operation) {
    add(operation, &ALWAYS);
    let mut parameters = operation.parameters.iter().flatten();
    if parameters.any(|one| matches!(one, RefOr::T(one) if one.parameter_in == ParameterIn::Path)) {
        add(operation, &[NOT_FOUND]);
    }
    if operation.request_body.is_some() {
        add(operation, &BODY);
    }
}

fn add(operation: &mut Operation, rejections: &[Rejection]) {
    let shared = rejections
        .iter()
        .map(|one| (one.0.to_owned(), RefOr::Ref(Ref::from_response_name(name(one)))));
    operation.responses.responses.extend(shared);
}

/// Lets the rejections of a list of receipts have the outcome of each.
fn say_of_each(operation: &mut Operation) {
    for one in ALWAYS.iter().chain(&BODY).chain(&CALL) {
        let response = RefOr::T(response(one, "ReceiptsErrorBody"));
        operation.responses.responses.insert(one.0.to_owned(), response);
    }
}

fn response((status, when): &Rejection, schema: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name(schema)));
    let response = ResponseBuilder::new().description(*when).content("application/json", body);
    let response = match *status {
        "401" => response.header("WWW-Authenticate", header(Type::String, "`Bearer`.")),
        "409" => response.header(RETRY_AFTER, header(Type::Integer, WHILE_IT_RUNS)),
        "429" | "503" => response.header(RETRY_AFTER, header(Type::Integer, SECONDS)),
        _ => response,
    };
    response.build()
}

fn header(kind: Type, says: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(says)).build()
}

fn name((status, _): &Rejection) -> String {
    format!("Refused{status}")
}

#[cfg(test)]
mod tests {
    use super::super::reference::document;
    use serde_json::Value;

    /// The statuses that an operation may respond with.
    fn statuses(method: &str, path: &str) -> Vec<String> {
        let document = serde_json::to_value(document()).expect("JSON");
        let responses = document["paths"][path][method]["responses"].as_object().cloned();
        responses.expect("an operation").into_iter().map(|(status, _)| status).collect()
    }

    #[test]
    fn an_operation_names_what_follows_from_what_it_takes() {
        let projects = "/api/v1/projects";
        let incident = "/api/v1/projects/{project_id}/incidents/{incident_id}";
        for (method, path, expected) in [
            ("get", projects.to_owned(), "200 400 401 406 422 500 503"),
            ("get", incident.to_owned(), "200 400 401 404 406 422 500 503"),
            ("get", format!("{projects}/{{project_id}}/audit"), "200 400 401 404 406 422 500 503"),
            ("post", projects.to_owned(), "201 400 401 403 406 413 415 422 500 503"),
            (
                "post",
                format!("{incident}/acknowledgement"),
                "200 400 401 403 404 406 409 413 415 422 500 503",
            ),
            (
                "post",
                format!("{incident}/reprocesses"),
                "202 400 401 403 404 406 409 413 415 422 500 503",
            ),
            (
                "post",
                format!("{projects}/{{project_id}}/destinations/{{destination_id}}/tests"),
                "200 400 401 403 404 406 422 500 503",
            ),
            (
                "delete",
                format!("{projects}/{{project_id}}/keys/{{key_id}}"),
                "204 400 401 403 404 406 422 500 503",
            ),
            ("post", "/api/v1/receipt".to_owned(), "202 400 401 406 409 413 415 422 429 500 503"),
            (
                "post",
                "/api/v1/result".to_owned(),
                "202 400 401 404 406 409 413 415 422 429 500 503",
            ),
        ] {
            assert_eq!(statuses(method, &path).join(" "), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_only_an_admin_reads_may_be_forbidden() {
        let erasures = "/api/v1/projects/{project_id}/erasures";
        for path in [erasures.to_owned(), format!("{erasures}/{{erasure_id}}")] {
            let expected = "200 400 401 403 404 406 422 500 503";
            assert_eq!(statuses("get", &path).join(" "), expected, "{path}");
        }
    }

    #[test]
    fn a_list_of_receipts_is_rejected_with_what_became_of_each() {
        let document = serde_json::to_value(document()).expect("JSON");
        let responses = document["paths"]["/api/v1/receipts"]["post"]["responses"].as_object();
        for (status, response) in responses.expect("an operation") {
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            let name = if status == "202" { "ReceiptsResponse" } else { "ReceiptsErrorBody" };
            assert_eq!(*schema, format!("#/components/schemas/{name}"), "{status}");
        }
    }

    #[test]
    fn what_may_be_sent_again_says_when() {
        let document = serde_json::to_value(document()).expect("JSON");
        for (name, response) in document["components"]["responses"].as_object().expect("responses")
        {
            let says = response["headers"]["Retry-After"].is_object();
            let expected = ["Refused409", "Refused429", "Refused503"].contains(&name.as_str());
            assert_eq!(says, expected, "{name}");
        }
    }

    #[test]
    fn each_shared_rejection_has_the_shape_of_an_error() {
        let document = serde_json::to_value(document()).expect("JSON");
        let shared = document["components"]["responses"].as_object().expect("responses");
        let shape = Value::from("#/components/schemas/ErrorBody");
        for (name, response) in shared {
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(*schema, shape, "{name}");
        }
        assert_eq!(shared.len(), 12);
    }
}
