//! A reply is `Serialize`; an `Err` says what a client is told; both sides of a `Result` are told apart by shape.
use serde::Serialize;
use switchboard::messages;

struct Plain;
struct Failed;
#[derive(Serialize)]
struct Both;
type Alias<T> = Result<T, Failed>;

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("plain")]
    async fn plain(&self) -> Plain {
        Plain
    }
    #[subscribe_message("value")]
    async fn value(&self) -> Result<Plain, switchboard::Error> {
        Ok(Plain)
    }
    #[subscribe_message("error")]
    async fn error(&self) -> Result<u8, Failed> {
        Err(Failed)
    }
    #[subscribe_message("alias")]
    async fn alias(&self) -> Alias<u8> {
        Err(Failed)
    }
    #[subscribe_message("serialize")]
    async fn both(&self) -> Result<u8, Both> {
        Err(Both)
    }
    #[subscribe_message("list")]
    async fn list(&self) -> Vec<Plain> {
        Vec::new()
    }
    #[on_connect]
    async fn joined(&self) -> usize {
        1
    }
}

fn main() {}
