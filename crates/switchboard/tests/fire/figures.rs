//! Figures that are promised, each on a line of its own.
//!
//! `cargo xtask fire` runs the tests that tell them in release and at full size, several times, and holds the medians against
//! what is promised. A single run, on a machine that others use too, is held to wider bounds.
use crate::witness::Times;

/// Asked for by `cargo xtask fire`.
pub(crate) fn are_wanted() -> bool {
    std::env::var_os("SWITCHBOARD_FIRE_FULL").is_some()
}

/// `value` shall be at most `most`.
pub(crate) fn figure(promise: &str, what: &str, value: f64, unit: &str, most: f64) {
    eprintln!("figure|{promise}|{what}|{value:.4}|{unit}|{most}");
}

/// What of its latency somebody else notices, against what it is beside something else.
pub(crate) fn beside(promise: &str, who: &str, against: &str, before: &Times, beside: &Times, most: f64) {
    let ratio = beside.at(0.99).as_secs_f64() / before.at(0.99).as_secs_f64();
    figure(promise, &format!("p99 of {who}, against {against}"), ratio, "×", most);
}
