//! One stage around the gateway, to see what it costs: `STAGE=guard`, or another of [`NAMES`].

use serde_json::Value as Json;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{AsyncGuard, Call, Caught, Filter, Guard, GuardDef, Interceptor, Next, Pipe};
use switchboard::{Error, Gateway, Reply};

use crate::gateway::Bench;

/// What `STAGE` may be.
const NAMES: &str = "guard, async-guard, interceptor, pipe, filter, all";

struct Plain;

impl Guard for Plain {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        if cx.event().is_empty() { Err(Error::forbidden("no event")) } else { Ok(()) }
    }
}

struct Waiting;

impl AsyncGuard for Waiting {
    async fn message(&self, call: &Call) -> Result<(), Error> {
        if call.event().is_empty() { Err(Error::forbidden("no event")) } else { Ok(()) }
    }
}

impl Interceptor for Plain {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        next.run().await
    }
}

impl Pipe<Json> for Plain {
    type From = Json;

    fn transform(&self, value: Json, _: &MessageContext<'_>) -> Result<Json, Error> {
        Ok(value)
    }
}

impl Filter for Plain {
    type Error = Error;

    fn catch(&self, error: Error, _: &Caught<'_>) -> Error {
        error
    }
}

/// The gateway with a stage around it.
pub(crate) fn around(bench: Gateway<Bench>, stage: &str) -> Gateway<Bench> {
    match stage {
        "guard" => bench.guard(Plain),
        "async-guard" => bench.guard(GuardDef::of(Waiting).message_async()),
        "interceptor" => bench.interceptor(Plain),
        "pipe" => bench.pipe(Plain),
        "filter" => bench.filter(Plain),
        "all" => {
            let guarded = bench.guard(Plain).guard(GuardDef::of(Waiting).message_async());
            guarded.interceptor(Plain).pipe(Plain).filter(Plain)
        }
        other => panic!("STAGE is {other:?}, which is none of: {NAMES}"),
    }
}
