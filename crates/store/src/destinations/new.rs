//! A destination as it was entered: the one place where its fields are read, for the console, the command line and
//! the API alike.

use std::collections::BTreeMap;

use domain::alert::{SlackUrl, SlackUrlError, WebhookUrl, WebhookUrlError};
use domain::destination::{
    DestinationKind, FieldDescription, NtfyToken, PAGERDUTY_ENDPOINT, ProviderUrl, RoutingKey,
    SLACK_API, SlackApp, SlackChannel, SlackSigningSecret, SlackToken,
};
use domain::extension::{ActivityName, QueueName};
use domain::field::FieldError;
use domain::identifier::InvalidIdentifier;
use domain::operator::{MalformedEmail, parse_email};
use domain::project::{Mode, check_name};
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;

use super::target::Target;

/// A destination as it was entered, and what people see of it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDestination {
    /// Where alerts go.
    pub target: Target,
    /// The address, or the host of the URL.
    pub shown: String,
    /// What people call it, if not by `shown`.
    pub label: Option<String>,
    /// Whether it gets each incident by itself; none for what its kind does.
    pub every_incident: Option<bool>,
}

/// By what rules what was entered is read.
#[derive(Debug, Clone)]
pub struct EntryRules<'a> {
    pub mode: Mode,
    pub allow: &'a AllowedNetworks,
    /// What signs the messages of a webhook.
    pub secret: SigningSecret,
}

/// Fields by their names, as [`DestinationKind::description`] has them, and `label`.
pub type EnteredFields<'a> = BTreeMap<&'a str, &'a str>;

impl NewDestination {
    /// Reads what was entered: the address of one kind, what else that kind has, and a label. Which kind is meant
    /// says the field that is there, even if it is blank.
    ///
    /// # Errors
    /// Each field with what is wrong with it.
    pub fn read(
        entered: &EnteredFields<'_>,
        rules: EntryRules<'_>,
    ) -> Result<Self, Vec<FieldError>> {
        let kinds: Vec<_> = DestinationKind::ALL
            .iter()
            .filter(|kind| entered.contains_key(kind.as_str()))
            .collect();
        let [kind] = kinds[..] else { return Err(one_of_the_kinds(&kinds)) };
        let mut errors = misplaced(*kind, entered);
        let label = entered.get("label").copied();
        let label = note(&mut errors, "label", label.map_or(Ok(None), read_label));
        let read = match kind {
            DestinationKind::Email => {
                note(&mut errors, "email", Self::email(text(entered, "email")))
            }
            DestinationKind::Slack => {
                let url = Self::slack(text(entered, "slack"), rules.mode, rules.allow);
                note(&mut errors, "slack", url.map_err(|error| error.0))
            }
            DestinationKind::SlackApp => read_slack_app(entered, &rules, &mut errors),
            DestinationKind::Teams => read_url(*kind, entered, &rules, &mut errors)
                .map(|url| Self::new(Target::Teams(url.as_url().to_string()), url.host())),
            DestinationKind::Discord => read_url(*kind, entered, &rules, &mut errors)
                .map(|url| Self::new(Target::Discord(url.as_url().to_string()), url.host())),
            DestinationKind::PagerDuty => read_pagerduty(entered, &rules, &mut errors),
            DestinationKind::Ntfy => read_ntfy(entered, &rules, &mut errors),
            DestinationKind::Webhook => {
                let url = text(entered, "webhook");
                let new = Self::webhook(url, rules.secret, rules.mode, rules.allow);
                note(&mut errors, "webhook", new.map_err(|error| error.0))
            }
            DestinationKind::Activity => read_activity(entered, &mut errors),
        };
        match (read, label) {
            (Some(new), Some(label)) if errors.is_empty() => {
                Ok(Self { label: label.or(new.label), ..new })
            }
            _ => Err(errors),
        }
    }

    /// An e-mail address.
    ///
    /// # Errors
    /// When the text is none.
    pub fn email(text: &str) -> Result<Self, MalformedEmail> {
        let address = parse_email(text)?;
        Ok(Self::new(Target::Email(address.clone()), &address))
    }

    /// The URL of a Slack incoming webhook.
    ///
    /// # Errors
    /// When the text is none, or leads where alerts may not go.
    pub fn slack(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, SlackUrlError> {
        let url = SlackUrl::parse(text, mode, allow)?;
        Ok(Self::new(Target::Slack(url.as_url().to_string()), url.host()))
    }

    /// An endpoint that takes JSON, signed with this secret.
    ///
    /// # Errors
    /// When the text is no URL, or leads where alerts may not go.
    pub fn webhook(
        text: &str,
        secret: SigningSecret,
        mode: Mode,
        allow: &AllowedNetworks,
    ) -> Result<Self, WebhookUrlError> {
        let url = WebhookUrl::parse(text, mode, allow)?;
        let target = Target::Webhook { url: url.as_url().to_string(), secrets: vec![secret] };
        Ok(Self::new(target, url.host()))
    }

    /// A target under its default label.
    #[must_use]
    pub fn new(target: Target, shown: &str) -> Self {
        let label = target.default_label();
        Self { target, shown: shown.to_owned(), label, every_incident: None }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.shown)
    }
}

fn read_pagerduty(
    entered: &EnteredFields<'_>,
    rules: &EntryRules<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<NewDestination> {
    let key = note(errors, "pagerduty", RoutingKey::parse(text(entered, "pagerduty")));
    let endpoint = Some(text(entered, "endpoint")).filter(|text| !text.is_empty());
    let endpoint = endpoint.unwrap_or(PAGERDUTY_ENDPOINT);
    let endpoint =
        ProviderUrl::parse(DestinationKind::PagerDuty, endpoint, rules.mode, rules.allow);
    let (key, url) = key.zip(note(errors, "endpoint", endpoint))?;
    let target = Target::PagerDuty { endpoint: url.as_url().to_string(), key };
    Some(NewDestination::new(target, url.host()))
}

fn read_slack_app(
    entered: &EnteredFields<'_>,
    rules: &EntryRules<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<NewDestination> {
    let token = note(errors, "slack_app", SlackToken::parse(text(entered, "slack_app")));
    let channel = note(errors, "channel", SlackChannel::parse(text(entered, "channel")));
    let secret = SlackSigningSecret::parse(text(entered, "signing_secret"));
    let secret = note(errors, "signing_secret", secret);
    let api = Some(text(entered, "slack_api")).filter(|text| !text.is_empty());
    let api = api.unwrap_or(SLACK_API);
    let api = ProviderUrl::parse(DestinationKind::SlackApp, api, rules.mode, rules.allow);
    let api = note(errors, "slack_api", api)?;
    let app = SlackApp { token: token?, channel: channel?, secret: secret? };
    let shown = app.channel.as_str().to_owned();
    Some(NewDestination::new(Target::SlackApp { api: api.as_url().to_string(), app }, &shown))
}

/// The URL of a kind that has nothing else.
fn read_url(
    kind: DestinationKind,
    entered: &EnteredFields<'_>,
    rules: &EntryRules<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<ProviderUrl> {
    let url = ProviderUrl::parse(kind, text(entered, kind.as_str()), rules.mode, rules.allow);
    note(errors, kind.as_str(), url)
}

fn read_ntfy(
    entered: &EnteredFields<'_>,
    rules: &EntryRules<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<NewDestination> {
    let url = read_url(DestinationKind::Ntfy, entered, rules, errors);
    let token = Some(text(entered, "token")).filter(|text| !text.is_empty());
    let token = note(errors, "token", token.map(NtfyToken::parse).transpose());
    let (url, token) = url.zip(token)?;
    let target = Target::Ntfy { url: url.as_url().to_string(), token };
    Some(NewDestination::new(target, url.host()))
}

fn read_activity(
    entered: &EnteredFields<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<NewDestination> {
    let activity = note(errors, "activity", text(entered, "activity").parse::<ActivityName>());
    let queue = entered.get("queue").map(|queue| queue.trim().parse::<QueueName>());
    let queue = match queue {
        Some(queue) => note(errors, "queue", queue),
        None => note(errors, "queue", Err::<QueueName, _>("is required with activity")),
    };
    let (activity, queue) = activity.zip(queue)?;
    let shown = activity.to_string();
    Some(NewDestination::new(Target::Activity { activity, queue }, &shown))
}

fn text<'a>(entered: &EnteredFields<'a>, field: &str) -> &'a str {
    entered.get(field).copied().unwrap_or_default().trim()
}

/// The value, or the error noted beside its field.
fn note<T>(
    errors: &mut Vec<FieldError>,
    field: &str,
    read: Result<T, impl std::fmt::Display>,
) -> Option<T> {
    read.map_err(|why| errors.push(FieldError::new(field, why.to_string()))).ok()
}

/// No kind, or several of them.
fn one_of_the_kinds(kinds: &[&DestinationKind]) -> Vec<FieldError> {
    let names: Vec<_> = DestinationKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let (last, first) = names.split_last().map_or(("", &[][..]), |(last, first)| (*last, first));
    let field = kinds.first().map_or("email", |kind| kind.as_str());
    vec![FieldError::new(field, format!("give one of {} and {last}", first.join(", ")))]
}

/// Fields of other kinds, unless they are blank.
fn misplaced(kind: DestinationKind, entered: &EnteredFields<'_>) -> Vec<FieldError> {
    let others = DestinationKind::all_fields().filter(|(of, _)| *of != kind);
    let given = others.filter(|(_, field)| !text(entered, field.name).is_empty());
    let error = |(of, field): (DestinationKind, &FieldDescription)| {
        FieldError::new(field.name, format!("is only for {}", of.description().noun))
    };
    given.map(error).collect()
}

/// The label that an operator typed; none if it is blank, which means the default.
///
/// # Errors
/// The reason, ready to be shown beside the field's name.
pub fn read_label(text: &str) -> Result<Option<String>, InvalidIdentifier> {
    let label = text.trim();
    if label.is_empty() {
        return Ok(None);
    }
    check_name(label).map(|()| Some(label.to_owned()))
}

#[cfg(test)]
mod tests;
