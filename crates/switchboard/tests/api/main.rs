//! What users may write: every shape of handler, hook and return, registered and run. `tests/ui` has what they may not.
#[macro_use]
mod orders;

mod bounds;
mod forms;
mod hooks;
mod params;
mod prelude;
mod returns;
mod shown;
