//! The stages (guards, interceptors, pipes, filters) of all messages of a gateway.
use super::Gateway;
use crate::pipeline::{Filter, FilterDef, Interceptor, InterceptorDef, IntoGuard, Pipe, PipeDef};
use serde_json::Value;
use std::panic::Location;

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Adds a guard to the gateway: its connect half runs before a client connects, its message half before each
    /// message.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> Gateway<S> {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Wraps an interceptor around every handler, and around connecting (including the on-connect hook, if there is
    /// one).
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> Gateway<S> {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Runs a pipe on every payload before its handler.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> Gateway<S> {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Adds a filter that handles the errors of every handler, and of connecting.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> Gateway<S> {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Removes the application's stages of this type from the gateway.
    #[track_caller]
    pub fn skip<T: 'static>(mut self) -> Gateway<S> {
        self.declared.skip::<T>();
        self
    }

    /// Marks the messages of this gateway as public: see [`App::require_posture`](crate::App::require_posture).
    #[track_caller]
    pub fn public(mut self) -> Gateway<S> {
        self.declared.public = Some(Location::caller());
        self
    }

    /// Lets up to `most` messages of one client be handled at a time. Replies are sent as they are ready, so clients
    /// match them to requests by `id`. Default: one at a time.
    #[track_caller]
    pub fn concurrency(mut self, most: usize) -> Gateway<S> {
        self.concurrency = Some((most, Location::caller()));
        self
    }
}
