//! The API keys of a project.

use domain::ids::KeyId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A project's API key, without the key: that is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ApiKey))]
pub struct KeyResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "key_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub key_id: KeyId,
    pub label: String,
    /// The key's last four characters.
    pub last_four: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// To the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// A new key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedKey {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "key_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub key_id: KeyId,
    pub label: String,
    /// Shown this once.
    pub key: String,
}

domain::debug_without!(CreatedKey { shown: [key_id, label], hidden: [key] });

/// What a new key is called.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeyBody))]
pub struct KeyRequest {
    /// 1 to 255 characters.
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::is_json;

    #[test]
    fn a_new_key_has_exactly_the_fields_of_the_contract() {
        let key_id = "key_00000000000000000000000001".parse().expect("an id");
        let created = CreatedKey { key_id, label: "production".into(), key: "sk_test_x".into() };
        let json =
            r#"{"key_id":"key_00000000000000000000000001","label":"production","key":"sk_test_x"}"#;
        is_json(&created, json);
    }
}
