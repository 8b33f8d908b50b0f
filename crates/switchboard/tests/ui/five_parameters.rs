//! At most four parameters.
use switchboard::extract::Headers;
use switchboard::{Client, ConnState, EventName, Gateway};

struct Chat;

impl Chat {
    async fn say(
        &self,
        text: String,
        client: &Client,
        count: ConnState<u32>,
        event: EventName,
        headers: Headers,
    ) -> String {
        client.emit(&event, (count.get(), headers.len()));
        text
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("say", Chat::say);
}
