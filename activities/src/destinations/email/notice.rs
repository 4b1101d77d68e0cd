//! The mail about results that never found their receipt.

use askama::Template;
use domain::alert::one_line;
use domain::notice::UnclaimedNotice;

use super::Rendered;

#[derive(Template)]
#[template(path = "destinations/email/notice.txt")]
struct Text<'a> {
    notice: &'a UnclaimedNotice,
}

#[derive(Template)]
#[template(path = "destinations/email/notice.html")]
struct Html<'a> {
    notice: &'a UnclaimedNotice,
}

/// Writes the mail, without sender and receiver.
///
/// # Errors
/// Never in practice: the templates are checked when the program is built.
pub(super) fn render(notice: &UnclaimedNotice) -> Result<Rendered, askama::Error> {
    let subject = format!("[{} {}] {}", notice.project_name, notice.mode, notice.heading());
    Ok(Rendered {
        subject: one_line(&subject),
        text: Text { notice }.render()?,
        html: Html { notice }.render()?,
    })
}
