//! `Debug`: on every type, whatever it holds, and without what is secret.
use std::fmt::Debug;
use std::sync::Mutex;
use switchboard::di::{Boot, Dependencies, Injected, ModuleDef, Provider, Wanted};
use switchboard::extract::Headers;
use switchboard::handler::{Context, FromMessage, HookDef, MessageContext, OnConnect, ReplySink, Requirements};
use switchboard::pipeline::{
    AsyncGuard, Call, Caught, ConnectGuard, FilterDef, GuardDef, Interceptor, InterceptorDef, Next, PipeDef,
};
use switchboard::testing::{Connecting, Starting, TestApp};
use switchboard::{
    Ack, App, Bound, Broadcast, ConnState, Ctx, Error, Gateway, Handle, HandlerDef, Handshake, Inject, Joined, Joining,
    Reply, Socket,
};

/// It has no `Debug`.
struct Opaque;

fn shown<T: Debug + ?Sized>() {}

#[test]
fn whatever_it_holds() {
    shown::<(Ack<Opaque>, Inject<Opaque>, Inject<dyn Send>, ConnState<Opaque>, Gateway<Opaque>)>();
    shown::<(HandlerDef<Opaque>, HookDef<Opaque, OnConnect>)>();
    shown::<(GuardDef<Opaque>, InterceptorDef<Opaque>, PipeDef<Opaque>, FilterDef<Opaque>)>();
    shown::<(Provider<Opaque>, Provider<dyn Send>, Injected<Opaque>, Wanted<'_>, Dependencies, ModuleDef, Boot)>();
    shown::<(App, Bound, Handle, Broadcast, Joined, Joining, Reply, Socket)>();
    shown::<(MessageContext<'_>, ReplySink<'_>, Requirements, Call, Next<'_>, Caught<'_>)>();
    shown::<(TestApp, Connecting<'_>, Starting)>();
}

#[test]
fn says_what_it_is() {
    let gateway = Gateway::new(Opaque).on("look", Opaque::look).guard(GuardDef::of(Peeks).message_async());
    assert_eq!(format!("{gateway:?}"), r#"Gateway { of: "Opaque", events: ["look"], .. }"#);
    let app = App::new().prefix("/api").gateway("/ws", gateway);
    assert_eq!(format!("{app:?}"), r#"App { gateways: [("Opaque", ["/ws"])], prefix: "/api", .. }"#);
    let to = app.server().to("lobby");
    let shown = r#"Broadcast { namespace: "/", target: Target { all: false, groups: [Room("lobby")]"#;
    assert!(format!("{to:?}").starts_with(shown), "{to:?}");
    assert_eq!(format!("{:?}", Reply::value("secret")), "Reply(a value)");
    let line = line!() + 1;
    let guard = format!("{:?}", GuardDef::of(Peeks));
    assert_eq!(guard, format!(r#"GuardDef {{ of: "Peeks", place: {}:{line}:33, .. }}"#, file!()));
}

const SECRET: &str = "hunter2";

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn see(shown: &dyn Debug) {
    SEEN.lock().unwrap().push(format!("{shown:?}"));
}

struct Peeks;

impl ConnectGuard for Peeks {
    async fn connect(&self, handshake: &mut Handshake) -> Result<(), Error> {
        see(handshake);
        Ok(())
    }
}

impl AsyncGuard for Peeks {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        see(call);
        Ok(())
    }
}

impl Interceptor for Peeks {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        see(&next);
        let reply = next.run().await?;
        see(&reply);
        Ok(reply)
    }
}

struct Peek;

impl FromMessage for Peek {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Peek, Error> {
        see(cx);
        Ok(Peek)
    }
}

impl Opaque {
    async fn look(&self, text: String, headers: Headers, ctx: Ctx, _: Peek) -> String {
        see(&headers);
        see(&ctx);
        text
    }
}

#[tokio::test(start_paused = true)]
async fn shows_no_secret_of_a_request_or_message() {
    let gateway = Gateway::new(Opaque)
        .on("look", Opaque::look)
        .guard(GuardDef::of(Peeks).connect().message_async())
        .interceptor(Peeks);
    see(&gateway);
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let connecting = app.connecting("/ws").query("token", SECRET).bearer(SECRET).cookie("session", SECRET);
    see(&connecting);
    let mut client = connecting.connect().await;
    assert_eq!(client.request::<String>("look", SECRET).await, SECRET);
    see(&app);
    let seen = SEEN.lock().unwrap();
    for part in
        ["Handshake", "Call", "Next", "MessageContext", "Reply", "Connecting", "Ctx", "\"authorization\"", "\"cookie\""]
    {
        assert!(seen.iter().any(|shown| shown.contains(part)), "{part} is not in {seen:#?}");
    }
    assert!(seen.iter().all(|shown| !shown.contains(SECRET)), "{seen:#?}");
}
