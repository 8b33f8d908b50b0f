//! The control of a figure that depends on time: how long the machine kept the threads that are measured from running.
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// Measures how long something takes. The time for which a runnable thread waited for a core is counted separately, since a
/// machine that is shared adds it, and not the server.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    /// This process, and a server in a process of its own.
    processes: Vec<u32>,
    /// By thread: nanoseconds it had waited for a core when the stopwatch began.
    waited: HashMap<(u32, String), u64>,
}

impl Stopwatch {
    /// Of this process.
    pub fn start() -> Stopwatch {
        Stopwatch::of(vec![std::process::id()])
    }

    /// Of this process, and the server that it talks to.
    pub fn with(server: u32) -> Stopwatch {
        Stopwatch::of(vec![std::process::id(), server])
    }

    fn of(processes: Vec<u32>) -> Stopwatch {
        let waited = waited(&processes);
        Stopwatch { began: Instant::now(), processes, waited }
    }

    /// How long it took by the clock.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// For how long threads waited for a core meanwhile, all of them together; nothing where the system does not say.
    pub fn waited(&self) -> Duration {
        let now = waited(&self.processes);
        let more = |(thread, waited): (_, &u64)| waited.saturating_sub(self.waited.get(thread).copied().unwrap_or(0));
        Duration::from_nanos(now.iter().map(more).sum())
    }

    /// How long it took, without the time for which threads waited for a core.
    pub fn served(&self) -> Duration {
        self.elapsed().saturating_sub(self.waited())
    }

    /// What one of many steps may take, which took so long together: longer by as much as the machine made them.
    pub fn stretch(&self, most: Duration) -> Duration {
        most.mul_f64(1.0 + self.waited().div_duration_f64(self.elapsed()))
    }

    /// Holds what it took against `most`: on a machine with idle cores exactly so.
    #[track_caller]
    pub fn within(&self, most: Duration) {
        let elapsed = self.elapsed();
        if elapsed > most {
            let waited = self.waited();
            assert!(elapsed <= most + waited, "{elapsed:?}, of which {waited:?} for a core: {most:?} is the most");
        }
    }
}

/// `/proc/PID/task/TID/schedstat`: time on a core, time on a run queue, both in nanoseconds; number of slices.
fn waited(processes: &[u32]) -> HashMap<(u32, String), u64> {
    let mut threads = HashMap::new();
    for &process in processes {
        let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for task in tasks.flatten() {
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            if let Some(waited) = text.split(' ').nth(1).and_then(|waited| waited.parse().ok()) {
                threads.insert((process, task.file_name().to_string_lossy().into_owned()), waited);
            }
        }
    }
    threads
}
