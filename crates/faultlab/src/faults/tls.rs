//! TLS that must not be believed, and TLS that does not come: of the mail server, of Slack and of the repair endpoint.
//!
//! Nothing may reach them in the meantime, and what waited arrives once the certificate is good again.

use std::time::Duration;

use anyhow::Context as _;
use doubles::tls_front::Handshake;

use super::{Fault, Kind, Scene, Shows, seconds};

/// Whose, and what of it.
#[derive(Clone, Copy)]
pub(super) struct Trouble {
    whose: Whose,
    handshake: Handshake,
}

#[derive(Clone, Copy)]
enum Whose {
    Mail,
    Slack,
    Repair,
}

/// Long enough for incidents to come by, which the deadline takes 12 s for.
const LASTS: (Duration, Duration) = seconds(18, 26);

/// A handshake that hangs holds an attempt up for longer than the fault lasts.
const fn mail(name: &'static str, what: &'static str, handshake: Handshake) -> Fault {
    let shows = Shows::OneOf(&["alerts fail", "alerts are slow", "failing_destinations"]);
    fault(name, what, shows, Trouble { whose: Whose::Mail, handshake })
}

const fn slack(name: &'static str, what: &'static str, handshake: Handshake) -> Fault {
    let shows = Shows::OneOf(&["alerts fail", "failing_destinations", "api check destinations"]);
    fault(name, what, shows, Trouble { whose: Whose::Slack, handshake })
}

const fn repair(name: &'static str, what: &'static str, handshake: Handshake) -> Fault {
    let shows = Shows::OneOf(&["callbacks fail"]);
    fault(name, what, shows, Trouble { whose: Whose::Repair, handshake })
}

const fn fault(name: &'static str, what: &'static str, shows: Shows, trouble: Trouble) -> Fault {
    Fault { name, family: "TLS", what, shows, short: false, kind: Kind::Tls(trouble) }
}

pub(super) const ALL: &[Fault] = &[
    mail(
        "tls-mail-name",
        "the mail server shows a certificate for another name",
        Handshake::WrongName,
    ),
    mail("tls-mail-expired", "the mail server's certificate has expired", Handshake::Expired),
    mail(
        "tls-mail-untrusted",
        "nobody vouches for the mail server's certificate",
        Handshake::Untrusted,
    ),
    mail("tls-mail-hangs", "the mail server never ends its TLS handshake", Handshake::Hangs),
    slack("tls-slack-name", "Slack shows a certificate for another name", Handshake::WrongName),
    slack("tls-slack-expired", "Slack's certificate has expired", Handshake::Expired),
    slack("tls-slack-untrusted", "nobody vouches for Slack's certificate", Handshake::Untrusted),
    slack("tls-slack-hangs", "Slack never ends its TLS handshake", Handshake::Hangs),
    repair(
        "tls-repair-name",
        "the repair endpoint shows a certificate for another name",
        Handshake::WrongName,
    ),
    repair(
        "tls-repair-expired",
        "the certificate of the repair endpoint has expired",
        Handshake::Expired,
    ),
    repair(
        "tls-repair-untrusted",
        "nobody vouches for the certificate of the repair endpoint",
        Handshake::Untrusted,
    ),
    repair(
        "tls-repair-hangs",
        "the repair endpoint never ends its TLS handshake",
        Handshake::Hangs,
    ),
];

pub(super) async fn strike(trouble: Trouble, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let time = scene.dice.between(LASTS.0, LASTS.1);
    let fronts = scene.stage.neighbours.fronts.as_ref().context("a stage without TLS")?;
    let (front, name) = match trouble.whose {
        Whose::Mail => (&fronts.mail, "the mail server"),
        Whose::Slack => (&fronts.slack, "Slack"),
        Whose::Repair => (&fronts.repair, "the repair endpoint"),
    };
    let what = match trouble.handshake {
        Handshake::Good => "good",
        Handshake::WrongName => "a certificate for another name",
        Handshake::Expired => "an expired certificate",
        Handshake::Untrusted => "a certificate that nobody vouches for",
        Handshake::Hangs => "no end of the handshake",
    };
    front.set(trouble.handshake);
    scene.journal.lasting(format!("TLS of {name}: {what}"), time).await;
    front.set(Handshake::Good);
    Ok(())
}
