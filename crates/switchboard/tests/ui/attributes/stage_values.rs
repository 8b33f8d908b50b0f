//! A path is a type that the container gives; a value is written as one. A pipe of one type belongs on its parameter.
use serde::Deserialize;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{Call, Caught, Filter, Guard, Interceptor, Next, Pipe};
use switchboard::{Error, Reply, injectable, messages};

struct NotMuted;
impl Guard for NotMuted {
    fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
        Ok(())
    }
}

struct Timed;
impl Interceptor for Timed {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await
    }
}

struct Shout;
impl Pipe<serde_json::Value> for Shout {
    type From = serde_json::Value;

    fn transform(&self, value: serde_json::Value, _: &MessageContext<'_>) -> Result<serde_json::Value, Error> {
        Ok(value)
    }
}

struct Teapot;
impl Filter for Teapot {
    type Error = Error;

    fn catch(&self, error: Error, _: &Caught<'_>) -> Error {
        error
    }
}

#[derive(Deserialize)]
struct Lot(u32);

struct LotNumber;
impl Pipe<Lot> for LotNumber {
    type From = u32;

    fn transform(&self, number: u32, _: &MessageContext<'_>) -> Result<Lot, Error> {
        Ok(Lot(number))
    }
}

#[injectable]
struct Numbers;
impl Pipe<Lot> for Numbers {
    type From = u32;

    fn transform(&self, number: u32, _: &MessageContext<'_>) -> Result<Lot, Error> {
        Ok(Lot(number))
    }
}

struct Auction;

#[messages]
impl Auction {
    #[subscribe_message("guard")]
    #[use_guards(NotMuted)]
    async fn guard(&self) {}
    #[subscribe_message("interceptor")]
    #[use_interceptors(Timed)]
    async fn interceptor(&self) {}
    #[subscribe_message("pipe")]
    #[use_pipes(Shout)]
    async fn pipe(&self, text: String) {
        drop(text);
    }
    #[subscribe_message("filter")]
    #[use_filters(Teapot)]
    async fn filter(&self) {}
    #[subscribe_message("of a parameter")]
    #[use_pipes(LotNumber)]
    async fn of_a_parameter(&self, lot: Lot) {
        drop(lot.0);
    }
    #[subscribe_message("of a parameter, injected")]
    #[use_pipes(Numbers)]
    async fn of_a_parameter_injected(&self, lot: Lot) {
        drop(lot.0);
    }
    #[subscribe_message("of a parameter, a value")]
    #[use_pipes(LotNumber {})]
    async fn of_a_parameter_a_value(&self, lot: Lot) {
        drop(lot.0);
    }
}

fn main() {}
