//! Attributes with validation, and without the feature `garde`: `cargo xtask test clippy` compiles this with `macros` alone.
use garde::Validate;
use serde::Deserialize;
use switchboard::testing::TestApp;
use switchboard::{Unchecked, gateway, messages, module};

#[derive(Deserialize, Validate)]
struct Say {
    #[garde(length(min = 1))]
    text: String,
}

#[gateway(path = "/ws")]
struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("say")]
    async fn say(&self, say: Say) -> usize {
        say.text.len()
    }

    #[subscribe_message("say_anything")]
    async fn say_anything(&self, say: Unchecked<Say>) -> usize {
        say.text.len()
    }
}

#[module(gateways(Chat))]
struct ChatModule;

#[tokio::test(start_paused = true)]
async fn a_payload_is_validated_with_the_feature_garde_alone() {
    let app = TestApp::of::<ChatModule>().start().await;
    let mut client = app.connect("/ws").await;
    let empty = serde_json::json!({"text": ""});
    if cfg!(feature = "garde") {
        let error = client.request_error("say", &empty).await;
        assert_eq!(error.code, "validation_failed");
    } else {
        assert_eq!(client.request::<usize>("say", &empty).await, 0);
    }
    assert_eq!(client.request::<usize>("say_anything", &empty).await, 0);
}
