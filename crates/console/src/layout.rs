//! The layout of every page: title, navigation, who is signed in, the last change's message.

use domain::operator::Role;
use domain::project::Mode;
use engine::health::{Banner, Check};
use web::error::ApiError;

use super::assets;
use super::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::view::View;

/// The part of the console that a page belongs to; its link in the navigation is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Incidents, the home.
    Incidents,
    Events,
    Overview,
    /// Projects, with keys, destinations and the Integration Test.
    Projects,
    Audit,
    /// The operator's own matters.
    Account,
    /// None of them, as of what leads everywhere and of standalone pages: sign-in, errors, proof.
    Unmarked,
}

impl Section {
    /// The main navigation, in order.
    pub const MAIN: [(Self, &'static str, &'static str); 5] = [
        (Self::Incidents, "/incidents", "Incidents"),
        (Self::Events, "/events", "Events"),
        (Self::Overview, "/overview", "Overview"),
        (Self::Projects, "/projects", "Projects"),
        (Self::Audit, "/audit", "Audit"),
    ];
}

/// The operator as the layout shows them.
#[derive(Debug, Clone)]
pub struct Who {
    pub email: String,
    pub role: Role,
}

/// The layout around a page.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The page's name, in the browser's tab.
    pub title: String,
    /// Which link is marked.
    pub section: Section,
    /// The operator who views it; `None` on standalone pages.
    pub who: Option<Who>,
    /// The CSRF token of each form.
    pub csrf: String,
    /// What the last change said.
    pub message: Option<Message>,
    /// What keeps events from being watched, if anything does.
    pub troubles: Vec<Trouble>,
    /// What needs attention and stops nothing, for those who can see to it.
    pub notes: Vec<Trouble>,
    /// Which projects pages are about.
    pub view: Option<View>,
    /// Where the page is, if not where its form was sent to: what refreshes and reloads it asks there.
    pub address: Option<String>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What is wrong, as a sentence without a full stop.
    pub detail: String,
    /// What to do about it, likewise; code and prose are distinguished.
    pub cure: Vec<Span>,
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Whether it is code, to be typed verbatim.
    pub code: bool,
    pub text: String,
}

/// Splits a sentence with code between backticks.
#[must_use]
pub fn spans(text: &str) -> Vec<Span> {
    let parts = text.split('`').enumerate();
    let spans = parts.map(|(number, text)| Span { code: number % 2 == 1, text: text.to_owned() });
    spans.filter(|span| !span.text.is_empty()).collect()
}

impl Layout {
    /// The layout of a page for an operator. It takes the message of the last change, so it comes
    /// after everything that may fail: a message may hold a secret that is shown only once.
    pub async fn load(
        state: &ConsoleState,
        signed_in: &SignedIn,
        section: Section,
        title: impl Into<String>,
    ) -> Result<Self, ApiError> {
        let view = View::load(&state.pool, signed_in).await?;
        Self::load_in(state, signed_in, view, section, title).await
    }

    /// The same, where it is known which projects the page is about.
    pub async fn load_in(
        state: &ConsoleState,
        signed_in: &SignedIn,
        view: View,
        section: Section,
        title: impl Into<String>,
    ) -> Result<Self, ApiError> {
        let Banner { troubles, mut notes } = state.health.banner().await;
        if !signed_in.session.role.may_administer() {
            notes.clear();
        }
        Ok(Self {
            title: title.into(),
            section,
            who: Some(Who { email: signed_in.session.email.clone(), role: signed_in.session.role }),
            csrf: signed_in.token.csrf(),
            troubles: list_troubles(troubles),
            notes: list_troubles(notes),
            view: Some(view),
            message: signed_in.take_flash(state).await?,
            address: None,
        })
    }

    /// The layout of a standalone page.
    pub fn standalone(title: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            title,
            section: Section::Unmarked,
            who: None,
            csrf: String::new(),
            message: None,
            troubles: Vec::new(),
            notes: Vec::new(),
            view: None,
            address: None,
        }
    }

    /// The layout of a page that is also shown where its forms are sent to.
    #[must_use]
    pub fn at(self, address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..self }
    }

    /// The address that loads the page again; empty for that of the response.
    #[must_use]
    pub fn reload(&self) -> &str {
        self.address.as_deref().unwrap_or_default()
    }

    /// Whether actions on incidents are shown as possible.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role.may_act())
    }

    /// Whether changes of projects, keys and people are shown as possible.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role.may_administer())
    }

    #[must_use]
    pub fn style(&self) -> &'static str {
        assets::style_url()
    }

    #[must_use]
    pub fn script(&self) -> &'static str {
        assets::script_url()
    }

    #[must_use]
    pub fn icon(&self) -> &'static str {
        assets::icon_url()
    }

    /// The modes of the switch, what each is called, and whether it is chosen; none where nothing can be chosen.
    #[must_use]
    pub fn modes(&self) -> Vec<(Mode, &'static str, bool)> {
        let view = self.view.filter(|view| view.is_choice);
        let modes = [(Mode::Live, "Live"), (Mode::Test, "Test")];
        let of = |view: View| modes.map(|(mode, name)| (mode, name, mode == view.mode)).to_vec();
        view.map(of).unwrap_or_default()
    }

    /// The path of the part of the console that the page belongs to.
    #[must_use]
    pub fn section_path(&self) -> &'static str {
        let own = Section::MAIN.iter().find(|(section, ..)| *section == self.section);
        own.map_or("", |(_, path, _)| *path)
    }

    /// The links of the navigation: where, what, and whether the page belongs there.
    pub fn links(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        Section::MAIN.iter().map(|(section, path, name)| (*path, *name, *section == self.section))
    }
}

fn list_troubles(checks: Vec<Check>) -> Vec<Trouble> {
    let troubles = checks.into_iter().map(|check| Trouble {
        cure: check.cure.as_deref().map(spans).unwrap_or_default(),
        detail: check.detail,
    });
    troubles.collect()
}

/// How a project's mode is written beside its name.
#[must_use]
pub const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "test",
        Mode::Live => "live",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let span = |code, text: &str| Span { code, text: text.to_owned() };
        assert_eq!(
            spans("start `sendpromptly worker`; its log says why"),
            [
                span(false, "start "),
                span(true, "sendpromptly worker"),
                span(false, "; its log says why")
            ]
        );
        assert_eq!(spans("`a`"), [span(true, "a")]);
        assert!(spans("").is_empty());
    }
}
