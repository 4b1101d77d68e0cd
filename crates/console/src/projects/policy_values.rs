//! A policy as it is typed.

use domain::catalogue::EffectType;
use domain::reprocess_policy::{InvalidPolicy, PolicySettings};
use serde::Deserialize;
use store::policies::Policy;

use crate::form::{FormErrors, as_shown};

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct PolicyValues {
    pub(super) effect_type: String,
    pub(super) attempts: String,
    pub(super) delay_seconds: String,
    pub(super) stop_failed: String,
    pub(super) stop_of: String,
    pub(super) stop_customers: String,
    /// Filled where the box is ticked.
    pub(super) wait_alerts: String,
    /// The effect once more, where it may take something from customers.
    pub(super) allow: String,
    /// Filled where it is to be on.
    pub(super) enabled: String,
    /// What the page showed in these, of a policy that there was.
    pub(super) shown: String,
}

impl Default for PolicyValues {
    fn default() -> Self {
        let usual = PolicySettings::default();
        Self {
            effect_type: String::new(),
            attempts: usual.attempts.to_string(),
            delay_seconds: usual.delay_seconds.to_string(),
            stop_failed: usual.stop_failed.to_string(),
            stop_of: usual.stop_of.to_string(),
            stop_customers: usual.stop_customers.to_string(),
            wait_alerts: String::new(),
            allow: String::new(),
            enabled: "on".to_owned(),
            shown: String::new(),
        }
    }
}

impl PolicyValues {
    /// As a policy is.
    pub(super) fn from_policy(Policy { effect_type, settings, .. }: &Policy) -> Self {
        let given = |is_so: bool, text: &str| if is_so { text.to_owned() } else { String::new() };
        let values = Self {
            effect_type: effect_type.to_string(),
            attempts: settings.attempts.to_string(),
            delay_seconds: settings.delay_seconds.to_string(),
            stop_failed: settings.stop_failed.to_string(),
            stop_of: settings.stop_of.to_string(),
            stop_customers: settings.stop_customers.to_string(),
            wait_alerts: given(settings.wait_alerts, "on"),
            allow: given(settings.may_take, effect_type.as_str()),
            enabled: given(settings.enabled, "on"),
            shown: String::new(),
        };
        Self { shown: as_shown(&values.fields()), ..values }
    }

    /// What may be changed, by the names of the fields.
    pub(super) fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("effect_type", &self.effect_type),
            ("attempts", &self.attempts),
            ("delay_seconds", &self.delay_seconds),
            ("stop_failed", &self.stop_failed),
            ("stop_of", &self.stop_of),
            ("stop_customers", &self.stop_customers),
            ("wait_alerts", &self.wait_alerts),
            ("allow", &self.allow),
            ("enabled", &self.enabled),
        ]
    }

    pub(super) fn waits(&self) -> bool {
        !self.wait_alerts.is_empty()
    }

    /// The effect and its policy; every mistake is noted beside its field.
    pub(super) fn read(&self, errors: &mut FormErrors) -> Option<(EffectType, PolicySettings)> {
        let number = |errors: &mut FormErrors, text: &str, why: InvalidPolicy| {
            let field = why.field();
            errors.take(field, text.trim().parse::<i32>().map_err(|_| why))
        };
        let effect_type = errors.take("effect_type", self.effect_type.parse::<EffectType>());
        let attempts = number(errors, &self.attempts, InvalidPolicy::Attempts);
        let delay_seconds = number(errors, &self.delay_seconds, InvalidPolicy::Delay);
        let stop_failed = number(errors, &self.stop_failed, InvalidPolicy::StopFailed);
        let stop_of = number(errors, &self.stop_of, InvalidPolicy::StopOf);
        let stop_customers = number(errors, &self.stop_customers, InvalidPolicy::StopCustomers);
        let effect_type = effect_type?;
        let may_take = if self.allow.trim().is_empty() {
            Some(false)
        } else {
            errors.take("allow", PolicySettings::read_allow(&effect_type, &self.allow))
        };
        let settings = PolicySettings {
            enabled: !self.enabled.is_empty(),
            attempts: attempts?,
            delay_seconds: delay_seconds?,
            stop_failed: stop_failed?,
            stop_of: stop_of?,
            stop_customers: stop_customers?,
            wait_alerts: self.waits(),
            may_take: may_take?,
        };
        Some((effect_type, settings))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_policy_that_is_shown_and_sent_again_is_the_same() {
        let usual = PolicySettings { enabled: true, ..PolicySettings::default() };
        let others = PolicySettings {
            attempts: 3,
            delay_seconds: 90,
            stop_failed: 2,
            stop_of: 4,
            stop_customers: 7,
            wait_alerts: true,
            may_take: true,
            ..usual
        };
        for (effect_type, settings) in
            [(EffectType::CreditGrant, usual), (EffectType::AccessRevocation, others)]
        {
            let counts_since = OffsetDateTime::UNIX_EPOCH;
            let policy = Policy { effect_type: effect_type.clone(), settings, counts_since };
            let read = PolicyValues::from_policy(&policy).read(&mut FormErrors::default());
            assert_eq!(read, Some((effect_type, settings)));
        }
    }

    #[test]
    fn what_the_form_begins_with_is_a_policy_that_is_on() {
        let values = PolicyValues { effect_type: "credit_grant".into(), ..PolicyValues::default() };
        let mut errors = FormErrors::default();
        let read = values.read(&mut errors).expect("a policy");
        let settings = PolicySettings { enabled: true, ..PolicySettings::default() };
        assert_eq!(read, (EffectType::CreditGrant, settings));
        assert!(errors.is_empty());
    }

    #[test]
    fn every_mistake_is_beside_its_field() {
        let values = PolicyValues {
            effect_type: "access_revocation".into(),
            attempts: "one".into(),
            delay_seconds: "1.5".into(),
            stop_of: String::new(),
            allow: "credit_deduction".into(),
            ..PolicyValues::default()
        };
        let mut errors = FormErrors::default();
        assert_eq!(values.read(&mut errors), None);
        for field in ["attempts", "delay_seconds", "stop_of", "allow"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        assert_eq!(errors.of("stop_customers"), None);
    }
}
