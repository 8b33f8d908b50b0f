//! The system's allocator, counted.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often memory was asked for, a growing buffer included.
pub(crate) fn so_far() -> usize {
    let stats = COUNTED.stats();
    stats.allocations + stats.reallocations
}
