//! The shop's ledger, lines that are only ever added to a file: what was paid for, and when its
//! credits were granted. It stands for the database that your app has.
//!
//! Of several lines that grant the same, the first one counts. A line that was cut off when a
//! machine went down costs no other: each begins on a line of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The file; the environment's `LEDGER`, or one in the working folder.
#[derive(Debug, Clone)]
pub struct Ledger(PathBuf);

/// A payment, by the provider's event and the customer's reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub credits: i64,
    /// When they were granted and by whom, if they were.
    pub granted: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    payment: String,
    customer: String,
    #[serde(flatten)]
    fact: Fact,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Fact {
    Paid { credits: i64 },
    Granted { granted_at: String, granted_by: String },
}

impl Ledger {
    pub fn from_env() -> Self {
        Self(std::env::var_os("LEDGER").map_or_else(|| "ledger.jsonl".into(), Into::into))
    }

    #[cfg(test)]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Takes a payment; the same one again changes nothing.
    pub fn paid(&self, payment: &str, customer: &str, credits: i64) -> io::Result<()> {
        match self.find(payment, customer)? {
            Some(_) => Ok(()),
            None => self.append(payment, customer, Fact::Paid { credits }),
        }
    }

    /// Grants a payment's credits at most once, whoever asks and however often; gives its entry.
    pub fn granted(&self, payment: &str, customer: &str, by: &str) -> io::Result<Option<Entry>> {
        if self.find(payment, customer)?.is_some_and(|entry| entry.granted.is_none()) {
            let now = OffsetDateTime::now_utc().format(&Rfc3339).map_err(io::Error::other)?;
            let fact = Fact::Granted { granted_at: now, granted_by: by.to_owned() };
            self.append(payment, customer, fact)?;
        }
        self.find(payment, customer)
    }

    pub fn find(&self, payment: &str, customer: &str) -> io::Result<Option<Entry>> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let ours = lines.filter(|line| line.payment == payment && line.customer == customer);
        let (mut paid, mut granted) = (None, None);
        for line in ours {
            match line.fact {
                Fact::Paid { credits } => paid = paid.or(Some(credits)),
                Fact::Granted { granted_at, granted_by } => {
                    granted = granted.or(Some((granted_at, granted_by)));
                }
            }
        }
        Ok(paid.map(|credits| Entry { credits, granted }))
    }

    fn append(&self, payment: &str, customer: &str, fact: Fact) -> io::Result<()> {
        let line = Line { payment: payment.to_owned(), customer: customer.to_owned(), fact };
        let line = format!("\n{}\n", serde_json::to_string(&line)?);
        OpenOptions::new().create(true).append(true).open(&self.0)?.write_all(line.as_bytes())
    }
}
