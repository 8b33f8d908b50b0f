//! The measured part of a run: a time after a warm-up, or a number of messages.

use std::time::{Duration, Instant};

use crate::options::Options;
use crate::{Result, process, report};

/// Of a run that ends by a count.
const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Window<'a> {
    options: &'a Options,
    begun: Instant,
    mark: Option<Mark>,
}

/// The counts when the measured time began.
struct Mark {
    at: Instant,
    messages: u64,
    server: Option<Duration>,
    own: Duration,
}

impl Mark {
    fn now(options: &Options, messages: u64) -> Result<Mark> {
        let server = options.pid.map(process::cpu_time).transpose()?;
        let own = process::cpu_time(std::process::id())?;
        Ok(Mark { at: Instant::now(), messages, server, own })
    }
}

impl<'a> Window<'a> {
    pub(crate) fn begin(options: &'a Options) -> Window<'a> {
        Window { options, begun: Instant::now(), mark: None }
    }

    /// Reads the clock. False: the run is over, and no further request may be sent.
    pub(crate) fn is_open(&mut self, messages: u64) -> Result<bool> {
        let elapsed = self.begun.elapsed();
        if let Some(count) = self.options.count {
            return if elapsed < TIME_LIMIT {
                Ok(messages < count)
            } else {
                Err(format!("{messages} messages in {} s", TIME_LIMIT.as_secs()))
            };
        }
        if self.mark.is_none() && elapsed >= self.options.warmup {
            self.mark = Some(Mark::now(self.options, messages)?);
        }
        Ok(elapsed < self.options.warmup + self.options.secs)
    }

    /// Reports the rate, and how busy both sides were: 1 is a whole core.
    pub(crate) fn close(&self, messages: u64) -> Result<()> {
        let Some(mark) = &self.mark else { return Ok(()) };
        let end = Mark::now(self.options, messages)?;
        let seconds = (end.at - mark.at).as_secs_f64();
        let messages = (end.messages - mark.messages) as f64;
        report("per_second", messages / seconds);
        report("load_cpu", (end.own - mark.own).as_secs_f64() / seconds);
        if let (Some(before), Some(after)) = (mark.server, end.server) {
            report("server_cpu", (after - before).as_secs_f64() / seconds);
            report("server_us_per_message", (after - before).as_secs_f64() * 1e6 / messages.max(1.0));
        }
        Ok(())
    }
}
