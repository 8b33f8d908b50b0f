//! Attacks, at a size for every run. The server is mostly in a process of its own, and beside each attack a connection with
//! live traffic must not notice: nothing lost, nothing out of order, and its latency held against what it was before.
//!
//! What is random comes from a seed, which a failure prints; `SWITCHBOARD_FIRE_SEED=N` repeats it.
#![cfg(target_os = "linux")]

mod child;
mod corpus;
mod figures;
mod seed;
mod victim;
mod witness;

mod abuse;
mod conformance;
mod door;
mod faults;
mod flaws;
mod floods;
mod held;
mod hostile;
mod leak;
mod memory;
mod rooms;
mod slow;
mod termination;

use child::Server;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use witness::{MuchWorse, Witness};

const MIB: i64 = 1 << 20;
const MASK: [u8; 4] = [1, 2, 3, 4];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Nothing is left, and nothing panicked.
async fn over(mut server: Server, witness: Witness) {
    witness.end();
    server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
    server.expect_well();
}

/// One attack at a time: each is held against what the same machine did a moment before.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a client's side on one thread, at most for a while. Where times were much worse than their control, the attack is made
/// again, twice at most: the machine may have been busy beside one and not beside the other.
fn run(patience: Duration, mut test: impl AsyncFnMut()) {
    for attempt in 1.. {
        let once = AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let local = tokio::task::LocalSet::new();
            let ended = runtime.block_on(local.run_until(async { tokio::time::timeout(patience, test()).await }));
            drop(local);
            assert!(ended.is_ok(), "no end within {patience:?}");
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        let Err(panic) = catch_unwind(once) else { return };
        match panic.downcast::<MuchWorse>() {
            Ok(worse) if attempt == 3 => panic!("three times: {}", worse.0),
            Ok(worse) => eprintln!("    measured again: {}", worse.0),
            Err(other) => resume_unwind(other),
        }
    }
}
