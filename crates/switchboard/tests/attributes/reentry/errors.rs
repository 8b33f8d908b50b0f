//! Errors and texts without an end.
use serde::{Serialize, Serializer};
use std::error::Error as StdError;
use std::fmt;
use switchboard::di::{ModuleDef, Provider};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Error, Gateway, OrInternal};

/// Errors without an end.
struct Endless(&'static str);

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "text" => loop {
                f.write_str("on and on, ")?;
            },
            text => f.write_str(text),
        }
    }
}

impl StdError for Endless {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0 {
            "text" => None,
            _ => Some(self),
        }
    }
}

/// The same error that another crate keeps.
fn by_anyhow(kind: &'static str) -> anyhow::Error {
    anyhow::Error::new(Endless(kind)).context("around it")
}

struct Faulty;

impl Faulty {
    async fn internal(&self, kind: String) -> Result<(), Error> {
        Err(Endless(if kind == "text" { "text" } else { "in a circle" })).or_internal()
    }
    async fn boxed(&self, kind: String) -> Result<(), Error> {
        let cause: Box<dyn StdError + Send + Sync> =
            Box::new(Endless(if kind == "text" { "text" } else { "in a circle" }));
        Err(cause)?
    }
    async fn anyhow(&self, kind: String) -> Result<(), Error> {
        Err(by_anyhow(if kind == "text" { "text" } else { "in a circle" }))?
    }
    async fn within(&self, kind: String) -> Result<(), Error> {
        let inner = Error::forbidden("inner").with_source(Endless(if kind == "text" { "text" } else { "in a circle" }));
        Err(Error::internal(inner))
    }
    async fn serialised(&self) -> Refuses {
        Refuses
    }
    async fn emitted(&self, client: &Client) -> usize {
        client.emit("refused", Refuses).refused as usize
    }
    async fn traced(&self) {
        tracing::warn!(display = %Endless("text"), debug = ?Endless("text"), "endless fields");
        tracing::warn!(error = &Endless("in a circle") as &(dyn StdError + 'static), "endless causes");
    }
    async fn panics(&self) {
        panic!("{}", "a long text, ".repeat(1 << 20))
    }
}

/// Its `Serialize` fails without an end to its text.
struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("short"))
    }
}

const LONGEST: usize = 9 << 10;

#[tokio::test]
async fn an_error_without_an_end_is_told_to_where_it_is_cut() {
    let faulty = Gateway::new(Faulty)
        .on("internal", Faulty::internal)
        .on("boxed", Faulty::boxed)
        .on("anyhow", Faulty::anyhow)
        .on("within", Faulty::within)
        .on("serialised", Faulty::serialised)
        .on("emitted", Faulty::emitted)
        .on("traced", Faulty::traced)
        .on("panics", Faulty::panics);
    let app = TestApp::new(App::new().gateway("/ws", faulty));
    let mut ada = app.connect("/ws").await;
    for event in ["internal", "boxed", "anyhow", "within"] {
        for (kind, most) in [("circle", 34), ("text", usize::MAX)] {
            let error = ada.request_error(event, kind).await;
            assert_eq!((&*error.code, &*error.message), ("internal", "Internal error"), "{event}");
            let trace = error.trace_id.unwrap();
            let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
            let cause = line.field("cause").unwrap().to_owned();
            assert!(cause.contains("in a circle") || cause.contains("on and on"), "{event}: {cause}");
            assert!(cause.matches("in a circle").count() <= most && cause.len() <= LONGEST, "{event}: {cause}");
            assert!(cause.len() >= 300, "{event}: cut too early: {cause}");
        }
    }
    ada.request_error("serialised", ()).await;
    ada.request::<usize>("emitted", ()).await;
    ada.request::<()>("traced", ()).await;
    ada.request_error("panics", ()).await;
    for line in app.logs().lines() {
        assert!(line.fields.iter().all(|(_, value)| value.len() <= LONGEST) && line.message.len() <= LONGEST);
    }
}

struct Never;

#[tokio::test]
async fn an_error_without_an_end_stops_a_boot_and_is_told_short() {
    for kind in ["text", "in a circle"] {
        let modules = [
            ModuleDef::new("A").provider(Provider::try_factory(move || Err::<Never, _>(Endless(kind)))),
            ModuleDef::new("B")
                .provider(Provider::try_async_factory(move || async move { Err::<Never, _>(by_anyhow(kind)) })),
            ModuleDef::new("C").on_init(move |_| async move { Err::<(), Error>(Error::internal(Endless(kind))) }),
            ModuleDef::new("D")
                .on_init(move |_| async move { Err::<(), Error>(Error::forbidden("no").with_source(Endless(kind))) }),
        ];
        for module in modules {
            let error = App::boot_def(module).create().await.err().unwrap();
            let told = [error.to_string(), format!("{error:?}")];
            assert!(told.iter().all(|told| (300..LONGEST + 1000).contains(&told.len())), "{kind}: {told:?}");
        }
    }
}
