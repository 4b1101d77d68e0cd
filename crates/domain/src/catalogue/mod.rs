//! Providers, event types and effect types: one catalogue.
//!
//! Adding a provider is adding a row to [`PROVIDERS`] and a variant to [`Provider`]. A project
//! declares further names for itself; they are looked up beside the built-in ones and then are its
//! own. Names are always looked up per provider: two providers may call different things alike.

mod name;
mod open_enum;
mod providers;

use std::fmt;

use open_enum::open_enum;

pub use name::{InvalidName, MAX_NAME, Name};
pub use providers::{PROVIDERS, ProviderRow};

use crate::field::FieldError;
use crate::ids::ProjectId;

open_enum! {
    /// Who took the customer's money.
    Provider {
        Stripe = "stripe",
        Shopify = "shopify",
        PayPal = "paypal",
        Paddle = "paddle",
        LemonSqueezy = "lemonsqueezy",
        Adyen = "adyen",
    }
}

open_enum! {
    /// The business consequence that was paid for.
    EffectType {
        AccessUnlock = "access_unlock",
        CreditGrant = "credit_grant",
        SeatUpdate = "seat_update",
        SubscriptionStateApply = "subscription_state_apply",
        AccessRevocation = "access_revocation",
        CreditDeduction = "credit_deduction",
    }
}

impl EffectType {
    /// What takes something from the customer; the others give what was paid for.
    pub const TAKING: [Self; 2] = [Self::AccessRevocation, Self::CreditDeduction];
}

impl Provider {
    /// Its name as people write it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.row().map_or(self.as_str(), |row| row.name)
    }

    /// The built-in row.
    #[must_use]
    pub fn row(&self) -> Option<&'static ProviderRow> {
        PROVIDERS.iter().find(|row| row.provider == *self)
    }

    fn built_in_types(&self) -> &'static [&'static str] {
        self.row().map_or(&[], |row| row.event_types)
    }

    /// As it is written first: what a receipt names has the catalogue's spelling, and needs no folding.
    pub(crate) fn has_built_in_type(&self, text: &str) -> bool {
        let known = self.built_in_types();
        let is_folded = || {
            let folded = self.fold(text);
            known.iter().any(|one| self.fold(one) == folded)
        };
        known.contains(&text) || is_folded()
    }

    /// What two spellings of one event type have in common. Letter case does not distinguish types:
    /// Shopify's libraries write `ORDERS_PAID` for `orders/paid`, and Stripe's thin events prefix
    /// `v1.` to the type.
    fn fold(&self, text: &str) -> String {
        let folded = text.trim().to_ascii_lowercase();
        match self {
            Self::Shopify => folded.replace('/', "_"),
            Self::Stripe => folded.strip_prefix("v1.").unwrap_or(&folded).to_owned(),
            _ => folded,
        }
    }
}

/// What a project declares.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Declaration {
    /// An event type of a provider; the provider is known with it.
    EventType(Provider, Name),
    /// An effect.
    EffectType(Name),
}

impl Declaration {
    /// Reads `provider:event.type`. Capitals are folded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn event_type(text: &str) -> Result<Self, InvalidDeclaration> {
        let folded = text.trim().to_ascii_lowercase();
        let (provider, name) = folded.split_once(':').ok_or(InvalidDeclaration::NoProvider)?;
        Ok(Self::EventType(provider.parse()?, name.parse()?))
    }

    /// Reads the name of an effect.
    ///
    /// # Errors
    /// When it is no name.
    pub fn effect_type(text: &str) -> Result<Self, InvalidDeclaration> {
        Ok(Self::EffectType(text.trim().to_ascii_lowercase().parse()?))
    }

    /// Why a receipt with this name is rejected where the project declares it no more.
    #[must_use]
    pub fn unknown_in(&self, project: ProjectId) -> Option<FieldError> {
        let left = Catalogue::new(project, Vec::new());
        let (field, why) = match self {
            Self::EventType(provider, name) => {
                ("event_type", left.event_type(Some(provider), name.as_str()).err())
            }
            Self::EffectType(name) => ("effect_type", left.effect_type(name.as_str()).err()),
        };
        why.map(|why| FieldError::new(field, why.to_string()))
    }

    /// Whether it is built in, so that nothing needs to be declared.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        match self {
            Self::EventType(provider, name) => provider.has_built_in_type(name.as_str()),
            Self::EffectType(name) => {
                EffectType::BUILT_IN.iter().any(|one| one.as_str() == name.as_str())
            }
        }
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventType(provider, name) => write!(f, "{provider}:{name}"),
            Self::EffectType(name) => write!(f, "{name}"),
        }
    }
}

/// Why something cannot be declared. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeclaration {
    /// An event type of no provider.
    #[error("must name its provider, such as acme:license.sold")]
    NoProvider,
    /// No name.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// The names that a project may use: the built-in ones and its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    project: Option<ProjectId>,
    declared: Vec<Declaration>,
}

impl Catalogue {
    /// The catalogue of a project.
    #[must_use]
    pub fn new(project: ProjectId, declared: Vec<Declaration>) -> Self {
        Self { project: Some(project), declared }
    }

    /// The built-in names and what all projects declared, for looking through what they sent.
    #[must_use]
    pub fn from_all(declared: Vec<Declaration>) -> Self {
        Self { project: None, declared }
    }

    /// What the project declared.
    #[must_use]
    pub fn declared(&self) -> &[Declaration] {
        &self.declared
    }

    /// What the project declared, as texts: event types with their provider, and effects.
    #[must_use]
    pub fn declared_texts(&self) -> (Vec<String>, Vec<String>) {
        let (events, effects): (Vec<_>, Vec<_>) =
            self.declared.iter().partition(|one| matches!(one, Declaration::EventType(..)));
        let texts = |all: Vec<&Declaration>| all.into_iter().map(ToString::to_string).collect();
        (texts(events), texts(effects))
    }

    /// The provider that a text names. A provider is declared with its first event type, so the
    /// event type beside it is part of the cure.
    ///
    /// # Errors
    /// When no provider has this name.
    pub fn provider(&self, text: &str, event_type: Option<&str>) -> Result<Provider, UnknownName> {
        let folded = text.trim().to_ascii_lowercase();
        let known = || Provider::BUILT_IN.iter().chain(self.declared_providers());
        known().find(|one| one.as_str() == folded).cloned().ok_or_else(|| UnknownName {
            nearest: nearest(text, known().map(Provider::as_str)),
            cure: self.declare_event_type(Some(text), event_type),
        })
    }

    /// The event type of a provider, in the catalogue's spelling; of any provider where none is
    /// given.
    ///
    /// # Errors
    /// When there is no such type.
    pub fn event_type(
        &self,
        provider: Option<&Provider>,
        text: &str,
    ) -> Result<String, UnknownName> {
        let known = || self.chosen(provider).flat_map(move |one| self.event_types(one));
        // As it is written first: what one provider calls `refund` another one calls `REFUND`.
        let found = known()
            .find(|known| *known == text.trim())
            .or_else(|| self.chosen(provider).find_map(|one| self.find_event_type(one, text)));
        found.map(str::to_owned).ok_or_else(|| UnknownName {
            nearest: nearest(text, known()),
            cure: self.declare_event_type(provider.map(Provider::as_str), Some(text)),
        })
    }

    /// The effect that a text names.
    ///
    /// # Errors
    /// When there is no such effect.
    pub fn effect_type(&self, text: &str) -> Result<EffectType, UnknownName> {
        let folded = text.trim().to_ascii_lowercase();
        let built_in = EffectType::BUILT_IN.iter().find(|one| one.as_str() == folded).cloned();
        let declared = || self.declared_effects().find(|name| name.as_str() == folded);
        let found = built_in.or_else(|| declared().cloned().map(EffectType::Declared));
        found.ok_or_else(|| UnknownName {
            nearest: nearest(text, self.effect_types().iter().map(EffectType::as_str)),
            cure: nameable(text).map(|name| self.declare("--effect-type", &name)),
        })
    }

    /// The event types of a provider.
    pub fn event_types<'a>(&'a self, provider: &'a Provider) -> impl Iterator<Item = &'a str> {
        let declared = self.declared.iter().filter_map(move |one| match one {
            Declaration::EventType(whose, name) if whose == provider => Some(name.as_str()),
            Declaration::EventType(..) | Declaration::EffectType(_) => None,
        });
        provider.built_in_types().iter().copied().chain(declared)
    }

    /// Every provider, the built-in ones first.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        let mut all = Provider::BUILT_IN.to_vec();
        for declared in self.declared_providers() {
            if !all.contains(declared) {
                all.push(declared.clone());
            }
        }
        all
    }

    /// Every effect, the built-in ones first.
    #[must_use]
    pub fn effect_types(&self) -> Vec<EffectType> {
        let declared = self.declared_effects().cloned().map(EffectType::Declared);
        EffectType::BUILT_IN.iter().cloned().chain(declared).collect()
    }

    fn find_event_type<'a>(&'a self, provider: &'a Provider, text: &str) -> Option<&'a str> {
        let folded = provider.fold(text);
        self.event_types(provider).find(|known| provider.fold(known) == folded)
    }

    /// The command that makes an event type known, if both texts can be names. What is not given
    /// stays to be filled in, in a form that the command rejects.
    fn declare_event_type(
        &self,
        provider: Option<&str>,
        event_type: Option<&str>,
    ) -> Option<String> {
        let provider = provider.map_or(Some("<provider>".to_owned()), nameable)?;
        let event_type = event_type.map_or(Some("<event type>".to_owned()), nameable)?;
        let name = format!("{provider}:{event_type}");
        let quoted = if name.contains('<') { format!("'{name}'") } else { name };
        Some(self.declare("--event-type", &quoted))
    }

    fn declare(&self, option: &str, name: &str) -> String {
        let project = self.project.map_or_else(|| "PROJECT_ID".to_owned(), |id| id.to_string());
        format!("sendpromptly project declare --project {project} {option} {name}")
    }

    /// The provider that is given, else every one.
    fn chosen<'a>(&'a self, provider: Option<&'a Provider>) -> impl Iterator<Item = &'a Provider> {
        let all = || Provider::BUILT_IN.iter().chain(self.declared_providers());
        provider.into_iter().chain(provider.is_none().then(all).into_iter().flatten())
    }

    fn declared_effects(&self) -> impl Iterator<Item = &Name> {
        self.declared.iter().filter_map(|one| match one {
            Declaration::EffectType(name) => Some(name),
            Declaration::EventType(..) => None,
        })
    }

    fn declared_providers(&self) -> impl Iterator<Item = &Provider> {
        self.declared.iter().filter_map(|one| match one {
            Declaration::EventType(provider, _) => Some(provider),
            Declaration::EffectType(_) => None,
        })
    }
}

/// How many near names are listed.
const NEAREST: usize = 3;

/// The known names that a mistyped one resembles most, each once, the nearest first.
fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let text = text.trim().to_ascii_lowercase();
    let likeness = |one: &str| strsim::jaro_winkler(&text, &one.to_ascii_lowercase());
    let mut near: Vec<_> = Vec::new();
    for one in known {
        if !near.iter().any(|(_, seen)| *seen == one) {
            near.push((likeness(one), one));
        }
    }
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(NEAREST).map(|(_, one)| one.to_owned()).collect()
}

/// A text as a name that can be declared.
fn nameable(text: &str) -> Option<String> {
    text.trim().to_ascii_lowercase().parse::<Name>().ok().map(|name| name.to_string())
}

/// A name that the catalogue does not have. The text continues a sentence that begins with the
/// field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not known here{}; {}", list(nearest), advice(cure.as_deref()))]
pub struct UnknownName {
    /// The known names that resemble it most.
    pub nearest: Vec<String>,
    /// The command that makes it known, if it can be a name.
    pub cure: Option<String>,
}

fn list(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; nearest: {}", nearest.join(", ")) }
}

fn advice(cure: Option<&str>) -> String {
    match cure {
        Some(cure) => format!("if it is right, declare it: {cure}"),
        None => format!("it cannot be declared as it is: a name {InvalidName}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn paddle() -> Catalogue {
        let declared = ["acme:license.sold", "stripe:charge.captured"]
            .map(|text| Declaration::event_type(text).expect("a declaration"));
        let effect = Declaration::effect_type("license_issue").expect("a declaration");
        Catalogue::new(ProjectId::from_uuid(Uuid::nil()), [&declared[..], &[effect]].concat())
    }

    #[test]
    fn every_provider_has_its_row() {
        for (provider, row) in Provider::BUILT_IN.iter().zip(PROVIDERS) {
            assert_eq!(row.provider, *provider);
            for event_type in row.event_types {
                let found = Catalogue::default().event_type(Some(provider), event_type);
                assert_eq!(found.as_deref(), Ok(*event_type), "folding must keep types apart");
            }
        }
        assert_eq!(PROVIDERS.len(), Provider::BUILT_IN.len());
    }

    #[test]
    fn frameworks_spell_one_type_in_several_ways() {
        let catalogue = Catalogue::default();
        for (provider, spelt, known) in [
            (Provider::Shopify, "ORDERS_PAID", "orders/paid"),
            (Provider::Shopify, "orders/paid", "orders/paid"),
            (Provider::Shopify, "order_transactions/create", "order_transactions/create"),
            (Provider::Shopify, "ORDER_TRANSACTIONS_CREATE", "order_transactions/create"),
            (Provider::Shopify, "APP_PURCHASES_ONE_TIME_UPDATE", "app_purchases_one_time/update"),
            (Provider::Stripe, "v1.invoice.paid", "invoice.paid"),
            (Provider::PayPal, "payment.capture.completed", "PAYMENT.CAPTURE.COMPLETED"),
            (Provider::Adyen, "AUTHORISATION", "AUTHORISATION"),
        ] {
            assert_eq!(catalogue.event_type(Some(&provider), spelt).as_deref(), Ok(known));
        }
        assert_eq!(catalogue.event_type(None, "ORDERS_PAID").as_deref(), Ok("orders/paid"));
    }

    #[test]
    fn without_a_provider_a_type_is_first_what_is_written_like_it() {
        let declared = ["acme:refund", "acme:orders_paid"]
            .map(|text| Declaration::event_type(text).expect("a declaration"));
        let catalogue = Catalogue::new(ProjectId::from_uuid(Uuid::nil()), declared.to_vec());
        for (written, known) in [
            ("refund", "refund"),
            ("REFUND", "REFUND"),
            (" orders_paid", "orders_paid"),
            ("orders/paid", "orders/paid"),
            ("ORDERS_PAID", "orders/paid"),
        ] {
            assert_eq!(catalogue.event_type(None, written).as_deref(), Ok(known), "{written}");
        }
        let adyen = catalogue.event_type(Some(&Provider::Adyen), "refund");
        assert_eq!(adyen.as_deref(), Ok("REFUND"));
    }

    #[test]
    fn types_are_looked_up_per_provider() {
        let catalogue = Catalogue::default();
        assert!(catalogue.event_type(Some(&Provider::Stripe), "orders/paid").is_err());
        assert!(catalogue.event_type(Some(&Provider::Paddle), "subscription_updated").is_err());
    }

    #[test]
    fn what_a_project_declares_is_its_own() {
        let catalogue = paddle();
        let acme = catalogue.provider("acme", None).expect("declared");
        assert_eq!(
            catalogue.event_type(Some(&acme), "license.sold").as_deref(),
            Ok("license.sold")
        );
        let captured = catalogue.event_type(Some(&Provider::Stripe), "charge.captured");
        assert_eq!(captured.as_deref(), Ok("charge.captured"));
        assert_eq!(
            catalogue.effect_type("license_issue").expect("declared").as_str(),
            "license_issue"
        );
        assert!(Catalogue::default().provider("acme", None).is_err());
        assert_eq!(catalogue.providers().len(), Provider::BUILT_IN.len() + 1);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_ones_and_the_cure() {
        let catalogue = paddle();
        let unknown =
            catalogue.event_type(Some(&Provider::Stripe), "invoice.payed").expect_err("unknown");
        assert_eq!(unknown.nearest[0], "invoice.paid");
        let cure = "project declare --project prj_00000000000000000000000000 --event-type stripe:invoice.payed";
        assert!(unknown.to_string().ends_with(cure), "{unknown}");
        let unknown = catalogue.effect_type("licence_issue").expect_err("unknown");
        assert_eq!(unknown.nearest[0], "license_issue");
        assert!(unknown.to_string().ends_with("00 --effect-type licence_issue"), "{unknown}");
        let unknown = catalogue.provider("Acmee", Some("License.Sold")).expect_err("unknown");
        assert_eq!(unknown.nearest[0], "acme");
        let message = unknown.to_string();
        assert!(
            message.ends_with("--event-type acmee:license.sold") && !message.contains('\n'),
            "{message}"
        );
        let unknown = catalogue.provider("acmee", None).expect_err("unknown").to_string();
        assert!(unknown.ends_with("--event-type 'acmee:<event type>'"), "{unknown}");
    }

    #[test]
    fn at_most_three_names_are_near_each_once_the_nearest_first() {
        let twice = ["acme:license.sold", "acme:license.renewed", "paddle:license.sold"];
        let twice = twice.map(|text| Declaration::event_type(text).expect("a declaration"));
        let catalogue = Catalogue::new(ProjectId::from_uuid(Uuid::nil()), twice.to_vec());
        let providers = catalogue.provider("acmé", None).expect_err("unknown").nearest;
        let types = catalogue.event_type(None, "licence.sold").expect_err("unknown").nearest;
        let effects = catalogue.effect_type("credit_grants").expect_err("unknown").nearest;
        assert_eq!(providers[0], "acme");
        assert_eq!(types[..2], ["license.sold", "license.renewed"]);
        assert_eq!(effects[0], "credit_grant");
        for near in [providers, types, effects] {
            let mut once = near.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!((near.len(), once.len()), (3, 3), "{near:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_not_to_be_declared() {
        let catalogue = paddle();
        for unknown in [
            catalogue.effect_type("licence issue; rm -rf ~"),
            catalogue.effect_type("issue\nit"),
            catalogue.effect_type(&"x".repeat(101)),
        ] {
            let unknown = unknown.expect_err("unknown");
            assert_eq!(unknown.cure, None);
            assert!(
                unknown.to_string().contains("a name must have 1 to 100 characters"),
                "{unknown}"
            );
        }
    }

    #[test]
    fn declarations_name_their_provider() {
        assert_eq!(Declaration::event_type("refund"), Err(InvalidDeclaration::NoProvider));
        assert!(Declaration::event_type("acme:").is_err());
        assert!(Declaration::event_type(":x").is_err());
        let shouted = Declaration::event_type("PayPal:PAYMENT.ORDER.CREATED").expect("folded");
        assert_eq!(shouted.to_string(), "paypal:payment.order.created");
        let known = Declaration::event_type("paypal:payment.capture.completed").expect("one");
        assert!(known.is_built_in() && !shouted.is_built_in());
    }
}
