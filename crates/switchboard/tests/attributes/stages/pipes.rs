//! Pipes at each scope.
use super::Letter;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{DefaultValue, Parse, Pipe, Trim};
use switchboard::testing::TestApp;
use switchboard::{Client, Error, gateway, messages, module};

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Name {
    #[garde(length(chars, min = 1, max = 5))]
    name: String,
}

/// Makes a name of a text.
struct Named;

impl Pipe<Name> for Named {
    type From = String;

    fn transform(&self, name: String, _: &MessageContext<'_>) -> Result<Name, Error> {
        Ok(Name { name })
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

fn counted() -> Letter {
    MADE.fetch_add(1, SeqCst);
    Letter('c')
}

#[gateway(path = "/once")]
struct Once;

#[messages]
impl Once {
    #[subscribe_message("once")]
    #[use_pipes(counted())]
    async fn once(&self, #[pipe(counted(), counted())] text: String) -> String {
        text
    }
}

#[module(gateways(Once))]
struct OnceModule;

#[tokio::test]
async fn an_expression_is_evaluated_once() {
    let app = TestApp::of::<OnceModule>().listen().await;
    let (mut ada, mut bob) = (app.connect("/once").await, app.connect("/once").await);
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.request::<String>("once", "-").await, "-ccc");
    }
    assert_eq!(MADE.load(SeqCst), 3, "when its handler is registered");
}

#[gateway(path = "/pipes")]
#[use_pipes(Letter('g'))]
struct Pipes;

#[messages]
impl Pipes {
    #[subscribe_message("letters")]
    #[use_pipes(Letter('m'), Letter('n'))]
    async fn letters(&self, #[pipe(Letter('p'))] text: String) -> String {
        text
    }

    #[subscribe_message("trimmed")]
    async fn trimmed(&self, #[pipe(Trim, Letter('x'))] text: String) -> String {
        text
    }

    #[subscribe_message("page")]
    async fn page(&self, #[pipe(DefaultValue(10))] size: u64) -> u64 {
        size
    }

    /// The order of NestJS: `new DefaultValuePipe(10), ParseIntPipe`.
    #[subscribe_message("parsed page")]
    async fn parsed_page(&self, #[pipe(DefaultValue(10), Parse)] size: u64) -> u64 {
        size
    }

    #[subscribe_message("parsed pages")]
    async fn parsed_pages(
        &self,
        #[key("size")]
        #[pipe(DefaultValue("0.5"), Parse)]
        size: f64,
        #[key("open")]
        #[pipe(DefaultValue(true), Parse)]
        open: bool,
    ) -> (f64, bool) {
        (size, open)
    }

    #[subscribe_message("valid")]
    async fn valid(&self, #[pipe(Trim, Named)] name: Name) -> String {
        name.name
    }

    #[subscribe_message("keys")]
    async fn keys(
        &self,
        #[key("id")] id: u64,
        client: &Client,
        #[key("name")]
        #[pipe(Trim, Named)]
        name: Name,
        #[key("page")]
        #[pipe(Parse)]
        page: u16,
        #[key(Self::MAYBE)] maybe: Option<String>,
    ) -> Value {
        client.emit("seen", ());
        json!([id, name.name, page, maybe])
    }

    const MAYBE: &'static str = "maybe";

    #[subscribe_message("whole key")]
    async fn whole_key(&self, #[key("who")] who: Name) -> String {
        who.name
    }
}

#[module(gateways(Pipes), app_pipes(Letter('a')))]
struct PipesModule;

#[tokio::test]
async fn pipes_at_each_scope() {
    let app = TestApp::of::<PipesModule>().listen().await;
    let mut ada = app.connect("/pipes").await;
    assert_eq!(ada.request::<String>("letters", "-").await, "-agmnp");
    assert_eq!(ada.request::<String>("trimmed", "  two  ").await, "two  agx", "the outer ones come first");
    assert_eq!(ada.request_error("letters", "!").await.code, "validation_failed");
    assert_eq!(ada.request_error("letters", 7).await.code, "validation_failed");
    assert_eq!(ada.request::<u64>("page", ()).await, 10);
    assert_eq!(ada.request::<u64>("page", 5).await, 5);
    for (sent, size) in [(json!(null), 10), (json!(8), 8)] {
        assert_eq!(ada.request::<u64>("parsed page", sent).await, size);
    }
    assert_eq!(ada.request_error("parsed page", "x").await.code, "validation_failed");
    assert_eq!(ada.request::<(f64, bool)>("parsed pages", ()).await, (0.5, true));
    assert_eq!(ada.request::<(f64, bool)>("parsed pages", json!({ "size": "2", "open": "false" })).await, (2.0, false));
    assert_eq!(ada.request::<String>("valid", "ada").await, "adaag");
    let refused = ada.request_error("valid", "adalbert").await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/name"));
}

#[tokio::test]
async fn one_key_of_the_payload() {
    let app = TestApp::of::<PipesModule>().listen().await;
    let mut ada = app.connect("/pipes").await;
    let whole = json!({ "id": 7, "name": " ada ", "page": "2", "other": [] });
    assert_eq!(ada.request::<Value>("keys", &whole).await, json!([7, "ada", 2, null]));
    let refused = ada.request_error("keys", json!({ "id": "x", "name": "ada", "page": "2" })).await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/id"));
    assert_eq!(ada.request_error("keys", json!({ "name": "ada", "page": "2" })).await.code, "validation_failed");
    assert_eq!(
        ada.request_error("keys", json!({ "id": 7, "name": "ada", "page": "two" })).await.code,
        "validation_failed"
    );
    assert_eq!(ada.request_error("keys", json!({ "id": 7, "name": "", "page": "2" })).await.code, "validation_failed");
    assert_eq!(ada.request_error("keys", "no object").await.code, "validation_failed");
    assert_eq!(ada.request::<String>("whole key", json!({ "who": { "name": "bob" } })).await, "bob");
    let refused = ada.request_error("whole key", json!({ "who": { "name": "" } })).await;
    assert_eq!((&*refused.code, &*refused.details[0].path), ("validation_failed", "/who/name"));
}
