//! Frames in and out of one connection.
pub(crate) mod closing;
pub(crate) mod holding;
pub(crate) mod rates;
pub(crate) mod reading;
pub(crate) mod task;
pub(crate) mod timers;

pub(crate) use reading::ON_ITS_WAY;
pub(crate) use task::{Served, Task};
