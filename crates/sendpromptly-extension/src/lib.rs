//! The contract between sendpromptly and a team's own extensions, as types: what an extension is
//! given, and what it answers. JSON Schemas of both are in `docs/extensions/`.
//!
//! Later versions of the contract only add fields. So an [`Input`] ignores fields that it does not
//! know, and a [`Point`] that it does not know is [`Point::Unknown`]. sendpromptly itself uses the
//! types of the answers, and its tests hold the input against what it sends.
//!
//! ```
//! use sendpromptly_extension::{Input, ProbeAnswer};
//!
//! fn verify(input: &Input, granted_at: Option<&str>) -> ProbeAnswer {
//!     match granted_at {
//!         None => ProbeAnswer::not_settled(),
//!         Some(at) => ProbeAnswer::settled().evidence("granted_at", at),
//!     }
//! }
//! ```

mod answer;
mod input;

pub use answer::{Evidence, ProbeAnswer, ReprocessAnswer, ReprocessOutcome, UnknownOutcome};
pub use input::{Amount, Input, Point, Reason};

/// The version of the contract.
pub const CONTRACT: &str = "2026-12-01";
/// What every task queue of an extension begins with.
pub const QUEUE_PREFIX: &str = "sendpromptly-ext.";
/// The longest answer that is read, in bytes of JSON.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The longest note, in code points.
pub const MAX_NOTE: usize = 2_000;
/// How many entries of evidence are kept.
pub const MAX_EVIDENCE: usize = 20;
/// The longest name of an entry, in code points.
pub const MAX_EVIDENCE_NAME: usize = 100;
/// The longest text of an entry, in code points.
pub const MAX_EVIDENCE_VALUE: usize = 500;
