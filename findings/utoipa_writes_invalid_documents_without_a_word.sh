#!/usr/bin/env bash
# utoipa 6.0.0 and openapi-spec-validator 0.9.0 (crates.io, PyPI).
#
# What compiles and serialises without a word can be a document that a validator rejects. A handler's operationId
# is its bare function name, so two modules with a `list` each share one, though OpenAPI 3.1 wants them unique; and
# `responses((status = 200, body = T))` leaves out the description that OpenAPI requires of every response. Besides,
# the schema of a type parameter is copied into that of the generic type instead of being referred to, so a
# generated client has two types for one thing.
#
# Seen:
#   operation ids: list list
#   description of the response: null
#   items of Page<Item>: copied, although Item is a schema of its own
#   validator: 'description' is a required property
#   validator: 'description' is a required property
#   validator: Operation ID 'list' for 'get' in '/b' is not unique
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
utoipa = { version = "=6.0.0", default-features = false, features = ["macros"] }
serde = { version = "1", features = ["derive"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use utoipa::{OpenApi, ToSchema};

#[derive(serde::Serialize, ToSchema)]
struct Item { id: String }

#[derive(serde::Serialize, ToSchema)]
struct Page<T> { data: Vec<T> }

mod a {
    #[utoipa::path(get, path = "/a", responses((status = 200, body = super::Page<super::Item>)))]
    #[allow(dead_code)]
    pub fn list() {}
}
mod b {
    #[utoipa::path(get, path = "/b", responses((status = 200, body = super::Item)))]
    #[allow(dead_code)]
    pub fn list() {}
}

#[derive(OpenApi)]
#[openapi(paths(a::list, b::list), info(title = "seen", version = "1"))]
struct Document;

fn main() {
    println!("{}", Document::openapi().to_json().unwrap());
}
RUST
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/python" openapi-spec-validator==0.9.0 2>/dev/null
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target"
"$folder/target/debug/seen" >"$folder/document.json"
PYTHONPATH="$folder/python" python3 - "$folder/document.json" >"$folder/seen" <<'PYTHON'
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
document = json.load(open(sys.argv[1]))
gets = [path["get"] for path in document["paths"].values()]
print("operation ids:", *[get["operationId"] for get in gets])
print("description of the response:", json.dumps(gets[0]["responses"]["200"].get("description")))
schemas = document["components"]["schemas"]
items = schemas["Page_Item"]["properties"]["data"]["items"]
referred = "referred to" if "$ref" in items else "copied"
print(f"items of Page<Item>: {referred}, although Item is a schema of its own" if "Item" in schemas else schemas)
for error in OpenAPIV31SpecValidator(document).iter_errors():
    print("validator:", error.message)
PYTHON
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
