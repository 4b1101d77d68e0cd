//! The types and the rules of sendpromptly, without IO, clock or randomness.
//!
//! Everything that decides lives here and is tested as tables and properties: what a request may
//! say, what a result changes, when silence is an incident, how a callback is signed and when it is
//! sent again. The other crates carry these decisions out.

pub mod alert;
pub mod alert_rules;
pub mod api_key;
pub mod app_error;
pub mod audit;
mod base62;
pub mod bulk;
pub mod callback;
pub mod callback_header;
pub mod catalogue;
pub mod cause;
pub mod customer;
pub mod days;
pub mod dead_man;
pub mod destination;
pub mod diagnostics;
pub mod effect_result;
pub mod erasure;
pub mod event;
pub mod extension;
pub mod field;
pub mod identifier;
pub mod identity;
pub mod ids;
pub mod incident;
pub mod likely_cause;
pub mod maintenance;
pub mod mention;
pub mod moment;
pub mod money;
pub mod notice;
pub mod operator;
pub mod or_unknown;
pub mod outage;
pub mod outbox;
pub mod project;
pub mod proof;
pub mod proxies;
pub mod quiet_hours;
pub mod receipt;
pub mod rejection;
pub mod reminder;
pub mod repair_url;
pub mod reprocess;
pub mod reprocess_policy;
pub mod retention;
pub mod saved_filter;
pub mod secret_token;
mod secret_url;
pub mod shop_domain;
pub mod signature;
pub mod silence;
pub mod slack_action;
pub mod snapshot;
pub mod test_shop;
mod text_column;
pub mod text_enum;
pub mod timeline;
pub mod urgency;
pub mod url_credentials;
pub mod verdict;
pub mod watch;
pub mod web_origin;
