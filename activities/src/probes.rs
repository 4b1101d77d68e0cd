//! The end of the probe: sees that all works, and calls the dead-man URL.
//!
//! By the time that this runs, dispatch, timers, workflow tasks and activities have worked. What is left is
//! what the database knows ([`store::watch_probes::judge`]). A check that fails means silence, never a call that
//! says so: services differ in how they are told, and all of them notice silence. A worker that dies after the
//! call has it made twice, which such a service does not mind.

use std::sync::Arc;
use std::time::Duration;

use domain::dead_man::DeadManUrl;
use store::watch_probes::{self, Fault, ProbeEnd};
use temporalio_common::ActivityError;
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{ProbeInput, ProbeOutcome, definition};
use workflows::options::PROBE_ATTEMPTS;

use crate::decide::Decide;
use crate::deps::Deps;
use crate::http::GuardedClient;

/// How long the service may take to respond.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Implements [`workflows::activity_contract::Probes`].
pub struct Probes {
    deps: Arc<Deps>,
}

impl Probes {
    /// Probes of this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Probes {
    #[activity(definition = definition::CallDeadMan)]
    pub async fn call_dead_man(
        self: Arc<Self>,
        ctx: ActivityContext,
        _: ProbeInput,
    ) -> Result<ProbeOutcome, ActivityError> {
        Box::pin(call_dead_man(&self.deps, ctx.info().attempt)).await
    }
}

/// One attempt: the last one is the end of the probe, however it goes.
///
/// # Errors
/// When the service did not take the call and another attempt follows.
pub async fn call_dead_man(deps: &Deps, attempt: u32) -> Result<ProbeOutcome, ActivityError> {
    let end = match &deps.dead_man {
        None => ProbeEnd::Silent(Fault::NoUrl),
        Some(url) => match watch_probes::judge(&deps.pool).await.or_retry()? {
            Some(why) => ProbeEnd::Silent(why),
            None => call(&deps.http, url).await,
        },
    };
    if let ProbeEnd::Failed(why) = &end
        && attempt < PROBE_ATTEMPTS
    {
        let failure = ApplicationFailure::builder(format!("the call was not taken: {why}"));
        return Err(ActivityError::application(failure.build()));
    }
    let changed = watch_probes::note_end(&deps.pool, &end).await.or_retry()?;
    telemetry::probe_ended(end.as_str());
    if changed {
        log(&end);
    }
    Ok(ProbeOutcome { ended: end.as_str().to_owned() })
}

/// What Healthchecks responds, with a 200, where no check has the URL's key
/// (<https://healthchecks.io/docs/http_api/>).
const NO_SUCH_CHECK: &str = "OK (not found)";

/// Calls the URL once. What went wrong is told without any part of the URL, and without what came back.
async fn call(http: &GuardedClient, url: &DeadManUrl) -> ProbeEnd {
    let answer = match http.get(url.as_url(), TIMEOUT).await {
        Ok(answer) => answer,
        Err(error) => {
            let class = error.class.as_str();
            return ProbeEnd::Failed(format!("it was not reached ({class})"));
        }
    };
    match answer.status {
        200..=299 if answer.excerpt.trim().eq_ignore_ascii_case(NO_SUCH_CHECK) => {
            ProbeEnd::Failed("it responded that it has no check of this address".to_owned())
        }
        200..=299 => ProbeEnd::Called,
        status @ 300..=399 => {
            ProbeEnd::Failed(format!("it responded {status}, and a redirect is not followed"))
        }
        status => ProbeEnd::Failed(format!("it responded {status}")),
    }
}

fn log(end: &ProbeEnd) {
    match end {
        ProbeEnd::Called => tracing::info!("the dead-man URL is called each minute"),
        ProbeEnd::Silent(why) => {
            tracing::warn!("the dead-man URL is not called: {}", why.as_str());
        }
        ProbeEnd::Failed(why) => {
            tracing::warn!("the service of the dead-man URL does not take the call: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use doubles::http_server::{HttpServer, response};

    use super::*;
    use crate::http::test_clients::local_client;

    #[tokio::test]
    async fn a_service_that_has_no_such_check_was_not_called_whatever_its_status() {
        let failed = |why: &str| ProbeEnd::Failed(why.to_owned());
        for (status, body, end) in [
            ("200 OK", "OK", ProbeEnd::Called),
            ("200 OK", "", ProbeEnd::Called),
            (
                "200 OK",
                "OK (not found)\n",
                failed("it responded that it has no check of this address"),
            ),
            ("404 Not Found", "OK", failed("it responded 404")),
            ("302 Found", "", failed("it responded 302, and a redirect is not followed")),
        ] {
            let server = HttpServer::responding(response(status, "", body)).await;
            let allow = "127.0.0.0/8".parse().expect("the network parses");
            let url = DeadManUrl::parse(server.url().as_str(), &allow).expect("a URL");
            assert_eq!(call(&local_client(2_000, 5_000), &url).await, end, "{status} {body}");
        }
    }
}
