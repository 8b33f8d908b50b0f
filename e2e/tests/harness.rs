//! The harness itself: Node, its `ws`, Chromium, and what a failing script looks like.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use e2e::{NodeScript, node_script};

#[test]
fn chromium_echoes_through_a_websocket() {
    let output = node_script("harness", &[]);
    assert!(output.stdout.ends_with("echoed\n"), "{output:?}");
}

#[test]
fn a_script_that_overruns_is_stopped_and_its_output_shown() {
    let limit = Duration::from_millis(1500);
    let message = panic_message(|| drop(NodeScript::new("stuck").limit(limit).run()));
    assert!(message.contains("stuck.mjs was stopped"), "{message}");
    assert!(message.contains("waiting"), "{message}");
}

#[test]
fn a_missing_script_is_named() {
    let message = panic_message(|| drop(node_script("absent", &[])));
    assert_eq!(message, "no script e2e/node/absent.mjs");
}

fn panic_message(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the script must fail");
    *panic.downcast::<String>().expect("a formatted message")
}
