//! Kinds are a closed list.
use switchboard::handler::Kind;

enum Mine {}

impl Kind for Mine {}

fn main() {}
