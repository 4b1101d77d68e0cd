//! Whether Temporal can be used: it responds, the namespace and its search attributes are there,
//! and it works for this database and no other.

use store::{PgPool, environments};
use workflows::names::search_attribute;

use super::backlog::BACKLOG;
use super::versions::WORKER_VERSION;
use super::{Check, in_time};
use crate::connect::{Engine, EngineError};
use crate::environment::Foreign;
use crate::setup::AttributeGaps;

pub(super) const TEMPORAL: &str = "temporal";
pub(super) const ATTRIBUTES: &str = "search_attributes";
pub(super) const ENVIRONMENT: &str = "environment";
const SETUP: &str = "run `sendpromptly setup temporal`";

/// `temporal`, `search_attributes`, `environment`, `backlog` and `worker_version`.
pub(super) async fn checks(engine: &Engine, pool: Option<&PgPool>) -> Vec<Check> {
    let (reached, gaps, theirs, queue, ours) = tokio::join!(
        timely(Box::pin(engine.check())),
        timely(Box::pin(engine.find_attribute_gaps())),
        timely(Box::pin(engine.find_environment())),
        timely(Box::pin(engine.find_queue())),
        find_ours(pool),
    );
    let temporal = judge_reach(reached);
    if temporal.status != super::Status::Ok {
        let unknown = |name| Check::unknown(name, TEMPORAL);
        let others = [ATTRIBUTES, ENVIRONMENT, BACKLOG, WORKER_VERSION].map(unknown);
        return [vec![temporal], others.into()].concat();
    }
    let environment = match (theirs, ours) {
        (_, Err(cause)) => Check::unknown(ENVIRONMENT, "database").because(&cause),
        (Err(error), _) => Check::unknown(ENVIRONMENT, TEMPORAL).because(&error),
        (Ok(theirs), Ok(ours)) => judge_environment(engine, theirs, ours),
    };
    let (backlog, routing) = match queue {
        Ok(queue) => (Ok(queue.backlog), Ok(queue.routing)),
        Err(error) => (Err(error.clone()), Err(error)),
    };
    let backlog = super::backlog::check(backlog);
    let version = super::versions::check_routing(engine.version(), routing);
    vec![temporal, judge_gaps(gaps, engine.is_cloud()), environment, backlog, version]
}

async fn find_ours(pool: Option<&PgPool>) -> Result<String, String> {
    match pool {
        Some(pool) => in_time(environments::find_id(pool)).await,
        None => Err("there is no database".to_owned()),
    }
}

async fn timely<T>(asking: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    let late = || Err(EngineError::Unreachable("no answer within 2 s".to_owned()));
    tokio::time::timeout(super::TIMEOUT, asking).await.unwrap_or_else(|_| late())
}

fn judge_reach(reached: Result<(), EngineError>) -> Check {
    match reached {
        Ok(()) => Check::ok(TEMPORAL, "answers and knows the namespace"),
        Err(EngineError::NoNamespace(namespace)) => Check::failed(
            TEMPORAL,
            format!("Temporal has no namespace {namespace}: nothing is watched"),
            format!("{SETUP}, or correct TEMPORAL_NAMESPACE"),
        ),
        Err(error @ EngineError::Settings(_)) => Check::failed(
            TEMPORAL,
            "the Temporal settings make no sense: nothing is watched",
            "correct the variables TEMPORAL_…",
        )
        .because_for_doctor(&error),
        Err(error) => Check::failed(
            TEMPORAL,
            "Temporal does not answer: receipts are accepted and wait in the outbox",
            "see that the server of TEMPORAL_ADDRESS runs and lets us in",
        )
        .because_for_doctor(&error),
    }
}

fn judge_gaps(gaps: Result<AttributeGaps, EngineError>, cloud: bool) -> Check {
    let gaps = match gaps {
        Ok(gaps) => gaps,
        Err(error) => {
            let what = "Temporal does not say which search attributes the namespace has";
            return Check::degraded(ATTRIBUTES, what, SETUP).because(&error);
        }
    };
    if gaps.is_empty() {
        return Check::ok(ATTRIBUTES, "all five are there");
    }
    Check::failed(ATTRIBUTES, describe_gaps(&gaps), cure_gaps(&gaps, cloud))
}

/// What a namespace lacks, as text.
pub(super) fn describe_gaps(gaps: &AttributeGaps) -> String {
    let mut parts = Vec::new();
    if !gaps.missing.is_empty() {
        let (missing, all) = (gaps.missing.len(), search_attribute::ALL.len());
        let names = gaps.missing.join(", ");
        parts.push(format!("{missing} of {all} are missing, so Temporal refuses watches: {names}"));
    }
    parts.extend(
        gaps.mistyped.iter().map(|(name, kind)| format!("{name} is {kind}, and must be Keyword")),
    );
    parts.join("; ")
}

/// What to do about it.
pub(super) fn cure_gaps(gaps: &AttributeGaps, cloud: bool) -> String {
    if !gaps.mistyped.is_empty() {
        let names: Vec<_> = gaps.mistyped.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return format!("remove {names} from the namespace, or use another one, then {SETUP}");
    }
    if !cloud {
        return SETUP.to_owned();
    }
    let attributes = gaps.missing.iter().map(|name| format!(" --search-attribute {name}=Keyword"));
    let attributes: String = attributes.collect();
    format!(
        "run `tcld namespace search-attributes add --namespace <yours>{attributes}`, or add them in \
             Temporal Cloud's web console"
    )
}

fn judge_environment(engine: &Engine, theirs: Option<String>, ours: String) -> Check {
    match theirs {
        Some(theirs) if theirs == ours => {
            Check::ok(ENVIRONMENT, "the namespace works for this database")
        }
        Some(theirs) => {
            let namespace = engine.namespace().unwrap_or_default();
            let foreign = Foreign { namespace, theirs, ours };
            let detail = format!("{foreign}: nothing is dispatched, and no worker polls");
            Check::failed(ENVIRONMENT, detail, Foreign::CURE)
        }
        None => Check::degraded(
            ENVIRONMENT,
            "the namespace belongs to no database yet",
            format!("{SETUP}, or start a worker"),
        ),
    }
}
