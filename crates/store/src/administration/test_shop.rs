//! Connecting the built-in test shop to a project.
//!
//! One transaction under the project's lock: its repair URL, the shop's API key, and an address for alerts where there is
//! none. Of two that connect concurrently the second finds everything there. A repair URL that leads to an app is
//! never replaced, and a project of real money is never connected.

use domain::api_key::ApiKey;
use domain::audit::Actor;
use domain::ids::ProjectId;
use domain::project::Mode;
use domain::repair_url::RepairUrl;
use domain::test_shop::{self, KEY_LABEL};

use super::destination::add_destination;
use super::key::create_key;
use super::project::update_project;
use crate::api_keys::{KeyRow, list_keys};
use crate::destinations::{NewDestination, list_destinations};
use crate::projects::{ProjectSettings, lock_project};
use crate::seal::MasterKey;
use crate::signing_secrets::list_valid_secrets;
use crate::{ChangeError, PgConnection, StoreError};

/// Why the shop is not connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestShopRejection {
    #[error("there is no such project")]
    NoProject,
    #[error("the built-in test shop is for test projects only")]
    Live,
    #[error(
        "callbacks of this project go to an app of yours: create a test project without a repair URL for the shop"
    )]
    OwnApp,
    #[error(
        "the shop's API key was revoked: rotate the signing secret, and connect the shop again"
    )]
    KeyRevoked,
}

/// The shop's API key in a project, if it has one that is valid there. Looking for it is no use of it.
pub async fn find_test_shop_key(
    db: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
) -> Result<Option<ApiKey>, StoreError> {
    let secrets = list_valid_secrets(&mut *db, master_key, project_id).await?;
    let known = list_keys(&mut *db, Some(project_id)).await?;
    let mut keys = secrets.iter().filter_map(test_shop::key);
    Ok(keys.find(|key| find_row(&known, key).is_some_and(|row| row.revoked_at.is_none())))
}

fn find_row<'a>(known: &'a [KeyRow], key: &ApiKey) -> Option<&'a KeyRow> {
    known.iter().find(|row| row.label == KEY_LABEL && row.last_four == key.last_four())
}

/// Leads a project's callbacks to the shop at `repair_url`, and its alerts to `people` where they go nowhere yet.
///
/// # Errors
/// When it may not be connected, or the database fails.
pub async fn connect_test_shop(
    tx: &mut PgConnection,
    actor: &Actor,
    master_key: &MasterKey,
    project_id: ProjectId,
    repair_url: &RepairUrl,
    people: Option<&NewDestination>,
) -> Result<(), ChangeError<TestShopRejection>> {
    let project = lock_project(&mut *tx, project_id).await?;
    let project = project.ok_or(ChangeError::Rejected(TestShopRejection::NoProject))?;
    if project.mode == Mode::Live {
        return Err(ChangeError::Rejected(TestShopRejection::Live));
    }
    if project.repair_url.as_deref().is_some_and(|url| url != repair_url.as_str()) {
        return Err(ChangeError::Rejected(TestShopRejection::OwnApp));
    }
    ensure_key(&mut *tx, actor, master_key, project_id).await?;
    let repair_url = Some(repair_url.to_string());
    let settings = ProjectSettings { repair_url, ..ProjectSettings::from_project(&project) };
    update_project(&mut *tx, actor, project_id, &settings).await?;
    if let Some(people) = people
        && list_destinations(&mut *tx, Some(project_id)).await?.is_empty()
    {
        add_destination(&mut *tx, actor, master_key, project_id, people).await?;
    }
    Ok(())
}

async fn ensure_key(
    tx: &mut PgConnection,
    actor: &Actor,
    master_key: &MasterKey,
    project_id: ProjectId,
) -> Result<(), ChangeError<TestShopRejection>> {
    if find_test_shop_key(&mut *tx, master_key, project_id).await?.is_some() {
        return Ok(());
    }
    let secrets = list_valid_secrets(&mut *tx, master_key, project_id).await?;
    let newest = secrets.first().and_then(test_shop::key);
    let key = newest.ok_or(StoreError::Missing("signing_secrets"))?;
    let known = list_keys(&mut *tx, Some(project_id)).await?;
    if find_row(&known, &key).is_some() {
        return Err(ChangeError::Rejected(TestShopRejection::KeyRevoked));
    }
    create_key(tx, actor, project_id, KEY_LABEL, &key).await?;
    Ok(())
}
