//! The default of a text is a `DefaultText`.
use switchboard::messages;
use switchboard::pipeline::DefaultValue;

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self, #[pipe(DefaultValue("hello"))] text: String) {
        drop(text);
    }
}

fn main() {}
