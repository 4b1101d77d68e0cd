//! One run: when it began and a random part, in 14 hex digits. Everything else about it follows.

use time::OffsetDateTime;
use uuid::Uuid;

/// How many digits say when it began, in seconds of Unix time; the others are random.
const TIME: usize = 8;
const LENGTH: usize = 14;

/// One run of the Integration Test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    name: String,
    began: OffsetDateTime,
}

impl Run {
    /// A run that begins now.
    pub(super) fn fresh() -> Self {
        let began = OffsetDateTime::now_utc().replace_nanosecond(0);
        let began = began.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let random = Uuid::now_v7().simple().to_string();
        let random = &random[random.len() - (LENGTH - TIME)..];
        Self { name: format!("{:0TIME$x}{random}", began.unix_timestamp()), began }
    }

    /// The run that a URL names.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let digits = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if name.len() != LENGTH || !name.chars().all(digits) {
            return None;
        }
        let seconds = i64::from_str_radix(&name[..TIME], 16).ok()?;
        let began = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        Some(Self { name: name.to_owned(), began })
    }

    /// As the URL says it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn began(&self) -> OffsetDateTime {
        self.began
    }

    /// The provider's id of the event whose effect is applied.
    pub(super) fn applied(&self) -> String {
        format!("evt_{}_applied", self.name)
    }

    /// The provider's id of the event whose effect fails.
    pub(super) fn failed(&self) -> String {
        format!("evt_{}_failed", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_and_no_two_are_the_same() {
        let run = Run::fresh();
        assert_eq!(Run::parse(run.name()), Some(run.clone()));
        assert_ne!(Run::fresh(), run);
        assert!(OffsetDateTime::now_utc() - run.began() < time::Duration::minutes(1));
        for bad in ["", "0", "65f0c2a19f3b1", "65F0C2A19F3B12", "65f0c2a19f3b1é", "../../../../.."]
        {
            assert_eq!(Run::parse(bad), None, "{bad}");
        }
    }
}
