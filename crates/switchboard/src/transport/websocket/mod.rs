//! Frames in and out of one connection.
mod closing;
mod goodbye;
mod holding;
mod reading;
mod task;
mod timers;

pub(crate) use reading::ON_ITS_WAY;
pub(crate) use task::Task;
