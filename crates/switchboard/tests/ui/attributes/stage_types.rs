//! A stage is what its attribute says, and a parameter is what its source gives.
use serde_json::Value;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{ConnectGuard, Guard, Pipe, Trim};
use switchboard::{Client, Error, EventName, Handshake, gateway, injectable, messages, module};

/// Before the upgrade alone.
#[injectable]
struct Door;

impl ConnectGuard for Door {
    async fn connect(&self, _: &mut Handshake) -> Result<(), Error> {
        Ok(())
    }
}

/// Nobody says how it is made.
struct Role(&'static str);

impl Guard for Role {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        Err(Error::forbidden(self.0))
    }
}

/// Nothing at all.
#[injectable]
struct Nothing;

/// A pipe of a text, and not of every payload.
#[injectable]
struct Short;

impl Pipe<String> for Short {
    type From = String;

    fn transform(&self, text: String, _: &MessageContext<'_>) -> Result<String, Error> {
        Ok(text)
    }
}

struct Even;

impl Pipe<u64> for Even {
    type From = u64;

    fn transform(&self, number: u64, _: &MessageContext<'_>) -> Result<u64, Error> {
        Ok(number)
    }
}

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("no message half")]
    #[use_guards(Door)]
    async fn no_message_half(&self) {}
    #[subscribe_message("no message half of a value")]
    #[use_guards(Door {})]
    async fn no_message_half_of_a_value(&self) {}
    #[subscribe_message("not injectable")]
    #[use_guards(Role)]
    async fn not_injectable(&self) {}
    #[subscribe_message("no guard")]
    #[use_guards(Nothing)]
    async fn no_guard(&self) {}
    #[subscribe_message("no interceptor")]
    #[use_interceptors(Nothing)]
    async fn no_interceptor(&self) {}
    #[subscribe_message("no filter")]
    #[use_filters(Nothing)]
    async fn no_filter(&self) {}
    #[subscribe_message("no pipe of everything")]
    #[use_pipes(Short)]
    async fn no_pipe_of_everything(&self, text: String) {
        drop(text);
    }
    #[subscribe_message("no type")]
    #[use_guards(Unknown)]
    async fn no_type(&self) {}
}

struct Parameters;

#[messages]
impl Parameters {
    #[subscribe_message("another type")]
    async fn another_type(&self, #[pipe(Short)] number: u64) {
        drop(number);
    }
    #[subscribe_message("do not fit")]
    async fn do_not_fit(&self, #[pipe(Trim, Nothing)] text: String) {
        drop(text);
    }
    #[subscribe_message("do not fit either")]
    async fn do_not_fit_either(&self, #[pipe(Short, Even, Even)] number: u64) {
        drop(number);
    }
    #[subscribe_message("an extractor")]
    async fn an_extractor(&self, #[key("event")] event: EventName) {
        drop(event);
    }
    #[subscribe_message("a piped extractor")]
    async fn a_piped_extractor(&self, #[pipe(Trim)] event: EventName) {
        drop(event);
    }
    #[subscribe_message("a key and a payload")]
    async fn a_key_and_a_payload(&self, #[key("id")] id: u64, whole: Value) {
        drop((id, whole));
    }
}

#[gateway]
#[use_guards(Nothing)]
struct Unguarded;

#[messages]
impl Unguarded {}

#[module(app_guards(Nothing), app_pipes(Short))]
struct Everywhere;

struct Rooms;

#[messages]
impl Rooms {
    #[on_join]
    fn may_join(&self, client: &Client, room: &str) -> bool {
        client.is_in(room)
    }
}

struct Owned;

#[messages]
impl Owned {
    #[on_join]
    fn may_join(&self, client: &Client, room: String) -> Result<(), Error> {
        drop((client, room));
        Ok(())
    }
}

struct Silent;

#[messages]
impl Silent {
    #[on_join]
    fn may_join(&self, _: &Client, _: &str) -> Result<(), Nothing> {
        Ok(())
    }
}

fn main() {}
