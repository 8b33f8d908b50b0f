//! Filters at each scope.
use super::{Full, Missing};
use serde_json::{Value, json};
use switchboard::pipeline::{Caught, Filter};
use switchboard::testing::TestApp;
use switchboard::{Error, gateway, injectable, messages, module};

macro_rules! filters {
    ($($name:ident of $error:ty;)*) => {
        $(
            #[injectable]
            struct $name;
            impl Filter for $name {
                type Error = $error;
                fn catch(&self, error: $error, caught: &Caught<'_>) -> Error {
                    let told: Error = error.into();
                    Error::new(stringify!($name), format!("{}: {}", caught.event(), told.code()))
                }
            }
        )*
    };
}

filters! { OnMessage of Missing; OnGateway of Missing; GatewayFull of Full; Whatever of Error; }

#[gateway(path = "/filters")]
#[use_filters(OnGateway, GatewayFull)]
struct Filters;

#[messages]
impl Filters {
    #[subscribe_message("own")]
    #[use_filters(OnMessage)]
    async fn own(&self, full: bool) -> Result<(), Missing> {
        if full { Ok(()) } else { Err(Missing("it")) }
    }

    #[subscribe_message("full")]
    #[use_filters(OnMessage)]
    async fn full(&self) -> Result<(), Full> {
        Err(Full)
    }

    #[subscribe_message("gateway")]
    async fn gateway(&self) -> Result<(), Missing> {
        Err(Missing("it"))
    }

    #[subscribe_message("other")]
    async fn other(&self) -> Result<(), Error> {
        Err(Error::new("other", "other"))
    }

    #[subscribe_message("skips")]
    #[skip(OnGateway)]
    async fn skips(&self) -> Result<(), Missing> {
        Err(Missing("it"))
    }
}

#[module(gateways(Filters), app_filters(Whatever))]
struct FiltersModule;

#[tokio::test]
async fn filters_by_type_at_each_scope() {
    let app = TestApp::of::<FiltersModule>().listen().await;
    let mut ada = app.connect("/filters").await;
    let mut told = async |event: &str, data: Value| {
        let error = ada.request_error(event, data).await;
        (error.code, error.message)
    };
    let is = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(told("own", json!(false)).await, is("OnMessage", "own: missing"));
    assert_eq!(told("full", json!(null)).await, is("GatewayFull", "full: full"));
    assert_eq!(told("gateway", json!(null)).await, is("OnGateway", "gateway: missing"));
    assert_eq!(told("other", json!(null)).await, is("Whatever", "other: other"));
    assert_eq!(told("own", json!("no bool")).await, is("Whatever", "own: validation_failed"), "a payload's error, too");
    assert_eq!(told("skips", json!(null)).await, is("Whatever", "skips: missing"));
    ada.request::<()>("own", true).await;
}
