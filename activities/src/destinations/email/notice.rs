//! The mail of a notice.

use askama::Template;
use domain::notice::NoticeText;

use super::Rendered;

#[derive(Template)]
#[template(path = "destinations/email/notice.txt")]
struct Text<'a> {
    notice: &'a NoticeText,
}

#[derive(Template)]
#[template(path = "destinations/email/notice.html")]
struct Html<'a> {
    notice: &'a NoticeText,
}

/// Writes the mail, without sender and receiver.
///
/// # Errors
/// Never in practice: the templates are checked when the program is built.
pub(super) fn render(notice: &NoticeText) -> Result<Rendered, askama::Error> {
    Ok(Rendered {
        subject: notice.subject.clone(),
        text: Text { notice }.render()?,
        html: Html { notice }.render()?,
    })
}
