//! What stands around handlers: each attribute says what it needs, and stands where it means something.
use switchboard::{Client, EventName, messages};

struct Auth;
impl Auth {
    fn new() -> Auth {
        Auth
    }
}

fn admins() -> Auth {
    Auth
}

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("which guard")]
    #[use_guards]
    async fn which_guard(&self) {}
    #[subscribe_message("which pipe")]
    #[use_pipes()]
    async fn which_pipe(&self) {}
    #[subscribe_message("a function")]
    #[use_guards(admins)]
    async fn a_function(&self) {}
    #[subscribe_message("skip nothing")]
    #[skip]
    async fn skip_nothing(&self) {}
    #[subscribe_message("skip a value")]
    #[skip(Auth::new())]
    async fn skip_a_value(&self) {}
    #[subscribe_message("public of whom")]
    #[public(Auth)]
    async fn public_of_whom(&self) {}
    #[subscribe_message("public and guarded")]
    #[public]
    #[use_guards(Auth)]
    async fn public_and_guarded(&self) {}
    #[subscribe_message("none at a time")]
    #[concurrency(0)]
    async fn none_at_a_time(&self) {}
    #[subscribe_message("how many")]
    #[concurrency]
    async fn how_many(&self) {}
    #[subscribe_message("as a text")]
    #[concurrency("4")]
    async fn as_a_text(&self) {}
    #[subscribe_message("twice")]
    #[concurrency(2)]
    #[concurrency(4)]
    async fn twice(&self) {}

    #[use_guards(Auth)]
    async fn without_a_role(&self) {}
    async fn key_without_a_role(&self, #[key("id")] id: u64) {
        drop(id);
    }

    #[catch_all("other")]
    async fn other(&self, event: EventName) {
        drop(event);
    }
    #[catch_all]
    async fn another(&self) {}
    #[on_connect]
    #[subscribe_message("both")]
    async fn both(&self) {}
}

struct Doors;

#[messages]
impl Doors {
    #[on_connect]
    #[use_guards(Auth)]
    #[use_interceptors(Auth)]
    #[use_pipes(Auth)]
    #[use_filters(Auth)]
    #[skip(Auth)]
    #[public]
    #[concurrency(2)]
    async fn came(&self, #[key("id")] id: u64) {
        drop(id);
    }
    #[on_join]
    async fn may_join(&self, client: &Client, room: &str) -> Result<(), switchboard::Error> {
        drop((client, room));
        Ok(())
    }
}

struct Rooms;

#[messages]
impl Rooms {
    #[on_join]
    fn may_join(&self, room: &str) -> Result<(), switchboard::Error> {
        drop(room);
        Ok(())
    }
    #[on_disconnect]
    fn left(&self) {}
}

struct Halls;

#[messages]
impl Halls {
    #[on_join]
    fn may_join(&self, client: &Client, room: &str) {
        drop((client, room));
    }
}

struct Parameters;

#[messages]
impl Parameters {
    #[subscribe_message("no key")]
    async fn no_key(&self, #[key] id: u64) {
        drop(id);
    }
    #[subscribe_message("two keys")]
    async fn two_keys(&self, #[key("a", "b")] id: u64) {
        drop(id);
    }
    #[subscribe_message("keys")]
    async fn keys(&self, #[key("a")] #[key("b")] id: u64) {
        drop(id);
    }
    #[subscribe_message("a number")]
    async fn a_number(&self, #[key(7)] id: u64) {
        drop(id);
    }
    #[subscribe_message("no pipe")]
    async fn no_pipe(&self, #[pipe] id: u64) {
        drop(id);
    }
    #[subscribe_message("of the client")]
    async fn of_the_client(&self, #[key("id")] client: &Client) {
        client.emit("x", ());
    }
    #[subscribe_message("of itself")]
    async fn of_itself(#[key("id")] &self) {}
}

fn main() {}
