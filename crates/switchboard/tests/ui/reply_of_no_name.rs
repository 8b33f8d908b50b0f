//! A reply's type has a name: `impl Serialize` of a method borrows `&self`.
use switchboard::Gateway;

struct Chat;

impl Chat {
    async fn name(&self) -> impl serde::Serialize {
        "chat"
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("name", Chat::name);
}
