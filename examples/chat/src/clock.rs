//! What time it is, so that a test can say.
use std::sync::Arc;
use std::time::SystemTime;

/// Where the time of a message comes from. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Arc::new(SystemTime::now))
    }

    /// A clock that stands still.
    pub fn fixed(time: SystemTime) -> Clock {
        Clock(Arc::new(move || time))
    }

    /// Now, in UTC as RFC 3339: `2026-06-03T10:23:14Z`.
    pub fn now(&self) -> String {
        humantime::format_rfc3339_seconds((self.0)()).to_string()
    }
}
