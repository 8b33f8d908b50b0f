//! A message has one payload.
use switchboard::{Client, Gateway, Valid};

#[derive(serde::Deserialize, garde::Validate)]
struct Name(#[garde(skip)] String);

struct Chat;

impl Chat {
    async fn rename(&self, from: String, client: &Client, to: String) {
        client.emit(&from, to);
    }
    async fn valid(&self, from: Valid<Name>, to: String) -> String {
        from.0.0 + &to
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("rename", Chat::rename);
    let _ = Gateway::new(Chat).on("valid", Chat::valid);
}
