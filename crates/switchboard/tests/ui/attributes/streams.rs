//! The items of a stream are replies.
use futures_util::{Stream, stream};
use switchboard::{Error, messages};

struct Tick;
struct Tock;
struct Failed;

struct Clock;

#[messages]
impl Clock {
    #[subscribe_message("items")]
    async fn items(&self) -> impl Stream<Item = Tick> {
        stream::iter([Tick])
    }
    #[subscribe_message("results")]
    async fn results(&self) -> impl Stream<Item = Result<Tick, Error>> {
        stream::iter([Ok(Tick)])
    }
    #[subscribe_message("errors")]
    async fn errors(&self) -> impl Stream<Item = Result<u8, Failed>> {
        stream::iter([Err(Failed)])
    }
    #[subscribe_message("result of items")]
    async fn result_of_items(&self) -> Result<impl Stream<Item = Tock>, Error> {
        Ok(stream::iter([Tock]))
    }
    #[subscribe_message("no error")]
    async fn no_error(&self) -> Result<impl Stream<Item = u8>, Failed> {
        Ok(stream::iter([1]))
    }
}

fn main() {}
