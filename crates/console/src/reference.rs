//! The automation API for people: the page that is made of its OpenAPI document.

use std::sync::OnceLock;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use bytes::Bytes;
use serde_json::Value;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::badge::capitalize;
use super::layout::{Layout, Span, spans};
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/api/reference", Access::Anyone, show)
}

#[derive(Template)]
#[template(path = "pages/reference.html")]
struct ReferencePage {
    layout: Layout,
    groups: Vec<Group>,
}

/// What is about one thing.
struct Group {
    name: String,
    operations: Vec<Operation>,
}

impl Group {
    fn anchor(&self) -> String {
        self.name.replace(' ', "-")
    }

    /// `Proof links`.
    fn title(&self) -> String {
        capitalize(&self.name)
    }
}

/// One thing that the API does.
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: Vec<Span>,
    /// Of the query, then of the body.
    parameters: Vec<Parameter>,
    responses: Vec<String>,
}

/// One parameter or field.
struct Parameter {
    name: String,
    place: String,
    description: Vec<Span>,
}

/// The page, which is the same for everyone as long as the process lives.
static PAGE: OnceLock<Result<Bytes, String>> = OnceLock::new();

/// `GET /api/reference`.
///
/// # Errors
/// When the page cannot be rendered.
async fn show(State(state): State<ConsoleState>) -> Result<Html<Bytes>, ApiError> {
    let page = PAGE.get_or_init(|| render((state.console.api_document)()));
    page.clone().map(Html).map_err(ApiError::internal)
}

fn render(document: serde_json::Result<Value>) -> Result<Bytes, String> {
    let document = document.map_err(|error| error.to_string())?;
    let page =
        ReferencePage { layout: Layout::standalone("Automation API"), groups: groups(&document) };
    page.render().map(Bytes::from).map_err(|error| error.to_string())
}

/// The operations by what they are about, in the document's order.
fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, described) in methods.as_object().into_iter().flatten() {
            let name = text(&described["tags"][0]);
            let operation = operation(document, method, path, described);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name, operations: vec![operation] }),
            }
        }
    }
    groups
}

fn operation(document: &Value, method: &str, path: &str, described: &Value) -> Operation {
    let parameters = described["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|one| one["in"] == "query").map(|one| Parameter {
        name: text(&one["name"]),
        place: "query".to_owned(),
        description: spans(&text(&one["description"])),
    });
    let summary = [text(&described["summary"]), text(&described["description"])].join(" ");
    let responses = described["responses"].as_object().into_iter().flatten();
    Operation {
        id: format!("{method}-{}", path.trim_matches('/').replace(['/', '{', '}'], "-")),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: spans(summary.trim()),
        parameters: parameters.chain(body(document, described)).collect(),
        responses: responses.map(|(status, _)| status.clone()).collect(),
    }
}

/// The fields of the body, from its schema.
fn body(document: &Value, described: &Value) -> Vec<Parameter> {
    let schema = &described["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = text(schema);
    let name = name.rsplit('/').next().unwrap_or_default();
    let fields = document["components"]["schemas"][name]["properties"].as_object();
    let fields = fields.into_iter().flatten().map(|(name, field)| Parameter {
        name: name.clone(),
        place: "body".to_owned(),
        description: spans(&text(&field["description"])),
    });
    fields.collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
