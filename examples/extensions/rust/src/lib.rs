//! A probe and a repair of sendpromptly, and the ledger that they look at.

pub mod activities;
pub mod ledger;
