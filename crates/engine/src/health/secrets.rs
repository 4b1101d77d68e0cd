//! Whether this process has the master keys that the database's secrets are sealed with.

use store::health::count_foreign_secrets;
use store::{MasterKey, PgPool};

use super::{Check, count, in_time};

pub(super) const MASTER_KEY: &str = "master_key";

/// `master_key`.
pub(super) async fn check(pool: &PgPool, key: &MasterKey) -> Check {
    match in_time(count_foreign_secrets(pool, key)).await {
        Ok(0) => Check::ok(
            MASTER_KEY,
            "every signing secret, destination's URL and callback header can be opened",
        ),
        Ok(foreign) => {
            let secrets = count(foreign, "secret is", "secrets are");
            Check::failed(
                MASTER_KEY,
                format!("{secrets} sealed with another key: callbacks or alerts do not go out"),
                "set SENDPROMPTLY_MASTER_KEY to the same for every api and worker, and keep the key \
                 that they were sealed with in it, behind the newest and a comma",
            )
        }
        Err(cause) => Check::unknown(MASTER_KEY, "database").because(&cause),
    }
}
