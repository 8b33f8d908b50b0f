//! The sweep: moves the clock, and wakes the connections whose alarm is due.
use super::Node;
use super::shard::{Running, Shard};
use std::sync::Arc;
use tokio::time::MissedTickBehavior;

/// Connections that are looked at under one lock.
const SLICE: usize = 1024;

/// One step late is one step late: after a stall there is one tick, not a burst.
pub(super) async fn run(shard: Arc<Shard>, node: Arc<Node>, _running: Running) {
    let mut ticks = tokio::time::interval(node.tick());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Vec::new();
    while !shard.is_stopped() {
        ticks.tick().await;
        // After a stall, what peers have sent meanwhile is noticed before they are judged: a yield lets the driver look.
        tokio::task::yield_now().await;
        let now = node.clock.advance();
        let mut from = Some(0);
        while let Some(at) = from {
            from = shard.due(at, SLICE, now, &mut due);
            for conn in due.drain(..) {
                conn.lane.wake();
            }
            if from.is_some() {
                tokio::task::yield_now().await;
            }
        }
    }
}
