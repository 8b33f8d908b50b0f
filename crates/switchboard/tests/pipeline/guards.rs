//! Guards of messages: order, refusals, once each, skipped by name.
use crate::{Story, exception};
use std::sync::Arc;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{AsyncGuard, Call, Guard, GuardDef};
use switchboard::{App, Error, Gateway, HandlerDef};
use switchboard_rig::{Rig, Stack, matrix, on};

struct Echo;
impl Echo {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn wait(&self, text: String) -> String {
        tokio::task::yield_now().await;
        text
    }
}

/// Tells its name, and refuses what has it in its payload.
struct Named(&'static str, Story);
impl Named {
    fn judge(&self, payload: Result<String, Error>) -> Result<(), Error> {
        self.1.tell(self.0);
        match payload? {
            text if text.contains(self.0) => Err(Error::forbidden(format!("{} says no", self.0))),
            _ => Ok(()),
        }
    }
}
impl Guard for Named {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        self.judge(cx.payload())
    }
}

/// The same, after a while.
struct Slow(Named);
impl AsyncGuard for Slow {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        tokio::task::yield_now().await;
        self.0.judge(call.payload())
    }
}

#[test]
fn h4_the_applications_then_the_gateways_then_the_messages() {
    matrix(|stack| async move {
        let story = Story::default();
        let named = |name| Named(name, story.clone());
        let echo = HandlerDef::new(Echo::wait)
            .guard(named("message"))
            .guard(GuardDef::of(Slow(named("late"))).message_async());
        let gateway = Gateway::new(Echo).handler("echo", echo).on("free", Echo::echo).guard(named("gateway"));
        let app = App::new().guard(named("app")).gateway("/ws", gateway);
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        assert_eq!(
            peer.request(r#"{"event":"echo","data":"hi","id":1}"#).await,
            r#"{"event":"echo","data":"hi","id":1}"#
        );
        assert_eq!(story.take(), ["app", "gateway", "message", "late"]);
        for (refuser, before) in [("app", 1), ("gateway", 2), ("message", 3), ("late", 4)] {
            let answer = peer.request(&format!(r#"{{"event":"echo","data":"not {refuser}","id":"x"}}"#)).await;
            let told = ("forbidden".to_owned(), format!("{refuser} says no"), Some("x".into()));
            assert_eq!(exception(&answer), told);
            assert_eq!(story.take().len(), before, "{refuser}: who is behind it is not asked");
        }
        peer.send(r#"{"event":"free","data":"message"}"#).await;
        peer.expect(r#"{"event":"free","data":"message"}"#).await;
        assert_eq!(story.take(), ["app", "gateway"]);
    });
}

#[test]
fn h5_the_same_instance_runs_once_at_the_outermost_place() {
    on(Stack::Listen, |stack| async move {
        let story = Story::default();
        let one = Arc::new(Named("one", story.clone()));
        let shared = || GuardDef::shared(one.clone()).message();
        let other = Named("other", story.clone());
        let echo = HandlerDef::new(Echo::echo).guard(shared()).guard(other);
        let gateway = Gateway::new(Echo).handler("echo", echo).guard(shared());
        let rig = Rig::start(stack, App::new().guard(shared()).gateway("/ws", gateway)).await;
        rig.connect().await.request(r#"{"event":"echo","data":"hi"}"#).await;
        assert_eq!(story.take(), ["one", "other"], "another instance of the type is another guard");
    });
}

#[test]
fn outer_guards_are_skipped_by_name() {
    on(Stack::Listen, |stack| async move {
        struct Other(Story);
        impl Guard for Other {
            fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
                self.0.tell("other");
                Ok(())
            }
        }
        let story = Story::default();
        let first = Gateway::new(Echo)
            .handler("open", HandlerDef::new(Echo::echo).skip::<Named>().skip::<Other>())
            .handler("half", HandlerDef::new(Echo::echo).skip::<Named>())
            .on("shut", Echo::echo);
        let second = Gateway::new(Echo).on("echo", Echo::echo).skip::<Other>();
        let app = App::new()
            .guard(Named("named", story.clone()))
            .guard(Other(story.clone()))
            .gateway("/ws", first)
            .gateway("/second", second);
        let rig = Rig::start(stack, app).await;
        let mut peer = rig.connect().await;
        for (event, asked) in [("open", vec![]), ("half", vec!["other"]), ("shut", vec!["named", "other"])] {
            peer.request(&format!(r#"{{"event":"{event}","data":"hi"}}"#)).await;
            assert_eq!(story.take(), asked, "{event}");
        }
        rig.connect_to("/second").await.request(r#"{"event":"echo","data":"hi"}"#).await;
        assert_eq!(story.take(), ["named"]);
    });
}

#[test]
fn a_guard_is_asked_about_messages_only_and_once_each() {
    on(Stack::Listen, |stack| async move {
        let story = Story::default();
        let gateway = Gateway::new(Echo).on("echo", Echo::echo).guard(Named("guard", story.clone()));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        for text in
            ["nonsense", r#"{"event":"nobody"}"#, r#"{"event":"echo","data":{}x}"#, r#"{"event":"echo","data":"a" }x"#]
        {
            peer.request(text).await;
        }
        assert_eq!(story.take(), Vec::<String>::new(), "what is no message is not a guard's");
        // Unusual orders and spaces go the long way; the guard does not notice.
        peer.request(r#" { "data" : "hi" , "event" : "echo" } "#).await;
        assert_eq!(story.take(), ["guard"]);
        assert_eq!(exception(&peer.request(r#"{"event":"echo","data":7,"id":2}"#).await).0, "validation_failed");
    });
}

#[test]
fn j7_a_guard_that_panics_answers_internal() {
    matrix(|stack| async move {
        struct Panics;
        impl Guard for Panics {
            fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
                assert!(cx.payload::<String>()? != "now", "a secret");
                Ok(())
            }
        }
        struct PanicsLater;
        impl AsyncGuard for PanicsLater {
            async fn message(&self, call: &Call) -> Result<(), Error> {
                tokio::task::yield_now().await;
                assert!(call.payload::<String>()? != "later", "a secret");
                Ok(())
            }
        }
        let gateway =
            Gateway::new(Echo).on("echo", Echo::echo).guard(Panics).guard(GuardDef::of(PanicsLater).message_async());
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        for when in ["now", "later"] {
            let answer = peer.request(&format!(r#"{{"event":"echo","data":"{when}","id":1}}"#)).await;
            assert_eq!(exception(&answer), ("internal".into(), "Internal error".into(), Some(1.into())));
            assert!(!answer.contains("secret"));
        }
        assert_eq!(peer.request(r#"{"event":"echo","data":"hi"}"#).await, r#"{"event":"echo","data":"hi"}"#);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn h6_a_posture_that_is_required() {
    let free = || Gateway::new(Echo).on("echo", Echo::echo);
    let story = Story::default();
    let problems = |app: App| app.into_router().map(drop).map_err(|error| format!("{error:?}"));
    assert!(problems(App::new().gateway("/ws", free())).is_ok(), "it is not required by default");
    let error = problems(App::new().require_posture(true).gateway("/ws", free())).unwrap_err();
    assert!(error.contains("`echo` of Echo has neither a guard nor `public`"), "{error}");
    assert!(error.contains("guards.rs:"), "{error}");
    let named = || Named("x", story.clone());
    for guarded in [
        App::new().gateway("/ws", free().guard(named())),
        App::new().guard(named()).gateway("/ws", free()),
        App::new().gateway("/ws", free().public()),
        App::new().gateway("/ws", Gateway::new(Echo).handler("echo", HandlerDef::new(Echo::echo).public())),
        App::new().gateway("/ws", Gateway::new(Echo).handler("echo", HandlerDef::new(Echo::echo).guard(named()))),
    ] {
        assert_eq!(problems(guarded.require_posture(true)), Ok(()));
    }
    let skipped = Gateway::new(Echo).handler("echo", HandlerDef::new(Echo::echo).skip::<Named>());
    let error = problems(App::new().guard(named()).require_posture(true).gateway("/ws", skipped)).unwrap_err();
    assert!(error.contains("has neither a guard nor `public`"), "what is skipped does not guard: {error}");
}

#[test]
fn what_is_wrong_with_guards_is_told_at_boot() {
    struct OnlyConnect;
    impl switchboard::pipeline::ConnectGuard for OnlyConnect {
        async fn connect(&self, _: &mut switchboard::Handshake) -> Result<(), Error> {
            Ok(())
        }
    }
    let told = |gateway: Gateway<Echo>| format!("{:?}", App::new().gateway("/ws", gateway).into_router().unwrap_err());
    let error = told(Gateway::new(Echo).on("echo", Echo::echo).skip::<Named>());
    assert!(error.contains("Echo skips Named, which stands nowhere around it; remove the skip"), "{error}");
    let connects = HandlerDef::new(Echo::echo).guard(GuardDef::of(OnlyConnect).connect());
    let error = told(Gateway::new(Echo).handler("echo", connects));
    assert!(error.contains("the guard OnlyConnect of `echo` of Echo has no message half"), "{error}");
    let error = told(Gateway::new(Echo).on("echo", Echo::echo).guard(GuardDef::of(OnlyConnect)));
    assert!(error.contains("the guard OnlyConnect of Echo has no half"), "{error}");
    let both = HandlerDef::new(Echo::echo).guard(Named("x", Story::default())).public();
    let error = told(Gateway::new(Echo).handler("echo", both));
    assert!(error.contains("`echo` of Echo is public, and Named guards it; remove one"), "{error}");
}

/// A guard with both halves, of which each place uses one.
struct Both(Story);
impl Guard for Both {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        self.0.tell("message");
        Ok(())
    }
}
impl switchboard::pipeline::ConnectGuard for Both {
    async fn connect(&self, _: &mut switchboard::Handshake) -> Result<(), Error> {
        self.0.tell("connect");
        Ok(())
    }
}

#[test]
fn halves_at_several_places_are_both_asked() {
    on(Stack::Listen, |stack| async move {
        let story = Story::default();
        let guard = Arc::new(Both(story.clone()));
        let half = || GuardDef::shared(guard.clone());
        let first = Gateway::new(Echo).on("echo", Echo::echo).guard(half().message());
        let second = Gateway::new(Echo).on("echo", Echo::echo).guard(half().message()).guard(half().connect());
        let third = Gateway::new(Echo).handler("echo", HandlerDef::new(Echo::echo).guard(half().message()));
        let outer = App::new().guard(half().connect()).gateway("/ws", first).gateway("/third", third);
        let rig = Rig::start(stack, outer).await;
        for path in ["/ws", "/third"] {
            rig.connect_to(path).await.request(r#"{"event":"echo","data":"hi"}"#).await;
            assert_eq!(story.take(), ["connect", "message"], "{path}");
        }
        let rig = Rig::start(stack, App::new().guard(half().message()).gateway("/ws", second)).await;
        rig.connect().await.request(r#"{"event":"echo","data":"hi"}"#).await;
        assert_eq!(story.take(), ["connect", "message"]);
    });
}

#[test]
fn nobody_believes_that_messages_of_a_raw_gateway_are_guarded() {
    let raw = || Gateway::functions().raw_fn(|_: switchboard::Socket| async {});
    let told = |app: App| app.into_router().map(drop).map_err(|error| format!("{error:?}"));
    let named = || Named("x", Story::default());
    let error = told(App::new().gateway("/ws", raw().guard(named()))).unwrap_err();
    assert!(error.contains("Named guards messages, and functions is raw and has none"), "{error}");
    let error = told(App::new().guard(named()).gateway("/ws", raw())).unwrap_err();
    assert!(error.contains("Named guards messages, and functions is raw and has none"), "{error}");
    assert_eq!(told(App::new().guard(named()).gateway("/ws", raw().skip::<Named>())), Ok(()));
    let error = told(App::new().require_posture(true).gateway("/ws", raw())).unwrap_err();
    assert!(error.contains("functions has neither a guard of connections nor `public`"), "{error}");
    let both = GuardDef::of(Both(Story::default())).connect().message();
    assert_eq!(told(App::new().require_posture(true).gateway("/ws", raw().guard(both))), Ok(()));
    assert_eq!(told(App::new().require_posture(true).gateway("/ws", raw().public())), Ok(()));
    let error = told(App::new().gateway("/ws", raw().pipe(switchboard::pipeline::Trim))).unwrap_err();
    assert!(error.contains("functions is raw and has no payloads for the pipe Trim"), "{error}");
}
