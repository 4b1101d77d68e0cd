//! What a namespace needs: itself, five search attributes, and the database that it belongs to.
//!
//! Every step may be repeated: it checks first, makes what is missing, and says which of both it
//! did. A step that was cut off half-way is finished by the next run. Temporal Cloud makes
//! namespaces and search attributes elsewhere, so there the steps only check and name the command.

use std::collections::BTreeMap;
use std::time::Duration;

use temporalio_common::protos::temporal::api::enums::v1::IndexedValueType;
use temporalio_common::protos::temporal::api::operatorservice::v1::{
    AddSearchAttributesRequest, ListSearchAttributesRequest,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::RegisterNamespaceRequest;
use tokio::time::Instant;
use tonic::{Code, IntoRequest};
use workflows::names::search_attribute;

use crate::connect::{Engine, EngineError, ask, judge_status};

/// How long finished histories can be read in a namespace that is made here.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);
/// A namespace or an attribute that was just made is not everywhere immediately.
const VISIBLE_WITHIN: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Whether a step had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was made now.
    Made,
    /// It was there before.
    WasThere,
}

/// What a namespace lacks of the search attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttributeGaps {
    /// Names that are not there.
    pub missing: Vec<&'static str>,
    /// Names that are there with another type than Keyword, and which.
    pub mistyped: Vec<(&'static str, String)>,
}

/// What became of the search attributes.
#[derive(Debug, Default)]
pub struct AttributeSetup {
    /// Names that were made now.
    pub made: Vec<&'static str>,
    /// Names that Temporal did not make, and why.
    pub rejected: Vec<(&'static str, EngineError)>,
    /// What is still lacking.
    pub gaps: AttributeGaps,
}

impl AttributeGaps {
    /// Whether all are there as they should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.mistyped.is_empty()
    }

    fn between(present: &BTreeMap<String, String>) -> Self {
        let mut gaps = Self::default();
        for name in search_attribute::ALL {
            match present.get(name) {
                None => gaps.missing.push(name),
                Some(kind) if kind != KEYWORD => gaps.mistyped.push((name, kind.clone())),
                Some(_) => {}
            }
        }
        gaps
    }
}

const KEYWORD: &str = "Keyword";

impl Engine {
    /// Makes the namespace if it is missing, and waits until it can be used.
    ///
    /// # Errors
    /// When Temporal cannot be used or rejects.
    pub async fn setup_namespace(&self) -> Result<Made, EngineError> {
        match self.check().await {
            Err(EngineError::NoNamespace(_)) if !self.is_cloud() => {}
            known => {
                known?;
                return self.settle().await.map(|()| Made::WasThere);
            }
        }
        let client = self.client().await?;
        let request = RegisterNamespaceRequest {
            namespace: client.options().namespace.clone(),
            description: "sendpromptly".to_owned(),
            workflow_execution_retention_period: Some(RETENTION.try_into().unwrap_or_default()),
            ..RegisterNamespaceRequest::default()
        };
        let mut service = client.connection().workflow_service();
        match ask(service.register_namespace(request.into_request())).await {
            Err(status) if status.code() != Code::AlreadyExists => {
                return Err(judge_status(&status));
            }
            _ => {}
        }
        self.settle().await.map(|()| Made::Made)
    }

    /// Waits until every part of the server knows the namespace: each has a cache of its own.
    async fn settle(&self) -> Result<(), EngineError> {
        let deadline = Instant::now() + VISIBLE_WITHIN;
        loop {
            let known = async {
                self.check().await?;
                self.find_attribute_gaps().await?;
                self.find_environment().await.map(|_| ())
            };
            match known.await {
                Err(EngineError::NoNamespace(_)) if Instant::now() < deadline => {}
                seen => return seen,
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// What the namespace lacks of the search attributes.
    ///
    /// # Errors
    /// When Temporal cannot be used.
    pub async fn find_attribute_gaps(&self) -> Result<AttributeGaps, EngineError> {
        let client = self.client().await?;
        let namespace = client.options().namespace.clone();
        let request = ListSearchAttributesRequest { namespace };
        let mut service = client.connection().operator_service();
        match ask(service.list_search_attributes(request.into_request())).await {
            Ok(listed) => {
                let present = listed.custom_attributes.into_iter();
                Ok(AttributeGaps::between(
                    &present.map(|(name, kind)| (name, word(kind))).collect(),
                ))
            }
            Err(status)
                if matches!(status.code(), Code::Unimplemented | Code::PermissionDenied) =>
            {
                self.find_gaps_by_aliases().await
            }
            Err(status) => Err(judge_status(&status)),
        }
    }

    /// Makes what is missing of the search attributes, one after the other, so that one that
    /// Temporal rejects keeps no other from being made, and waits until they are there. Those of
    /// another type are left alone.
    ///
    /// # Errors
    /// When Temporal does not say what is there.
    pub async fn setup_attributes(&self) -> Result<AttributeSetup, EngineError> {
        let before = self.find_attribute_gaps().await?;
        let mut setup = AttributeSetup { gaps: before, ..AttributeSetup::default() };
        if self.is_cloud() {
            return Ok(setup);
        }
        let deadline = Instant::now() + VISIBLE_WITHIN;
        for name in setup.gaps.missing.clone() {
            match self.make_attribute(name, deadline).await {
                Ok(()) => setup.made.push(name),
                Err(error) => setup.rejected.push((name, error)),
            }
        }
        while setup.made.iter().any(|name| setup.gaps.missing.contains(name)) {
            // What was made is known, also where Temporal does not respond any more.
            if let Ok(gaps) = self.find_attribute_gaps().await {
                setup.gaps = gaps;
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Ok(setup)
    }

    /// Makes one, again and again while Temporal is on its way.
    async fn make_attribute(&self, name: &str, deadline: Instant) -> Result<(), EngineError> {
        loop {
            match self.add_attribute(name).await {
                Err(error) if is_passing(&error) && Instant::now() < deadline => {}
                made => return made,
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    async fn add_attribute(&self, name: &str) -> Result<(), EngineError> {
        let client = self.client().await?;
        let keyword = i32::from(IndexedValueType::Keyword);
        let request = AddSearchAttributesRequest {
            search_attributes: [(name.to_owned(), keyword)].into(),
            namespace: client.options().namespace.clone(),
        };
        let mut service = client.connection().operator_service();
        match ask(service.add_search_attributes(request.into_request())).await {
            Err(status) if status.code() != Code::AlreadyExists => Err(judge_status(&status)),
            _ => Ok(()),
        }
    }

    /// Where the operator's service is closed, as on Temporal Cloud, the namespace itself says
    /// which field each attribute lies in: `Keyword01`, `Text03`.
    async fn find_gaps_by_aliases(&self) -> Result<AttributeGaps, EngineError> {
        let config = self.describe_namespace().await?.config.unwrap_or_default();
        let aliases = config.custom_search_attribute_aliases.into_iter();
        let kind = |field: String| field.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let present = aliases.map(|(field, name)| (name, kind(field))).collect();
        Ok(AttributeGaps::between(&present))
    }
}

/// Whether the same request may succeed in a moment.
fn is_passing(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Unreachable(_) | EngineError::Busy(_) | EngineError::NoNamespace(_)
    )
}

fn word(kind: i32) -> String {
    IndexedValueType::try_from(kind).map_or_else(|_| kind.to_string(), |kind| format!("{kind:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_keywords_is_no_keyword_and_what_is_not_there_is_missing() {
        let present = [("SpProjectId", "Keyword"), ("SpState", "KeywordList"), ("Other", "Int")];
        let present = present.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into();
        let gaps = AttributeGaps::between(&present);
        assert_eq!(gaps.missing, ["SpProviderEventId", "SpInternalReference", "SpEffectType"]);
        assert_eq!(gaps.mistyped, [("SpState", "KeywordList".to_owned())]);
        assert_eq!(word(i32::from(IndexedValueType::Keyword)), KEYWORD);
        assert_eq!(word(i32::from(IndexedValueType::KeywordList)), "KeywordList");
    }
}
