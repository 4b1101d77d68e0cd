//! Automatic reprocess: what a project lets happen without a person, and the causes for which that
//! has stopped.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::audit::Actor;
use domain::catalogue::EffectType;
use domain::cause::describe_reason;
use domain::ids::{CauseId, ProjectId};
use domain::reprocess_policy::takes;
use serde::Deserialize;
use store::administration::policy::{PolicyRejection, reset_policy, set_policy, turn_off as turn};
use store::policies::{self, Policy, PolicyStop};
use store::pool::transaction;
use store::projects::Project;
use store::{PgConnection, PgPool, StoreError, declared_names};
use time::OffsetDateTime;
use web::error::ApiError;

use super::PathProject;
use super::head::{self, Head, Tab};
use super::policy_values::PolicyValues;
use crate::form::{FormErrors, read_changes, was_shown};
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// How many causes are listed.
const MAX_STOPS: i64 = 100;

#[derive(Template)]
#[template(path = "pages/policies.html")]
struct PoliciesPage {
    layout: Layout,
    head: Head,
    policies: Vec<PolicyItem>,
    stops: Vec<StopItem>,
    /// The effects that a policy may be set for.
    effect_types: Vec<String>,
    values: PolicyValues,
    errors: FormErrors,
    has_repair_url: bool,
}

impl PoliciesPage {
    /// Whether the form changes a policy that is on.
    fn is_change(&self) -> bool {
        let chosen = self.values.effect_type.as_str();
        self.policies.iter().any(|policy| policy.enabled && policy.effect_type == chosen)
    }
}

struct PolicyItem {
    effect_type: String,
    enabled: bool,
    /// How many causes it is stopped for.
    stops: usize,
    /// What it does, as sentences.
    text: String,
    may_take: bool,
}

struct StopItem {
    cause_id: CauseId,
    effect_type: String,
    event_type: String,
    /// What the incidents were opened with.
    opened: String,
    why: String,
    since: When,
}

/// Which policy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PolicyChoice {
    effect_type: String,
    /// A cause, or nothing for all of them.
    cause_id: String,
}

/// `GET /projects/{project_id}/policies`, with the form as the policy is that the address names.
///
/// # Errors
/// `not_found`.
pub(super) async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Query(choice): Query<PolicyChoice>,
) -> Result<Response, ApiError> {
    let saved = match choice.effect_type.parse::<EffectType>() {
        Ok(effect_type) => policies::find_policy(&state.pool, project.id, &effect_type).await?,
        Err(_) => None,
    };
    let values = saved.as_ref().map(PolicyValues::from_policy).unwrap_or_default();
    render(&state, &signed_in, &project, values, FormErrors::default()).await
}

/// `POST /projects/{project_id}/policies`.
///
/// # Errors
/// `not_found`.
pub(super) async fn set(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(sent): Form<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let actor = signed_in.actor();
    let saved = transaction(&state.pool, async |tx| change(tx, &actor, project.id, sent).await);
    let text = match saved.await? {
        (_, Ok((effect_type, true))) => format!("Automatic reprocess of {effect_type} is on."),
        (_, Ok((effect_type, false))) => format!(
            "The policy is saved. Automatic reprocess of {effect_type} was turned off in the meantime, and stays off."
        ),
        (values, Err(errors)) => {
            return render(&state, &signed_in, &project, values, errors).await;
        }
    };
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

/// Reads what was sent and saves it: of which effect, and whether it is on, or what is wrong with it.
async fn change(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    sent: BTreeMap<String, String>,
) -> Result<(PolicyValues, Result<(EffectType, bool), FormErrors>), ApiError> {
    let values = read_sent(tx, project_id, sent).await?;
    let mut errors = FormErrors::default();
    let Some((effect_type, settings)) = values.read(&mut errors) else {
        return Ok((values, Err(errors)));
    };
    let Err(error) = set_policy(tx, actor, project_id, &effect_type, &settings).await else {
        return Ok((values, Ok((effect_type, settings.enabled))));
    };
    match error.rejection()? {
        rejection @ PolicyRejection::NoProject => {
            return Err(ApiError::not_found(rejection.to_string()));
        }
        PolicyRejection::UnknownEffect(why) => errors.note("effect_type", why),
        PolicyRejection::Invalid(broken) => {
            for why in broken {
                errors.note(why.field(), why);
            }
        }
    }
    Ok((values, Err(errors)))
}

/// What was sent. What the form leaves alone of the policy that it shows stays as whoever saves at the same moment leaves
/// it; for another effect all of the form is meant.
async fn read_sent(
    tx: &mut PgConnection,
    project_id: ProjectId,
    mut sent: BTreeMap<String, String>,
) -> Result<PolicyValues, ApiError> {
    let chosen = sent.get("effect_type").cloned().unwrap_or_default();
    if !was_shown(&sent, "effect_type", &chosen) {
        sent.remove("shown");
    }
    let before = match chosen.parse::<EffectType>() {
        Ok(effect_type) => policies::lock_policy(tx, project_id, &effect_type).await?,
        Err(_) => None,
    };
    match before.as_ref().map(PolicyValues::from_policy) {
        Some(before) => read_changes(sent, &before.fields()),
        None => read_changes(sent, &[]),
    }
}

/// `POST /projects/{project_id}/policies/off`.
///
/// # Errors
/// `not_found` for an effect without a policy.
pub(super) async fn turn_off(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(choice): Form<PolicyChoice>,
) -> Result<Response, ApiError> {
    let (effect_type, actor) = (choice.effect_type()?, signed_in.actor());
    let off = transaction(&state.pool, async |tx| turn(tx, &actor, project.id, &effect_type).await);
    off.await?.ok_or_else(no_policy)?;
    let text = format!("Automatic reprocess of {effect_type} is off.");
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

/// `POST /projects/{project_id}/policies/reset`.
///
/// # Errors
/// `not_found` for what is no cause.
pub(super) async fn reset(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(choice): Form<PolicyChoice>,
) -> Result<Response, ApiError> {
    let (effect_type, actor) = (choice.effect_type()?, signed_in.actor());
    let cause_id: CauseId = choice.cause_id.parse().map_err(|_| no_policy())?;
    let causes = transaction(&state.pool, async |tx| {
        reset_policy(tx, &actor, project.id, &effect_type, Some(cause_id)).await
    });
    let text = if causes.await?.is_empty() {
        format!("Automatic reprocess of {effect_type} was reset before.")
    } else {
        format!("Automatic reprocess of {effect_type} goes on for this cause.")
    };
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

impl PolicyChoice {
    fn effect_type(&self) -> Result<EffectType, ApiError> {
        self.effect_type.parse().map_err(|_| no_policy())
    }
}

fn no_policy() -> ApiError {
    ApiError::not_found("this project has no such policy")
}

fn path(project: &Project) -> String {
    format!("{}/policies", head::path(project.id))
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    values: PolicyValues,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let stops = policies::list_stops(&state.pool, project.id, MAX_STOPS).await?;
    let all = policies::list_policies(&state.pool, project.id).await?;
    let policies: Vec<_> = all.iter().map(|policy| policy_item(policy, &stops)).collect();
    let heading = heading(&policies, &one_line(&project.name));
    let head = Head::new(project, Tab::Policies, heading);
    let effect_types = effect_types(&state.pool, project).await?;
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    page_with(
        errors.status(),
        &PoliciesPage {
            layout,
            head,
            policies,
            stops: stops.iter().map(|stop| stop_item(stop, now)).collect(),
            effect_types,
            values,
            errors,
            has_repair_url: project.repair_url.is_some(),
        },
    )
}

async fn effect_types(pool: &PgPool, project: &Project) -> Result<Vec<String>, StoreError> {
    let declared = declared_names::load_catalogue(pool, project.id).await?.declared_texts().1;
    let built_in = EffectType::BUILT_IN.iter().map(ToString::to_string);
    Ok(built_in.chain(declared).collect())
}

fn policy_item(policy: &Policy, stops: &[PolicyStop]) -> PolicyItem {
    let settings = policy.settings;
    let delay = match settings.delay_seconds {
        0 => "at once".to_owned(),
        seconds => format!("after {seconds} s"),
    };
    let attempts = match settings.attempts {
        1 => "once per incident".to_owned(),
        attempts => format!("up to {attempts} times per incident"),
    };
    let alerts = if settings.wait_alerts { "Alerts wait for the outcome." } else { "" };
    let text = format!(
        "Reprocesses {delay}, {attempts}. Stops for a cause when {} of the last {} failed or more than {} \
        customers are affected. {alerts}",
        settings.stop_failed, settings.stop_of, settings.stop_customers
    );
    PolicyItem {
        effect_type: policy.effect_type.to_string(),
        enabled: settings.enabled,
        stops: stops.iter().filter(|stop| stop.effect_type == policy.effect_type).count(),
        text,
        may_take: settings.may_take && takes(&policy.effect_type),
    }
}

fn stop_item(stop: &PolicyStop, now: OffsetDateTime) -> StopItem {
    StopItem {
        cause_id: stop.cause_id,
        effect_type: stop.effect_type.to_string(),
        event_type: one_line(&stop.event_type),
        opened: describe_reason(stop.reason, stop.error_code.as_deref()),
        why: stop.why.to_string(),
        since: When::ago(stop.stopped_at, now),
    }
}

fn heading(policies: &[PolicyItem], name: &str) -> String {
    let stopped = policies.iter().any(|policy| policy.enabled && policy.stops > 0);
    match policies.iter().filter(|policy| policy.enabled).count() {
        0 => format!("Every reprocess of {name} waits for an operator"),
        _ if stopped => format!("Automatic reprocess of {name} has stopped for some incidents"),
        1 => format!("One effect of {name} is reprocessed automatically"),
        count => format!("{count} effects of {name} are reprocessed automatically"),
    }
}
