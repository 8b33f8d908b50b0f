//! [`Detail`]: an error at one path of a payload.
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::borrow::Cow;

/// An error at one path of a payload. It never contains the refused value.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Detail {
    /// A JSON pointer (RFC 6901) into the payload, "" for the whole of it.
    pub path: String,
    /// What is wrong, as a word for programs.
    pub code: Cow<'static, str>,
    /// What is wrong, as a sentence for people.
    pub message: String,
    /// The lower bound, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The upper bound, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
}

impl Detail {
    /// A detail without bounds.
    pub fn new(path: impl Into<String>, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Detail {
        Detail { path: path.into(), code: code.into(), message: message.into(), min: None, max: None }
    }

    /// Prepends this key to the path.
    pub(super) fn at_key(&mut self, key: &str) {
        self.path.insert_str(0, &format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    }

    /// Sets the lower bound.
    #[must_use]
    pub fn min(mut self, bound: impl Into<Number>) -> Detail {
        self.min = Some(bound.into());
        self
    }

    /// Sets the upper bound.
    #[must_use]
    pub fn max(mut self, bound: impl Into<Number>) -> Detail {
        self.max = Some(bound.into());
        self
    }
}
