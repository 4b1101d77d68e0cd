//! The projects of a world: the one that it begins with, and others.

use domain::api_key::ApiKey;
use domain::ids::{KeyId, ProjectId};
use domain::project::Mode;
use domain::signature::SigningSecret;
use store::projects::{Project, ProjectSettings};
use store::{MasterKey, PgPool, api_keys, projects, signing_secrets};

use crate::World;
use crate::receiver::Receiver;
use crate::world::new_key;

impl World {
    /// The key of another project, whose owner charlie must see nothing.
    pub async fn charlie(&self) -> ApiKey {
        self.add_project("CometCart").await.1
    }

    /// Another project with the same repair endpoint, and its key.
    pub async fn add_project(&self, name: &str) -> (ProjectId, ApiKey) {
        let (secret, key) = (SigningSecret::from_bytes([7; 32]), new_key().expect("a key"));
        let made = seed(&self.pool, &self.master_key, name, &self.repair, &secret, &key).await;
        (made.expect("another project").0.id, key)
    }
}

/// Makes a project of test mode, whose callbacks are signed with this and whose calls come with that.
pub(crate) async fn seed(
    pool: &PgPool,
    master_key: &str,
    name: &str,
    repair: &Receiver,
    secret: &SigningSecret,
    key: &ApiKey,
) -> anyhow::Result<(Project, KeyId)> {
    let settings = ProjectSettings {
        repair_url: Some(repair.url().to_owned()),
        ..ProjectSettings::new(name.to_owned(), Mode::Test)
    };
    let project_id: ProjectId = projects::insert_project(pool, &settings).await?;
    signing_secrets::insert_secret(pool, &MasterKey::parse(master_key)?, project_id, secret)
        .await?;
    let key_id = api_keys::insert_key(pool, project_id, "Production worker", key).await?;
    let project = projects::find_project(pool, project_id).await?;
    Ok((project.ok_or_else(|| anyhow::anyhow!("no project"))?, key_id))
}
