//! The service: jobs, how many run, and what became of them.
use crate::dto::{Counts, Progress};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Client, Error, Server, injectable};
use tokio::time::sleep;

/// The jobs that run at once, of all clients.
const RUNNING: usize = 64;

/// How long a step of a job takes.
pub struct Pace(pub Duration);

/// The jobs of all clients.
#[injectable]
pub struct Jobs {
    #[inject]
    server: Server,
    #[inject]
    pace: Arc<Pace>,
    counts: Mutex<Counts>,
}

/// A job that runs. One that is dropped before its last step has been cancelled.
pub struct Job {
    jobs: Arc<Jobs>,
    step: u32,
    of: u32,
}

impl Jobs {
    /// Begins a job.
    ///
    /// Errors: `overloaded` when as many run as may.
    pub fn begin(self: &Arc<Jobs>, steps: u32) -> Result<Job, Error> {
        let begun = self.count(|counts| {
            let is_room = counts.running < RUNNING;
            counts.running += usize::from(is_room);
            is_room
        });
        match begun {
            true => Ok(Job { jobs: self.clone(), step: 0, of: steps }),
            false => Err(Error::overloaded("As many jobs run as may: try again in a moment").retry_after_ms(2000)),
        }
    }

    /// What a client sees that has just come.
    pub fn tell(&self, client: &Client) {
        client.emit("jobs", *self.counts.lock());
    }

    /// Changes the counts, and tells everybody. In one go, so that the last that they hear is the newest.
    fn count<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        let mut counts = self.counts.lock();
        let done = change(&mut counts);
        // A client that is slow to read needs only the last.
        self.server.all().latest("jobs").emit("jobs", *counts);
        done
    }
}

impl Job {
    /// Does a step. `None` behind the last.
    pub async fn step(&mut self) -> Option<Progress> {
        if self.step == self.of {
            return None;
        }
        sleep(self.jobs.pace.0).await;
        self.step += 1;
        Some(Progress { step: self.step, of: self.of })
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let is_finished = self.step == self.of;
        self.jobs.count(|counts| {
            counts.running -= 1;
            counts.finished += usize::from(is_finished);
            counts.dropped += usize::from(!is_finished);
        });
    }
}
