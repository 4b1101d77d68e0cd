//! The keys that seal what is written about customers: one a customer, each sealed with the master key. Who loses
//! the key of a customer can read none of it, whatever copies there are.
//!
//! A key is made when the first text is sealed, in that transaction: with it both stay or neither does. Of two
//! transactions that make one concurrently the later waits for the other and takes its key. A key names the
//! customer by a keyed hash of the reference, so the table says of nobody who it is.
//!
//! A destroyed key leaves its row while the customer is being erased, and nothing is sealed about them then. Once
//! that is over the row goes, and what comes later is a new customer's.

use std::collections::BTreeMap;

use domain::ids::{CustomerHash, CustomerKeyId, ProjectId};
use uuid::Uuid;

use crate::seal::{Cell, DataKey, MasterKey, SealError};
use crate::{PgConnection, StoreError, column, reference_keys};

/// Seals and opens what is written about one customer.
#[derive(Debug, Clone)]
pub struct CustomerKey {
    id: CustomerKeyId,
    key: DataKey,
}

impl CustomerKey {
    /// What stands beside a sealed text, to find the key again.
    #[must_use]
    pub const fn id(&self) -> CustomerKeyId {
        self.id
    }

    /// Seals a text for one cell.
    ///
    /// # Errors
    /// Only when the text is too long for the cipher.
    pub fn seal(&self, cell: &Cell, text: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.seal(cell, text)
    }

    /// Opens a text of one cell.
    ///
    /// # Errors
    /// When another key sealed it, or it was cut, changed or moved.
    pub fn open(&self, cell: &Cell, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.open(cell, envelope)
    }
}

/// The key of a customer, made where there is none; `None` while the customer is being erased: nothing is kept of
/// a text then.
///
/// # Errors
/// When the database fails, or the key does not open.
pub async fn key_of(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
    reference: &str,
) -> Result<Option<CustomerKey>, StoreError> {
    let customer = reference_keys::hash(tx, master_key, project_id, reference).await?;
    let found = match find_row(tx, project_id, customer).await? {
        Some(found) => found,
        None => {
            insert(tx, master_key, project_id, customer).await?;
            let made = find_row(tx, project_id, customer).await?;
            made.ok_or(StoreError::Missing("customer_keys"))?
        }
    };
    Ok(found.open(master_key)?)
}

/// Those of these keys that there are. What a missing one sealed was erased.
///
/// # Errors
/// When the database fails, or a key does not open.
pub async fn find_keys(
    db: &mut PgConnection,
    master_key: &MasterKey,
    ids: &[CustomerKeyId],
) -> Result<BTreeMap<CustomerKeyId, CustomerKey>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query_as!(
        StoredKey,
        "SELECT id, project_id, sealed FROM customer_keys WHERE id = ANY ($1)",
        &column(ids, |id| id.as_uuid()),
    )
    .fetch_all(db)
    .await?;
    let opened = rows.into_iter().map(|row| row.open(master_key));
    let keys: Vec<_> = opened.collect::<Result<_, _>>()?;
    Ok(keys.into_iter().flatten().map(|key| (key.id, key)).collect())
}

/// Destroys the key of a customer, and keeps another from being made until [`release`]. Whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn destroy(
    tx: &mut PgConnection,
    project_id: ProjectId,
    customer: CustomerHash,
) -> Result<bool, StoreError> {
    // Locked before it is looked at, so that a key which is made in the meantime is destroyed, too.
    sqlx::query!(
        "INSERT INTO customer_keys (id, project_id, customer, destroyed_at) VALUES ($1, $2, $3, now())
         ON CONFLICT ON CONSTRAINT customer_keys_customer_key DO NOTHING",
        Uuid::now_v7(),
        project_id.as_uuid(),
        customer.as_uuid(),
    )
    .execute(&mut *tx)
    .await?;
    let destroyed = sqlx::query!(
        "UPDATE customer_keys SET sealed = NULL, destroyed_at = now()
         WHERE project_id = $1 AND customer = $2 AND sealed IS NOT NULL",
        project_id.as_uuid(),
        customer.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(destroyed.rows_affected() > 0)
}

/// Lets a key be made again for a customer who comes back.
///
/// # Errors
/// When the database fails.
pub async fn release(
    tx: &mut PgConnection,
    project_id: ProjectId,
    customer: CustomerHash,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM customer_keys WHERE project_id = $1 AND customer = $2 AND sealed IS NULL",
        project_id.as_uuid(),
        customer.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

struct StoredKey {
    id: CustomerKeyId,
    project_id: ProjectId,
    /// None once it was destroyed.
    sealed: Option<Vec<u8>>,
}

impl StoredKey {
    fn open(self, master_key: &MasterKey) -> Result<Option<CustomerKey>, SealError> {
        let Some(sealed) = self.sealed else { return Ok(None) };
        let bytes = master_key.open(&Cell::customer_key(self.project_id, self.id), &sealed)?;
        Ok(Some(CustomerKey { id: self.id, key: DataKey::from_bytes(&bytes)? }))
    }
}

async fn find_row(
    tx: &mut PgConnection,
    project_id: ProjectId,
    customer: CustomerHash,
) -> Result<Option<StoredKey>, StoreError> {
    let found = sqlx::query_as!(
        StoredKey,
        "SELECT id, project_id, sealed FROM customer_keys WHERE project_id = $1 AND customer = $2",
        project_id.as_uuid(),
        customer.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(found)
}

/// Leaves the one that someone else made in the meantime.
async fn insert(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
    customer: CustomerHash,
) -> Result<(), StoreError> {
    let id = CustomerKeyId::from_uuid(Uuid::now_v7());
    let sealed = master_key.seal(&Cell::customer_key(project_id, id), &DataKey::generate())?;
    sqlx::query!(
        "INSERT INTO customer_keys (id, project_id, customer, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT customer_keys_customer_key DO NOTHING",
        id.as_uuid(),
        project_id.as_uuid(),
        customer.as_uuid(),
        sealed,
    )
    .execute(tx)
    .await?;
    Ok(())
}
