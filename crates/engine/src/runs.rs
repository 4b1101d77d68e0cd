//! Reading watches, and bulk reprocesses beside them, and their histories out of Temporal, for commands.
//!
//! Lists come from the visibility store, which is only eventually right: they are for samples and for
//! people, and what follows from them is asked again where it is decided. Nothing is changed.

use std::collections::BTreeMap;

use domain::ids::EventId;
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, ListWorkflowExecutionsRequest,
    TerminateWorkflowExecutionRequest,
};
use tonic::{Code, IntoRequest};

use crate::connect::{Engine, EngineError, ask, judge_status};

/// The type of the watches, as a condition.
const WATCH: &str = "WorkflowType='EffectWatch'";
/// That of bulk reprocesses, which last for days where they are paused.
const BULK: &str = "WorkflowType='BulkReprocess'";
/// The most that is asked for in one call.
const PAGE: usize = 500;

/// One run of a watch, or of a bulk reprocess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRun {
    pub workflow_id: String,
    pub run_id: String,
    pub status: WorkflowExecutionStatus,
    /// Seconds since 1970, by Temporal's clock.
    pub started_at: Option<i64>,
    /// Its search attributes that are text.
    pub attributes: BTreeMap<String, String>,
}

impl WatchRun {
    /// Whether it is not closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused)
    }

    /// The event that it watches.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        self.workflow_id.strip_prefix("effect-watch/")?.parse().ok()
    }

    fn read(info: WorkflowExecutionInfo) -> Option<Self> {
        let status = info.status();
        let started_at = info.start_time.map(|at| at.seconds);
        let WorkflowExecution { workflow_id, run_id } = info.execution?;
        let fields = info.search_attributes.unwrap_or_default().indexed_fields;
        let text = |data: &[u8]| serde_json::from_slice::<String>(data).ok();
        let attributes = fields.into_iter().filter_map(|(name, it)| Some((name, text(&it.data)?)));
        Some(Self { workflow_id, run_id, status, started_at, attributes: attributes.collect() })
    }
}

impl Engine {
    /// The latest watches and bulk reprocesses that a query matches, at most so many; with no query, bulk reprocesses that are
    /// open, up to a quarter, and of watches open ones and those that were closed lately, in equal parts as far as there are
    /// so many.
    ///
    /// # Errors
    /// When Temporal cannot be asked, or cannot read the query.
    pub async fn sample_runs(
        &self,
        query: Option<&str>,
        limit: usize,
    ) -> Result<Vec<WatchRun>, EngineError> {
        if let Some(query) = query {
            return self.list_runs(&format!("({WATCH} OR {BULK}) AND ({query})"), limit).await;
        }
        let open_bulks = format!("{BULK} AND ExecutionStatus='Running'");
        let bulks = self.list_runs(&open_bulks, limit / 4).await?;
        let limit = limit - bulks.len();
        let half = limit.div_ceil(2);
        let mut closed = self.list_watches("ExecutionStatus!='Running'", limit).await?;
        let open = self.list_watches("ExecutionStatus='Running'", limit).await?;
        let room = limit - open.len().min(half);
        closed.truncate(room);
        let room = limit - closed.len();
        Ok(bulks.into_iter().chain(open.into_iter().take(room)).chain(closed).collect())
    }

    /// The latest watches that a condition matches, at most so many.
    ///
    /// # Errors
    /// When Temporal cannot be asked, or cannot read the condition.
    pub async fn list_watches(
        &self,
        condition: &str,
        limit: usize,
    ) -> Result<Vec<WatchRun>, EngineError> {
        self.list_runs(&format!("{WATCH} AND {condition}"), limit).await
    }

    async fn list_runs(&self, query: &str, limit: usize) -> Result<Vec<WatchRun>, EngineError> {
        let client = self.client().await?;
        let mut service = client.connection().workflow_service();
        let (mut found, mut next_page_token) = (Vec::new(), Vec::new());
        while found.len() < limit {
            let request = ListWorkflowExecutionsRequest {
                namespace: client.options().namespace.clone(),
                page_size: i32::try_from((limit - found.len()).min(PAGE)).unwrap_or(i32::MAX),
                next_page_token,
                query: query.to_owned(),
            };
            let listed = ask(service.list_workflow_executions(request.into_request()))
                .await
                .map_err(|status| judge_status(&status))?;
            found.extend(listed.executions.into_iter().filter_map(WatchRun::read));
            next_page_token = listed.next_page_token;
            if next_page_token.is_empty() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Terminates a run, which says why; one that is closed or gone stays so.
    ///
    /// # Errors
    /// When Temporal cannot be asked.
    pub(crate) async fn terminate_watch(
        &self,
        run: &WatchRun,
        reason: &str,
    ) -> Result<(), EngineError> {
        let client = self.client().await?;
        let (workflow_id, run_id) = (run.workflow_id.clone(), run.run_id.clone());
        let request = TerminateWorkflowExecutionRequest {
            namespace: client.options().namespace.clone(),
            workflow_execution: Some(WorkflowExecution { workflow_id, run_id }),
            reason: reason.to_owned(),
            identity: self.identity(),
            ..TerminateWorkflowExecutionRequest::default()
        };
        let mut service = client.connection().workflow_service();
        match ask(service.terminate_workflow_execution(request.into_request())).await {
            Err(status) if status.code() != Code::NotFound => Err(judge_status(&status)),
            _ => Ok(()),
        }
    }

    /// The history of a run; `None` if it is gone.
    ///
    /// # Errors
    /// When Temporal cannot be asked.
    pub async fn read_history(&self, run: &WatchRun) -> Result<Option<History>, EngineError> {
        let client = self.client().await?;
        let mut service = client.connection().workflow_service();
        let (mut history, mut next_page_token) = (History::default(), Vec::new());
        loop {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: client.options().namespace.clone(),
                execution: Some(WorkflowExecution {
                    workflow_id: run.workflow_id.clone(),
                    run_id: run.run_id.clone(),
                }),
                next_page_token,
                ..GetWorkflowExecutionHistoryRequest::default()
            };
            let page = ask(service.get_workflow_execution_history(request.into_request())).await;
            let page = match page {
                Err(status) if status.code() == Code::NotFound => return Ok(None),
                page => page.map_err(|status| judge_status(&status))?,
            };
            history.events.extend(page.history.unwrap_or_default().events);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() {
                return Ok(Some(history));
            }
        }
    }
}
