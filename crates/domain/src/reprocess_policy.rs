//! Automatic reprocess: what a project lets happen without a person, and when that stops.
//!
//! A policy holds for one effect type of a project and is off until an admin turns it on. It starts
//! a reprocess as an operator would, at most so many times per incident. Its breaker stops it for
//! one [cause](crate::cause) when too many of its latest reprocesses failed, or when too many
//! customers are affected at the same time: then a person must look. Only a person starts it again.
//!
//! What takes something from a customer is never done automatically unless the policy says so with
//! the name of the effect.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::EffectType;

/// How many reprocesses a policy may start for one incident.
pub const MAX_ATTEMPTS: i32 = 5;
/// The longest delay before one, in seconds: a day.
pub const MAX_DELAY_SECONDS: i32 = 86_400;
/// How many of the latest reprocesses of a cause are looked at, at most.
pub const MAX_STOP_OF: i32 = 100;
/// The largest number of customers that may be affected at the same time.
pub const MAX_STOP_CUSTOMERS: i32 = 1_000;

/// What a person decides about one effect type of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySettings {
    pub enabled: bool,
    /// How many reprocesses are started for one incident.
    pub attempts: i32,
    /// How long before each of them.
    pub delay_seconds: i32,
    /// So many failures…
    pub stop_failed: i32,
    /// … of so many latest reprocesses of a cause stop it.
    pub stop_of: i32,
    /// More affected customers than these stop it.
    pub stop_customers: i32,
    /// Whether alerts wait for the outcome.
    pub wait_alerts: bool,
    /// Whether an admin said that it may take something from customers.
    pub may_take: bool,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            enabled: false,
            attempts: 1,
            delay_seconds: 0,
            stop_failed: 5,
            stop_of: 10,
            stop_customers: 20,
            wait_alerts: false,
            may_take: false,
        }
    }
}

/// A setting breaks a rule. The text continues a sentence that begins with [`InvalidPolicy::field`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("must be a whole number from 1 to {MAX_ATTEMPTS}")]
    Attempts,
    #[error("must be from 0 to {MAX_DELAY_SECONDS} seconds, which is a day")]
    Delay,
    #[error("must be at least 1 and at most the number that it is of")]
    StopFailed,
    #[error("must be a whole number from 1 to {MAX_STOP_OF}")]
    StopOf,
    #[error("must be a whole number from 1 to {MAX_STOP_CUSTOMERS}")]
    StopCustomers,
    /// The effect takes something from customers, and nobody said that it may.
    #[error(
        "must be {0}: it takes something from customers, and is never done automatically unless \
         the policy says so by its name"
    )]
    MustAllow(EffectType),
    /// It was allowed to take, and it takes nothing.
    #[error("must be absent: {0} takes nothing from customers")]
    NothingToAllow(EffectType),
    /// Another effect was allowed.
    #[error("must be the effect type itself, {0}")]
    AllowsAnother(EffectType),
}

impl InvalidPolicy {
    /// The setting that is wrong, by its name in the API.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Delay => "delay_seconds",
            Self::StopFailed => "stop_failed",
            Self::StopOf => "stop_of",
            Self::StopCustomers => "stop_customers",
            Self::MustAllow(_) | Self::NothingToAllow(_) | Self::AllowsAnother(_) => "allow",
        }
    }
}

/// Whether an effect takes something from the customer.
#[must_use]
pub fn takes(effect_type: &EffectType) -> bool {
    EffectType::TAKING.contains(effect_type)
}

impl PolicySettings {
    /// Whether `allow` names the effect, as it must where the effect takes something.
    ///
    /// # Errors
    /// When it names another one, or one that takes nothing.
    pub fn read_allow(effect_type: &EffectType, allow: &str) -> Result<bool, InvalidPolicy> {
        match (takes(effect_type), allow.trim() == effect_type.as_str()) {
            (false, _) => Err(InvalidPolicy::NothingToAllow(effect_type.clone())),
            (true, false) => Err(InvalidPolicy::AllowsAnother(effect_type.clone())),
            (true, true) => Ok(true),
        }
    }

    /// Everything that breaks a rule.
    #[must_use]
    pub fn check(&self, effect_type: &EffectType) -> Vec<InvalidPolicy> {
        let within = |value: i32, min, max| (min..=max).contains(&value);
        let rules = [
            (within(self.attempts, 1, MAX_ATTEMPTS), InvalidPolicy::Attempts),
            (within(self.delay_seconds, 0, MAX_DELAY_SECONDS), InvalidPolicy::Delay),
            (within(self.stop_of, 1, MAX_STOP_OF), InvalidPolicy::StopOf),
            (within(self.stop_failed, 1, self.stop_of), InvalidPolicy::StopFailed),
            (within(self.stop_customers, 1, MAX_STOP_CUSTOMERS), InvalidPolicy::StopCustomers),
            (
                !self.enabled || self.may_act_on(effect_type),
                InvalidPolicy::MustAllow(effect_type.clone()),
            ),
        ];
        rules.into_iter().filter(|(kept, _)| !kept).map(|(_, why)| why).collect()
    }

    fn may_act_on(&self, effect_type: &EffectType) -> bool {
        self.may_take || !takes(effect_type)
    }

    /// Decides about one incident. `made` is how many reprocesses the policy has started for it.
    #[must_use]
    pub fn judge(&self, effect_type: &EffectType, made: usize, breaker: Breaker) -> PolicyVerdict {
        let used_up = made >= usize::try_from(self.attempts).unwrap_or_default();
        if !self.enabled || !self.may_act_on(effect_type) {
            return PolicyVerdict::Off;
        }
        if breaker.stopped {
            return if used_up { PolicyVerdict::UsedUp } else { PolicyVerdict::Stopped };
        }
        if breaker.failed >= i64::from(self.stop_failed) {
            let (failed, of) = (breaker.failed, breaker.ended);
            return PolicyVerdict::Stop(StopReason::Failed { failed, of });
        }
        if breaker.customers > i64::from(self.stop_customers) {
            let limit = self.stop_customers;
            return PolicyVerdict::Stop(StopReason::Customers { limit });
        }
        if used_up { PolicyVerdict::UsedUp } else { PolicyVerdict::Reprocess }
    }
}

/// What is known of a cause: counted since the policy was turned on or its breaker was last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// It is stopped, and nobody has reset it.
    pub stopped: bool,
    /// How many of the policy's latest reprocesses ended, at most [`PolicySettings::stop_of`].
    pub ended: i64,
    /// How many of these did not help.
    pub failed: i64,
    /// How many customers have an unresolved incident; counting may end above the limit.
    pub customers: i64,
}

/// What the policy does about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyVerdict {
    /// Nothing: there is none, or it is off.
    Off,
    /// It starts a reprocess.
    Reprocess,
    /// It has started as many as it may.
    UsedUp,
    /// Nothing: it is stopped for this cause.
    Stopped,
    /// It stops for this cause now.
    Stop(StopReason),
}

/// Why a policy stops for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stopped_by")]
pub enum StopReason {
    /// Too many of the latest reprocesses did not help.
    Failed {
        failed: i64,
        /// How many were looked at.
        of: i64,
    },
    /// Too many customers are affected at the same time.
    Customers {
        /// There are more than these.
        limit: i32,
    },
}

/// A sentence without a full stop.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { failed: 1, of: 1 } => f.write_str("the last automatic reprocess failed"),
            Self::Failed { failed, of } => {
                write!(f, "{failed} of the last {of} automatic reprocesses failed")
            }
            Self::Customers { limit: 1 } => f.write_str("more than 1 customer is affected at once"),
            Self::Customers { limit } => {
                write!(f, "more than {limit} customers are affected at once")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: EffectType = EffectType::CreditGrant;
    const REVOKE: EffectType = EffectType::AccessRevocation;

    fn on() -> PolicySettings {
        PolicySettings { enabled: true, ..PolicySettings::default() }
    }

    #[test]
    fn the_default_is_off_and_does_nothing() {
        let off = PolicySettings::default();
        assert_eq!(off.judge(&GRANT, 0, Breaker::default()), PolicyVerdict::Off);
        assert_eq!(off.check(&REVOKE), []);
    }

    #[test]
    fn each_situation_has_one_verdict() {
        let calm = Breaker::default();
        let stopped = Breaker { stopped: true, ..calm };
        let failing = Breaker { ended: 7, failed: 5, ..calm };
        let failed = StopReason::Failed { failed: 5, of: 7 };
        let (crowd, limit) = (Breaker { customers: 21, ..calm }, 20);
        let two = PolicySettings { attempts: 2, ..on() };
        for (settings, made, breaker, verdict) in [
            (on(), 0, calm, PolicyVerdict::Reprocess),
            (on(), 1, calm, PolicyVerdict::UsedUp),
            (two, 1, calm, PolicyVerdict::Reprocess),
            (on(), 0, Breaker { ended: 10, failed: 4, ..calm }, PolicyVerdict::Reprocess),
            (on(), 0, Breaker { customers: 20, ..calm }, PolicyVerdict::Reprocess),
            (on(), 0, failing, PolicyVerdict::Stop(failed)),
            // The last reprocess of an incident stops the policy for the others.
            (on(), 1, failing, PolicyVerdict::Stop(failed)),
            (on(), 0, crowd, PolicyVerdict::Stop(StopReason::Customers { limit })),
            (on(), 0, stopped, PolicyVerdict::Stopped),
            (on(), 1, stopped, PolicyVerdict::UsedUp),
            (on(), 0, Breaker { stopped: true, ..failing }, PolicyVerdict::Stopped),
        ] {
            assert_eq!(settings.judge(&GRANT, made, breaker), verdict, "{made} {breaker:?}");
        }
    }

    #[test]
    fn what_takes_from_customers_is_done_only_where_it_is_allowed_by_name() {
        for effect_type in EffectType::TAKING {
            let unsaid = on().check(&effect_type);
            assert_eq!(unsaid, [InvalidPolicy::MustAllow(effect_type.clone())]);
            assert_eq!(unsaid[0].field(), "allow");
            assert_eq!(on().judge(&effect_type, 0, Breaker::default()), PolicyVerdict::Off);
            let said = PolicySettings { may_take: true, ..on() };
            assert_eq!(said.check(&effect_type), []);
            let verdict = said.judge(&effect_type, 0, Breaker::default());
            assert_eq!(verdict, PolicyVerdict::Reprocess);
        }
        assert_eq!(PolicySettings::read_allow(&REVOKE, "access_revocation"), Ok(true));
        let another = InvalidPolicy::AllowsAnother(REVOKE);
        for text in ["", "yes", "credit_deduction", "Access_Revocation"] {
            assert_eq!(PolicySettings::read_allow(&REVOKE, text), Err(another.clone()), "{text}");
        }
        let nothing = InvalidPolicy::NothingToAllow(GRANT);
        assert_eq!(PolicySettings::read_allow(&GRANT, "credit_grant"), Err(nothing));
    }

    #[test]
    fn settings_outside_their_rules_are_all_named() {
        let bad = PolicySettings {
            attempts: 0,
            delay_seconds: -1,
            stop_failed: 3,
            stop_of: 2,
            stop_customers: 1_001,
            ..on()
        };
        let fields: Vec<_> = bad.check(&GRANT).iter().map(InvalidPolicy::field).collect();
        assert_eq!(fields, ["attempts", "delay_seconds", "stop_failed", "stop_customers"]);
        let bad = PolicySettings { stop_of: 101, attempts: 6, delay_seconds: 86_401, ..on() };
        let fields: Vec<_> = bad.check(&GRANT).iter().map(InvalidPolicy::field).collect();
        assert_eq!(fields, ["attempts", "delay_seconds", "stop_of"]);
    }

    #[test]
    fn a_stop_says_why() {
        for (reason, text) in [
            (
                StopReason::Failed { failed: 5, of: 7 },
                "5 of the last 7 automatic reprocesses failed",
            ),
            (StopReason::Failed { failed: 1, of: 1 }, "the last automatic reprocess failed"),
            (StopReason::Customers { limit: 20 }, "more than 20 customers are affected at once"),
            (StopReason::Customers { limit: 1 }, "more than 1 customer is affected at once"),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
