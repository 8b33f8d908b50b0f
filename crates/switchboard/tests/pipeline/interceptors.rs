//! Interceptors: around handlers and the on-connect hook.
use crate::{Story, exception};
use std::time::Duration;
use switchboard::pipeline::{Call, Interceptor, Next};
use switchboard::{App, Client, Error, Gateway, HandlerDef, Reply};
use switchboard_rig::{Rig, Stack, matrix, on};

struct Shop {
    story: Story,
}
impl Shop {
    async fn price(&self, item: String) -> u32 {
        self.story.tell("price");
        u32::try_from(item.len()).unwrap()
    }
    async fn slow(&self) -> &'static str {
        tokio::time::sleep(Duration::from_millis(5)).await;
        "slow"
    }
    async fn nothing(&self) {}
    async fn none(&self) -> Option<u8> {
        None
    }
    async fn renamed(&self) -> Reply {
        Reply::event("other", 5)
    }
    async fn fails(&self) -> Result<(), Error> {
        Err(Error::conflict("Sold"))
    }
    async fn panics(&self) {
        panic!("a secret");
    }
    async fn hangs(&self) {
        std::future::pending().await
    }
    async fn joined(&self, client: &Client) {
        self.story.tell("hook");
        client.emit("hello", ());
    }
}

struct Around(&'static str, Story);
impl Interceptor for Around {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        let at = if call.is_connect() { "connect" } else { call.event() };
        self.1.tell(format!("{} before {at}", self.0));
        let reply = next.run().await;
        self.1.tell(format!("{} after {at}{}", self.0, if reply.is_err() { ": an error" } else { "" }));
        reply
    }
}

fn shop(story: &Story) -> Gateway<Shop> {
    Gateway::new(Shop { story: story.clone() })
        .handler("price", HandlerDef::new(Shop::price).interceptor(Around("message", story.clone())))
        .on("slow", Shop::slow)
        .on("nothing", Shop::nothing)
        .on("none", Shop::none)
        .on("renamed", Shop::renamed)
        .on("fails", Shop::fails)
        .on("panics", Shop::panics)
        .on("hangs", Shop::hangs)
        .on_connect(Shop::joined)
        .interceptor(Around("gateway", story.clone()))
}

#[test]
fn h7_from_the_outside_in_and_back() {
    matrix(|stack| async move {
        let story = Story::default();
        let app = App::new().interceptor(Around("app", story.clone())).gateway("/ws", shop(&story));
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        peer.expect(r#"{"event":"hello","data":null}"#).await;
        let around =
            ["app before connect", "gateway before connect", "hook", "gateway after connect", "app after connect"];
        assert_eq!(story.take(), around);
        assert_eq!(
            peer.request(r#"{"event":"price","data":"tea","id":1}"#).await,
            r#"{"event":"price","data":3,"id":1}"#
        );
        assert_eq!(
            story.take(),
            [
                "app before price",
                "gateway before price",
                "message before price",
                "price",
                "message after price",
                "gateway after price",
                "app after price"
            ]
        );
        // What is answered is what it would be without them.
        for (request, answer) in [
            (r#"{"event":"slow"}"#, r#"{"event":"slow","data":"slow"}"#),
            (r#"{"event":"nothing","id":1}"#, r#"{"event":"nothing","data":null,"id":1}"#),
            (r#"{"event":"none","id":2}"#, r#"{"event":"none","data":null,"id":2}"#),
            (r#"{"event":"renamed","id":3}"#, r#"{"event":"other","data":5,"id":3}"#),
        ] {
            assert_eq!(peer.request(request).await, answer);
        }
        peer.send_all([r#"{"event":"nothing"}"#, r#"{"event":"none"}"#, r#"{"event":"renamed"}"#]).await;
        peer.expect(r#"{"event":"other","data":5}"#).await;
        story.take();
        for event in ["fails", "panics"] {
            let code = if event == "fails" { "conflict" } else { "internal" };
            assert_eq!(exception(&peer.request(&format!(r#"{{"event":"{event}","id":7}}"#)).await).0, code);
            let told = story.take();
            assert_eq!(told[3], format!("app after {event}: an error"));
        }
        peer.send(r#"{"event":"hangs","id":8}"#).await;
        peer.send(r#"{"cancel":8}"#).await;
        assert_eq!(exception(&peer.recv_text().await).0, "cancelled");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn they_answer_in_place_of_the_handler_and_change_what_it_answers() {
    matrix(|stack| async move {
        struct Cached;
        impl Interceptor for Cached {
            async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
                match call.payload::<String>()?.as_str() {
                    "cached" => Ok(Reply::value(42)),
                    "forbidden" => Err(Error::forbidden("Not this one")),
                    "late" => {
                        tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await.ok();
                        Err(Error::timeout("Too slow"))
                    }
                    _ => next.run().await,
                }
            }
        }
        struct Wrapped;
        impl Interceptor for Wrapped {
            async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
                next.run().await?.map(|value| serde_json::json!({ "value": value }))
            }
        }
        let story = Story::default();
        let gateway = Gateway::new(Shop { story: story.clone() })
            .handler("price", HandlerDef::new(Shop::price).interceptor(Wrapped).interceptor(Cached))
            .handler("renamed", HandlerDef::new(Shop::renamed).interceptor(Wrapped));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        let mut ask = async |item: &str| peer.request(&format!(r#"{{"event":"price","data":"{item}","id":1}}"#)).await;
        assert_eq!(ask("tea").await, r#"{"event":"price","data":{"value":3},"id":1}"#);
        assert_eq!(story.take(), ["price"]);
        assert_eq!(ask("cached").await, r#"{"event":"price","data":{"value":42},"id":1}"#);
        assert_eq!(exception(&ask("forbidden").await).0, "forbidden");
        assert_eq!(exception(&ask("late").await).0, "timeout");
        assert_eq!(story.take(), Vec::<String>::new(), "the handler did not run");
        assert_eq!(peer.request(r#"{"event":"renamed"}"#).await, r#"{"event":"other","data":{"value":5}}"#);
    });
}

#[test]
fn one_that_panics_answers_internal_and_one_around_connecting_may_refuse() {
    on(Stack::Listen, |stack| async move {
        struct Refuses;
        impl Interceptor for Refuses {
            async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
                if call.is_connect() {
                    return Err(Error::unauthenticated("Who are you?"));
                }
                next.run().await
            }
        }
        struct Panics;
        impl Interceptor for Panics {
            async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
                assert!(call.is_connect(), "a secret");
                next.run().await
            }
        }
        let story = Story::default();
        let app = App::new().gateway("/ws", shop(&story).interceptor(Panics));
        let app = app.gateway("/shut", shop(&story).interceptor(Refuses));
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        peer.expect(r#"{"event":"hello","data":null}"#).await;
        assert_eq!(exception(&peer.request(r#"{"event":"slow","id":1}"#).await).0, "internal");
        let mut peer = rig.connect_to("/shut").await;
        assert_eq!(exception(&peer.recv_text().await).0, "unauthenticated");
        assert_eq!(peer.skip_until_close().await, 4501);
    });
}
