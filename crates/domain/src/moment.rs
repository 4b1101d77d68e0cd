//! The provider's time, as apps send it: RFC 3339 with its zone, whose whole minutes may leave out the seconds, or Unix
//! seconds as a number.
//!
//! A time that could be meant in two ways is not guessed at. Each of the forms that languages and
//! databases print instead is recognised, and the error says what it is and what to send: a receipt
//! that is rejected over the form of a time is fixed in one step.
//! <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>

use serde_json::{Number, Value};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

const FORM: &str = "must be an RFC 3339 time with its zone, such as 2026-11-21T14:02:09Z, or Unix seconds as a number, such as 1795269729";
const OUT_OF_RANGE: &str = "must lie in the years 0 to 9999 of UTC";

/// The first second after the year 9999.
const END_OF_TIME: f64 = 253_402_300_800.0;
/// Digits of the shortest text that is read as a Unix time, so that no date is taken for one.
const UNIX_DIGITS: usize = 9;

/// Reads a moment and brings it into UTC. RFC 3339 has the years 0 to 9999; a moment that leaves
/// them in UTC could neither be stored nor written back.
///
/// # Errors
/// What is wrong and what would be right; it continues a sentence that begins with the field.
pub fn read(value: &Value) -> Result<OffsetDateTime, String> {
    match value {
        Value::Number(number) => from_number(number),
        Value::String(text) => from_text(text.trim()),
        _ => Err(FORM.to_owned()),
    }
}

/// Unix seconds, whole or with a fraction.
fn from_number(number: &Number) -> Result<OffsetDateTime, String> {
    let moment = match number.as_i64() {
        Some(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
        None => number
            .as_f64()
            .and_then(time::Duration::checked_seconds_f64)
            .and_then(|seconds| OffsetDateTime::UNIX_EPOCH.checked_add(seconds)),
    };
    let storable = moment.filter(|moment| (0..=9999).contains(&moment.year()));
    storable.ok_or_else(|| finer_than_seconds(&number.to_string()).unwrap_or(FORM.to_owned()))
}

fn from_text(text: &str) -> Result<OffsetDateTime, String> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let moment = parse(text).or_else(|| parse(&of_whole_minute(text)?));
    let Some(moment) = moment else { return Err(explain(text)) };
    let utc = moment.checked_to_offset(UtcOffset::UTC);
    utc.filter(|utc| (0..=9999).contains(&utc.year())).ok_or_else(|| OUT_OF_RANGE.to_owned())
}

/// The time of a text that leaves out the seconds, with them. Java's `OffsetDateTime.toString` does so of a whole minute
/// alone, so that one receipt in sixty would be rejected.
fn of_whole_minute(text: &str) -> Option<String> {
    let (minute, zone) = text.split_at_checked("2026-11-21T14:02".len())?;
    zone.starts_with(['Z', 'z', '+', '-']).then(|| format!("{minute}:00{zone}"))
}

/// What a number is that is too large for seconds.
fn finer_than_seconds(number: &str) -> Option<String> {
    let whole = number.split('.').next().filter(|whole| is_digits(whole))?;
    let value: f64 = whole.parse().ok().filter(|value| *value >= END_OF_TIME)?;
    let units = [("milliseconds", 3, 1e3), ("microseconds", 6, 1e6), ("nanoseconds", 9, 1e9)];
    let (unit, digits, _) = units.into_iter().find(|(.., each)| value / each < END_OF_TIME)?;
    let (seconds, fraction) = whole.split_at_checked(whole.len().checked_sub(digits)?)?;
    let seconds = format!("{seconds}.{fraction}");
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    Some(format!("is in {unit}; send seconds: {seconds}"))
}

/// What a text is that is no RFC 3339 time, and that time where it can be determined.
fn explain(text: &str) -> String {
    if let Some(unix) = explain_unix(text) {
        return unix;
    }
    let date = text.split_at_checked(10).filter(|(date, _)| is_date(date));
    let Some((date, rest)) = date else { return FORM.to_owned() };
    if rest.is_empty() {
        let example = rfc3339(date, "14:02:09", "Z");
        return example.map_or_else(no_such_time, |example| {
            format!("is a date alone; send the time of day and the zone, such as {example}")
        });
    }
    let rest = rest.trim_start_matches(['T', 't', ' ', '_']);
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ','));
    let (clock, zone) = rest.split_at(end.unwrap_or(rest.len()));
    let (reason, zone) = explain_zone(zone.trim());
    let meant = rfc3339(date, &with_seconds(clock), &zone);
    meant.map_or_else(no_such_time, |meant| format!("{reason} {meant}"))
}

fn no_such_time() -> String {
    format!("is no time of the calendar; it {FORM}")
}

/// A Unix time as text.
fn explain_unix(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(fraction) || whole.len() < UNIX_DIGITS {
        return None;
    }
    let finer = finer_than_seconds(text).map(|said| format!("{said}, as a number and not as text"));
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| *seconds < END_OF_TIME);
    finer.or_else(|| seconds.map(|_| format!("is a number as text; send it as a number: {text}")))
}

/// What is wrong with what follows the time of day, and the zone that is meant.
fn explain_zone(zone: &str) -> (&'static str, String) {
    let (offset, name) = zone.split_once('[').unwrap_or((zone, ""));
    let (sign, digits) = offset.split_at_checked(1).unwrap_or(("", ""));
    let signed = matches!(sign, "+" | "-");
    match (zone, digits.len()) {
        ("", _) => ("has no zone; if it is in UTC, send", "Z".to_owned()),
        (_, 2 | 4) if signed && is_digits(digits) => {
            let (hours, minutes) = digits.split_at(2);
            let minutes = if minutes.is_empty() { "00" } else { minutes };
            ("has an offset without colon; send", format!("{sign}{hours}:{minutes}"))
        }
        _ if !name.is_empty() => ("has the name of its zone behind it; send", offset.to_owned()),
        _ if signed || offset.eq_ignore_ascii_case("z") => {
            ("is not quite RFC 3339; send", offset.to_owned())
        }
        _ if matches!(zone.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "ETC/UTC") => {
            ("names its zone; send", "Z".to_owned())
        }
        _ => ("names its zone; send its offset from UTC instead, such as", "+01:00".to_owned()),
    }
}

/// A time of day with the seconds that RFC 3339 wants, and its fraction behind a point.
fn with_seconds(clock: &str) -> String {
    let clock = clock.replace(',', ".");
    if clock.len() == 5 { format!("{clock}:00") } else { clock }
}

/// The moment in the spelling of the standard, if there is such a moment.
fn rfc3339(date: &str, clock: &str, zone: &str) -> Option<String> {
    let moment = OffsetDateTime::parse(&format!("{date}T{clock}{zone}"), &Rfc3339).ok()?;
    moment.format(&Rfc3339).ok()
}

/// Whether a text looks like `2026-11-21`.
fn is_date(text: &str) -> bool {
    let digit_or_dash = |(at, b): (usize, u8)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(digit_or_dash)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(value: impl Into<Value>) -> Option<i128> {
        read(&value.into()).map(|at| at.unix_timestamp_nanos() / 1_000_000).ok()
    }

    #[test]
    fn moments_have_a_zone_or_are_unix_seconds() {
        for text in [
            "2026-11-21T14:02:09-05:00",
            "2026-11-21t19:02:09z",
            "2026-11-21 19:02:09Z",
            " 2026-11-21T19:02:09.000+00:00\n",
        ] {
            assert_eq!(millis(text), Some(1_795_287_729_000), "{text}");
        }
        for minute in ["2026-11-21T19:02Z", "2026-11-21 14:02-05:00", "2026-11-21t19:02z"] {
            assert_eq!(millis(minute), Some(1_795_287_720_000), "{minute}");
        }
        assert_eq!(millis(1_700_000_000), Some(1_700_000_000_000));
        assert_eq!(millis(1_700_000_000.5), Some(1_700_000_000_500));
        assert_eq!(millis(-1), Some(-1_000));
    }

    #[test]
    fn each_other_number_has_its_reason_and_what_is_right() {
        for (given, message) in [
            (1_700_000_000_123_i64.into(), "is in milliseconds; send seconds: 1700000000.123"),
            (1_700_000_000_000_i64.into(), "is in milliseconds; send seconds: 1700000000"),
            (1_700_000_000_123.9.into(), "is in milliseconds; send seconds: 1700000000.123"),
            (1_700_000_000_000_000_i64.into(), "is in microseconds; send seconds: 1700000000"),
            (
                1_700_000_000_000_000_001_i64.into(),
                "is in nanoseconds; send seconds: 1700000000.000000001",
            ),
            (
                Value::from("1700000000000"),
                "is in milliseconds; send seconds: 1700000000, as a number and not as text",
            ),
            ("1700000000".into(), "is a number as text; send it as a number: 1700000000"),
            ("1700000000.5".into(), "is a number as text; send it as a number: 1700000000.5"),
        ] {
            assert_eq!(read(&given).expect_err("rejected"), message, "{given}");
        }
    }

    #[test]
    fn each_other_text_has_its_reason_and_the_time_that_is_meant() {
        for (given, message) in [
            (
                "2026-11-21T14:02:09+0200",
                "has an offset without colon; send 2026-11-21T14:02:09+02:00",
            ),
            (
                "2026-11-21 14:02:09.5+00",
                "has an offset without colon; send 2026-11-21T14:02:09.5Z",
            ),
            ("2026-11-21 14:02:09 +02:00", "is not quite RFC 3339; send 2026-11-21T14:02:09+02:00"),
            ("2026-11-21T14:02 Z", "is not quite RFC 3339; send 2026-11-21T14:02:00Z"),
            (
                "2026-11-21T14:02+0200",
                "has an offset without colon; send 2026-11-21T14:02:00+02:00",
            ),
            ("2026-11-21T14:02:09,25Z", "is not quite RFC 3339; send 2026-11-21T14:02:09.25Z"),
            ("2026-11-21T14:02:09", "has no zone; if it is in UTC, send 2026-11-21T14:02:09Z"),
            ("2026-11-21 14:02", "has no zone; if it is in UTC, send 2026-11-21T14:02:00Z"),
            (
                "2026-11-21",
                "is a date alone; send the time of day and the zone, such as 2026-11-21T14:02:09Z",
            ),
            ("2026-11-21 14:02:09 UTC", "names its zone; send 2026-11-21T14:02:09Z"),
            (
                "2026-11-21T14:02:09 Europe/Berlin",
                "names its zone; send its offset from UTC instead, such as 2026-11-21T14:02:09+01:00",
            ),
            (
                "2026-11-21T14:02:09+01:00[Europe/Berlin]",
                "has the name of its zone behind it; send 2026-11-21T14:02:09+01:00",
            ),
            ("9999-12-31T23:59:59-02:00", OUT_OF_RANGE),
            ("0000-01-01T00:00:00+01:00", OUT_OF_RANGE),
        ] {
            assert_eq!(read(&given.into()).expect_err("rejected"), message, "{given}");
        }
    }

    #[test]
    fn whatever_else_is_answered_with_the_form() {
        for given in [
            Value::from("yesterday"),
            "2026".into(),
            "20261121T140209Z".into(),
            "Sat, 21 Nov 2026 14:02:09 GMT".into(),
            "99999999999999999999999999999999".into(),
            1e300.into(),
            i64::MIN.into(),
            true.into(),
            Value::Array(vec![]),
        ] {
            assert_eq!(read(&given).expect_err("rejected"), FORM, "{given}");
        }
        for given in [
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "2026-11-21T25:00:00",
            "2026-11-21T25:00Z",
            "2026-11-21T14:02:09+25:00",
        ] {
            assert!(read(&given.into()).expect_err("rejected").ends_with(FORM), "{given}");
        }
    }

    proptest! {
        /// Whatever is sent, what is said to be right is right, and nothing else of it is repeated.
        #[test]
        fn what_is_suggested_is_taken(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.,]{0,12} ?[A-Za-z+:0-9\\[]{0,8}|[0-9.]{0,25}|\\PC*") {
            if let Err(message) = read(&text.as_str().into())
                && let Some((_, meant)) = message.rsplit_once("send ")
                && meant.len() < 40 && meant.starts_with(|c: char| c.is_ascii_digit())
            {
                prop_assert!(read(&meant.into()).is_ok(), "{} -> {}", text, message);
            }
        }
    }
}
