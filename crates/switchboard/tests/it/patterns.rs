//! Frames of message patterns, in every format: `{"kind","pattern","payload"?,"metadata"?,"id"?}`.
use crate::formats::{ALL, Speaker, Turned};
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Call, Guard, Interceptor, Next, Pipe};
use switchboard::{Ack, App, Client, Error, EventName, Gateway, HandlerDef, Meta, Reply};
use switchboard_rig::{Rig, Stack, each_stack, on};

#[derive(Default)]
struct Shop {
    noted: Mutex<Vec<Value>>,
}

impl Shop {
    async fn sum(&self, all: Vec<u32>) -> u32 {
        all.iter().sum()
    }
    async fn echo(&self, value: Value, Meta(meta): Meta<Value>) -> Value {
        json!([value, meta])
    }
    async fn nothing(&self) {}
    async fn maybe(&self, some: bool) -> Option<u8> {
        some.then_some(1)
    }
    async fn renamed(&self) -> Reply {
        Reply::event("other", "kept")
    }
    async fn forbidden(&self) -> Result<(), Error> {
        Err(Error::forbidden("No"))
    }
    async fn panics(&self) {
        panic!("on purpose");
    }
    async fn hang(&self) {
        std::future::pending::<()>().await;
    }
    async fn count(&self, to: u8) -> impl Stream<Item = u8> + use<> {
        futures_util::stream::iter(0..to)
    }
    async fn endless(&self) -> impl Stream<Item = u8> + use<> {
        futures_util::stream::iter([1]).chain(futures_util::stream::pending())
    }
    async fn late(&self, text: String, ack: Ack<String>) {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            match &*text {
                "fail" => ack.fail(Error::forbidden("No")).unwrap(),
                _ => ack.send(text).unwrap(),
            }
        });
    }
    async fn at_once(&self, text: String, ack: Ack<String>) {
        ack.send(text).unwrap();
    }
    async fn kept(&self, ack: Ack<String>) {
        std::mem::forget(ack);
    }
    async fn note(&self, value: Value) -> &'static str {
        self.noted.lock().push(value);
        "noted"
    }
    async fn noted(&self) -> Vec<Value> {
        self.noted.lock().clone()
    }
    async fn push(&self, client: &Client) {
        client.emit("pushed", 1);
    }
    async fn any(&self, name: EventName) -> String {
        name.to_string()
    }
}

struct Refuses;

impl Guard for Refuses {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        match cx.payload::<String>()?.as_str() {
            "open" => Ok(()),
            _ => Err(Error::forbidden("Not you")),
        }
    }
}

struct Looks;

impl Interceptor for Looks {
    async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
        let (reply, event) = (next.run().await?, call.event().to_owned());
        if reply.data()?.is_some() { reply.map(|data| json!({ "of": event, "data": data })) } else { Ok(reply) }
    }
}

struct Doubles;

impl Pipe<Value> for Doubles {
    type From = Value;

    fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        Ok(json!([value, value]))
    }
}

fn shop() -> Gateway<Shop> {
    Gateway::new(Shop::default())
        .on("sum", Shop::sum)
        .on("echo", Shop::echo)
        .on("nothing", Shop::nothing)
        .on("maybe", Shop::maybe)
        .on("renamed", Shop::renamed)
        .on("forbidden", Shop::forbidden)
        .on("panics", Shop::panics)
        .on("hang", Shop::hang)
        .on("count", Shop::count)
        .on("endless", Shop::endless)
        .on("late", Shop::late)
        .on("at_once", Shop::at_once)
        .on("kept", Shop::kept)
        .on("note", Shop::note)
        .on("noted", Shop::noted)
        .on("push", Shop::push)
        .handler("guarded", HandlerDef::new(Shop::note).guard(Refuses))
        .handler("piped", HandlerDef::new(Shop::sum).pipe(Doubles))
        .handler("looked", HandlerDef::new(Shop::sum).interceptor(Looks))
        .handler("looked_at_once", HandlerDef::new(Shop::at_once).interceptor(Looks))
        .handler("looked_late", HandlerDef::new(Shop::late).interceptor(Looks))
        .handler("looked_count", HandlerDef::new(Shop::count).interceptor(Looks))
        .handler("beside", HandlerDef::new(Shop::sum).concurrency(2))
        .catch_all(HandlerDef::new(Shop::any))
}

/// A client of each format, on each kind of stream.
fn everywhere<F>(test: impl Fn(Speaker) -> F)
where
    F: Future<Output = ()>,
{
    each_stack(|stack| {
        let test = &test;
        async move {
            for tongue in ALL {
                let rig = Rig::start(stack, App::new().codec(Turned).gateway("/ws", shop().patterns())).await;
                test(Speaker::arrive(&rig, tongue).await).await;
            }
        }
    });
}

fn message(pattern: &str, payload: impl Into<Value>, id: impl Into<Value>) -> Value {
    json!({ "kind": "message", "pattern": pattern, "payload": payload.into(), "id": id.into() })
}

fn event(pattern: &str, payload: impl Into<Value>, id: impl Into<Value>) -> Value {
    json!({ "kind": "event", "pattern": pattern, "payload": payload.into(), "id": id.into() })
}

fn answer(pattern: &str, payload: impl Into<Value>, id: impl Into<Value>) -> Value {
    json!({ "pattern": pattern, "payload": payload.into(), "metadata": {}, "id": id.into() })
}

#[test]
fn a_message_is_answered_in_its_own_frame() {
    everywhere(|mut ada| async move {
        assert_eq!(ada.ask(message("sum", vec![1, 2], 7)).await, answer("sum", 3, 7));
        assert_eq!(ada.ask(message("sum", vec![1, 2], "a")).await, answer("sum", 3, "a"));
        // Without an id.
        let alone = json!({ "kind": "message", "pattern": "sum", "payload": [4] });
        assert_eq!(ada.ask(alone).await, json!({ "pattern": "sum", "payload": 4, "metadata": {} }));
        // What is missing is null.
        let bare = json!({ "kind": "message", "pattern": "echo", "id": 1 });
        assert_eq!(ada.ask(bare).await, answer("echo", json!([null, null]), 1));
        let full =
            json!({ "kind": "message", "pattern": "echo", "payload": { "a": 1 }, "metadata": { "b": 2 }, "id": 1 });
        assert_eq!(ada.ask(full).await, answer("echo", json!([{ "a": 1 }, { "b": 2 }]), 1));
        // The keys of an event's frame mean nothing here.
        let other = json!({ "kind": "message", "pattern": "echo", "data": 1, "meta": 2, "id": 1 });
        assert_eq!(ada.ask(other).await, answer("echo", json!([null, null]), 1));

        assert_eq!(ada.ask(message("renamed", (), 2)).await, answer("renamed", "kept", 2));
        assert_eq!(ada.ask(message("nothing", (), 3)).await, answer("nothing", (), 3));
        assert_eq!(ada.ask(message("maybe", false, 4)).await, answer("maybe", (), 4));
        // Nobody waits for these.
        ada.send(message("nothing", (), ())).await;
        ada.send(message("maybe", false, ())).await;
        // A push stays one, and an event is answered as one.
        assert_eq!(ada.ask(message("push", (), ())).await, json!({ "event": "pushed", "data": 1 }));
        let plain = json!({ "event": "sum", "data": [5], "id": 7 });
        assert_eq!(ada.ask(plain).await, json!({ "event": "sum", "data": 5, "id": 7 }));
    });
}

#[test]
fn an_event_is_handled_and_never_answered() {
    everywhere(|mut ada| async move {
        for id in [Some(10), None] {
            // Streams run beside: each has an id of its own.
            let id = |n: u64| id.map_or(Value::Null, |first| Value::from(first + n));
            ada.send(event("note", "here", id(0))).await;
            ada.send(event("count", 3, id(1))).await;
            ada.send(event("looked_count", 3, id(2))).await;
            ada.send(event("at_once", "x", id(3))).await;
            ada.send(event("looked_at_once", "x", id(4))).await;
            ada.send(event("nothing", (), id(5))).await;
        }
        assert_eq!(ada.ask(message("noted", (), 2)).await, answer("noted", json!(["here", "here"]), 2));
        // Of what fails its sender hears.
        ada.refused(event("forbidden", (), 3), "forbidden").await;
        ada.refused(event("forbidden", (), ()), "forbidden").await;
        ada.refused(event("sum", "x", 3), "validation_failed").await;
    });
}

#[test]
fn errors_have_the_one_shape() {
    everywhere(|mut ada| async move {
        let error = ada.refused(message("forbidden", (), 1), "forbidden").await;
        assert_eq!((&error["event"], &error["message"]), (&json!("forbidden"), &json!("No")));
        ada.refused(message("sum", "x", "a"), "validation_failed").await;
        ada.refused(message("panics", (), 1), "internal").await;
        ada.refused(message("sys.x", (), 1), "bad_request").await;
        ada.refused(message("", (), 1), "bad_request").await;
        ada.refused(json!({ "kind": "query", "pattern": "sum", "id": 1 }), "bad_request").await;
        ada.refused(json!({ "kind": 1, "pattern": "sum", "id": 1 }), "bad_request").await;
        // Of two kinds.
        for other in ["event", "cancel", "ack"] {
            let mut two = message("sum", vec![1], 1);
            two[other] = 1.into();
            let error = ada.refused(two, "bad_request").await;
            assert!(error["message"].as_str().unwrap().contains("two kinds"), "{error}");
        }
        let rest = json!({ "kind": "message", "pattern": "sum", "method": "GET", "url": "/", "id": 1 });
        ada.refused(rest, "bad_request").await;
        // Half a pattern is none.
        ada.refused(json!({ "pattern": "sum", "id": 1 }), "bad_request").await;
        assert_eq!(ada.ask(message("sum", vec![1], 1)).await, answer("sum", 1, 1));
    });
}

#[test]
fn stages_and_the_catch_all_stand_around_it() {
    everywhere(|mut ada| async move {
        let refused = ada.refused(message("guarded", "shut", 1), "forbidden").await;
        assert_eq!(refused["event"], "guarded");
        ada.refused(event("guarded", "shut", 2), "forbidden").await;
        assert_eq!(ada.ask(message("guarded", "open", 1)).await, answer("guarded", "noted", 1));
        assert_eq!(ada.ask(message("noted", (), 2)).await, answer("noted", json!(["open"]), 2));
        assert_eq!(ada.ask(message("piped", 3, 1)).await, answer("piped", 6, 1));
        let looked = json!({ "of": "looked", "data": 3 });
        assert_eq!(ada.ask(message("looked", vec![1, 2], 1)).await, answer("looked", looked, 1));
        assert_eq!(ada.ask(message("beside", vec![1, 2], 1)).await, answer("beside", 3, 1));
        assert_eq!(ada.ask(message("who.knows", (), 1)).await, answer("who.knows", "who.knows", 1));
    });
}

#[test]
fn a_stream_answers_each_item() {
    everywhere(|mut ada| async move {
        for name in ["count", "looked_count"] {
            ada.send(message(name, 2, 9)).await;
            for n in 0..2 {
                ada.expect(json!({ "pattern": name, "payload": n, "metadata": {}, "id": 9, "more": true })).await;
            }
            ada.expect(json!({ "pattern": name, "id": 9, "done": true })).await;
        }
        ada.send(message("count", 2, ())).await;
        for n in 0..2 {
            ada.expect(json!({ "pattern": "count", "payload": n, "metadata": {} })).await;
        }
        ada.send(message("endless", (), 9)).await;
        ada.expect(json!({ "pattern": "endless", "payload": 1, "metadata": {}, "id": 9, "more": true })).await;
        ada.refused(message("sum", vec![1], 9), "conflict").await;
        ada.send(json!({ "cancel": 9 })).await;
        let cancelled = ada.recv().await;
        assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!(9)));
    });
}

#[test]
fn a_late_answer_has_the_frame_too() {
    everywhere(|mut ada| async move {
        for name in ["late", "at_once", "looked_late", "looked_at_once"] {
            assert_eq!(ada.ask(message(name, "x", 1)).await, answer(name, "x", 1));
            let alone = json!({ "pattern": name, "payload": "x", "metadata": {} });
            assert_eq!(ada.ask(message(name, "x", ())).await, alone);
        }
        ada.refused(message("late", "fail", 1), "forbidden").await;
        // Nobody is answered here, and the id is free again.
        ada.send(event("at_once", "x", 1)).await;
        assert_eq!(ada.ask(message("at_once", "y", 1)).await, answer("at_once", "y", 1));
    });
}

#[test]
fn ids_are_those_of_events_and_cancel_works() {
    everywhere(|mut ada| async move {
        for frame in [message("hang", (), 5), event("hang", (), 5), message("kept", (), 5)] {
            ada.send(&frame).await;
            ada.refused(json!({ "event": "sum", "data": [1], "id": 5 }), "conflict").await;
            ada.refused(message("sum", vec![1], 5), "conflict").await;
            ada.send(json!({ "cancel": 5 })).await;
            let cancelled = ada.recv().await;
            assert_eq!((&cancelled["event"], &cancelled["id"]), (&json!("exception"), &json!(5)), "{cancelled}");
            assert_eq!(cancelled["data"]["code"], "cancelled");
            assert_eq!(cancelled["data"]["event"], frame["pattern"]);
        }
        // One that waits behind another, too.
        ada.send(message("hang", (), 1)).await;
        ada.send(message("sum", vec![1], 2)).await;
        ada.send(message("sum", vec![2], 3)).await;
        for id in [2, 1] {
            ada.send(json!({ "cancel": id })).await;
            let cancelled = ada.recv().await;
            assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!(id)));
        }
        ada.expect(answer("sum", 2, 3)).await;
    });
}

#[test]
fn without_the_setting_it_is_refused_and_counted() {
    on(Stack::Listen, |stack| async move {
        for tongue in ALL {
            let rig = Rig::start(stack, App::new().codec(Turned).gateway("/ws", shop())).await;
            let mut ada = Speaker::arrive(&rig, tongue).await;
            for frame in [message("note", "x", 1), event("note", "x", 2), message("no.such", (), "a")] {
                let error = ada.refused(frame, "bad_request").await;
                assert!(error["message"].as_str().unwrap().contains("pattern frames"), "{error}");
            }
            let noted = json!({ "event": "noted", "data": [], "id": 3 });
            assert_eq!(ada.ask(json!({ "event": "noted", "id": 3 })).await, noted, "nothing was handled, and it stays");
            assert_eq!(rig.handle.stats().rejected, 3);
        }
    });
}
