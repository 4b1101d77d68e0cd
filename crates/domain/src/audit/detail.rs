//! The details of [`super::AuditEvent`], key by key as they are stored.
//!
//! Pages, exports, the API and other releases read these keys, so they are only added to: a new one
//! is an `Option` that is left out when there is none. A key that is stored as `null` where nothing
//! was said stays so.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;

use crate::app_error::AppError;
use crate::bulk::{BulkAction, BulkSettings, BulkState};
use crate::catalogue::EffectType;
use crate::effect_result::Outcome;
use crate::extension::{CallOutcome, Evidence, ExtensionKind, Point, Silence, Trust};
use crate::ids::{
    BulkId, CallId, CauseId, CustomerHash, DestinationId, ErasureId, EventId, ExtensionId,
    FilterId, KeyId, OperatorId, ProofLinkId, ReplayId, ResultId, SecretId, SessionId, TokenId,
};
use crate::incident::{Reason, Resolution};
use crate::money::Amount;
use crate::operator::Role;
use crate::outbox::OutboxKind;
use crate::project::Mode;
use crate::reprocess_policy::{PolicySettings, StopReason};
use crate::saved_filter::FilteredList;
use crate::silence::ExpectedReceipts;

macro_rules! details {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$field_meta])* #[doc = concat!("The key `", stringify!($field), "`.")] pub $field: $type,)*
        }
    )+};
}

mod telling;

pub use telling::{
    AlertDetail, AlertRulesDetail, HeldDetail, MaintenanceDetail, NotificationKind, RemindedDetail,
    SnoozeEndDetail, SnoozedDetail, ToldDetail,
};

details! {
    /// Nothing more is known.
    NoDetail {}

    ReceiptDetail {
        event_type: String,
        effect_type: EffectType,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Amount>,
    }

    ResultDetail {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result_id: Option<ResultId>,
        /// Only where the message of a failure changed that was reported again under the same key.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeated: bool,
        /// Only of a failure.
        #[serde(flatten, deserialize_with = "error_if_said")]
        error: Option<AppError>,
        /// The reprocess that the app reports on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replay_id: Option<ReplayId>,
    }

    /// Of a result that no receipt claimed.
    UnclaimedDetail {
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_event_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shopify_shop_domain: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        event_type: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        effect_type: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        internal_reference: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        effect_key: Option<String>,
        status: Outcome,
        #[serde(flatten, serialize_with = "what_was_said")]
        error: AppError,
        /// As Postgres writes it.
        received_at: String,
    }

    /// Of what was rejected, or of something rejected with it.
    WhyDetail {
        #[serde(deserialize_with = "sentence_or_field_errors")]
        why: String,
    }

    /// Of a new incident.
    OpenedDetail {
        reason: Reason,
        /// Only where its silence was judged later because of an outage of our own API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outage_grace_seconds: Option<i32>,
        #[serde(flatten)]
        error: AppError,
    }

    /// Of an acknowledgement.
    AcknowledgedDetail {
        note: Option<String>,
        /// Only where it was one of many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bulk_id: Option<BulkId>,
    }

    /// Of an incident that an operator owns from now on, and who did before; by address.
    AssignedDetail {
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    }

    /// Of an incident that was given back, and who owned it.
    ReleasedDetail { from: String }

    /// Of a comment on an incident, or on a cause; `mentioned` are addresses of operators.
    CommentDetail {
        note: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentioned: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause_id: Option<CauseId>,
    }

    /// Of an operator who could not be told of a comment.
    GivenUpMentionDetail { to: String, why: String }

    /// Of a request to reprocess.
    ReprocessDetail {
        replay_id: ReplayId,
        note: Option<String>,
        /// Only where it was one of many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bulk_id: Option<BulkId>,
    }

    /// Of a request to reprocess that was rejected.
    ReprocessRejectionDetail { why: String, note: Option<String> }

    /// Of a reprocess that ended.
    ReprocessEndDetail {
        replay_id: ReplayId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    }

    /// Of a reprocess that a policy will start.
    PlannedDetail {
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Until when alerts wait for its outcome, where they do.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
        alerts_wait_until: Option<OffsetDateTime>,
    }

    /// Of an attempt that a crash cut off.
    InterruptedDetail { replay_id: ReplayId }

    /// Of one attempt of a callback.
    CallbackDetail {
        replay_id: ReplayId,
        attempt: i32,
        /// Of the HTTP response.
        status: Option<u16>,
        /// The class of the error, where there was no response.
        error: Option<String>,
        latency_ms: i64,
        /// The beginning of the response, or the error's text.
        answer: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        redirect_to: Option<String>,
    }

    /// Of a watch that is stalled in Temporal.
    StallDetail {
        /// Of a pause, `watch` or `callback`; otherwise what is stuck, as a sentence without a full
        /// stop.
        what: String,
        /// Which standstill it is: the run, and when it began or what is stuck.
        key: String,
        /// The command that ends it, or shows why.
        cure: String,
    }

    /// Of a signal of which parts were ignored.
    SignalDetail { signal: String, why: String }

    /// Of an outbox message that Temporal rejects.
    ParkedDetail { wish: OutboxKind, why: String }

    NewProjectDetail {
        name: String,
        mode: Mode,
        timeout_minutes: i32,
        repair_url: Option<String>,
        snapshots: bool,
        /// Only where it is not the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot_days: Option<i32>,
        /// Only where callbacks carry them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        snapshot_in_callback: bool,
        /// None in entries of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_receipts: Option<ExpectedReceipts>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retention_months: Option<i32>,
    }

    /// Of a change of a project: only what changed.
    #[derive(Default)]
    ProjectChanges {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Change<String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout_minutes: Option<Change<i32>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retention_months: Option<Change<i32>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        repair_url: Option<Change<Option<String>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshots: Option<Change<bool>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_receipts: Option<Change<ExpectedReceipts>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot_days: Option<Change<i32>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot_in_callback: Option<Change<bool>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        callback_headers: Option<HeaderChange>,
    }

    /// Names of headers, never their values.
    HeaderChange { set: Vec<String>, removed: Vec<String> }

    /// Of a policy for automatic reprocesses, as it is from then on.
    PolicyDetail {
        effect_type: EffectType,
        #[serde(flatten)]
        settings: PolicySettings,
    }

    /// Of a policy that stopped for a cause.
    PolicyStopDetail {
        effect_type: EffectType,
        cause_id: CauseId,
        event_type: String,
        reason: Reason,
        error_code: Option<String>,
        #[serde(flatten)]
        why: StopReason,
    }

    /// Of a policy that goes on for causes for which it was stopped.
    PolicyResetDetail { effect_type: EffectType, causes: Vec<CauseId> }

    /// Of a bulk reprocess that begins; of many that are acknowledged or resolved, which of it.
    BulkStartedDetail {
        bulk_id: BulkId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<BulkAction>,
        /// How many incidents it has.
        incidents: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause_id: Option<CauseId>,
        #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
        pace: Option<BulkSettings>,
        note: String,
    }

    /// Of a bulk reprocess that is paused or goes on; `why` where it paused by itself.
    BulkDetail {
        bulk_id: BulkId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    }

    /// Of a bulk reprocess that is over: `done`, or `canceled` with what had not started.
    BulkEndDetail {
        bulk_id: BulkId,
        state: BulkState,
        succeeded: i64,
        failed: i64,
        skipped: i64,
        waiting: i64,
    }

    /// Of a name that a project declares.
    DeclaredDetail { name: String }

    /// Of an archived project: how many of its incidents were not resolved then.
    ArchivedDetail { unresolved: i64 }

    /// Of an API key.
    KeyDetail { key_id: KeyId, label: String, last_four: String }

    /// Of a new destination; `address` is as much of it as anyone may see.
    AddedDestinationDetail { destination_id: DestinationId, kind: String, address: String }

    DestinationDetail { destination_id: DestinationId }

    /// Of a destination's new label: what it was called before and is after.
    /// Of a destination that gets each incident by itself from now on, or messages about causes.
    EveryIncidentDetail { destination_id: DestinationId, every_incident: bool }

    RenamedDestinationDetail { destination_id: DestinationId, from: String, to: String }

    /// Of a test message.
    TestDetail { destination_id: DestinationId, delivered: bool, answer: String }

    /// Of a new extension; `name` is its activity, or the host of its URL.
    AddedExtensionDetail {
        extension_id: ExtensionId,
        name: String,
        point: Point,
        kind: ExtensionKind,
        trust: Trust,
    }

    ExtensionDetail { extension_id: ExtensionId, name: String }

    /// Of a trial: what the answer would have counted as, or why there was no valid one.
    TriedExtensionDetail { extension_id: ExtensionId, name: String, valid: bool, outcome: String }
    /// Which extension gave evidence, and in which call.
    EvidenceDetail { extension_id: ExtensionId, name: String, call_id: CallId }

    /// Of a call that an extension answered, and what the answer counted as.
    AnsweredDetail {
        extension_id: ExtensionId,
        name: String,
        call_id: CallId,
        point: Point,
        outcome: CallOutcome,
        /// Whether it came too late for what the point is for.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Evidence::is_empty")]
        evidence: Evidence,
    }

    /// Of a call that got no answer.
    UnansweredDetail {
        extension_id: ExtensionId,
        name: String,
        call_id: CallId,
        point: Point,
        #[serde(flatten)]
        silence: Silence,
    }

    /// Of a signing secret.
    SecretDetail {
        secret_id: SecretId,
        /// Whose messages it signs; none where it signs the project's callbacks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination_id: Option<DestinationId>,
    }

    /// Of the master key that everything is sealed with from then on.
    MasterKeyDetail { master_key_id: String }

    /// Of values that were sealed again: how many of each table, and how many did not open.
    RotatedKeyDetail { master_key_id: String, resealed: BTreeMap<String, u64>, unopened: u64 }

    /// Of a customer whose rows were erased: how many of each table. Of the reference there is the tombstone alone.
    ErasedDetail { erasure_id: ErasureId, tombstone: CustomerHash, erased: BTreeMap<String, u64> }

    /// Of texts of the audit that the erasure of a customer overwrites: whose they were. The database writes it.
    ErasedTextsDetail { erasure_id: ErasureId, tombstone: CustomerHash, entries: Vec<String> }

    /// Of a new event whose customer was erased before.
    ReturnedDetail { tombstone: CustomerHash }

    /// Of a filter that everyone who signs in sees from then on, as it is then; `was` is the name that it had before.
    SharedFilterDetail {
        filter_id: FilterId,
        list: FilteredList,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    }

    /// Of a shared filter that is gone.
    FilterDetail { filter_id: FilterId, list: FilteredList, name: String }

    ProofLinkDetail {
        proof_link_id: ProofLinkId,
        /// Of a new one: for how long it opens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<i32>,
    }

    /// Of an operator.
    OperatorDetail { operator_id: OperatorId, email: String, role: Role }

    /// Of a role that changed.
    RoleChangeDetail { operator_id: OperatorId, email: String, from: Role, to: Role }

    /// Of a password that changed.
    PasswordDetail { operator_id: OperatorId, email: String, sessions_ended: u64 }

    /// Of an operator who is known in Slack by another id, or by none.
    SlackUserDetail { operator_id: OperatorId, email: String, slack_user_id: Option<String> }

    /// Of a session that began.
    SignInDetail { operator_id: OperatorId, session_id: SessionId }

    /// Of an operator who may not sign in for a while.
    LockOutDetail {
        operator_id: OperatorId,
        email: String,
        #[serde(with = "time::serde::rfc3339")]
        locked_until: OffsetDateTime,
    }

    /// Of an operator's own token.
    TokenDetail { operator_id: OperatorId, token_id: TokenId, label: String, last_four: String }
}

/// A setting before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<T> {
    /// Before.
    pub from: T,
    /// After.
    pub to: T,
}

impl<T: PartialEq> Change<T> {
    /// The change, if it is one.
    #[must_use]
    pub fn between(from: T, to: T) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }
}

/// Why the result of an event may have meant another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AmbiguityDetail {
    /// An early result that fits this event was taken for that one.
    Taken {
        /// That one.
        settled_event_id: EventId,
    },
    /// A result fits several events, and was taken for none.
    Candidates {
        /// What it said.
        status: Outcome,
        /// What the app said of a failure.
        #[serde(flatten)]
        error: AppError,
        /// The other ones.
        candidates: Vec<EventId>,
    },
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ResolvedDetail {
    /// An operator resolved it.
    Manually {
        /// `manual`.
        resolution: Resolution,
        /// Why; the key is always there.
        #[serde(deserialize_with = "nullable")]
        note: Option<String>,
        /// What they went by, where that was an extension's evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<EvidenceDetail>,
        /// Only where it was one of many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bulk_id: Option<BulkId>,
    },
    /// A result resolved it.
    ByResult {
        /// Which one.
        resolution: Resolution,
    },
}

/// How sessions ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SignOutDetail {
    /// Its owner ended one.
    One {
        /// Whose it was.
        operator_id: OperatorId,
        /// Which one.
        session_id: SessionId,
    },
    /// All of an operator's were ended, maybe but one.
    All {
        /// Whose they were.
        operator_id: OperatorId,
        /// The address, if the operator was not removed.
        email: Option<String>,
        /// How many.
        sessions_ended: u64,
    },
}

/// A reason, which earlier releases wrote as a list of fields with what is wrong with each.
fn sentence_or_field_errors<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    struct InField {
        field: String,
        message: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Why {
        Sentence(String),
        Fields(Vec<InField>),
    }
    Ok(match Why::deserialize(from)? {
        Why::Sentence(why) => why,
        Why::Fields(fields) => {
            let all = fields.iter().map(|InField { field, message }| format!("{field} {message}"));
            all.collect::<Vec<_>>().join("; ")
        }
    })
}

/// A key that must be there and may be null.
fn nullable<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// An error of the app, without the keys of what it does not say.
fn what_was_said<S: Serializer>(error: &AppError, to: S) -> Result<S::Ok, S::Error> {
    let said = [("error_code", &error.code), ("error_message", &error.message)];
    to.collect_map(said.into_iter().filter(|(_, text)| text.is_some()))
}

/// An error of the app whose keys are there, even if they are null. Without them there was no
/// failure.
fn error_if_said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AppError>, D::Error> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(deserialize_with = "nullable")]
        error_code: Option<String>,
        error_message: Option<String>,
    }
    let said = Option::<Said>::deserialize(from)?;
    Ok(said.map(|said| AppError { code: said.error_code, message: said.error_message }))
}
