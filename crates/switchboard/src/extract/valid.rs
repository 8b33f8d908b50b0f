//! Validated payloads.
use crate::Error;
use crate::handler::{Decided, FromMessage, MessageContext, Requirements};
use garde::Validate;
use garde::error::Kind;
use garde::i18n::{
    DefaultI18n, I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind, with_i18n,
};
use serde::de::DeserializeOwned;
use serde_json::Number;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use switchboard_core::Detail;

/// A payload that has been validated by [garde](garde::Validate), with context `()`.
///
/// The derive macro is garde's own, so your crate depends on `garde` with the feature `derive` too.
/// ```
/// use garde::Validate;
/// use serde::Deserialize;
/// use switchboard::Valid;
///
/// #[derive(Deserialize, Validate)]
/// struct Say {
///     #[garde(length(chars, min = 1, max = 500))]
///     text: String,
/// }
///
/// struct Chat;
/// impl Chat {
///     async fn say(&self, say: Valid<Say>) -> usize {
///         say.text.len()
///     }
/// }
/// ```
///
/// An invalid payload is answered with `validation_failed` and at most eight `details`. Each has a JSON pointer, a
/// code, a message, and the bound that was violated (`min` or `max`), but never the rejected value. The code depends on
/// the rule:
///
/// | rule | code | bound |
/// |---|---|---|
/// | `length`, `range` | the rule's name | `min` or `max` |
/// | `ascii`, `alphanumeric`, `email`, `url`, `ip`, `credit_card`, `phone_number` | the rule's name; `ip` for `ipv4` and `ipv6`, too | |
/// | `contains`, `prefix`, `suffix`, `pattern`, `matches`, `required` | the rule's name | |
/// | `custom` | `invalid`, with the function's message, which should say what a valid value is | |
///
/// The pointer uses the names that garde knows: if serde renames a field, add `#[garde(rename = "..")]` too, and on a
/// newtype struct `#[garde(transparent)]`.
#[derive(Clone, Copy, Debug)]
pub struct Valid<T>(pub T);

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: serde::Serialize> serde::Serialize for Valid<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T> DerefMut for Valid<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> FromMessage for Valid<T>
where
    T: DeserializeOwned + Validate<Context = ()> + Send + 'static,
{
    type Kind = Decided;

    fn requirements(requirements: &mut Requirements) {
        requirements.payload::<T>(true);
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Valid<T>, Error> {
        let value: T = cx.payload()?;
        validate(&value)?;
        Ok(Valid(value))
    }
}

/// Validates a payload. Errors: `validation_failed`, with at most eight details.
pub(crate) fn validate<T: Validate<Context = ()>>(value: &T) -> Result<(), Error> {
    let rules = Rules::default();
    with_i18n(&rules, || value.validate()).map_err(|report| refused(&report, &rules))
}

fn refused(report: &garde::Report, rules: &Rules) -> Error {
    let error = Error::validation_failed("The data is not valid");
    report
        .iter()
        .take(Error::MAX_DETAILS)
        .fold(error, |error, (path, why)| error.detail(rules.detail(pointer(path), why.message())))
}

/// The longest JSON pointer that is sent. It is limited because it may contain keys chosen by the client.
const MAX_POINTER: usize = 256;

/// Converts garde's path to a JSON pointer (RFC 6901). If that would be too long, returns the pointer of an enclosing
/// value.
fn pointer(path: &garde::Path) -> String {
    let mut pointer = String::new();
    // `__iter` is hidden in garde's documentation, but garde's own `select!` expands to it. The path's text is
    // ambiguous, since a key may contain dots.
    for (kind, part) in path.__iter().rev().filter(|(kind, _)| *kind != Kind::None) {
        debug_assert!(matches!(kind, Kind::Key | Kind::Index));
        if part.len() > MAX_POINTER {
            break;
        }
        let part = part.replace('~', "~0").replace('/', "~1");
        if pointer.len() + 1 + part.len() > MAX_POINTER {
            break;
        }
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

/// The code and bound of a rule that was violated.
#[derive(Clone)]
struct Rule {
    code: &'static str,
    min: Option<Number>,
    max: Option<Number>,
}

/// The rules that were violated in one validation, by their message texts, which are also in garde's report.
///
/// garde passes a rule's arguments only to the code that makes its message. The text is garde's own and contains all
/// arguments, so equal texts belong to equal rules. A text that was not made here is one of the application's.
#[derive(Default)]
struct Rules(RefCell<BTreeMap<Cow<'static, str>, Rule>>);

impl Rules {
    fn note(&self, code: &'static str, text: Cow<'static, str>) -> Cow<'static, str> {
        self.bounded(code, text, None, None)
    }

    fn bounded(
        &self,
        code: &'static str,
        text: Cow<'static, str>,
        min: Option<Number>,
        max: Option<Number>,
    ) -> Cow<'static, str> {
        self.0.borrow_mut().insert(text.clone(), Rule { code, min, max });
        text
    }

    fn detail(&self, pointer: String, text: &str) -> Detail {
        let rules = self.0.borrow();
        let Some(Rule { code, min, max }) = rules.get(text).cloned() else {
            return Detail::new(pointer, "invalid", text);
        };
        let mut detail = Detail::new(pointer, code, text);
        (detail.min, detail.max) = (min, max);
        detail
    }
}

/// Converts a bound to a JSON number. `None` if a JSON parser would not read it back as the same number.
fn number(bound: &dyn Display) -> Option<Number> {
    let text = bound.to_string();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    let number: f64 = text.parse().ok()?;
    // An integer with too many digits would change its value as a float.
    (text.contains('.') || number.to_string() == text).then(|| Number::from_f64(number)).flatten()
}

impl I18n for &Rules {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        self.bounded("length", DefaultI18n.length_lower_than(min), Some(min.into()), None)
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        self.bounded("length", DefaultI18n.length_greater_than(max), None, Some(max.into()))
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        self.bounded("range", DefaultI18n.range_lower_than(min), number(min), None)
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        self.bounded("range", DefaultI18n.range_greater_than(max), None, number(max))
    }

    fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
        self.note("credit_card", DefaultI18n.credit_card_invalid(reason))
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.note("pattern", DefaultI18n.pattern_no_match(pattern))
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.note("contains", DefaultI18n.contains_missing(pattern))
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        self.note("url", DefaultI18n.url_invalid(reason))
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.note("prefix", DefaultI18n.prefix_missing(pattern))
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.note("suffix", DefaultI18n.suffix_missing(pattern))
    }

    fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
        self.note("phone_number", DefaultI18n.phone_number_invalid(reason))
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        self.note("ip", DefaultI18n.ip_invalid(kind))
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        self.note("matches", DefaultI18n.matches_field_mismatch(field))
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        self.note("email", DefaultI18n.email_invalid(reason))
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        self.note("ascii", DefaultI18n.ascii_invalid())
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        self.note("alphanumeric", DefaultI18n.alphanumeric_invalid())
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        self.note("required", DefaultI18n.required_not_set())
    }
}

#[cfg(test)]
#[path = "valid_tests.rs"]
mod tests;
