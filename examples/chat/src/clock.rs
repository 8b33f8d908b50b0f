//! The current time, which tests can set.
use std::time::SystemTime;

/// The source of the time of messages.
pub struct Clock {
    fixed: Option<SystemTime>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock { fixed: None }
    }

    /// A clock that always shows the same time.
    pub fn fixed(time: SystemTime) -> Clock {
        Clock { fixed: Some(time) }
    }

    /// Now, in UTC as RFC 3339: `2026-06-03T10:23:14Z`.
    pub fn now(&self) -> String {
        humantime::format_rfc3339_seconds(self.fixed.unwrap_or_else(SystemTime::now)).to_string()
    }
}
