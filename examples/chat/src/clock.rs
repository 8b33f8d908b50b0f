//! What time it is, so that a test can say.
use std::time::SystemTime;

/// Where the time of a message comes from.
pub struct Clock {
    fixed: Option<SystemTime>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock { fixed: None }
    }

    /// A clock that stands still.
    pub fn fixed(time: SystemTime) -> Clock {
        Clock { fixed: Some(time) }
    }

    /// Now, in UTC as RFC 3339: `2026-06-03T10:23:14Z`.
    pub fn now(&self) -> String {
        humantime::format_rfc3339_seconds(self.fixed.unwrap_or_else(SystemTime::now)).to_string()
    }
}
