//! The application's code that comes back to the crate from inside of a call: it ends, and says what it did.
mod cycles;
mod errors;
mod joins;
mod sends;

/// How deep joins, and sends, go into each other.
const DEEPEST: usize = 8;

/// How many of them there are inside of one.
const INSIDE: usize = 1024;
