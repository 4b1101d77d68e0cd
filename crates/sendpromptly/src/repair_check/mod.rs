//! The checks of one project's repair endpoint, by three probes: a good one, one with a wrong
//! signature, one with an old timestamp. Nothing is changed by them.
//!
//! `doctor` makes them, and so does the console's button, which gets them by [`provide`].

mod finding;
mod probe;

use std::sync::Arc;

use activities::http::{ExchangeError, GuardedClient, HttpPolicy, HttpResponse};
use anyhow::Context as _;
use domain::callback_header::CallbackHeader;
use domain::repair_url::{AllowedNetworks, RepairUrl};
use domain::signature::SigningSecret;
use store::projects::{self, Project};
use store::{MasterKey, PgPool, callback_headers, signing_secrets};
use time::{Duration, OffsetDateTime};
use web::random;
use web::repair_check::{CheckRepair, EndpointCheck};

pub use self::finding::{Check, Status, quote};
pub use self::probe::REFERENCE;

/// The check of the URL itself.
pub const URL: &str = "repair_url";
const SIGNATURE: &str = "repair_signature";
const BAD_SIGNATURE: &str = "repair_bad_signature";
const STALE: &str = "repair_stale_timestamp";
const REDIRECT: &str = "repair_redirect";
const SPEED: &str = "repair_speed";

/// Twice what receivers may tolerate.
const STALE_BY: Duration = Duration::minutes(10);
/// A slower response works, and leaves little room before the deadline of 30 s.
const SLOW_MS: i64 = 5_000;

type Outcome = Result<HttpResponse, ExchangeError>;

/// What came back from each probe.
struct Outcomes {
    good: Outcome,
    bad_signature: Outcome,
    stale: Outcome,
}

/// What was found at an endpoint.
#[derive(Debug)]
pub struct Found {
    pub checks: Vec<Check>,
    /// Whether it took the good probe; `None` where none was sent.
    pub takes_good_ones: Option<bool>,
}

impl From<Check> for Found {
    fn from(check: Check) -> Self {
        Self { checks: vec![check], takes_good_ones: None }
    }
}

/// What the console checks a repair endpoint by.
#[must_use]
pub fn provide(pool: PgPool, key: MasterKey, allow: Arc<AllowedNetworks>) -> CheckRepair {
    Arc::new(move |id| {
        let (pool, key, allow) = (pool.clone(), key.clone(), AllowedNetworks::clone(&allow));
        Box::pin(async move {
            let Some(project) = projects::find_project(&pool, id).await? else {
                return Ok(Vec::new());
            };
            let found = check_endpoint(&pool, &key, allow, &project).await?;
            let as_check = |check: &Check| EndpointCheck {
                failed: check.status == Status::Fail,
                text: check.text(),
            };
            Ok(found.checks.iter().map(as_check).collect())
        })
    })
}

/// Sends the probes to a project's repair endpoint.
///
/// # Errors
/// When the system gives no random bytes. An endpoint that fails is no error.
pub async fn check_endpoint(
    pool: &PgPool,
    key: &MasterKey,
    allow: AllowedNetworks,
    project: &Project,
) -> anyhow::Result<Found> {
    let Some(text) = &project.repair_url else {
        let cure = "the project has none, so Reprocess cannot work: set it with `project update`";
        return Ok(Check::warn(URL, cure).into());
    };
    let url = match RepairUrl::parse(text, project.mode, &allow) {
        Ok(url) => url,
        Err(error) => return Ok(Check::fail(URL, error.to_string()).into()),
    };
    let secrets = signing_secrets::list_valid_secrets(pool, key, project.id).await?;
    if secrets.is_empty() {
        return Ok(Check::fail(SIGNATURE, "the project has no signing secret").into());
    }
    let headers = callback_headers::list_headers(pool, key, project.id).await?;
    let client = GuardedClient::new(HttpPolicy::new(allow))?;
    let outcomes = Probing { client, url, project, headers }.send_all(&secrets).await?;
    let takes_good_ones = Some(takes_good_ones(&outcomes));
    Ok(Found { checks: judge(&outcomes), takes_good_ones })
}

fn takes_good_ones(outcomes: &Outcomes) -> bool {
    outcomes.good.as_ref().is_ok_and(|answer| is_success(answer.status))
}

/// Where probes go, and what they carry.
struct Probing<'a> {
    client: GuardedClient,
    url: RepairUrl,
    project: &'a Project,
    headers: Vec<CallbackHeader>,
}

impl Probing<'_> {
    async fn send_all(&self, secrets: &[SigningSecret]) -> anyhow::Result<Outcomes> {
        let now = OffsetDateTime::now_utc();
        let foreign = [random::signing_secret().context("no secret for the bad signature")?];
        Ok(Outcomes {
            good: self.send(secrets, now).await?,
            bad_signature: self.send(&foreign, now).await?,
            stale: self.send(secrets, now - STALE_BY).await?,
        })
    }

    async fn send(&self, secrets: &[SigningSecret], at: OffsetDateTime) -> anyhow::Result<Outcome> {
        let hidden: Vec<_> = self.headers.iter().flat_map(CallbackHeader::secrets).collect();
        let probe = probe::make(self.project, secrets, &self.headers, at)?;
        let url = self.url.as_url();
        Ok(self.client.post_hiding(url, &probe.headers, probe.body, &hidden).await)
    }
}

fn judge(outcomes: &Outcomes) -> Vec<Check> {
    let good = judge_good(&outcomes.good);
    let works = takes_good_ones(outcomes);
    let rejected = |name, what, outcome| {
        if works {
            judge_rejected(name, what, outcome)
        } else {
            Check::skip(name, "proves nothing as long as a good probe is not taken")
        }
    };
    vec![
        good,
        rejected(BAD_SIGNATURE, "a wrong signature", &outcomes.bad_signature),
        rejected(STALE, "a timestamp of 10 minutes ago", &outcomes.stale),
        judge_redirect(outcomes),
        judge_speed(outcomes),
    ]
}

fn judge_good(outcome: &Outcome) -> Check {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => return Check::fail(SIGNATURE, format!("no answer: {error}")),
    };
    let (status, said) = (answer.status, quoted(answer));
    match status {
        200..=299 => Check::pass(SIGNATURE, format!("a good signature is taken ({status})")),
        401 | 403 => Check::fail(
            SIGNATURE,
            format!(
                "a good signature is refused ({status}){said}: check it with this project's \
                 secret, base64-decoded after whsec_, over timestamp.nonce.body, where the body is \
                 the raw one, before any parser; if a gateway before it answers so, let `project \
                 update --callback-header` give the headers that it asks for"
            ),
        ),
        300..=399 => {
            Check::fail(SIGNATURE, format!("{}, which is not followed", redirected(answer)))
        }
        400 | 409 | 422 => Check::warn(
            SIGNATURE,
            format!("answered {status}{said}: answer 2xx to a body whose type is probe"),
        ),
        404 | 405 | 410 => {
            Check::fail(SIGNATURE, format!("answered {status}{said}: is the repair URL right?"))
        }
        500..=599 => Check::fail(
            SIGNATURE,
            format!(
                "answered {status}{said}: to check a signature takes the raw body, before any parser"
            ),
        ),
        _ => Check::fail(SIGNATURE, format!("answered {status}{said}")),
    }
}

fn judge_rejected(name: &'static str, what: &str, outcome: &Outcome) -> Check {
    match outcome {
        Ok(answer) if is_rejection(answer.status) => {
            Check::pass(name, format!("{what} is refused ({})", answer.status))
        }
        Ok(answer) => Check::fail(
            name,
            format!("{what} must be refused with 4xx, and was answered {}", answer.status),
        ),
        Err(error) => {
            Check::fail(name, format!("{what} must be refused with 4xx; no answer: {error}"))
        }
    }
}

fn judge_redirect(outcomes: &Outcomes) -> Check {
    let mut answers = answers(outcomes).peekable();
    if answers.peek().is_none() {
        return Check::skip(REDIRECT, "no answer");
    }
    let Some(answer) = answers.find(|answer| (300..=399).contains(&answer.status)) else {
        return Check::pass(REDIRECT, "the endpoint answers by itself");
    };
    let cure = match answer.redirect_to {
        Some(_) => "redirects are never followed, save that address as the repair URL",
        None => "redirects are never followed, save the final address as the repair URL",
    };
    Check::fail(REDIRECT, format!("{}: {cure}", redirected(answer)))
}

/// What a redirect says: its status, and where it leads.
fn redirected(answer: &HttpResponse) -> String {
    match &answer.redirect_to {
        Some(target) => format!("answers {} to {target}", answer.status),
        None => format!("answers {}", answer.status),
    }
}

fn judge_speed(outcomes: &Outcomes) -> Check {
    match answers(outcomes).map(|answer| answer.latency_ms).max() {
        None => Check::skip(SPEED, "no answer"),
        Some(slowest) if slowest > SLOW_MS => Check::warn(
            SPEED,
            format!("the slowest answer took {slowest} ms: answer first, work afterwards"),
        ),
        Some(slowest) => Check::pass(SPEED, format!("the slowest answer took {slowest} ms")),
    }
}

fn answers(outcomes: &Outcomes) -> impl Iterator<Item = &HttpResponse> {
    let all = [&outcomes.good, &outcomes.bad_signature, &outcomes.stale];
    all.into_iter().filter_map(|outcome| outcome.as_ref().ok())
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

const fn is_rejection(status: u16) -> bool {
    matches!(status, 400..=499)
}

/// What the endpoint said, for its owner, on one line.
fn quoted(answer: &HttpResponse) -> String {
    quote(&answer.excerpt)
}

#[cfg(test)]
mod tests;
