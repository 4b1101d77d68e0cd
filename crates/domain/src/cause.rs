//! The cause of an incident: what incidents have in common that one defect in the app opens.
//!
//! It is what an incident was opened with, and stays: an error that the app reports later changes
//! neither the cause nor what is counted by it.

use uuid::Uuid;

use crate::alert::one_line;
use crate::catalogue::EffectType;
use crate::identity::digest;
use crate::ids::{CauseId, ProjectId};
use crate::incident::Reason;

/// What two incidents must have in common to be of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub project_id: ProjectId,
    /// Why the incident was opened.
    pub reason: Reason,
    /// The app's error code, where the result that opened it named one.
    pub error_code: Option<String>,
    pub event_type: String,
    pub effect_type: EffectType,
}

/// Why the incidents of a cause were opened, in a few words: the app's error code where there is one.
#[must_use]
pub fn describe_reason(reason: Reason, error_code: Option<&str>) -> String {
    match (reason, error_code) {
        (Reason::MissingResult, _) => "no result in time".to_owned(),
        (Reason::FailedResult, Some(code)) => one_line(code),
        (Reason::FailedResult, None) => "failed without an error code".to_owned(),
    }
}

impl Cause {
    /// What its incidents have in common, in one line: `db_write_failed on invoice.paid`.
    #[must_use]
    pub fn title(&self) -> String {
        let why = describe_reason(self.reason, self.error_code.as_deref());
        format!("{why} on {}", one_line(&self.event_type))
    }

    /// The id under which incidents of this cause are found. It is computed from the fields alone,
    /// and stored: it must never change.
    #[must_use]
    pub fn id(&self) -> CauseId {
        let project_id = self.project_id.to_string();
        let always = [
            project_id.as_str(),
            self.reason.as_str(),
            &self.event_type,
            self.effect_type.as_str(),
        ];
        let hash = digest(always.into_iter().chain(self.error_code.as_deref()));
        let mut bits = [0; 16];
        bits.copy_from_slice(&hash[..16]);
        CauseId::from_uuid(Uuid::new_v8(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> Cause {
        Cause {
            project_id: ProjectId::from_uuid(Uuid::from_u128(1)),
            reason: Reason::FailedResult,
            error_code: Some("account_locked".into()),
            event_type: "invoice.paid".into(),
            effect_type: EffectType::CreditGrant,
        }
    }

    #[test]
    fn every_field_tells_causes_apart() {
        let others = [
            Cause { project_id: ProjectId::from_uuid(Uuid::from_u128(2)), ..cause() },
            Cause { reason: Reason::MissingResult, ..cause() },
            Cause { error_code: Some("timeout".into()), ..cause() },
            Cause { error_code: Some(String::new()), ..cause() },
            Cause { error_code: None, ..cause() },
            Cause { event_type: "charge.refunded".into(), ..cause() },
            Cause { effect_type: EffectType::SeatUpdate, ..cause() },
        ];
        let mut ids: Vec<_> = others.iter().map(Cause::id).collect();
        ids.push(cause().id());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), others.len() + 1);
        assert_eq!(cause().id(), cause().id());
    }

    #[test]
    fn a_title_names_the_error_and_the_event() {
        assert_eq!(cause().title(), "account_locked on invoice.paid");
        let silent = Cause { reason: Reason::MissingResult, error_code: None, ..cause() };
        assert_eq!(silent.title(), "no result in time on invoice.paid");
        let unnamed = Cause { error_code: None, ..cause() };
        assert_eq!(unnamed.title(), "failed without an error code on invoice.paid");
    }

    #[test]
    fn the_id_is_the_one_that_is_stored_already() {
        assert_eq!(cause().id().to_string(), "cau_1QGNZHYDQVHDQ886WQFX8FDAKK");
    }
}
