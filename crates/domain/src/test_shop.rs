//! The built-in test shop: a made-up app that a test project can have in place of a real one.
//!
//! Its API key is derived from the project's signing secret, so that every process that can open that secret has the key,
//! after a restart too, and it is stored nowhere but as its hash, like every other key. Revoking it ends what the shop can
//! do in the project; a new signing secret gives a new key.

use crate::api_key::ApiKey;
use crate::ids::ProjectId;
use crate::project::Mode;
use crate::signature::SigningSecret;
use crate::text_enum::text_enum;

/// What its key is called.
pub const KEY_LABEL: &str = "Built-in test shop";

/// What is derived from a signing secret for it. Nothing that is signed begins so.
const KEY_PURPOSE: &str = "built-in-test-shop-key";

/// The path that its callbacks go to, as routers spell it.
pub const REPAIR_PATH: &str = "/test-shop/{project_id}/repair";

/// In how many minutes its payments are due: the shortest time that there is.
pub const DUE_MINUTES: i32 = 1;

text_enum! {
    /// What becomes of a test payment.
    PaymentKind {
        /// The shop reports that it could not be applied.
        Fails = "fails",
        /// The shop reports nothing.
        Missing = "missing",
        /// The shop reports that it was applied.
        Succeeds = "succeeds",
    }
}

/// Its API key in the project that signs with this secret. `None` only if the secret gives too few characters, which is
/// as likely as guessing it.
#[must_use]
pub fn key(secret: &SigningSecret) -> Option<ApiKey> {
    ApiKey::from_random(Mode::Test, &secret.derive(KEY_PURPOSE))
}

/// Where callbacks of a project go to reach it, on a server at this address without a slash at its end.
#[must_use]
pub fn repair_url(server: &str, project_id: ProjectId) -> String {
    format!("{server}{}", REPAIR_PATH.replace("{project_id}", &project_id.to_string()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_secret_has_one_key_and_another_secret_another() {
        let [one, other] = [1, 2].map(|byte| SigningSecret::from_bytes([byte; 32]));
        let key_of = |secret| key(secret).expect("a key");
        assert_eq!(key_of(&one), key_of(&one));
        assert_ne!(key_of(&one), key_of(&other));
        assert!(key_of(&one).reveal().starts_with("sk_test_"));
        assert_eq!(ApiKey::parse(key_of(&one).reveal()), Some(key_of(&one)));
    }

    #[test]
    fn each_project_has_an_address_of_its_own() {
        let id = ProjectId::from_uuid(Uuid::nil());
        let expected = format!("http://127.0.0.1:8080/test-shop/{id}/repair");
        assert_eq!(repair_url("http://127.0.0.1:8080", id), expected);
    }
}
