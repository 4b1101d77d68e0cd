//! Texts that several pages share: what is due, its state, and how that looks.

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::incident::IncidentState;
use domain::urgency::Urgency;

/// What a customer is owed, as the beginning of `… for user_456`.
#[must_use]
pub fn due(effect: &EffectType) -> String {
    let words = match effect {
        EffectType::AccessUnlock => "Access",
        EffectType::CreditGrant => "Credits",
        EffectType::SeatUpdate => "Seats",
        EffectType::SubscriptionStateApply => "Subscription change",
        EffectType::AccessRevocation => "Access removal",
        EffectType::CreditDeduction => "Credit removal",
        EffectType::Declared(name) => name.as_str(),
    };
    words.to_owned()
}

/// The text with a capital letter at its beginning.
pub(crate) fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

/// A state as a shape, a label and a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The class of the style sheet.
    pub class: &'static str,
    pub text: String,
}

impl Badge {
    /// The label of a state.
    pub fn new(class: &'static str, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    /// The label of an incident's state.
    #[must_use]
    pub fn from_incident(state: IncidentState) -> Self {
        match state {
            IncidentState::Open => Self::new("open", "Open"),
            IncidentState::Acknowledged => Self::new("ack", "Acknowledged"),
            IncidentState::Reprocessing => Self::new("work", "Reprocessing"),
            IncidentState::Resolved => Self::new("done", "Resolved"),
        }
    }

    /// The label of what is more urgent than usual.
    #[must_use]
    pub fn from_urgency(urgency: Urgency) -> Option<Self> {
        let class = match urgency {
            Urgency::Normal | Urgency::High => "ack",
            Urgency::Critical => "open",
        };
        urgency.words().map(|words| Self::new(class, words))
    }

    /// The label of an effect's outcome.
    #[must_use]
    pub fn from_effect(effect: Effect) -> Self {
        match effect {
            Effect::Pending => Self::new("", "Waiting"),
            Effect::Succeeded => Self::new("done", "Applied"),
            Effect::Failed => Self::new("open", "Failed"),
            Effect::Missing => Self::new("open", "Missing"),
            Effect::Superseded => Self::new("done", "Superseded"),
        }
    }
}
