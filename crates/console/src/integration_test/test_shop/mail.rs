//! The mail of a payment's incident, where mails are files: handed out as the file that it is.
//!
//! Which file it is, the alert says. What came back for an alert may be another server's text, so that a name that is more
//! than a mail's in this folder is none.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use domain::alert::MAIL_WRITTEN;
use domain::ids::IncidentId;
use store::alerts::list_for_incident;
use store::incidents::find_incident;
use web::error::ApiError;

use super::find;
use crate::projects::PathProject;
use crate::state::ConsoleState;

/// `GET /projects/{project_id}/test-shop/mail/{incident_id}`.
///
/// # Errors
/// `not_found` of another project's incident, and where there is no such file.
pub(super) async fn download(
    State(state): State<ConsoleState>,
    PathProject(project): PathProject,
    Path((_, incident_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("there is no mail of such an incident");
    let folder = find(&state, &project)?.mail_dir.as_ref().ok_or_else(none)?;
    let incident_id: IncidentId = incident_id.parse().map_err(|_| none())?;
    let incident = find_incident(&state.pool, incident_id).await?;
    incident.filter(|incident| incident.project_id == project.id).ok_or_else(none)?;
    let alerts = list_for_incident(&state.pool, incident_id).await?;
    let answers = alerts.iter().filter_map(|alert| alert.last_answer.as_deref());
    let name = answers.rev().find_map(file_in).ok_or_else(none)?;
    let mail = tokio::fs::read(folder.join(name)).await.map_err(|_| none())?;
    let headers = [
        (CONTENT_TYPE, "message/rfc822".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, mail).into_response())
}

/// The file that a mail was written to, by what came back for its alert.
fn file_in(answer: &str) -> Option<&str> {
    let name = answer.strip_prefix(MAIL_WRITTEN)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    name.strip_suffix(".eml").filter(|stem| stem.chars().all(is_plain)).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mail_in_the_folder_is_one() {
        let name = "20261121T143210Z-incident_opened-alr_1.eml";
        assert_eq!(file_in(&format!("written to {name}")), Some(name));
        for other in [
            "250 2.0.0 Ok: queued",
            "written to ../../etc/passwd",
            "written to ../first-run.eml",
            "written to .draft.eml",
            "written to /etc/mail.eml",
            "written to mail.eml/..",
            "written to C:mail.eml",
        ] {
            assert_eq!(file_in(other), None, "{other}");
        }
    }
}
