//! A reply outlives the call.
use switchboard::Gateway;

struct Chat {
    name: String,
}

impl Chat {
    async fn name(&self) -> &str {
        &self.name
    }
}

fn main() {
    let _ = Gateway::new(Chat { name: String::new() }).on("name", Chat::name);
}
