//! Who may join: `Result<(), E>`.
use switchboard::{Client, Error, messages};

struct Unit;

#[messages]
impl Unit {
    #[on_join]
    fn may_join(&self, _: &Client, _: &str) -> () {}
}

struct Truth;

#[messages]
impl Truth {
    #[on_join]
    fn may_join(&self, _: &Client, room: &str) -> bool {
        room.starts_with("lobby")
    }
}

struct Fallible;

#[messages]
impl Fallible {
    #[on_join]
    fn may_join(&self, _: &Client, room: &str) -> Result<bool, Error> {
        Ok(room.starts_with("lobby"))
    }
}

fn main() {}
