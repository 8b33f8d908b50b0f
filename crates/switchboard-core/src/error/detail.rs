//! What is wrong at one place of a payload.
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::borrow::Cow;

/// What is wrong at one place of a payload. It never holds the value that was refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Detail {
    /// A JSON pointer (RFC 6901) into the payload, "" for the whole of it.
    pub path: String,
    /// What is wrong, as a word for programs.
    pub code: Cow<'static, str>,
    /// What is wrong, as a sentence for people.
    pub message: String,
    /// The least that is allowed, where there is such a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The most that is allowed, where there is such a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
}

impl Detail {
    /// What is wrong at a place of the payload, without bounds.
    pub fn new(path: impl Into<String>, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Detail {
        Detail { path: path.into(), code: code.into(), message: message.into(), min: None, max: None }
    }

    /// It is inside of this key.
    pub(super) fn at_key(&mut self, key: &str) {
        self.path.insert_str(0, &format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    }

    /// Names the least that is allowed.
    #[must_use]
    pub fn min(mut self, bound: impl Into<Number>) -> Detail {
        self.min = Some(bound.into());
        self
    }

    /// Names the most that is allowed.
    #[must_use]
    pub fn max(mut self, bound: impl Into<Number>) -> Detail {
        self.max = Some(bound.into());
        self
    }
}
