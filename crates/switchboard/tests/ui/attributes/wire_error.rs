//! What `#[wire(..)]` cannot say.
use switchboard::WireError;

struct Plain;

#[derive(WireError)]
#[wire(code = "on_the_enum")]
enum Keys {
    #[wire(cod = "x", message = "x")]
    Unknown,
    #[wire(message = "x", message = "y")]
    Twice,
    #[wire]
    Bare,
    #[wire(message = concat!("a", "b"))]
    NoText,
    #[wire(message = "x", code = 7)]
    NoCode,
    #[wire(message = "x", code = "internal")]
    SpeltInternal,
    #[wire(message = "x")]
    Internal,
    #[wire(message = "x", code = "")]
    NoWord,
    #[wire(message = "x", status = 200)]
    Success,
    #[wire(message = "x", close = 1006)]
    NoClose,
    #[wire(internal, code = "x")]
    Both,
    #[wire(transparent, message = "x")]
    Inside(switchboard::Error),
    #[wire(transparent)]
    Two(switchboard::Error, u8),
    #[wire(message = "x", retryable = false, retry_after = wait)]
    NeverAndLater { wait: std::time::Duration },
    #[wire(message = "x", retry_after = 500)]
    NoDuration,
}

#[derive(WireError)]
enum Messages {
    #[wire(message = "at least {leest} of {}")]
    Misspelt { least: u64 },
    #[wire(message = "{0}")]
    Nothing,
    #[wire(message = "one } alone")]
    Brace,
    #[wire(message = "x")]
    Placed(#[wire(message = "y")] u8),
}

#[derive(WireError)]
union Neither {
    number: u32,
}

fn main() {}
