//! Users who may not speak, or not connect, for a while.
use crate::error::RoomError;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use switchboard::injectable;
use tokio::time::Instant;

/// The sanctions of moderators. Callers name existing accounts only, so there are at most as many entries as accounts.
#[injectable]
pub struct Sanctions {
    muted: Mutex<HashMap<String, Instant>>,
    barred: Mutex<HashMap<String, Instant>>,
}

impl Sanctions {
    /// Mutes this user from now on.
    pub fn mute(&self, user: &str, time: Duration) {
        self.muted.lock().insert(user.to_owned(), Instant::now() + time);
    }

    /// Bars this user from now on.
    pub fn bar(&self, user: &str, time: Duration) {
        self.barred.lock().insert(user.to_owned(), Instant::now() + time);
    }

    /// Errors: the user is muted.
    pub fn check_mute(&self, user: &str) -> Result<(), RoomError> {
        left(&self.muted, user).map_or(Ok(()), |left| Err(RoomError::Muted { left }))
    }

    /// Errors: the user is barred.
    pub fn check_bar(&self, user: &str) -> Result<(), RoomError> {
        left(&self.barred, user).map_or(Ok(()), |_| Err(RoomError::Barred))
    }
}

/// The time that is left.
fn left(until: &Mutex<HashMap<String, Instant>>, user: &str) -> Option<Duration> {
    let left = until.lock().get(user)?.checked_duration_since(Instant::now())?;
    Some(left).filter(|left| !left.is_zero())
}
