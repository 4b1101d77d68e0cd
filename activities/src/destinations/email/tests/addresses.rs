//! Whom a destination may be for, by the same rules where it is saved and where mail is sent.

use domain::operator::parse_email;
use lettre::Address;

/// What a local part or a domain may be made of, good and bad.
const PIECES: [&str; 24] = [
    "bob",
    "b",
    "o'hara",
    "bob+shop",
    "x.example",
    "x",
    "-x",
    "x-",
    ".",
    "..",
    "_",
    "@",
    "\"",
    " ",
    "zoë",
    "müller",
    "\u{200B}",
    "\u{AD}",
    "\u{FE0F}",
    "1.2.3.4",
    "[",
    "]",
    "xn--bcher-kva",
    "\\",
];

#[test]
fn every_address_that_is_saved_is_one_that_mail_can_be_sent_to() {
    let mut taken = 0;
    let locals = PIECES.iter().flat_map(|a| PIECES.iter().map(move |b| format!("{a}{b}")));
    for local in locals {
        for first in PIECES {
            for second in PIECES {
                let text = format!("{local}@{first}{second}");
                if let Ok(address) = parse_email(&text) {
                    taken += 1;
                    assert!(address.parse::<Address>().is_ok(), "{text:?} is taken and unusable");
                }
            }
        }
    }
    assert!(taken > 1_000, "{taken}");
    let longest = format!("{}@x.example", "b".repeat(64));
    assert!(parse_email(&longest).is_ok() && longest.parse::<Address>().is_ok());
    let longer = format!("{}@x.example", "b".repeat(65));
    assert!(parse_email(&longer).is_err() && longer.parse::<Address>().is_err());
}
