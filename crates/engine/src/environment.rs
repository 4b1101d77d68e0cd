//! One database for a task queue: no process of another database works on it.
//!
//! A workflow that never ends, `sendpromptly-environment`, holds the database's id in its memo. It
//! has no time-outs and waits on a task queue that no worker polls, so it costs one start and stays
//! open; retention deletes closed workflows only. The first process starts it, and the uniqueness
//! of its id decides between two concurrent ones. Workers check before they poll and while they do,
//! the relay before it dispatches. An operator who terminates it only makes the next one start it
//! again.
//!
//! A restored database keeps its id and so its place. A fresh database on an old namespace takes
//! the place with [`Engine::adopt_environment`], in one call that ends the old workflow and starts
//! a new one: there is no moment in which a third one could slip in. Workers of the old database
//! end within seconds.

use std::fmt;
use std::time::{Duration, Instant};

use store::{PgPool, environments};
use temporalio_client::Client;
use temporalio_common::protos::temporal::api::common::v1::{
    Memo, Payload, WorkflowExecution, WorkflowType,
};
use temporalio_common::protos::temporal::api::enums::v1::{
    WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, StartWorkflowExecutionRequest,
};
use tonic::IntoRequest;
use workflows::names::environment_id;

use crate::connect::{Engine, EngineError, ask, judge_status};

const WORKFLOW_TYPE: &str = "SendpromptlyEnvironment";
const IDLE_QUEUE: &str = "sendpromptly-environment";
const MEMO: &str = "database_id";
/// How long a response is trusted before the relay asks again.
const GOOD_MEMORY: Duration = Duration::from_secs(10);
const BAD_MEMORY: Duration = Duration::from_secs(1);

/// What the relay found last.
pub(crate) type Remembered = Option<(Instant, Result<(), EngineError>)>;

/// Another database has the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    pub namespace: String,
    /// The id of the database that has it.
    pub theirs: String,
    /// The id of the database that is worked on here.
    pub ours: String,
}

impl Foreign {
    /// What to do about it.
    pub const CURE: &str = "give each database a namespace of its own with TEMPORAL_NAMESPACE; if this \
                            database replaces the other one, run `sendpromptly setup temporal --adopt`";
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, theirs, ours } = self;
        write!(f, "the namespace {namespace} belongs to the database {theirs}, and this is {ours}")
    }
}

impl Engine {
    /// The id of the database that the task queue belongs to, if it belongs to one.
    ///
    /// # Errors
    /// When Temporal cannot be used.
    pub async fn find_environment(&self) -> Result<Option<String>, EngineError> {
        let client = self.client().await?;
        let workflow_id = environment_id(self.task_queue());
        let request = DescribeWorkflowExecutionRequest {
            namespace: client.options().namespace.clone(),
            execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
        };
        let mut service = client.connection().workflow_service();
        let info = match ask(service.describe_workflow_execution(request.into_request())).await {
            Ok(described) => described.workflow_execution_info.unwrap_or_default(),
            Err(status) if is_missing_workflow(&status) => return Ok(None),
            Err(status) => return Err(judge_status(&status)),
        };
        // One that an operator has paused keeps its place: no other can be started beside it.
        let open = [WorkflowExecutionStatus::Running, WorkflowExecutionStatus::Paused];
        if !open.contains(&info.status()) {
            return Ok(None);
        }
        let id = info.memo.and_then(|mut memo| memo.fields.remove(MEMO));
        let id = id.and_then(|payload| serde_json::from_slice(&payload.data).ok());
        Ok(Some(id.unwrap_or_else(|| "without an id".to_owned())))
    }

    /// Takes the task queue for this database unless another one has it.
    ///
    /// # Errors
    /// [`EngineError::Foreign`] when another one has it, or when Temporal cannot be used.
    pub async fn claim_environment(&self, ours: &str) -> Result<EnvironmentClaim, EngineError> {
        if let Some(theirs) = self.find_environment().await? {
            self.compare(theirs, ours)?;
            return Ok(EnvironmentClaim::WasThere);
        }
        self.start_environment(ours, WorkflowIdConflictPolicy::Fail).await?;
        match self.find_environment().await? {
            Some(theirs) => self.compare(theirs, ours).map(|()| EnvironmentClaim::Made),
            None => Err(EngineError::Unreachable("the environment's workflow is gone".to_owned())),
        }
    }

    /// Takes the task queue for this database, whichever database has it; gives the id of the one
    /// that had it.
    ///
    /// # Errors
    /// When Temporal cannot be used.
    pub async fn adopt_environment(&self, ours: &str) -> Result<EnvironmentClaim, EngineError> {
        match self.find_environment().await? {
            Some(theirs) if theirs != ours => {
                self.start_environment(ours, WorkflowIdConflictPolicy::TerminateExisting).await?;
                *self.environment.lock().await = None;
                Ok(EnvironmentClaim::Adopted { theirs })
            }
            _ => self.claim_environment(ours).await,
        }
    }

    /// Whether the task queue belongs to the database of this pool, taking it if no database has
    /// it. Asked for each dispatch, so a response holds for some seconds.
    ///
    /// # Errors
    /// As [`Engine::claim_environment`].
    pub(crate) async fn ensure_ours(&self, pool: &PgPool) -> Result<(), EngineError> {
        let mut remembered = self.environment.lock().await;
        if let Some((at, known)) = &*remembered {
            let memory = if known.is_ok() { GOOD_MEMORY } else { BAD_MEMORY };
            if at.elapsed() < memory {
                return known.clone();
            }
        }
        let found = self.claim_for(pool).await;
        *remembered = Some((Instant::now(), found.clone()));
        found
    }

    /// Rejects a task queue that another database has. One that none has is left as it is.
    ///
    /// # Errors
    /// [`EngineError::Foreign`] when another one has it, or when Temporal or the database cannot be used.
    pub(crate) async fn reject_foreign(&self, pool: &PgPool) -> Result<(), EngineError> {
        let ours = find_ours(pool).await?;
        match self.find_environment().await? {
            Some(theirs) => self.compare(theirs, &ours),
            None => Ok(()),
        }
    }

    async fn claim_for(&self, pool: &PgPool) -> Result<(), EngineError> {
        let ours = find_ours(pool).await?;
        self.claim_environment(&ours).await.map(|_| ())
    }

    fn compare(&self, theirs: String, ours: &str) -> Result<(), EngineError> {
        if theirs == ours {
            return Ok(());
        }
        let (namespace, ours) = (self.namespace()?, ours.to_owned());
        Err(EngineError::Foreign(Foreign { namespace, theirs, ours }))
    }

    /// Starts the workflow; that another process was faster is for the caller to handle.
    async fn start_environment(
        &self,
        ours: &str,
        conflict: WorkflowIdConflictPolicy,
    ) -> Result<(), EngineError> {
        let client = self.client().await?;
        let request = start_request(&client, environment_id(self.task_queue()), ours, conflict);
        let mut service = client.connection().workflow_service();
        match ask(service.start_workflow_execution(request.into_request())).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == tonic::Code::AlreadyExists => Ok(()),
            Err(status) => Err(judge_status(&status)),
        }
    }
}

async fn find_ours(pool: &PgPool) -> Result<String, EngineError> {
    let ours = environments::find_id(pool).await;
    ours.map_err(|error| EngineError::Unreachable(error.to_string()))
}

/// How the task queue came to belong to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentClaim {
    /// It did before.
    WasThere,
    /// No database had it.
    Made,
    /// Another database had it.
    Adopted {
        /// That one's id.
        theirs: String,
    },
}

fn start_request(
    client: &Client,
    workflow_id: String,
    ours: &str,
    conflict: WorkflowIdConflictPolicy,
) -> StartWorkflowExecutionRequest {
    let id = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: format!("\"{ours}\"").into_bytes(),
        ..Payload::default()
    };
    StartWorkflowExecutionRequest {
        namespace: client.options().namespace.clone(),
        workflow_id,
        workflow_type: Some(WorkflowType { name: WORKFLOW_TYPE.to_owned() }),
        task_queue: Some(TaskQueue { name: IDLE_QUEUE.to_owned(), ..TaskQueue::default() }),
        identity: client.connection().identity().to_owned(),
        request_id: uuid::Uuid::now_v7().to_string(),
        workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicate.into(),
        workflow_id_conflict_policy: conflict.into(),
        memo: Some(Memo { fields: [(MEMO.to_owned(), id)].into() }),
        ..StartWorkflowExecutionRequest::default()
    }
}

/// A namespace that is missing is "not found" too, and says so.
fn is_missing_workflow(status: &tonic::Status) -> bool {
    status.code() == tonic::Code::NotFound && !status.message().starts_with("Namespace")
}
