//! The service: jobs, and counts of running, finished and dropped ones.
use crate::dto::{Counts, Progress};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Client, Error, Server, injectable};
use tokio::time::sleep;

/// How many jobs of all clients may run at a time.
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

/// A running job. If it is dropped before its last step, it has been cancelled.
pub struct Job {
    jobs: Arc<Jobs>,
    step: u32,
    of: u32,
}

impl Jobs {
    /// Begins a job.
    ///
    /// Errors: `overloaded` if the maximum number of jobs is running.
    pub fn begin(self: &Arc<Jobs>, steps: u32) -> Result<Job, Error> {
        let begun = self.count(|counts| {
            let is_room = counts.running < RUNNING;
            counts.running += usize::from(is_room);
            is_room
        });
        match begun {
            true => Ok(Job { jobs: self.clone(), step: 0, of: steps }),
            false => {
                Err(Error::overloaded("As many jobs run as may: try again in a moment")
                    .retry_after(Duration::from_secs(2)))
            }
        }
    }

    /// The counts, for a client that has just connected.
    pub fn tell(&self, client: &Client) {
        client.emit("jobs", *self.counts.lock());
    }

    /// Changes the counts and sends them to all clients under one lock, so that the last counts that they receive are
    /// the newest.
    fn count<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        let mut counts = self.counts.lock();
        let done = change(&mut counts);
        // A client that reads slowly needs only the last counts.
        self.server.all().latest("jobs").emit("jobs", *counts);
        done
    }
}

impl Job {
    /// Does one step. `None` after the last one.
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
