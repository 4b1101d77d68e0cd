//! Secrets that a command gets out of a file or from standard input, as curl reads them: `@path`, `@-`. Other accounts of
//! the machine can read a command line while it runs, and a shell keeps it.

use std::fs;
use std::io::Read;

use crate::failure::Failure;

/// What a file may have, in bytes: ten of the longest headers, and lines between them.
const MAX_FILE: u64 = 64 * 1024;

/// Where secrets come from; standard input can be read once.
pub(super) struct Input<R>(Option<R>);

impl<R: Read> Input<R> {
    pub(super) const fn new(stdin: R) -> Self {
        Self(Some(stdin))
    }

    /// What an option's text stands for: itself, or what is in the file that it names.
    ///
    /// # Errors
    /// When the file cannot be read, or has nothing in it.
    pub(super) fn read(&mut self, option: &str, text: &str) -> Result<String, Failure> {
        match text.strip_prefix('@') {
            None => Ok(text.to_owned()),
            Some("-") => match self.0.take() {
                Some(stdin) => read_text(option, stdin, "standard input"),
                None => Err(Failure::option(option, "can read standard input once")),
            },
            Some(path) => {
                let file = fs::File::open(path).map_err(|error| {
                    Failure::option(option, format!("cannot read {path}: {error}"))
                })?;
                read_text(option, file, path)
            }
        }
    }
}

fn read_text(option: &str, from: impl Read, name: &str) -> Result<String, Failure> {
    let wrong = |why: String| Failure::option(option, why);
    let mut text = String::new();
    match from.take(MAX_FILE).read_to_string(&mut text) {
        Ok(_) if text.trim().is_empty() => Err(wrong(format!("finds nothing in {name}"))),
        Ok(_) => Ok(text),
        Err(error) => Err(wrong(format!("cannot read {name}: {error}"))),
    }
}
