//! Who of a project was erased: enough to know their events again when a receipt comes once more.

use std::collections::BTreeSet;

use domain::ids::{CustomerHash, ProjectId};

use crate::MasterKey;
use crate::seal::SealError;

/// The erased customers of a project, as every process keeps them in memory. With none, a receipt costs nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErasedCustomers {
    customers: BTreeSet<CustomerHash>,
    /// The key of the project's hashes, sealed.
    sealed_key: Vec<u8>,
}

/// An erased customer whose reference came again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Returned {
    pub customer: CustomerHash,
    /// Under which an event is found that was erased.
    pub event_key: [u8; 32],
}

impl ErasedCustomers {
    pub(crate) fn new(customers: Vec<CustomerHash>, sealed_key: Option<Vec<u8>>) -> Self {
        let sealed_key = sealed_key.unwrap_or_default();
        Self { customers: customers.into_iter().collect(), sealed_key }
    }

    /// Whose reference this is, if its customer was erased.
    pub(crate) fn find(
        &self,
        master_key: &MasterKey,
        project_id: ProjectId,
        reference: &str,
        event_key: &[u8; 32],
    ) -> Result<Option<Returned>, SealError> {
        if self.customers.is_empty() {
            return Ok(None);
        }
        let key = crate::reference_keys::open(master_key, project_id, &self.sealed_key)?;
        let customer = key.hash(project_id, reference);
        let found = self.customers.contains(&customer);
        Ok(found.then(|| Returned { customer, event_key: key.rehash(event_key) }))
    }
}
