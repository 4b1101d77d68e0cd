//! The description of the API: for programs at `/api/openapi.json`, for people at
//! `/api/reference`.
//!
//! Both are made of the same document, which is made of the routes and types that serve the
//! requests.

use std::sync::LazyLock;

use axum::Json;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

use super::{bounds, rejections, routes};

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = routes::automation().into_openapi();
    document.merge(routes::calls().into_openapi());
    speak_of_http(&mut document);
    name_items(&mut document);
    bounds::say(&mut document);
    bounds::close_bodies(&mut document);
    rejections::declare(&mut document);
    document
});

/// Takes out what the handlers' comments say to readers of the code.
fn speak_of_http(document: &mut OpenApi) {
    for path in document.paths.paths.values_mut() {
        let methods =
            [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
        for operation in methods.into_iter().flatten() {
            let said = operation.description.take().unwrap_or_default();
            let said = said.split("# Errors").next().unwrap_or_default().trim();
            operation.description = (!said.is_empty()).then(|| said.to_owned());
        }
    }
}

/// Lets each list name the schema of its things, where utoipa copies the schema of a type
/// parameter: a generated client then has one type for a thing, listed or alone.
fn name_items(document: &mut OpenApi) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for (name, schema) in schemas {
        let Some(thing) = name.strip_prefix("Listed_") else { continue };
        let RefOr::T(Schema::Object(list)) = schema else { continue };
        if let Some(RefOr::T(Schema::Array(data))) = list.properties.get_mut("data") {
            data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(thing).into()));
        }
    }
}

/// The document.
#[must_use]
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// `GET /api/openapi.json`. Needs no token: it says what anyone can read in the source.
pub async fn openapi() -> Json<&'static OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use super::document;
    use serde_json::Value;

    /// Programs are written against the document, so each change of it is looked at.
    #[test]
    fn the_document_is_as_it_was_published() {
        insta::assert_snapshot!(serde_json::to_string_pretty(document()).expect("JSON"));
    }

    /// Clients are generated from these names, so one that changes breaks its users.
    #[test]
    fn operations_and_schemas_keep_their_names() {
        let document = serde_json::to_value(document()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.values().flat_map(|path| path.as_object().expect("a path").values());
        let mut ids: Vec<_> =
            operations.map(|one| one["operationId"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let schemas: Vec<_> = schemas.keys().map(String::as_str).collect();
        insta::assert_snapshot!(format!("{}\n\n{}", ids.join("\n"), schemas.join("\n")));
    }

    #[test]
    fn a_list_names_the_schema_of_its_things() {
        let document = serde_json::to_value(document()).expect("JSON");
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let listed =
            schemas.iter().filter_map(|(name, list)| Some((name.strip_prefix("Listed_")?, list)));
        for (thing, list) in listed {
            let items = &list["properties"]["data"]["items"]["$ref"];
            assert_eq!(*items, Value::from(format!("#/components/schemas/{thing}")));
            assert!(schemas.contains_key(thing), "{thing}");
        }
    }
}
