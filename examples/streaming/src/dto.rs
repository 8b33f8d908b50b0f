//! The payloads.
use garde::Validate;
use serde::{Deserialize, Serialize};

/// The data of `run` and `report`: the size of the job.
#[derive(Debug, Deserialize, Validate)]
pub struct Work {
    /// The number of steps: 1 to 200.
    #[garde(range(min = 1, max = 200))]
    pub steps: u32,
}

/// One item of the reply to `run`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The number of finished steps.
    pub step: u32,
    /// The number of all steps.
    pub of: u32,
}

/// The reply to `report`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The number of finished steps.
    pub steps: u32,
    /// A summary.
    pub summary: &'static str,
}

/// The data of `price`: the name of an item, 1 to 40 characters.
#[derive(Debug, Deserialize, Validate)]
#[garde(transparent)]
pub struct Item(#[garde(length(chars, min = 1, max = 40))] pub String);

/// The reply to `price`.
#[derive(Debug, Serialize)]
pub struct Price {
    /// The item.
    pub item: String,
    /// The price.
    pub cents: usize,
}

/// The push `jobs`: counts of the jobs of all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Running jobs.
    pub running: usize,
    /// Finished jobs.
    pub finished: usize,
    /// Jobs that were cancelled, or whose client has left.
    pub dropped: usize,
}
