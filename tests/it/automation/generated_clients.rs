//! The OpenAPI document as other people's programs read it: a validator finds no fault, and what
//! public generators make of it compiles and works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Script;
use crate::clients::{ask, root};
use domain::operator::Role;
use e2e::World;
use serde_json::json;
use tempfile::TempDir;

/// A folder with the document as `openapi.json`.
async fn document(world: &World) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("{}/api/openapi.json", world.url);
    let document = world.http.get(url).send().await.expect("a response");
    let document = document.text().await.expect("text");
    fs::write(folder.path().join("openapi.json"), document).expect("a file");
    folder
}

fn libraries() -> PathBuf {
    PathBuf::from(ask("install_test_libraries.py"))
}

/// Python with the installed libraries, in the folder of the document.
fn python(folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.current_dir(folder).env("PYTHONPATH", libraries().join("python")).env("NO_PROXY", "*");
    command
}

fn succeeds(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&printed));
}

#[test]
fn a_validator_finds_no_fault_in_the_openapi_document() {
    e2e::run(async {
        let folder = document(&World::start_without_worker().await).await;
        succeeds(python(folder.path()).args(["-m", "openapi_spec_validator", "openapi.json"]));
    });
}

#[test]
fn a_python_client_made_from_the_openapi_document_works() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let folder = document(&world).await;
        let event_id = world.receipt("evt_1").await;
        let incident = world.fail(event_id, json!({"error_code": "db_write_failed"})).await;
        let config = "post_hooks: []\npackage_name_override: sendpromptly_client\n";
        fs::write(folder.path().join("config.yml"), config).expect("a file");
        succeeds(python(folder.path()).args([
            "-m",
            "openapi_python_client",
            "generate",
            "--path=openapi.json",
            "--config=config.yml",
            "--meta=none",
            "--fail-on-warning",
            "--output-path=sendpromptly_client",
        ]));
        let script = Script::new(&world, Role::Operator).await;
        let used = root().join("tests/openapi/use_client.py");
        let paths = [folder.path().to_owned(), libraries().join("python")];
        let mut command = python(folder.path());
        command
            .arg(fs::canonicalize(used).expect("a file"))
            .env("PYTHONPATH", std::env::join_paths(paths).expect("a path"))
            .envs([
                ("URL", world.url.clone()),
                ("KEY", world.key.reveal().to_owned()),
                ("TOKEN", script.token.clone()),
            ])
            .envs([("PROJECT", world.project.id.to_string()), ("INCIDENT", incident.to_string())]);
        tokio::task::spawn_blocking(move || succeeds(&mut command)).await.expect("a use");
    });
}

#[test]
fn types_made_from_the_openapi_document_compile_in_typescript() {
    e2e::run(async {
        let folder = document(&World::start_without_worker().await).await;
        let modules = libraries().join("node/node_modules");
        let run = |program: &str, arguments: &[&str]| {
            let script = modules.join(program);
            succeeds(Command::new("node").current_dir(folder.path()).arg(script).args(arguments));
        };
        run("openapi-typescript/bin/cli.js", &["openapi.json", "--output", "sendpromptly.d.ts"]);
        fs::copy(root().join("tests/openapi/use_types.ts"), folder.path().join("use.ts"))
            .expect("a copy");
        run("typescript/bin/tsc", &["--noEmit", "--strict", "use.ts"]);
    });
}
