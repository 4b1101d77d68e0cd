//! The form of a project's rules.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert_rules::{AlertRules, RuleTime};
use domain::audit::Actor;
use domain::ids::{DestinationId, ProjectId};
use domain::quiet_hours::QuietHours;
use serde::Deserialize;
use store::PgConnection;
use store::administration::alert_rules::set_rules;
use store::alert_rules::find_rules;
use store::pool::transaction;
use store::projects::lock_project;
use web::error::ApiError;

use super::{AlertingForms, path, render};
use crate::form::{FormErrors, as_shown, read_changes};
use crate::projects;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// As they are typed; what is empty is off.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RuleValues {
    pub(super) quiet_hours: String,
    pub(super) remind_every: String,
    pub(super) escalate_after: String,
    pub(super) escalate_to_1: String,
    pub(super) escalate_to_2: String,
    pub(super) escalate_to_3: String,
    pub(super) come_back_after: String,
    /// What the page showed in these.
    pub(super) shown: String,
}

impl RuleValues {
    pub(super) fn from_rules(rules: &AlertRules) -> Self {
        let time = |time: Option<RuleTime>| time.map(|time| time.to_string()).unwrap_or_default();
        let step = |n: usize| rules.escalate_to.get(n).map(ToString::to_string).unwrap_or_default();
        let quiet_hours = rules.quiet_hours.as_ref().map(QuietHours::to_string);
        let values = Self {
            quiet_hours: quiet_hours.unwrap_or_default(),
            remind_every: time(rules.remind_every),
            escalate_after: time(rules.escalate_after),
            escalate_to_1: step(0),
            escalate_to_2: step(1),
            escalate_to_3: step(2),
            come_back_after: time(rules.come_back_after),
            shown: String::new(),
        };
        Self { shown: as_shown(&values.fields()), ..values }
    }

    /// What may be changed, by the names of the fields.
    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("quiet_hours", &self.quiet_hours),
            ("remind_every", &self.remind_every),
            ("escalate_after", &self.escalate_after),
            ("escalate_to_1", &self.escalate_to_1),
            ("escalate_to_2", &self.escalate_to_2),
            ("escalate_to_3", &self.escalate_to_3),
            ("come_back_after", &self.come_back_after),
        ]
    }

    /// The selects of the steps: which one, and what is chosen.
    pub(super) fn steps(&self) -> [(usize, &str); 3] {
        [(1, &self.escalate_to_1), (2, &self.escalate_to_2), (3, &self.escalate_to_3)]
    }

    fn read(&self, errors: &mut FormErrors) -> AlertRules {
        let mut steps = Vec::new();
        for (_, step) in self.steps().into_iter().filter(|(_, step)| !step.is_empty()) {
            steps.extend(errors.take("escalate_to", step.parse::<DestinationId>()));
        }
        AlertRules {
            quiet_hours: unless_off("quiet_hours", &self.quiet_hours, errors),
            remind_every: unless_off("remind_every", &self.remind_every, errors),
            escalate_after: unless_off("escalate_after", &self.escalate_after, errors),
            escalate_to: steps,
            come_back_after: unless_off("come_back_after", &self.come_back_after, errors),
        }
    }
}

fn unless_off<T>(field: &'static str, text: &str, errors: &mut FormErrors) -> Option<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match text.trim() {
        "" | "off" => None,
        text => errors.take(field, text.parse()),
    }
}

/// `POST /projects/{project_id}/alerting`.
///
/// # Errors
/// `not_found`.
pub(super) async fn save(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(sent): Form<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let project = projects::find(&state, &id).await?;
    let actor = signed_in.actor();
    let saved = transaction(&state.pool, async |tx| change(tx, &actor, project.id, sent).await);
    let (values, errors) = match saved.await? {
        (_, Ok(changed)) => {
            let text = if changed {
                "The rules for alerts are changed."
            } else {
                "Nothing was changed: the rules were so already."
            };
            return signed_in.lead_to(&state, &path(&project), &Message::done(text)).await;
        }
        (values, Err(errors)) => (values, errors),
    };
    let forms = AlertingForms { rules: Some(values), errors, ..AlertingForms::default() };
    render(&state, &signed_in, &project, forms).await
}

/// Reads what was sent and saves it: whether that changed anything, or what is wrong with it. What the form leaves alone
/// stays as whoever saves at the same moment leaves it.
async fn change(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    sent: BTreeMap<String, String>,
) -> Result<(RuleValues, Result<bool, FormErrors>), ApiError> {
    let no_project = || ApiError::not_found("there is no such project");
    lock_project(&mut *tx, project_id).await?.ok_or_else(no_project)?;
    let before = RuleValues::from_rules(&find_rules(&mut *tx, project_id).await?);
    let values: RuleValues = read_changes(sent, &before.fields())?;
    let mut errors = FormErrors::default();
    let rules = values.read(&mut errors);
    if !errors.is_empty() {
        return Ok((values, Err(errors)));
    }
    let set = match set_rules(tx, actor, project_id, &rules).await {
        Ok(changed) => Ok(changed.ok_or_else(no_project)?),
        Err(error) => {
            let wrong = error.rejection()?;
            errors.note(wrong.field(), wrong);
            Err(errors)
        }
    };
    Ok((values, set))
}
