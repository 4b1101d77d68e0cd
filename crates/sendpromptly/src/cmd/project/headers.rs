//! Headers of callbacks, as they are named at the command line.
//!
//! A value is a secret, and other accounts of the machine can read a command line while it runs. So
//! a header can come out of a file as well, or from standard input, as curl reads them: `@path`,
//! `@-`.

use std::fs;
use std::io::Read;

use domain::callback_header::{CallbackHeader, HeaderChanges, HeaderError, HeaderName};
use store::projects::Project;

use crate::failure::Failure;

/// What a file of headers may have, in bytes: ten of the longest, and lines between them.
const MAX_FILE: u64 = 64 * 1024;

/// Reads what a command line changes: lines such as `Name: value`, and names that are removed.
///
/// # Errors
/// When a file cannot be read, or a header breaks a rule.
pub(super) fn read(
    lines: &[String],
    removed: &[String],
    stdin: impl Read,
) -> Result<HeaderChanges, Failure> {
    let mut stdin = Some(stdin);
    let mut changes = HeaderChanges::default();
    for text in lines {
        let lines = match text.strip_prefix('@') {
            None => text.clone(),
            Some("-") => match stdin.take() {
                Some(stdin) => read_text(stdin, "standard input")?,
                None => return Err(wrong("can read standard input once")),
            },
            Some(path) => {
                let cannot = |error| wrong(format!("cannot read {path}: {error}"));
                read_text(fs::File::open(path).map_err(cannot)?, path)?
            }
        };
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
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

fn read_text(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    match from.take(MAX_FILE).read_to_string(&mut text) {
        Ok(_) if text.trim().is_empty() => Err(wrong(format!("finds nothing in {name}"))),
        Ok(_) => Ok(text),
        Err(error) => Err(wrong(format!("cannot read {name}: {error}"))),
    }
}

fn wrong(why: impl std::fmt::Display) -> Failure {
    Failure::option("callback_header", why)
}

#[cfg(test)]
mod tests {
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
