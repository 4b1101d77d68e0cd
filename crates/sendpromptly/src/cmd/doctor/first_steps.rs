//! What every installation needs beside running parts: an api where people open it, an operator who
//! may sign in, and a project whose app can report and can be asked to do work again.
//!
//! None of it is certain to be wrong: the api may be out of reach from here only, and who keeps to
//! the command line signs in nowhere. So these are warnings.

use std::time::Duration;

use anyhow::Context as _;
use domain::ids::ProjectId;
use domain::project::Mode;
use engine::health;
use serde_json::Value;
use store::{PgPool, StoreError, api_keys, operators, projects};

use super::{Check, Status};
use crate::config::PUBLIC_URL;
use crate::progress::while_waiting;

const API: &str = "api";
const OPERATORS: &str = "operators";
const PROJECTS: &str = "projects";

const TIMEOUT: Duration = Duration::from_secs(5);
/// How many projects that lack something are named.
const MAX_NAMED: usize = 5;

/// Whether an api responds where links lead to, and has settings that lead to the same as those of
/// this environment, for which `here` are the checks.
pub(super) async fn api(url: &str, here: &[Check]) -> Check {
    match while_waiting(format!("waiting for {url}"), ask(url)).await {
        Ok(EndpointResponse { checks: Some(there), .. }) => judge_settings(url, &there, here),
        Ok(EndpointResponse { status, redirect_to: Some(target), .. }) => Check::warn(
            API,
            format!("{url} answers {status} to {target}: set {PUBLIC_URL} to where it leads"),
        ),
        Ok(EndpointResponse { status, .. }) => Check::warn(
            API,
            format!(
                "{url} answers {status}, and not as our api does: see that {PUBLIC_URL} and the proxy \
                 lead to `sendpromptly api`"
            ),
        ),
        Err(error) => Check::warn(
            API,
            format!(
                "{url} cannot be reached from here ({error:#}): start `sendpromptly api`, and see that \
                 {PUBLIC_URL} and the proxy lead to it"
            ),
        ),
    }
}

/// An api that fails where this environment passes was started with other settings.
fn judge_settings(url: &str, there: &[Value], here: &[Check]) -> Check {
    let passes = |name: &str| here.iter().any(|c| c.name == name && c.status == Status::Pass);
    let fails = |name: &str| there.iter().any(|c| c["name"] == name && c["status"] == "failed");
    let differ: Vec<_> =
        health::OF_SETTINGS.into_iter().filter(|name| passes(name) && fails(name)).collect();
    if differ.is_empty() {
        return Check::pass(API, format!("answers at {url}"));
    }
    Check::warn(
        API,
        format!(
            "{url} says that these checks fail, and here they pass: {}; give the api the same \
             settings, and start it again",
            differ.join(", ")
        ),
    )
}

struct EndpointResponse {
    status: u16,
    redirect_to: Option<String>,
    /// What our api says of itself.
    checks: Option<Vec<Value>>,
}

async fn ask(url: &str) -> anyhow::Result<EndpointResponse> {
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let answer = client.get(format!("{url}/readyz")).send().await;
    // The URL precedes it already.
    let answer = answer.map_err(reqwest::Error::without_url).context("no answer")?;
    let location = answer.headers().get(reqwest::header::LOCATION);
    let redirect_to = location.and_then(|to| to.to_str().ok()).map(str::to_owned);
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    Ok(EndpointResponse { status, redirect_to, checks: body["checks"].as_array().cloned() })
}

/// Whether people can sign in, and apps can work with their projects.
pub(super) async fn people_and_projects(pool: &PgPool) -> Vec<Check> {
    let unread = |name| move |error: StoreError| Check::skip(name, error.to_string());
    vec![
        someone(pool).await.unwrap_or_else(unread(OPERATORS)),
        usable(pool).await.unwrap_or_else(unread(PROJECTS)),
    ]
}

async fn someone(pool: &PgPool) -> Result<Check, StoreError> {
    Ok(match operators::list_operators(pool).await?.len() {
        0 => Check::warn(
            OPERATORS,
            "no operator can sign in to the console: `sendpromptly operator add --email … --role admin`",
        ),
        1 => Check::pass(OPERATORS, "1 person can sign in"),
        many => Check::pass(OPERATORS, format!("{many} people can sign in")),
    })
}

async fn usable(pool: &PgPool) -> Result<Check, StoreError> {
    let (all, keys) =
        (projects::list_in_use(pool, None).await?, api_keys::list_keys(pool, None).await?);
    if all.is_empty() {
        let cure = "there is no project: `sendpromptly project create --name … --mode live`";
        return Ok(Check::warn(PROJECTS, cure));
    }
    let has_key =
        |id: ProjectId| keys.iter().any(|key| key.project_id == id && key.revoked_at.is_none());
    let lacks = all.iter().filter_map(|project| {
        let (name, id) = (&project.name, project.id);
        if !has_key(id) {
            let cure = format!("`sendpromptly key create --project {id} --label …`");
            return Some(format!("{name} has no API key, so its app cannot report: {cure}"));
        }
        (project.mode == Mode::Live && project.repair_url.is_none()).then(|| {
            let cure = format!("`sendpromptly project update {id} --repair-url …`");
            format!("{name} has no repair URL, so nothing of it can be reprocessed: {cure}")
        })
    });
    let lacks: Vec<_> = lacks.collect();
    if lacks.is_empty() {
        return Ok(Check::pass(PROJECTS, "every project can be worked with"));
    }
    let others = match lacks.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        others => format!("; and {others} others"),
    };
    let named = lacks.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join("; ");
    Ok(Check::warn(PROJECTS, format!("{named}{others}")))
}
