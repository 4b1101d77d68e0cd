//! The automation API for people: the page that is made of its OpenAPI document.

use std::sync::LazyLock;

use askama::Template;
use axum::response::Html;
use bytes::Bytes;
use serde_json::Value;

use super::access::{Access, Pages};
use super::frame::{Frame, Span, spans};
use crate::error::ApiError;
use crate::v1::reference::document;

/// Adds the page.
#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/api/reference", Access::Anyone, show)
}

#[derive(Template)]
#[template(path = "pages/reference.html")]
struct ReferencePage {
    frame: Frame,
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
        let mut letters = self.name.chars();
        letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
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
    answers: Vec<String>,
}

/// One parameter or field.
struct Parameter {
    name: String,
    place: String,
    description: Vec<Span>,
}

/// The page, which is the same for everybody as long as the process lives.
static PAGE: LazyLock<Result<Bytes, String>> = LazyLock::new(|| {
    let document = serde_json::to_value(document()).map_err(|error| error.to_string())?;
    let page = ReferencePage { frame: Frame::apart("Automation API"), groups: groups(&document) };
    page.render().map(Bytes::from).map_err(|error| error.to_string())
});

/// `GET /api/reference`.
///
/// # Errors
/// When the page cannot be rendered.
async fn show() -> Result<Html<Bytes>, ApiError> {
    PAGE.clone().map(Html).map_err(ApiError::internal)
}

/// The operations by what they are about, in the document's order.
fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, said) in methods.as_object().into_iter().flatten() {
            let name = text(&said["tags"][0]);
            let operation = operation(document, (method, path), said);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name, operations: vec![operation] }),
            }
        }
    }
    groups
}

fn operation(document: &Value, (method, path): (&str, &str), said: &Value) -> Operation {
    let parameters = said["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|one| one["in"] == "query").map(|one| Parameter {
        name: text(&one["name"]),
        place: "query".to_owned(),
        description: spans(&text(&one["description"])),
    });
    let summary = [text(&said["summary"]), text(&said["description"])].join(" ");
    let answers = said["responses"].as_object().into_iter().flatten();
    Operation {
        id: format!("{method}-{}", path.trim_matches('/').replace(['/', '{', '}'], "-")),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: spans(summary.trim()),
        parameters: parameters.chain(body(document, said)).collect(),
        answers: answers.map(|(status, _)| status.clone()).collect(),
    }
}

/// The fields of the body, from its schema.
fn body(document: &Value, said: &Value) -> Vec<Parameter> {
    let schema = &said["requestBody"]["content"]["application/json"]["schema"]["$ref"];
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
