//! Which version a worker is of, as Temporal's Worker Deployment Versioning has it.
//!
//! A versioned worker gets tasks only while its build is current or ramping. Watches are upgraded
//! automatically: each goes on with the current build from its next task on, which patches in the
//! workflow allow.

use temporalio_common::protos::temporal::api::deployment::v1::WorkerDeploymentVersion;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeTaskQueueResponse;

/// The longest name of a deployment or a build, in bytes.
const MAX_NAME: usize = 100;

/// A build of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerVersion {
    pub deployment: String,
    pub build: String,
}

impl WorkerVersion {
    /// A build of a deployment.
    ///
    /// # Errors
    /// Which of the two names it is not, and what it must be.
    pub fn new(deployment: &str, build: &str) -> Result<Self, InvalidVersion> {
        let is_name = |text: &str, also: &[char]| {
            let allowed = |one: char| one.is_ascii_alphanumeric() || also.contains(&one);
            (1..=MAX_NAME).contains(&text.len())
                && text.chars().all(allowed)
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        };
        if !is_name(deployment, &['-', '_']) {
            return Err(InvalidVersion::Deployment);
        }
        if !is_name(build, &['-', '_', '.', '+']) {
            return Err(InvalidVersion::Build);
        }
        Ok(Self { deployment: deployment.to_owned(), build: build.to_owned() })
    }

    fn read(version: WorkerDeploymentVersion) -> Self {
        Self { deployment: version.deployment_name, build: version.build_id }
    }
}

/// A name that a deployment or a build cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVersion {
    #[error(
        "must be 1 to 100 letters, digits, - and _, and begin with a letter or a digit, such as sendpromptly"
    )]
    Deployment,
    #[error(
        "must be 1 to 100 letters, digits, and any of - _ . +, and begin with a letter or a digit, such as 1.4.2"
    )]
    Build,
}

/// Who gets the tasks of watches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Routing {
    /// `None`: workers without a version.
    pub(crate) current: Option<WorkerVersion>,
    /// Who gets so many per cent of them in place of the current one.
    pub(crate) ramping: Option<(WorkerVersion, f32)>,
}

impl Routing {
    pub(crate) fn read(described: &DescribeTaskQueueResponse) -> Self {
        let Some(info) = described.versioning_info.clone() else { return Self::default() };
        let ramping = info.ramping_deployment_version.map(WorkerVersion::read);
        Self {
            current: info.current_deployment_version.map(WorkerVersion::read),
            ramping: ramping.map(|version| (version, info.ramping_version_percentage)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_temporal_takes() {
        for (deployment, build, expected) in [
            ("sendpromptly", "1.4.2+g3fcafb7", Ok(())),
            ("send.promptly", "1", Err(InvalidVersion::Deployment)),
            ("__system", "1", Err(InvalidVersion::Deployment)),
            ("", "1", Err(InvalidVersion::Deployment)),
            ("sendpromptly", "a b", Err(InvalidVersion::Build)),
            ("sendpromptly", "--unversioned", Err(InvalidVersion::Build)),
        ] {
            assert_eq!(WorkerVersion::new(deployment, build).map(|_| ()), expected, "{build}");
        }
    }
}
