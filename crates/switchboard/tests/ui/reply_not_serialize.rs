//! A reply can be serialised.
use switchboard::{Error, Gateway};

struct Said {
    text: String,
}

struct Chat;

impl Chat {
    async fn say(&self, text: String) -> Said {
        Said { text }
    }
    async fn try_say(&self, text: String) -> Result<Said, Error> {
        Ok(Said { text })
    }
    async fn maybe_say(&self, text: String) -> Option<Said> {
        Some(Said { text })
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say);
    let _ = Gateway::new(Chat).on("try_say", Chat::try_say);
    let _ = Gateway::new(Chat).on("maybe_say", Chat::maybe_say);
}
