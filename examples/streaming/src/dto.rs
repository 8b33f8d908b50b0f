//! What is on the wire.
use garde::Validate;
use serde::{Deserialize, Serialize};

/// The data of `run` and `report`: how much there is to do.
#[derive(Debug, Deserialize, Validate)]
pub struct Work {
    /// The steps: 1 to 200.
    #[garde(range(min = 1, max = 200))]
    pub steps: u32,
}

/// One item of the answer to `run`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The steps that are done.
    pub step: u32,
    /// The steps that there are.
    pub of: u32,
}

/// The answer to `report`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The steps that were done.
    pub steps: u32,
    /// How it went.
    pub summary: &'static str,
}

/// The data of `price`: an item, of 1 to 40 characters.
#[derive(Debug, Deserialize, Validate)]
#[garde(transparent)]
pub struct Item(#[garde(length(chars, min = 1, max = 40))] pub String);

/// The answer to `price`.
#[derive(Debug, Serialize)]
pub struct Price {
    /// What was asked for.
    pub item: String,
    /// What it costs.
    pub cents: usize,
}

/// The push `jobs`: what has become of the jobs of all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Those that run.
    pub running: usize,
    /// Those that came to their end.
    pub finished: usize,
    /// Those that did not: they were cancelled, or their client has left.
    pub dropped: usize,
}
