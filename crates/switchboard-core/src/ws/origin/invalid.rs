//! An entry that is not an origin.
use std::fmt;

/// An entry of a list of origins that is not an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    entry: String,
}

impl InvalidOrigin {
    pub(super) fn new(entry: &str) -> InvalidOrigin {
        InvalidOrigin { entry: entry.to_owned() }
    }

    /// The entry as it was given.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entry == "*" {
            return f.write_str("\"*\" is not an origin: `Origins::any()` allows every page, \"https://*.host\" those of every name below a host");
        }
        write!(
            f,
            "{:?} is not an origin: write scheme://host, as https://app.example or capacitor://localhost, with :port if it is \
             not the default, without a path or a slash at the end (\"https://*.host\" for every name below a host); null and \
             file:// are entries too",
            self.entry
        )
    }
}

impl std::error::Error for InvalidOrigin {}
