//! Names of events.
use switchboard_core::{check_event, is_reserved};

/// Checks the name of an event that the application sends: the rules are those of names that it may handle. Errors: what is
/// wrong.
pub(crate) fn check_name(event: &str) -> Result<(), &'static str> {
    check_event(event)?;
    if is_reserved(event) { Err("its name belongs to the server") } else { Ok(()) }
}
