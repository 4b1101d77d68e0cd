//! What the program that embeds the engines is called, for its folders and its settings. Nothing
//! else here knows whose engines they are.

/// Its folder below those that the system has for caches and for state.
pub(crate) const FOLDER: &str = "sendpromptly";
/// What its temporary folders begin with.
pub(crate) const SCRATCH_PREFIX: &str = "sendpromptly-";
/// The file in a data folder that holds the superuser's password.
pub(crate) const PASSWORD_FILE: &str = "sendpromptly.password";
/// Name of the database that every new cluster has.
pub const DATABASE: &str = "sendpromptly";

/// Where wheels are unpacked.
pub(crate) const CACHE_DIR: &str = "SENDPROMPTLY_CACHE_DIR";
/// The folder that holds `postgres` and `initdb`.
pub(crate) const POSTGRES_BIN_DIR: &str = "SENDPROMPTLY_POSTGRES_BIN_DIR";
/// The `temporal` program.
pub(crate) const TEMPORAL_BIN: &str = "SENDPROMPTLY_TEMPORAL_BIN";
