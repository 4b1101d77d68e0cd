//! What a command has to say, for machines and for people.
//!
//! A command hands back an [`CommandOutput`]; nothing else prints to standard output. The machine's
//! form is written out of a struct, so that its fields keep the contract's order.

use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::ExitCode;

use serde::Serialize;

use crate::failure;

/// What a command has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    json: String,
    human: String,
    passed: bool,
}

impl CommandOutput {
    /// An output in both forms.
    ///
    /// # Errors
    /// When the shape cannot be written as JSON.
    pub fn new(shape: &impl Serialize, human: impl Into<String>) -> anyhow::Result<Self> {
        let json = serde_json::to_string(shape)?;
        Ok(Self { json, human: human.into(), passed: true })
    }

    /// The output of a command that prints while it runs.
    #[must_use]
    pub const fn silent() -> Self {
        Self { json: String::new(), human: String::new(), passed: true }
    }

    /// The same output, with an exit code that says that what was checked is not well.
    #[must_use]
    pub fn with_verdict(mut self, passed: bool) -> Self {
        self.passed = passed;
        self
    }

    /// Prints the output and returns the exit code.
    #[must_use]
    pub fn print(&self, json: bool) -> ExitCode {
        let printed = print(stdout(), if json { &self.json } else { &self.human });
        if printed && self.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// The line that `--json` prints.
    #[cfg(test)]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether what was checked is well.
    #[cfg(test)]
    pub const fn passed(&self) -> bool {
        self.passed
    }

    /// The text for people.
    #[cfg(test)]
    pub fn human(&self) -> &str {
        &self.human
    }
}

/// Says why a command failed, on standard output for machines, on standard error for people.
#[must_use]
pub fn print_failure(error: &anyhow::Error, json: bool) -> ExitCode {
    if json {
        print(stdout(), &failure::json(error));
    } else {
        print(stderr(), &format!("error: {}", failure::message(error)));
    }
    ExitCode::from(failure::exit_code(error))
}

/// Prints a text and its line end. A reader that has gone away, as `head` does, has read enough.
fn print(mut to: impl Write, text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    match writeln!(to, "{}", text.trim_end()).and_then(|()| to.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => true,
        Err(error) => {
            // What was done is done; where this cannot be said either, the exit code says it.
            let _said =
                writeln!(stderr(), "error: what it has to say could not be written: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Takes nothing, and says why.
    struct Unwritable(ErrorKind);

    impl Write for Unwritable {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_has_read_enough_and_a_full_disk_has_not() {
        assert!(print(Unwritable(ErrorKind::BrokenPipe), "x") && print(Vec::new(), "x"));
        assert!(!print(Unwritable(ErrorKind::StorageFull), "x"));
    }
}
