//! The settings of a project as they are typed, and the rules that they must keep.

use domain::project::{DEFAULT_TIMEOUT_MINUTES, InvalidTimeout, Mode, check_name, check_timeout};
use domain::repair_url::{AllowedNetworks, RepairUrl, UrlError};
use domain::retention::{DEFAULT_MONTHS, InvalidMonths, check_months};
use domain::silence::{ExpectedReceipts, InvalidExpectation};
use domain::snapshot::{self, InvalidDays, SnapshotSettings, check_days};
use serde::Deserialize;
use store::projects::{Project, ProjectSettings};

use crate::form::{FormErrors, as_shown};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProjectValues {
    /// What people call it.
    pub name: String,
    /// `test` or `live`; only a new project has the choice.
    pub mode: String,
    /// Minutes until silence is an incident.
    pub timeout_minutes: String,
    /// Months that events are kept after they ended.
    pub retention_months: String,
    /// Where callbacks go; empty for nowhere.
    pub repair_url: String,
    /// Filled where the box is ticked.
    pub snapshots: String,
    /// For how many days snapshots are kept.
    pub snapshot_days: String,
    /// Filled where the box is ticked.
    pub snapshot_in_callback: String,
    /// `off`, `learned`, or a time such as `6h`; empty where nothing is said about it.
    pub expected_receipts: String,
    /// What the page showed in these.
    pub shown: String,
}

impl ProjectValues {
    /// What the form of a new project begins with.
    #[must_use]
    pub fn for_new() -> Self {
        Self {
            mode: Mode::Test.to_string(),
            timeout_minutes: DEFAULT_TIMEOUT_MINUTES.to_string(),
            snapshot_days: snapshot::DEFAULT_DAYS.to_string(),
            retention_months: DEFAULT_MONTHS.to_string(),
            ..Self::default()
        }
    }

    /// What the form of a project begins with.
    #[must_use]
    pub fn from_project(project: &Project) -> Self {
        let values = Self {
            name: project.name.clone(),
            mode: project.mode.to_string(),
            timeout_minutes: project.timeout_minutes.to_string(),
            retention_months: project.retention_months.to_string(),
            repair_url: project.repair_url.clone().unwrap_or_default(),
            snapshots: ticked(project.snapshots),
            snapshot_days: project.snapshot_days.to_string(),
            snapshot_in_callback: ticked(project.snapshot_in_callback),
            expected_receipts: project.expected_receipts.to_string(),
            shown: String::new(),
        };
        Self { shown: as_shown(&values.fields()), ..values }
    }

    /// What may be changed, by the names of the fields.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("name", &self.name),
            ("timeout_minutes", &self.timeout_minutes),
            ("retention_months", &self.retention_months),
            ("repair_url", &self.repair_url),
            ("snapshots", &self.snapshots),
            ("snapshot_days", &self.snapshot_days),
            ("snapshot_in_callback", &self.snapshot_in_callback),
            ("expected_receipts", &self.expected_receipts),
        ]
    }

    /// Whether the box for snapshots is ticked.
    #[must_use]
    pub fn has_snapshots(&self) -> bool {
        !self.snapshots.is_empty()
    }

    /// Whether the box for snapshots in callbacks is ticked.
    #[must_use]
    pub fn sends_snapshots(&self) -> bool {
        !self.snapshot_in_callback.is_empty()
    }

    /// The settings of a new project.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn read_new(&self, allow: &AllowedNetworks) -> Result<ProjectSettings, FormErrors> {
        match self.mode.parse() {
            Ok(mode) => self.read(mode, ExpectedReceipts::usual(mode), allow),
            Err(unknown) => {
                let read = self.read(Mode::Test, ExpectedReceipts::Off, allow);
                let mut errors = read.err().unwrap_or_default();
                errors.note("mode", unknown);
                Err(errors)
            }
        }
    }

    /// The settings of a project whose mode is decided. Where nothing is said about its receipts, it
    /// expects those that are given.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn read(
        &self,
        mode: Mode,
        expected: ExpectedReceipts,
        allow: &AllowedNetworks,
    ) -> Result<ProjectSettings, FormErrors> {
        let mut errors = FormErrors::default();
        let name = self.name.trim();
        let fields = (
            errors.take("name", check_name(name)),
            errors.take("timeout_minutes", self.timeout()),
            errors.take("retention_months", self.months()),
            errors.take("repair_url", self.url(mode, allow)),
            errors.take("snapshot_days", self.days()),
            errors.take("expected_receipts", self.expected(expected)),
        );
        let (
            Some(()),
            Some(timeout_minutes),
            Some(retention_months),
            Some(repair_url),
            Some(days),
            Some(expected_receipts),
        ) = fields
        else {
            return Err(errors);
        };
        let snapshots = SnapshotSettings {
            kept: self.has_snapshots(),
            days,
            in_callback: self.sends_snapshots(),
        };
        Ok(ProjectSettings {
            name: name.to_owned(),
            mode,
            timeout_minutes,
            retention_months,
            repair_url,
            snapshots,
            expected_receipts,
        })
    }

    fn expected(
        &self,
        otherwise: ExpectedReceipts,
    ) -> Result<ExpectedReceipts, InvalidExpectation> {
        match self.expected_receipts.trim() {
            "" => Ok(otherwise),
            text => text.parse(),
        }
    }

    fn timeout(&self) -> Result<i32, InvalidTimeout> {
        let minutes = self.timeout_minutes.trim().parse().map_err(|_| InvalidTimeout)?;
        check_timeout(minutes).map(|()| minutes)
    }

    fn days(&self) -> Result<i32, InvalidDays> {
        let days = self.snapshot_days.trim().parse().map_err(|_| InvalidDays)?;
        check_days(days).map(|()| days)
    }

    fn months(&self) -> Result<i32, InvalidMonths> {
        let months = self.retention_months.trim().parse().map_err(|_| InvalidMonths)?;
        check_months(months).map(|()| months)
    }

    fn url(&self, mode: Mode, allow: &AllowedNetworks) -> Result<Option<String>, UrlError> {
        let text = self.repair_url.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let url = RepairUrl::parse(text, mode, allow).map_err(|error| error.0)?;
        Ok(Some(url.to_string()))
    }
}

/// What a ticked box sends.
fn ticked(is_on: bool) -> String {
    if is_on { "on".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> ProjectValues {
        ProjectValues {
            name: " CometCart ".into(),
            timeout_minutes: " 10 ".into(),
            snapshot_days: " 7 ".into(),
            repair_url: " https://shop.example.com/repair ".into(),
            ..ProjectValues::for_new()
        }
    }

    #[test]
    fn good_settings_lose_the_space_around_them() {
        let settings = values().read_new(&AllowedNetworks::none()).expect("good settings");
        assert_eq!((settings.name.as_str(), settings.mode), ("CometCart", Mode::Test));
        assert_eq!((settings.timeout_minutes, settings.retention_months), (10, 12));
        assert_eq!(settings.repair_url.as_deref(), Some("https://shop.example.com/repair"));
        assert_eq!(settings.snapshots, SnapshotSettings { days: 7, ..Default::default() });
        assert_eq!(settings.expected_receipts, ExpectedReceipts::Off);
    }

    #[test]
    fn where_nothing_is_said_about_receipts_a_new_project_goes_by_its_mode_and_another_stays_so() {
        let read = |mode: Mode, typed: &str| {
            let expected_receipts = typed.to_owned();
            let values = ProjectValues { mode: mode.to_string(), expected_receipts, ..values() };
            values.read_new(&AllowedNetworks::none()).expect("good settings").expected_receipts
        };
        assert_eq!(read(Mode::Live, " "), ExpectedReceipts::Learned);
        assert_eq!(read(Mode::Test, ""), ExpectedReceipts::Off);
        assert_eq!(read(Mode::Live, " 2d ").to_string(), "48h");
        let before = "6h".parse().expect("an expectation");
        let settings = values().read(Mode::Live, before, &AllowedNetworks::none());
        assert_eq!(settings.expect("good settings").expected_receipts, before);
    }

    #[test]
    fn every_mistake_is_found_at_once() {
        let values = ProjectValues {
            name: " ".into(),
            mode: "real".into(),
            timeout_minutes: "ten".into(),
            retention_months: "85".into(),
            repair_url: "ftp://shop.example.com".into(),
            snapshots: "on".into(),
            snapshot_days: "91".into(),
            snapshot_in_callback: "on".into(),
            expected_receipts: "often".into(),
            shown: String::new(),
        };
        let errors = values.read_new(&AllowedNetworks::none()).expect_err("errors");
        for field in [
            "name",
            "mode",
            "timeout_minutes",
            "retention_months",
            "repair_url",
            "snapshot_days",
            "expected_receipts",
        ] {
            assert!(errors.of(field).is_some(), "{field}");
        }
    }

    #[test]
    fn a_live_project_keeps_to_https_and_may_have_no_url_yet() {
        let mut values =
            ProjectValues { repair_url: "http://shop.example.com/".into(), ..values() };
        let rejected = values
            .read(Mode::Live, ExpectedReceipts::Off, &AllowedNetworks::none())
            .expect_err("no https");
        let error = rejected.of("repair_url").expect("an error");
        assert!(error.starts_with("Must begin with https:// in a live project. "), "{error}");
        assert!(
            error.contains("lists shop.example.com:80 in SENDPROMPTLY_CALLBACK_ALLOW"),
            "{error}"
        );
        values.repair_url = String::new();
        let settings = values
            .read(Mode::Live, ExpectedReceipts::Off, &AllowedNetworks::none())
            .expect("good settings");
        assert_eq!(settings.repair_url, None);
    }
}
