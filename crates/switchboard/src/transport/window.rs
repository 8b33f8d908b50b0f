//! [`Window`]: how many events there were in a span of time.

/// A count of events in a span of time, which begins with the first event after the last span.
#[derive(Default)]
pub(crate) struct Window {
    since: u64,
    count: u64,
}

impl Window {
    pub(crate) const NONE: Window = Window { since: 0, count: 0 };

    /// Counts one; true when there are more than `most` in `span`.
    pub(crate) fn count(&mut self, now: u64, span: u64, most: u32) -> bool {
        self.add(now, span, 1, most)
    }

    /// True if at least `most` was counted in a span that has not ended.
    pub(crate) fn reaches(&self, now: u64, span: u64, most: u64) -> bool {
        now < self.ends(span) && self.count >= most
    }

    /// When the span ends that began last.
    pub(crate) fn ends(&self, span: u64) -> u64 {
        self.since + span
    }

    /// Counts `count` events at once; true when there are more than `most` in `span`.
    pub(crate) fn add(&mut self, now: u64, span: u64, count: u64, most: u32) -> bool {
        if now >= self.since + span {
            *self = Window { since: now, count: 0 };
        }
        self.count += count;
        self.count > u64::from(most)
    }
}
