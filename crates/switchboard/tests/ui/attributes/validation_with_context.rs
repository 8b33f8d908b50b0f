//! A validation that asks for a context cannot be automatic.
use garde::Validate;
use serde::Deserialize;
use switchboard::{Unchecked, messages};

struct Words;

#[derive(Deserialize, Validate)]
#[garde(context(Words))]
struct Say {
    #[garde(skip)]
    text: String,
}

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self, say: Say) -> String {
        say.text
    }
    #[subscribe_message("unchecked")]
    async fn unchecked(&self, say: Unchecked<Say>) -> String {
        say.0.text
    }
}

fn main() {}
