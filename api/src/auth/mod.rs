//! Who may sign in.

pub mod login;
pub mod password;
pub mod random;
