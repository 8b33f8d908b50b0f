//! Whether a generic payload is validated must be said.
use serde::de::DeserializeOwned;
use switchboard::{Unchecked, messages};

struct Store<T>(std::marker::PhantomData<fn() -> T>);

#[messages]
impl<T: DeserializeOwned + Send + 'static> Store<T> {
    #[subscribe_message("put")]
    async fn put(&self, value: T) {
        drop(value);
    }
    #[subscribe_message("put all")]
    async fn put_all(&self, values: Vec<T>) {
        drop(values);
    }
    #[subscribe_message("put unchecked")]
    async fn put_unchecked(&self, value: Unchecked<T>) {
        drop(value.0);
    }
}

trait Speaks: Send + Sync + 'static {
    type Message: DeserializeOwned + Send + 'static;
}

struct Relay<T>(std::marker::PhantomData<fn() -> T>);

impl<T: Speaks> Speaks for Relay<T> {
    type Message = T::Message;
}

#[messages]
impl<T: Speaks> Relay<T> {
    #[subscribe_message("pass")]
    async fn pass(&self, message: <Self as Speaks>::Message) {
        drop(message);
    }
}

fn main() {}
