//! The order of guards and interceptors.
use super::{Journal, NotOnSundays};
use serde_json::Value;
use std::sync::Arc;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Call, Guard, Interceptor, Next};
use switchboard::testing::TestApp;
use switchboard::{Error, Reply, gateway, injectable, messages, module};

/// Stages that say that they have run; `refuse` and the like in the payload make them fail.
macro_rules! guards {
    ($($name:ident)*) => {
        $(
            #[injectable]
            struct $name {
                #[inject]
                journal: Arc<Journal>,
            }
            impl Guard for $name {
                fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
                    self.journal.write(stringify!($name));
                    match cx.payload::<Value>() {
                        Ok(Value::String(who)) if who == stringify!($name) => Err(Error::forbidden("Not you")),
                        _ => Ok(()),
                    }
                }
            }
        )*
    };
}

guards! { Everywhere Mine Own }

macro_rules! interceptors {
    ($($name:ident)*) => {
        $(
            #[injectable]
            struct $name {
                #[inject]
                journal: Arc<Journal>,
            }
            impl Interceptor for $name {
                async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
                    if call.is_connect() {
                        return next.run().await;
                    }
                    self.journal.write(concat!(stringify!($name), " before"));
                    let reply = next.run().await?;
                    self.journal.write(concat!(stringify!($name), " after"));
                    reply.map(|value| format!("{}({})", stringify!($name), value.as_str().unwrap_or_default()))
                }
            }
        )*
    };
}

interceptors! { Outermost Middle Inner }

#[gateway(path = "/order")]
#[use_guards(Mine)]
#[use_interceptors(Middle)]
struct Order {
    #[inject]
    journal: Arc<Journal>,
}

#[messages]
impl Order {
    #[subscribe_message("say")]
    #[use_guards(Own, NotOnSundays { sunday: false })]
    #[use_interceptors(Inner)]
    async fn say(&self, text: String) -> String {
        self.journal.write("handler");
        text
    }

    #[subscribe_message("rest")]
    #[use_guards(NotOnSundays { sunday: true })]
    async fn rest(&self) {
        self.journal.write("handler");
    }

    #[subscribe_message("skips")]
    #[skip(Everywhere, Middle)]
    #[skip(Outermost)]
    async fn skips(&self) -> &'static str {
        "as it is"
    }

    /// The same instances again: each runs once, at its outermost place.
    #[subscribe_message("twice")]
    #[use_guards(Everywhere, Mine)]
    #[use_interceptors(Middle, Outermost)]
    async fn twice(&self) -> &'static str {
        "once"
    }
}

#[module(
    providers(Journal, Everywhere, Mine, Own, Outermost, Middle, Inner),
    gateways(Order),
    app_guards(Everywhere),
    app_interceptors(Outermost)
)]
struct OrderModule;

#[tokio::test]
async fn guards_and_interceptors_in_their_order() {
    let app = TestApp::of::<OrderModule>().listen().await;
    let journal = app.resolve::<Journal>();
    let mut ada = app.connect("/order").await;
    journal.take();

    assert_eq!(ada.request::<String>("say", "hi").await, "Outermost(Middle(Inner(hi)))");
    let inside = ["Outermost before", "Middle before", "Inner before", "handler"];
    let back = ["Inner after", "Middle after", "Outermost after"];
    assert_eq!(journal.take(), [&["Everywhere", "Mine", "Own"][..], &inside, &back].concat());

    for (who, before) in [("Everywhere", 1), ("Mine", 2), ("Own", 3)] {
        assert_eq!(ada.request_error("say", who).await.code, "forbidden");
        assert_eq!(journal.take(), ["Everywhere", "Mine", "Own"][..before], "nothing runs behind a refusal");
    }
    let refused = ada.request_error("rest", ()).await;
    assert_eq!((&*refused.code, &*refused.message), ("sunday", "No rest today"));
    assert_eq!(journal.take(), ["Everywhere", "Mine"]);

    assert_eq!(ada.request::<String>("skips", ()).await, "as it is");
    assert_eq!(journal.take(), ["Mine"]);
    assert_eq!(ada.request::<String>("twice", ()).await, "Outermost(Middle(once))");
    let once = ["Everywhere", "Mine", "Outermost before", "Middle before", "Middle after", "Outermost after"];
    assert_eq!(journal.take(), once);
}
