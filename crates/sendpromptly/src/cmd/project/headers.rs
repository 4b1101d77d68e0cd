//! Headers of callbacks, as they are named at the command line.
//!
//! A value is a secret, so a header can come out of a file as well, or from standard input: see [`Input`].

use std::io::Read;

use domain::callback_header::{CallbackHeader, HeaderChanges, HeaderError, HeaderName};
use store::projects::Project;

use crate::cmd::input::Input;
use crate::failure::Failure;

/// The option that sets headers.
const OPTION: &str = "callback_header";

/// Reads what a command line changes: lines such as `Name: value`, and names that are removed.
///
/// # Errors
/// When a file cannot be read, or a header breaks a rule.
pub(super) fn read(
    lines: &[String],
    removed: &[String],
    stdin: impl Read,
) -> Result<HeaderChanges, Failure> {
    let mut input = Input::new(stdin);
    let mut changes = HeaderChanges::default();
    for text in lines {
        for line in input.read(OPTION, text)?.lines().filter(|line| !line.trim().is_empty()) {
            changes.set.push(CallbackHeader::parse_line(line).map_err(wrong)?);
        }
    }
    for name in removed {
        let rejected = |why: HeaderError| Failure::option("remove_callback_header", why);
        changes.removed.push(name.parse().map_err(rejected)?);
    }
    changes.check().map_err(wrong)?;
    Ok(changes)
}

/// A name that is to be removed must be there: a mistyped one would leave a secret in use.
///
/// # Errors
/// When the project has no such header.
pub(super) fn check_removed(changes: &HeaderChanges, project: &Project) -> Result<(), Failure> {
    let names = &project.callback_header_names;
    let has = |name: &HeaderName| names.iter().any(|one| one.eq_ignore_ascii_case(name.as_str()));
    match changes.removed.iter().find(|name| !has(name)) {
        None => Ok(()),
        Some(name) if names.is_empty() => Err(Failure::NotFound(format!(
            "the project has no callback header {name}, nor any other"
        ))),
        Some(name) => Err(Failure::NotFound(format!(
            "the project has no callback header {name}; it has {}",
            names.join(", ")
        ))),
    }
}

fn wrong(why: impl std::fmt::Display) -> Failure {
    Failure::option(OPTION, why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_all(set: &[&str], removed: &[&str], stdin: &[u8]) -> Result<HeaderChanges, Failure> {
        let owned =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        read(&owned(set), &owned(removed), stdin)
    }

    fn names(changes: &HeaderChanges) -> Vec<&str> {
        changes.set.iter().map(|header| header.name.as_str()).collect()
    }

    #[test]
    fn headers_come_from_the_line_from_files_and_from_standard_input() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "X-One: canary\n\nX-Two: canary\r\n").expect("written");
        let from_file = format!("@{}", file.path().display());
        let set = ["Authorization: Bearer canary", &from_file, "@-"];
        let changes = read_all(&set, &["X-Old"], b"X-Three: canary\n").expect("headers");
        assert_eq!(names(&changes), ["Authorization", "X-One", "X-Two", "X-Three"]);
        assert_eq!(changes.set[2].value(), "canary");
        assert_eq!(changes.removed, ["x-old".parse().expect("a name")]);
    }

    #[test]
    fn what_cannot_be_read_or_set_is_said_without_its_value() {
        for (set, removed, why) in [
            (&["X-Key canary"][..], &[][..], "must look like 'Name: value'"),
            (&["Host: canary"], &[], "must not set Host"),
            (&["X-Key: caf\u{e9}-canary"], &[], "visible ASCII characters"),
            (&["@/nowhere/canary-file"], &[], "cannot read /nowhere"),
            (&["@-", "@-"], &[], "standard input once"),
            (&["X-Key: canary", "x-key: canary"], &[], "names x-key twice"),
            (&["X-Key: canary"], &["X-KEY"], "names X-KEY twice"),
            (&[], &["a b"], "remove_callback_header must have a name"),
        ] {
            let message = read_all(set, removed, b"X-A: canary").expect_err(why).to_string();
            assert!(message.contains(why), "{message}");
            assert!(!message.replace("/canary-file", "").contains("canary"), "{message}");
        }
        let empty = read_all(&["@-"], &[], b" \n").expect_err("empty").to_string();
        assert!(empty.contains("finds nothing in standard input"), "{empty}");
    }
}
