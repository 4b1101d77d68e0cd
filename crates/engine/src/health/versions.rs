//! Whether the versions fit together: Temporal sends tasks to this build, and api, workers and schema are
//! of one release.

use super::temporal::TEMPORAL;
use super::{Check, work};
use crate::connect::EngineError;
use crate::version::{Routing, WorkerVersion};

pub(super) const WORKER_VERSION: &str = "worker_version";
pub(super) const VERSIONS: &str = "versions";
const RELEASE: &str = env!("CARGO_PKG_VERSION");

pub(super) fn check_routing(
    ours: Option<&WorkerVersion>,
    routing: Result<Routing, EngineError>,
) -> Check {
    match routing {
        Ok(routing) => judge_routing(ours, &routing),
        Err(error) => Check::unknown(WORKER_VERSION, TEMPORAL).because(&error),
    }
}

pub(super) fn judge_routing(ours: Option<&WorkerVersion>, routing: &Routing) -> Check {
    let name = WORKER_VERSION;
    let Some(ours) = ours else { return judge_unversioned(routing) };
    let WorkerVersion { deployment, build } = ours;
    if routing.current.as_ref() == Some(ours) {
        return Check::ok(name, format!("the build {build} of {deployment} is current"));
    }
    let ramps = |ramping: &&(WorkerVersion, f32)| ramping.0 == *ours && ramping.1 > 0.0;
    if let Some((_, percentage)) = routing.ramping.as_ref().filter(ramps) {
        let detail = format!("the build {build} of {deployment} is ramping, at {percentage} %");
        return Check::ok(name, detail);
    }
    let current = routing.current.as_ref().map_or_else(
        || "workers without a build get the tasks".to_owned(),
        |current| format!("the build {} of {} is current", current.build, current.deployment),
    );
    Check::failed(
        name,
        format!(
            "the build {build} of the deployment {deployment} is neither current nor ramping, so its workers get no task; \
             {current}"
        ),
        format!(
            "run `temporal worker deployment set-current-version --deployment-name {deployment} --build-id {build}`, or \
             `set-ramping-version` with a `--percentage`; a worker of a build that was replaced may be stopped"
        ),
    )
}

fn judge_unversioned(routing: &Routing) -> Check {
    let Some(WorkerVersion { deployment, build }) = &routing.current else {
        return Check::ok(WORKER_VERSION, "worker versioning is off");
    };
    Check::failed(
        WORKER_VERSION,
        format!(
            "the build {build} of the deployment {deployment} is current: workers without a build get no task"
        ),
        format!(
            "set SENDPROMPTLY_WORKER_DEPLOYMENT and SENDPROMPTLY_WORKER_BUILD for api and worker, or run `temporal \
             worker deployment set-current-version --deployment-name {deployment} --unversioned`"
        ),
    )
}

/// `workers` are the releases of those that poll; `None` where one does not say its own.
pub(super) fn judge_releases(workers: &[Option<String>], unknown_migrations: usize) -> Check {
    let mut others: Vec<_> = workers
        .iter()
        .map(|release| release.as_deref().unwrap_or("an older release"))
        .filter(|release| *release != RELEASE)
        .collect();
    others.dedup();
    let mut wrong = Vec::new();
    if !others.is_empty() {
        wrong
            .push(format!("workers run {}, and this process runs {RELEASE}", others.join(" and ")));
    }
    if unknown_migrations > 0 {
        wrong.push(format!(
            "the schema has migrations that {RELEASE} does not know: {unknown_migrations}"
        ));
    }
    if !wrong.is_empty() {
        let cure =
            "finish the upgrade: run every api and worker from the release that migrated last";
        return Check::degraded(VERSIONS, wrong.join("; "), cure);
    }
    if workers.is_empty() {
        return Check::unknown(VERSIONS, work::WORKERS);
    }
    Check::ok(VERSIONS, format!("api, workers and schema are of {RELEASE}"))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn version(build: &str) -> WorkerVersion {
        WorkerVersion::new("shop-watch", build).expect("a version")
    }

    #[test]
    fn a_build_that_gets_no_task_is_named_with_the_command() {
        let judge = |ours: Option<&str>, current: Option<&str>, ramping: Option<&str>| {
            let routing = Routing {
                current: current.map(version),
                ramping: ramping.map(|build| (version(build), 10.0)),
            };
            judge_routing(ours.map(version).as_ref(), &routing)
        };
        for (ours, current, ramping) in [
            (None, None, None),
            (Some("2"), Some("2"), None),
            (Some("2"), Some("1"), Some("2")),
            (Some("1"), Some("1"), Some("2")),
        ] {
            assert_eq!(judge(ours, current, ramping).status, Status::Ok, "{ours:?}");
        }
        let waits = judge(Some("2"), Some("1"), None);
        assert_eq!(waits.status, Status::Failed);
        assert!(waits.detail.ends_with("the build 1 of shop-watch is current"), "{waits:?}");
        let cure = waits.cure.expect("a cure");
        assert!(
            cure.contains("set-current-version --deployment-name shop-watch --build-id 2"),
            "{cure}"
        );
        let unversioned = judge(None, Some("1"), None);
        assert_eq!(unversioned.status, Status::Failed);
        assert!(unversioned.cure.is_some_and(|cure| cure.contains("--unversioned")));
    }

    #[test]
    fn a_build_that_ramps_at_nothing_gets_no_task() {
        let routing = |percentage| Routing {
            current: Some(version("1")),
            ramping: Some((version("2"), percentage)),
        };
        let judge = |percentage| judge_routing(Some(&version("2")), &routing(percentage));
        assert_eq!(judge(0.5).status, Status::Ok);
        let paused = judge(0.0);
        assert_eq!(paused.status, Status::Failed);
        assert!(paused.detail.contains("neither current nor ramping"), "{paused:?}");
    }

    #[test]
    fn releases_that_differ_are_named() {
        let of = |releases: &[&str]| {
            releases.iter().map(|one| Some((*one).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(judge_releases(&of(&[RELEASE, RELEASE]), 0).status, Status::Ok);
        let newer = judge_releases(&of(&[RELEASE, "9.1.0"]), 2);
        assert_eq!(newer.status, Status::Degraded);
        assert_eq!(
            newer.detail,
            format!(
                "workers run 9.1.0, and this process runs {RELEASE}; the schema has migrations that {RELEASE} does not \
                 know: 2"
            )
        );
        assert!(judge_releases(&[None], 0).detail.contains("an older release"));
        assert_eq!(judge_releases(&[], 0).status, Status::Unknown);
    }
}
