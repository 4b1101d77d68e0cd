//! The client files in `clients/`, by the tests beside them, in each language's own runner.
//! Interpreters and the providers' libraries are found or installed by the scripts that say so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a script prints, or why it could not.
pub fn ask(script: &str) -> String {
    let output = Command::new("python3").arg(root().join("scripts").join(script)).output();
    let output = output.expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a path").trim().to_owned()
}

/// Runs the tests of one language in its folder.
fn passes(folder: &str, command: &mut Command) {
    let output = command
        .current_dir(root().join("clients").join(folder))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .output()
        .expect("the interpreter runs");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{folder}:\n{}", String::from_utf8_lossy(&printed));
}

/// Where `php` and `ruby` are, by the `name=path` lines of the script that finds them.
static INTERPRETERS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let lines = ask("install_interpreters.py");
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, path)| (name.to_owned(), path.to_owned())).collect()
});

/// `php` and `ruby`, by name.
pub fn interpreters() -> &'static BTreeMap<String, String> {
    &INTERPRETERS
}

#[test]
fn the_node_client_does_what_it_promises() {
    passes("node", Command::new("node").args(["--test", "sendpromptly.test.mjs"]));
}

#[test]
fn the_node_samples_take_events_that_the_providers_libraries_signed() {
    let libraries = PathBuf::from(ask("install_test_libraries.py")).join("node");
    let mut command = Command::new("node");
    command.args(["--test", "providers.test.mjs"]).env("SENDPROMPTLY_TEST_LIBRARIES", libraries);
    passes("node", &mut command);
}

#[test]
fn the_python_client_does_what_it_promises() {
    passes("python", Command::new("python3").args(["-m", "unittest", "test_sendpromptly"]));
}

#[test]
fn the_python_samples_take_events_that_the_providers_libraries_signed() {
    let libraries = PathBuf::from(ask("install_test_libraries.py")).join("python");
    let mut command = Command::new("python3");
    passes(
        "python",
        command.args(["-m", "unittest", "test_providers"]).env("PYTHONPATH", libraries),
    );
}

#[test]
fn the_php_client_does_what_it_promises() {
    passes("php", Command::new(&interpreters()["php"]).arg("test.php"));
}

#[test]
fn the_ruby_client_does_what_it_promises() {
    passes("ruby", Command::new(&interpreters()["ruby"]).arg("test_sendpromptly.rb"));
}
