//! The proof page: what happened to one payment, for a customer who cannot sign in.
//!
//! Only moments and milestones leave the audit for this page (see [`domain::proof`]), so it can
//! show nothing internal. A token that is malformed, unknown, expired or revoked opens the very
//! same page: a guess learns nothing. Each opening is counted, but not what a chat fetches for a
//! preview; the page does not refresh itself.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use domain::alert::one_line;
use domain::incident::Resolution;
use domain::project::Mode;
use domain::proof::{self, ProofSubject, VisibleEvent, visible_events};
use domain::secret_token::ProofToken;
use domain::timeline::Names;
use store::events::{PaymentEvent, find_event};
use store::incidents::{Incident, find_incident};
use store::projects::{Project, find_project};
use store::proof_links::{OpenedLink, find_link, open_link};
use store::timeline::list_for_event;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::layout::Layout;
use super::page::page_with;
use super::when::When;
use crate::state::ConsoleState;

/// What chats call themselves when they fetch a link to show a preview of it, in lower case: Slack
/// (<https://docs.slack.dev/reference/robots>), Facebook, WhatsApp, X, LinkedIn, Discord, Telegram,
/// Skype, Teams, Outlook and Zulip (all with `Preview`), Google Chat, Mattermost, Matrix, Viber,
/// Signal (as WhatsApp), Apple's Messages (as the first three of them). Nothing hides behind this:
/// it only keeps a view from being counted.
const PREVIEWS: [&str; 13] = [
    "slackbot",
    "slack-imgproxy",
    "facebookexternalhit",
    "facebot",
    "whatsapp",
    "twitterbot",
    "linkedinbot",
    "discordbot",
    "telegrambot",
    "preview",
    "google-pagerenderer",
    "mattermost-bot",
    "synapse (bot",
];

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get("/proof/{token}", Access::Anyone, get)
}

#[derive(Template)]
#[template(path = "pages/proof.html")]
struct ProofPage {
    layout: Layout,
    project: String,
    is_test: bool,
    until: When,
    received: &'static str,
    ending: String,
    steps: Vec<Step>,
    payment: String,
    reference: String,
    amount: Option<String>,
}

/// Where nothing is shown.
#[derive(Template)]
#[template(path = "pages/proof_closed.html")]
struct ClosedPage {
    layout: Layout,
}

struct Step {
    class: &'static str,
    lead: &'static str,
    rest: String,
    at: When,
}

async fn get(
    State(state): State<ConsoleState>,
    method: Method,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let token = token.ok().and_then(|Path(token)| ProofToken::parse(&token));
    let opened = match token {
        // Programs that check whether a link works, or what it leads to, have not seen the page.
        Some(token) if method == Method::HEAD || is_preview(&headers) => {
            find_link(&state.pool, &token.hash()).await?
        }
        Some(token) => open_link(&state.pool, &token.hash()).await?,
        None => None,
    };
    let mut response = if let Some(link) = opened {
        page_with(StatusCode::OK, &read(&state, link).await?)?
    } else {
        let layout = Layout::standalone("Nothing to show");
        page_with(StatusCode::NOT_FOUND, &ClosedPage { layout })?
    };
    let unlisted = HeaderValue::from_static("noindex, nofollow, noarchive");
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), unlisted);
    Ok(response)
}

/// Whether a chat fetches the page to show a preview of the link.
fn is_preview(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let agent = agent.to_ascii_lowercase();
    PREVIEWS.iter().any(|name| agent.contains(name))
}

async fn read(state: &ConsoleState, link: OpenedLink) -> Result<ProofPage, ApiError> {
    let gone = || ApiError::internal("a proof link leads to what is not there");
    let event = find_event(&state.pool, link.event_id).await?.ok_or_else(gone)?;
    let incident = find_incident(&state.pool, link.incident_id).await?.ok_or_else(gone)?;
    let project = find_project(&state.pool, link.project_id).await?.ok_or_else(gone)?;
    let timeline = list_for_event(&state.pool, link.event_id).await?.into_iter();
    let timeline: Vec<_> = timeline.map(|entry| entry.item(&Names::default())).collect();
    Ok(fill(&link, &event, &incident, &project, &visible_events(&timeline)))
}

fn fill(
    link: &OpenedLink,
    event: &PaymentEvent,
    incident: &Incident,
    project: &Project,
    timeline: &[VisibleEvent],
) -> ProofPage {
    let manually = incident.resolution == Some(Resolution::Manual);
    let subject = ProofSubject {
        provider: event.provider.clone(),
        effect: event.effect_type.clone(),
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        reason: incident.reason,
        resolved_manually_at: incident.resolved_at.filter(|_| manually),
    };
    let (received, ending) = proof::heading(&subject, timeline);
    let steps = proof::steps(&subject, timeline).into_iter().map(|step| Step {
        class: step.tone.as_str(),
        lead: step.lead,
        rest: step.rest,
        at: When::exact(step.at),
    });
    let payment = one_line(&event.provider_event_id);
    ProofPage {
        layout: Layout::standalone(format!("What happened to payment {payment}")),
        project: one_line(&project.name),
        is_test: project.mode == Mode::Test,
        until: When::exact(link.expires_at),
        received,
        ending,
        steps: steps.collect(),
        payment,
        reference: one_line(&event.internal_reference),
        amount: event.amount.map(|amount| amount.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chats_preview_is_told_from_a_readers_browser() {
        let fetched_by = |agent: &str| {
            is_preview(&HeaderMap::from_iter([(USER_AGENT, agent.parse().expect("a header"))]))
        };
        for preview in [
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) \
             Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
            "WhatsApp/2.23.20.0",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; MicrosoftPreview/2.0; \
             +https://aka.ms/MicrosoftPreview) Chrome/116.0.1938.76 Safari/537.36",
            "Mozilla/5.0 (compatible; ZulipURLPreview/9.4; +https://chat.example.com)",
            "Synapse (bot; +https://github.com/matrix-org/synapse)",
        ] {
            assert!(fetched_by(preview), "{preview}");
        }
        for reader in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile Slack/25.1",
        ] {
            assert!(!fetched_by(reader), "{reader}");
        }
        assert!(!is_preview(&HeaderMap::new()));
    }
}
