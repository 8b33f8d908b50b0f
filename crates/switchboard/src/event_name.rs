//! Names of events.
use switchboard_core::{check_event, is_reserved};

/// The names that an application may send: those that it may handle.
pub(crate) fn check_name(event: &str) -> Result<(), &'static str> {
    check_event(event)?;
    if is_reserved(event) { Err("its name belongs to the server") } else { Ok(()) }
}
