//! Pipes of whole payloads, of parameters, and of single keys.
use crate::exception;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use switchboard::__private::parts::{
    ByNothing as _, ByValidate as _, Flow, Parameters, PlainShape as _, Probe, handler, type_of,
};
use switchboard::__private::stages::last;
use switchboard::garde;
use switchboard::handler::{HandlerDef, MessageContext};
use switchboard::pipeline::{DefaultText, DefaultValue, Parse, Pipe, Trim};
use switchboard::{App, Error, Gateway, Valid};
use switchboard_rig::{Rig, Stack, matrix, on};

#[derive(Deserialize, garde::Validate)]
struct Say {
    #[garde(length(chars, min = 1, max = 5))]
    text: String,
}

struct Chat;
impl Chat {
    async fn say(&self, say: Valid<Say>) -> String {
        format!("<{}>", say.text)
    }
    async fn echo(&self, value: Value) -> Value {
        value
    }
}

struct Upper;
impl Pipe<Value> for Upper {
    type From = Value;
    fn transform(&self, value: Value, cx: &MessageContext<'_>) -> Result<Value, Error> {
        match value {
            Value::String(text) if text == "no" => Err(Error::validation_failed(format!("not for {}", cx.event()))),
            Value::String(text) => Ok(Value::String(text.to_uppercase())),
            value => Ok(value),
        }
    }
}

#[test]
fn r18_a_pipe_that_panics_answers_internal() {
    matrix(|stack| async move {
        struct Panics(&'static str);
        impl Pipe<Value> for Panics {
            type From = Value;
            fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
                assert!(value != self.0, "a secret");
                Ok(value)
            }
        }
        let gateway = Gateway::new(Chat)
            .handler("echo", HandlerDef::new(Chat::echo).pipe(Panics("message")))
            .pipe(Panics("gateway"));
        let rig = Rig::start(stack, App::new().pipe(Panics("app")).gateway("/ws", gateway)).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        for panics in ["app", "gateway", "message"] {
            let answer = peer.request(&format!(r#"{{"event":"echo","data":"{panics}","id":1}}"#)).await;
            assert_eq!(exception(&answer), ("internal".into(), "Internal error".into(), Some(1.into())));
            assert!(!answer.contains("secret"), "{answer}");
            for peer in [&mut peer, &mut other] {
                assert_eq!(peer.request(r#"{"event":"echo","data":"hi"}"#).await, r#"{"event":"echo","data":"hi"}"#);
            }
        }
        drop((peer, other));
        rig.expect_empty().await;
    });
}

#[test]
fn i2_from_the_application_to_the_message_before_the_validation() {
    on(Stack::Listen, |stack| async move {
        struct Mark(&'static str);
        impl Pipe<Value> for Mark {
            type From = Value;
            fn transform(&self, value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
                Ok(match value {
                    Value::Array(mut marks) => {
                        marks.push(self.0.into());
                        marks.into()
                    }
                    value => value,
                })
            }
        }
        let gateway = Gateway::new(Chat)
            .on("say", Chat::say)
            .handler("echo", HandlerDef::new(Chat::echo).pipe(Upper).pipe(Mark("message")))
            .handler("raw", HandlerDef::new(Chat::echo).skip::<Trim>())
            .pipe(Mark("gateway"));
        let rig = Rig::start(stack, App::new().pipe(Trim).pipe(Mark("app")).gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        for (request, answer) in [
            (r#"{"event":"say","data":{"text":"   hi   "}}"#, r#"{"event":"say","data":"<hi>"}"#),
            (r#"{"event":"echo","data":" up "}"#, r#"{"event":"echo","data":"UP"}"#),
            (r#"{"event":"echo","data":[]}"#, r#"{"event":"echo","data":["app","gateway","message"]}"#),
            (r#"{"event":"raw","data":" as it is "}"#, r#"{"event":"raw","data":" as it is "}"#),
            (r#"{"event":"echo"}"#, r#"{"event":"echo","data":null}"#),
        ] {
            assert_eq!(peer.request(request).await, answer);
        }
        let answer = peer.request(r#"{"event":"say","data":{"text":"      "},"id":1}"#).await;
        assert_eq!(exception(&answer).0, "validation_failed");
        assert!(answer.contains(r#""path":"/text""#), "{answer}");
        assert_eq!(exception(&peer.request(r#"{"event":"echo","data":"no"}"#).await).1, "not for echo");
    });
}

/// What attributes expand to, for parameters with keys and pipes.
fn parameters() -> Gateway<Chat> {
    macro_rules! answer {
        ($($parameter:ident),*; $parameters:ident => $value:expr) => {
            handler($parameters, move |_: Arc<Chat>, cx| {
                $(let $parameter = $parameter.read(cx)?;)*
                Ok(async move {
                    let reply = $value;
                    match (&&&&type_of(&reply)).__switchboard_shape().value().error().finish(reply) {
                        Flow::Now(done) => done,
                        Flow::Later(stream) => stream.await,
                    }
                })
            })
        };
    }
    macro_rules! validation {
        ($ty:ty) => {
            (&&Probe::<$ty>::new()).__switchboard_validation().without_context()
        };
    }
    let (number, list) = Parameters::of_handler().pipe::<u32, _, _, _>(validation!(u32), Parse);
    let parsed = answer!(number; list => number + 1);
    let (text, list) = Parameters::of_handler()
        .pipe::<String, _, _, _>(validation!(String), last(Trim).behind(DefaultText(" nobody ")));
    let defaulted = answer!(text; list => text);
    let (name, list) =
        Parameters::of_handler().key_pipe::<Option<String>, _, _, _>(validation!(Option<String>), "name", Trim);
    let optional = answer!(name; list => json!([name]));
    let (id, list) = Parameters::of_handler().key::<u32, _, _>(validation!(u32), "id");
    let (say, list) = list.key::<Say, _, _>(validation!(Say), "say");
    let (limit, list) = list.key_pipe::<u8, _, _, _>(validation!(u8), "limit", last(Parse).behind(DefaultValue(10)));
    let keyed = answer!(id, say, limit; list => json!([id, say.text, limit]));
    Gateway::new(Chat)
        .handler("parsed", parsed)
        .handler("defaulted", defaulted)
        .handler("keyed", keyed)
        .handler("optional", optional)
}

#[test]
fn c6_parameters_are_keys_and_what_pipes_make() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, App::new().gateway("/ws", parameters())).await;
        let mut peer = rig.connect().await;
        for (event, data, answer) in [
            ("parsed", r#"" 41 ""#, "42"),
            ("parsed", "41", "42"),
            ("defaulted", "null", r#""nobody""#),
            ("defaulted", r#"" ada ""#, r#""ada""#),
            ("optional", r#"{"name":" ada "}"#, r#"["ada"]"#),
            ("optional", "{}", "[null]"),
            ("keyed", r#"{"id":7,"say":{"text":"hi"},"more":[1]}"#, r#"[7,"hi",10]"#),
            ("keyed", r#"{"limit":"3","id":7,"say":{"text":"hi"}}"#, r#"[7,"hi",3]"#),
        ] {
            let answered = peer.request(&format!(r#"{{"event":"{event}","data":{data}}}"#)).await;
            assert_eq!(answered, format!(r#"{{"event":"{event}","data":{answer}}}"#), "{event} {data}");
        }
        for (event, data, path) in [
            ("parsed", r#""a secret""#, None),
            ("parsed", "[]", Some("")),
            ("keyed", r#"{"id":7}"#, Some("/say")),
            ("keyed", "null", Some("/id")),
            ("keyed", r#"{"id":"a secret","say":{"text":"hi"}}"#, Some("/id")),
            ("keyed", r#"{"id":7,"say":{"text":"much too long"}}"#, Some("/say/text")),
            ("keyed", r#"{"id":7,"say":{"text":"hi"},"limit":"a secret"}"#, None),
            ("keyed", "[1]", Some("")),
        ] {
            let answered = peer.request(&format!(r#"{{"event":"{event}","data":{data},"id":1}}"#)).await;
            assert_eq!(exception(&answered).0, "validation_failed", "{answered}");
            assert!(!answered.contains("secret"), "{answered}");
            if let Some(path) = path {
                assert!(answered.contains(&format!(r#""path":"{path}""#)), "{event} {data}: {answered}");
            }
        }
    });
}
