//! Filters: what a client is told, by the type of an error and by where the filter stands.
use crate::{Story, exception};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Call, Caught, Filter, Guard, Interceptor, Next};
use switchboard::{App, Client, Error, Gateway, HandlerDef, Reply};
use switchboard_rig::{Rig, Stack, matrix, on};

#[derive(Debug)]
struct Sold(u32);
impl From<Sold> for Error {
    fn from(_: Sold) -> Error {
        Error::conflict("unfiltered")
    }
}

struct Shop;
impl Shop {
    async fn buy(&self, number: u32) -> Result<u32, Sold> {
        if number > 9 { Err(Sold(number)) } else { Ok(number) }
    }
    async fn slow(&self, number: u32) -> Result<u32, Sold> {
        tokio::task::yield_now().await;
        self.buy(number).await
    }
    async fn plain(&self) -> Result<(), Error> {
        Err(Error::not_found("plain"))
    }
    async fn panics(&self) {
        panic!("a secret");
    }
    async fn refused(&self, _: &Client) -> Result<(), Sold> {
        Err(Sold(1))
    }
}

/// Catches errors of the type, and tells where it stands.
struct OfSold(&'static str, Story);
impl Filter for OfSold {
    type Error = Sold;
    fn catch(&self, error: Sold, caught: &Caught<'_>) -> Error {
        self.1.tell(format!("{} {} {}", self.0, caught.event(), caught.client().is_some()));
        Error::new("sold", format!("{} is sold, says the {}", error.0, self.0))
    }
}
struct OfAll(&'static str);
impl Filter for OfAll {
    type Error = Error;
    fn catch(&self, error: Error, _: &Caught<'_>) -> Error {
        let message = format!("{} {}", self.0, error.message());
        Error::new(format!("all_{}", error.code()), message)
    }
}

#[test]
fn j5_the_first_that_fits_from_the_message_outwards() {
    matrix(|stack| async move {
        let story = Story::default();
        let of_sold = |at| OfSold(at, story.clone());
        let gateway = Gateway::new(Shop)
            .handler("message", HandlerDef::new(Shop::slow).filter(of_sold("message")))
            .handler("any", HandlerDef::new(Shop::buy).filter(OfAll("message")).filter(of_sold("never")))
            .handler("free", HandlerDef::new(Shop::buy).skip::<OfSold>())
            .on("gateway", Shop::buy)
            .on("plain", Shop::plain)
            .on("panics", Shop::panics)
            .filter(of_sold("gateway"));
        let app = App::new().filter(of_sold("never")).filter(OfAll("app")).gateway("/ws", gateway);
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        for (event, data, code, message) in [
            ("message", "17", "sold", "17 is sold, says the message"),
            ("any", "17", "all_conflict", "message unfiltered"),
            ("free", "17", "all_conflict", "app unfiltered"),
            ("gateway", "17", "sold", "17 is sold, says the gateway"),
            ("gateway", "[]", "all_validation_failed", "app The data does not fit this event"),
            ("plain", "null", "all_not_found", "app plain"),
            ("panics", "null", "all_internal", "app Internal error"),
        ] {
            let answer = peer.request(&format!(r#"{{"event":"{event}","data":{data},"id":1}}"#)).await;
            assert_eq!(exception(&answer), (code.into(), message.into(), Some(1.into())), "{event}");
        }
        assert_eq!(peer.request(r#"{"event":"message","data":3}"#).await, r#"{"event":"message","data":3}"#);
        assert_eq!(story.take(), ["message message true", "gateway gateway true"]);
    });
}

#[test]
fn guards_interceptors_and_hooks_are_filtered_and_a_filter_may_panic() {
    on(Stack::Listen, |stack| async move {
        struct Refuses;
        impl Guard for Refuses {
            fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
                if cx.event() == "guarded" { Err(Error::forbidden("guard")) } else { Ok(()) }
            }
        }
        struct Looks(Story);
        impl Interceptor for Looks {
            async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
                let reply = next.run().await;
                if let Err(error) = &reply {
                    self.0.tell(error.message().to_owned());
                }
                reply
            }
        }
        struct Panics;
        impl Filter for Panics {
            type Error = Error;
            fn catch(&self, _: Error, _: &Caught<'_>) -> Error {
                panic!("a secret")
            }
        }
        let story = Story::default();
        let gateway = Gateway::new(Shop)
            .on("guarded", Shop::plain)
            .on("plain", Shop::plain)
            .handler("sold", HandlerDef::new(Shop::slow).filter(OfSold("message", story.clone())))
            .handler("panics", HandlerDef::new(Shop::plain).filter(Panics))
            .guard(Refuses)
            .interceptor(Looks(story.clone()))
            .filter(OfAll("gateway"));
        let shut = Gateway::new(Shop).on_connect(Shop::refused).filter(OfAll("hook"));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway).gateway("/shut", shut)).await;
        let mut peer = rig.connect().await;
        let mut ask =
            async |event: &str| exception(&peer.request(&format!(r#"{{"event":"{event}","data":17}}"#)).await);
        assert_eq!(ask("guarded").await.1, "gateway guard");
        assert_eq!(story.take(), Vec::<String>::new());
        assert_eq!(ask("plain").await.1, "gateway plain");
        assert_eq!(story.take(), ["plain"], "interceptors see what the handler said");
        assert_eq!(ask("sold").await.1, "17 is sold, says the message", "and not both filters speak");
        assert_eq!(ask("panics").await.0, "internal");
        let mut peer = rig.connect_to("/shut").await;
        assert_eq!(exception(&peer.recv_text().await), ("all_conflict".into(), "hook unfiltered".into(), None));
        peer.skip_until_close().await;
    });
}

#[test]
fn items_of_streams_are_filtered_and_what_an_interceptor_says_too() {
    on(Stack::Listen, |stack| async move {
        struct Items;
        impl Items {
            async fn items(&self) -> impl futures_util::Stream<Item = Result<u32, Sold>> + use<> {
                futures_util::stream::iter([Ok(1), Err(Sold(2))])
            }
            async fn sold(&self) -> Result<(), Sold> {
                Err(Sold(3))
            }
        }
        struct Replaces;
        impl Interceptor for Replaces {
            async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
                next.run().await.map_err(|_| Error::not_found("replaced"))
            }
        }
        let story = Story::default();
        let gateway = Gateway::new(Items)
            .on("items", Items::items)
            .handler("sold", HandlerDef::new(Items::sold).interceptor(Replaces))
            .filter(OfSold("gateway", story.clone()))
            .filter(OfAll("all"));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"items","id":1}"#).await;
        peer.expect(r#"{"event":"items","data":1,"id":1,"more":true}"#).await;
        assert_eq!(exception(&peer.recv_text().await).1, "2 is sold, says the gateway");
        assert_eq!(exception(&peer.request(r#"{"event":"sold"}"#).await).1, "all replaced");
    });
}
