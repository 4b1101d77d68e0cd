//! What people change about the installation, each change with its audit entry in the caller's
//! transaction. The console and the command line both change things here and nowhere else, so that
//! the audit says the same whichever was used.
//!
//! Input is checked before, by `domain`; what breaks a rule all the same is rejected by a
//! constraint. No entry holds a secret: keys and tokens are named by their label and last four
//! characters.

pub mod alert_rules;
pub mod archive;
pub mod callback_header;
pub mod declared_name;
pub mod destination;
pub mod extension;
pub mod key;
pub mod master_key;
pub mod operator;
pub mod policy;
pub mod project;
pub mod proof_link;
pub mod secret;
pub mod session;
pub mod snapshot;
pub mod test_shop;
pub mod token;
