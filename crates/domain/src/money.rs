//! Amounts of money: whole numbers of a currency's minor units, never anything with a point.
//!
//! What an app says of an amount is no part of an event's identity, decides nothing, and is shown as it was said. A
//! sum is one per currency: nothing is ever converted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::field::Fields;
use crate::text_column::text_column;

/// The largest amount of a receipt, in minor units: millions of such amounts can be added up.
pub const MAX_VALUE: i64 = 999_999_999_999;

/// Currencies whose minor unit is not a hundredth: how many digits it has
/// (<https://www.six-group.com/en/products-services/financial-information/data-standards.html>, list one).
const DIGITS: &[(&str, usize)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// A currency by its three letters of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text is no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be three capital letters of ISO 4217, such as USD")]
pub struct InvalidCurrency;

text_column!(Currency);

/// So many minor units of a currency: 4900 of USD are 49.00 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amount {
    pub value: i64,
    pub currency: Currency,
}

impl Currency {
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    fn digits(self) -> usize {
        DIGITS.iter().find(|(code, _)| *code == self.as_str()).map_or(2, |(_, digits)| *digits)
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        let capitals = letters.iter().all(u8::is_ascii_uppercase);
        if capitals { Ok(Self(letters)) } else { Err(InvalidCurrency) }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Amount {
    /// An amount as two columns keep it.
    #[must_use]
    pub fn from_columns(value: Option<i64>, currency: Option<Currency>) -> Option<Self> {
        value.zip(currency).map(|(value, currency)| Self { value, currency })
    }

    /// Reads the field `amount` of a receipt. What is wrong is told of the part that it is in. A value of null is none: it
    /// is what providers say of what has no amount, such as Stripe of a session that only sets up a card.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let given = fields.value("amount")?;
        let Some(given) = given.as_object() else {
            fields.reject("amount", "must be an object: {\"value\":4900,\"currency\":\"USD\"}");
            return None;
        };
        if given.get("value").is_some_and(Value::is_null) {
            return None;
        }
        let value = read_value(given);
        let currency =
            given.get("currency").and_then(Value::as_str).map_or(Err(InvalidCurrency), str::parse);
        if value.is_none() {
            let cure = format!(
                "must be a whole number of minor units from 0 to {MAX_VALUE}: 4900 for 49.00 USD"
            );
            fields.reject("amount.value", cure);
        }
        if let Err(why) = currency {
            fields.reject("amount.currency", why.to_string());
        }
        Self::from_columns(value, currency.ok())
    }
}

/// A JSON number without a point and without an exponent. Anything else was rounded by somebody.
fn read_value(given: &Map<String, Value>) -> Option<i64> {
    given.get("value")?.as_i64().filter(|value| (0..=MAX_VALUE).contains(value))
}

/// `1,234.50 USD`, as many digits behind the point as the currency has.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits();
        let sign = if self.value < 0 { "-" } else { "" };
        let units = format!("{:0>width$}", self.value.unsigned_abs(), width = digits + 1);
        let (whole, rest) = units.split_at(units.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        write!(f, "{sign}{}{point}{rest} {}", grouped(whole), self.currency)
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Sums of several currencies in one line, the first few of them.
#[must_use]
pub fn describe_sums(sums: &[Amount]) -> Option<String> {
    const MOST: usize = 3;
    let shown = sums.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(" + ");
    match sums.len().saturating_sub(MOST) {
        _ if sums.is_empty() => None,
        0 => Some(shown),
        1 => Some(format!("{shown} and 1 more currency")),
        more => Some(format!("{shown} and {more} more currencies")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn amount(value: i64, currency: &str) -> Amount {
        Amount { value, currency: currency.parse().expect("a currency") }
    }

    fn read(given: Value) -> Result<Option<Amount>, Vec<String>> {
        let body = Map::from_iter([("amount".to_owned(), given)]);
        let mut fields = Fields::for_report(&body);
        let read = Amount::read(&mut fields);
        let named = |errors: Vec<crate::field::FieldError>| {
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        fields.finish(Some(read)).map_err(named)
    }

    #[test]
    fn an_amount_is_a_whole_number_of_minor_units_and_three_capitals() {
        let given = json!({ "value": 4900, "currency": "USD", "exponent": 2 });
        assert_eq!(read(given), Ok(Some(amount(4900, "USD"))));
        for value in [0, MAX_VALUE] {
            assert_eq!(
                read(json!({ "value": value, "currency": "JPY" })),
                Ok(Some(amount(value, "JPY")))
            );
        }
        for absent in [
            json!(null),
            json!(""),
            json!(" "),
            json!({ "value": null, "currency": null }),
            json!({ "value": null, "currency": "usd" }),
            json!({ "value": null }),
        ] {
            assert_eq!(read(absent), Ok(None));
        }
    }

    #[test]
    fn what_is_not_exactly_money_is_told_by_its_part() {
        let value = "amount.value";
        for wrong in [
            json!(49.0),
            json!(49.5),
            json!(1e3),
            json!("4900"),
            json!(-1),
            json!(MAX_VALUE + 1),
            json!(u64::MAX),
            json!([4900]),
            json!(true),
        ] {
            let given = json!({ "value": wrong, "currency": "EUR" });
            assert_eq!(read(given), Err(vec![value.to_owned()]), "{wrong}");
        }
        let currency = "amount.currency";
        for wrong in [
            json!("usd"),
            json!("US"),
            json!("USDT"),
            json!("US1"),
            json!("€"),
            json!(840),
            json!(null),
        ] {
            let given = json!({ "value": 1, "currency": wrong });
            assert_eq!(read(given), Err(vec![currency.to_owned()]), "{wrong}");
        }
        assert_eq!(read(json!({})), Err(vec![value.to_owned(), currency.to_owned()]));
        for wrong in [json!(4900), json!("49.00 USD"), json!([4900, "USD"]), json!(true)] {
            assert_eq!(read(wrong), Err(vec!["amount".to_owned()]));
        }
    }

    #[test]
    fn it_is_written_as_its_currency_counts() {
        for (value, currency, text) in [
            (4900, "USD", "49.00 USD"),
            (5, "EUR", "0.05 EUR"),
            (0, "EUR", "0.00 EUR"),
            (123_456_789, "EUR", "1,234,567.89 EUR"),
            (1_500, "JPY", "1,500 JPY"),
            (1_500, "KWD", "1.500 KWD"),
            (7, "CLF", "0.0007 CLF"),
        ] {
            assert_eq!(amount(value, currency).to_string(), text);
        }
    }

    #[test]
    fn sums_are_one_per_currency() {
        assert_eq!(describe_sums(&[]), None);
        let all = ["USD", "EUR", "JPY", "GBP", "CHF"].map(|code| amount(100, code));
        assert_eq!(describe_sums(&all[..2]).as_deref(), Some("1.00 USD + 1.00 EUR"));
        let four = describe_sums(&all[..4]);
        assert_eq!(four.as_deref(), Some("1.00 USD + 1.00 EUR + 100 JPY and 1 more currency"));
        assert!(describe_sums(&all).is_some_and(|text| text.ends_with("and 2 more currencies")));
    }

    #[test]
    fn it_survives_json() {
        let json = json!({ "value": 4900, "currency": "USD" });
        assert_eq!(serde_json::to_value(amount(4900, "USD")).ok(), Some(json.clone()));
        assert_eq!(serde_json::from_value::<Amount>(json).ok(), Some(amount(4900, "USD")));
        let wrong = json!({ "value": 4900, "currency": "usd" });
        assert!(serde_json::from_value::<Amount>(wrong).is_err());
    }
}
