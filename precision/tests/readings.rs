//! The readings of payloads, as without the feature.
#[path = "../../crates/switchboard/tests/readings/main.rs"]
mod readings;

use serde_json::Value;

/// Without this the tests would show nothing.
#[test]
fn the_feature_is_on() {
    let number: Value = serde_json::from_str("340282366920938463463374607431768211455.50").unwrap();
    assert_eq!(number.to_string(), "340282366920938463463374607431768211455.50");
}
