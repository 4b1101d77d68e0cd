//! What messages leave by, set up from the environment.
//!
//! With `SMTP_URL`, mail goes to that server. Without it, mails become files where a folder for
//! them is given, as `dev` does, and are an error where none is.

use std::path::PathBuf;

use activities::Deps;
use activities::destinations::Senders;
use activities::destinations::email::EmailSender;
use activities::http::{GuardedClient, HttpPolicy};
use domain::repair_url::AllowedNetworks;
use store::{MasterKey, PgPool};
use url::Host;

use crate::config::{ConfigError, Environment, SMTP_URL};

/// The domain of message ids when the sender's address has none.
const NO_DOMAIN: &str = "localhost";

/// Sets up everything that messages leave by.
///
/// # Errors
/// When the mail settings are missing or make no sense, or TLS cannot be set up.
pub fn set_up(
    environment: &Environment,
    allow: AllowedNetworks,
    mail_dir: Option<PathBuf>,
) -> anyhow::Result<Senders> {
    let http = GuardedClient::new(HttpPolicy::new(allow))?;
    Ok(Senders { email: email(environment, mail_dir)?, http, activities: None })
}

/// What a worker sends by. Without `SMTP_URL` alerts by e-mail wait, and those to Slack go out.
///
/// # Errors
/// When the mail settings make no sense, or TLS cannot be set up.
pub fn for_worker(environment: &Environment, allow: AllowedNetworks) -> anyhow::Result<Senders> {
    if environment.smtp_url()?.is_some() {
        return set_up(environment, allow, None);
    }
    let email = EmailSender::unset(&environment.mail_from()?)?;
    let http = GuardedClient::new(HttpPolicy::new(allow))?;
    Ok(Senders { email, http, activities: None })
}

/// What a trial asks an extension by. No mail is sent.
///
/// # Errors
/// As [`for_worker`].
pub fn for_trial(
    environment: &Environment,
    allow: AllowedNetworks,
    pool: PgPool,
    master_key: MasterKey,
) -> anyhow::Result<Deps> {
    let senders = for_worker(environment, allow.clone())?;
    Ok(Deps {
        pool,
        master_key,
        http: senders.http.clone(),
        allow,
        senders,
        public_url: String::new(),
        mail_domain: String::new(),
        dead_man: None,
    })
}

/// Sets up what sends mail.
///
/// # Errors
/// When the mail settings are missing or make no sense.
pub fn email(environment: &Environment, mail_dir: Option<PathBuf>) -> anyhow::Result<EmailSender> {
    let from = environment.mail_from()?;
    match (environment.smtp_url()?, mail_dir) {
        (Some(url), _) => Ok(EmailSender::smtp(&url, &from)?),
        (None, Some(folder)) => Ok(EmailSender::folder(folder, &from)?),
        (None, None) => Err(ConfigError::Missing {
            name: SMTP_URL,
            cure: "set it to your mail server, such as smtps://user:password@smtp.example.com",
        }
        .into()),
    }
}

/// The domain of the mails' message ids: that of the sender's address, one of another script as the DNS spells it. What cannot stand
/// in a message id, such as a comment behind the address, is none.
#[must_use]
pub fn mail_domain(mail_from: &str) -> String {
    let domain = mail_from.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches(['>', ' ']));
    let ascii = domain.map(|domain| match Host::parse(domain) {
        Ok(Host::Domain(ascii)) if !domain.is_ascii() => ascii,
        _ => domain.to_owned(),
    });
    let is_plain = |domain: &str| {
        !domain.is_empty()
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    ascii.filter(|domain| is_plain(domain)).unwrap_or_else(|| NO_DOMAIN.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_take_the_domain_of_the_sender() {
        for (from, domain) in [
            ("alerts@example.com", "example.com"),
            ("SendPromptly <alerts@example.com>", "example.com"),
            ("alerts@bücher.example", "xn--bcher-kva.example"),
            ("alerts@example.com (at night)", "localhost"),
            ("nobody", "localhost"),
        ] {
            assert_eq!(mail_domain(from), domain);
        }
    }

    #[test]
    fn without_a_mail_server_and_a_folder_the_variable_is_named() {
        let error = email(&Environment::default(), None).expect_err("no way to send");
        assert!(error.to_string().starts_with("SMTP_URL is not set"), "{error}");
        assert_eq!(crate::failure::code(&error), "validation_error");
    }
}
