//! Who may import whom, as `docs/architecture.md` says, held against `cargo metadata`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// What each package may use of the others.
const EDGES: [(&str, &[&str]); 22] = [
    ("sendpromptly-extension", &[]),
    ("domain", &["sendpromptly-extension"]),
    ("api-types", &["domain"]),
    ("store", &["domain"]),
    ("telemetry", &[]),
    ("crash-points", &[]),
    ("workflows", &["domain"]),
    ("activities", &["domain", "api-types", "crash-points", "store", "telemetry", "workflows"]),
    ("engine", &["crash-points", "domain", "store", "telemetry", "workflows"]),
    ("embedded", &[]),
    ("web", &["domain", "api-types", "store", "telemetry", "engine"]),
    ("api", &["domain", "api-types", "crash-points", "store", "telemetry", "engine", "web"]),
    ("console", &["domain", "store", "engine", "web"]),
    ("worker", &["activities", "workflows", "store", "telemetry", "engine"]),
    ("loadtest", &["domain", "api-types", "store", "engine", "workflows", "embedded"]),
    ("faultlab", &["domain", "api-types", "store", "engine", "workflows", "embedded", "doubles"]),
    (
        "sendpromptly",
        &[
            "crash-points",
            "domain",
            "api-types",
            "store",
            "telemetry",
            "workflows",
            "activities",
            "engine",
            "embedded",
            "web",
            "api",
            "console",
            "worker",
        ],
    ),
    (
        "e2e",
        &[
            "domain",
            "api-types",
            "store",
            "telemetry",
            "workflows",
            "activities",
            "engine",
            "embedded",
            "web",
            "api",
            "console",
            "worker",
            "sendpromptly",
            "browser",
            "doubles",
        ],
    ),
    ("browser", &[]),
    ("doubles", &[]),
    ("samples", &["domain", "store"]),
    ("extension-example", &["sendpromptly-extension"]),
];

/// What each package must never use from outside, directly.
const NEVER: [(&str, &[&str]); 12] = [
    (
        "domain",
        &[
            "tokio",
            "sqlx",
            "axum",
            "reqwest",
            "temporalio-sdk",
            "temporalio-common",
            "getrandom",
            "rand",
        ],
    ),
    ("api-types", &["tokio", "sqlx", "axum", "reqwest", "temporalio-common"]),
    ("store", &["axum", "reqwest", "temporalio-sdk", "temporalio-client", "temporalio-common"]),
    (
        "workflows",
        &[
            "tokio",
            "sqlx",
            "axum",
            "reqwest",
            "getrandom",
            "rand",
            "temporalio-sdk",
            "temporalio-client",
        ],
    ),
    ("activities", &["axum", "reqwest", "temporalio-client"]),
    ("engine", &["axum", "temporalio-sdk", "reqwest"]),
    ("embedded", &["sqlx", "axum", "reqwest", "temporalio-client", "temporalio-sdk"]),
    (
        "web",
        &[
            "askama",
            "utoipa",
            "reqwest",
            "lettre",
            "temporalio-sdk",
            "temporalio-client",
            "temporalio-common",
        ],
    ),
    (
        "api",
        &[
            "askama",
            "cookie",
            "hyper",
            "reqwest",
            "lettre",
            "temporalio-sdk",
            "temporalio-client",
            "temporalio-common",
        ],
    ),
    (
        "console",
        &[
            "utoipa",
            "hyper",
            "reqwest",
            "lettre",
            "temporalio-sdk",
            "temporalio-client",
            "temporalio-common",
        ],
    ),
    ("worker", &["axum", "sqlx", "reqwest", "lettre"]),
    ("sendpromptly", &["sqlx", "lettre", "temporalio-sdk", "temporalio-client"]),
];

/// The whole manifest of the determinism fence. A name more is a decision, not an accident.
const FENCE: [&str; 9] = [
    "domain",
    "futures",
    "serde",
    "serde_json",
    "temporalio-common",
    "temporalio-macros",
    "temporalio-workflow",
    "time",
    "uuid",
];

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    serde_json::from_value(metadata["packages"].take()).expect("packages")
}

/// What each package of the workspace depends on, tests left out.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    packages().iter().map(|package| (text(&package["name"]), used_by(package))).collect()
}

/// What a package uses unless a feature of it is asked for.
fn used_by(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().expect("dependencies");
    let always = all.iter().filter(|one| one["kind"] != "dev" && one["optional"] != true);
    let mut names: Vec<_> = always.map(|one| text(&one["name"])).collect();
    names.sort();
    names
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn packages_use_only_whom_they_may() {
    let all = dependencies();
    assert_eq!(all.len(), EDGES.len(), "a package is missing from the table: {:?}", all.keys());
    for (package, may) in EDGES {
        let ours = all[package].iter().filter(|name| all.contains_key(*name));
        let wrong: Vec<_> = ours.filter(|name| !may.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} must not use {wrong:?}");
    }
}

#[test]
fn packages_keep_away_from_what_they_must_never_use() {
    let all = dependencies();
    for (package, never) in NEVER {
        let wrong: Vec<_> =
            all[package].iter().filter(|name| never.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} must never use {wrong:?}");
    }
}

#[test]
fn the_determinism_fence_has_exactly_its_posts() {
    assert_eq!(dependencies()["workflows"], FENCE);
}

/// `domain` knows the database only where `store` asks for it, with a feature.
#[test]
fn only_the_store_reads_the_types_of_domain_from_columns() {
    let asks = |package: &&Value| {
        let mut all = package["dependencies"].as_array().expect("dependencies").iter();
        all.any(|one| one["name"] == "domain" && one["features"] != json!([]))
    };
    let asking: Vec<_> = packages().iter().filter(asks).map(|it| text(&it["name"])).collect();
    assert_eq!(asking, ["store"]);
}

/// The image is built of what `.dockerignore` lets in: without a member of the workspace, or a file
/// that the program holds, there is none.
#[test]
fn the_image_is_built_of_all_that_the_program_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the root");
    let ignored = std::fs::read_to_string(root.join(".dockerignore")).expect("what is let in");
    let let_in: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.lines().any(|line| line == "*") && let_in.contains(&"crates"));
    let mut needed = Vec::new();
    for package in packages() {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent().expect("a folder");
        let sources = folder.join("src");
        if sources.exists() {
            needed.extend(included(&sources));
        }
        needed.push(manifest);
    }
    assert!(needed.len() > packages().len(), "no file is included anywhere");
    for path in needed {
        let path =
            path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(&root).expect("a path in the repository");
        assert!(let_in.iter().any(|one| path.starts_with(one)), "{} is kept out", path.display());
    }
}

/// The files that `include_str!` and `include_bytes!` name in the sources of a folder.
fn included(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"))
    {
        let path = entry.path();
        if path.is_dir() {
            found.extend(included(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let source = std::fs::read_to_string(&path).expect("a source");
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for macro_name in ["include_str!(", "include_bytes!("] {
                let names = source
                    .split(macro_name)
                    .skip(1)
                    .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
                found.extend(names.map(|name| folder.join(name)));
            }
        }
    }
    found
}
