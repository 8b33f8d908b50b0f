//! What the types of an error have to be.
use switchboard::WireError;

struct Plain;

#[derive(WireError)]
enum Untold {
    NoText,
}

#[derive(WireError)]
enum Uncaused {
    #[wire(internal)]
    NoCause,
}

#[derive(WireError)]
enum Opaque {
    #[wire(transparent)]
    Inner(Plain),
}

#[derive(WireError)]
enum Format {
    #[wire(message = "{0}")]
    NoDisplay(Plain),
}

fn main() {}
