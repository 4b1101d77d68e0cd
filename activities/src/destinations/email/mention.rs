//! The mail to an operator whom a comment mentions.

use askama::Template;
use domain::mention::MentionFacts;

use super::Rendered;

#[derive(Template)]
#[template(path = "destinations/email/mention.txt")]
struct Text<'a> {
    mention: &'a MentionFacts,
}

#[derive(Template)]
#[template(path = "destinations/email/mention.html")]
struct Html<'a> {
    mention: &'a MentionFacts,
}

/// Writes the mail, without sender and receiver.
///
/// # Errors
/// Never in practice: the templates are checked when the program is built.
pub(super) fn render(mention: &MentionFacts) -> Result<Rendered, askama::Error> {
    Ok(Rendered {
        subject: mention.subject(),
        text: Text { mention }.render()?,
        html: Html { mention }.render()?,
    })
}
