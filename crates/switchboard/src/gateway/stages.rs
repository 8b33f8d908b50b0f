//! What stands around all messages of a gateway.
use super::Gateway;
use crate::pipeline::{Filter, FilterDef, Interceptor, InterceptorDef, IntoGuard, Pipe, PipeDef};
use serde_json::Value;
use std::panic::Location;

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Puts a guard on the gateway: its connect half is asked before a client connects, its message half before each message.
    pub fn guard<G: Send + Sync + 'static>(mut self, guard: impl IntoGuard<G>) -> Gateway<S> {
        self.declared.guards.push(guard.into_guard().stage());
        self
    }

    /// Puts an interceptor around every handler, and around connecting (with its hook, if there is one).
    pub fn interceptor<I: Interceptor>(mut self, interceptor: impl Into<InterceptorDef<I>>) -> Gateway<S> {
        self.declared.interceptors.push(interceptor.into().stage());
        self
    }

    /// Puts a pipe in front of every payload.
    pub fn pipe<P: Pipe<Value, From = Value>>(mut self, pipe: impl Into<PipeDef<P>>) -> Gateway<S> {
        self.declared.pipes.push(pipe.into().stage());
        self
    }

    /// Asks a filter about the errors of every handler, and of those who connect.
    pub fn filter<F: Filter>(mut self, filter: impl Into<FilterDef<F>>) -> Gateway<S> {
        self.declared.filters.push(filter.into().stage());
        self
    }

    /// Leaves out the application's stages of this type.
    #[track_caller]
    pub fn skip<T: 'static>(mut self) -> Gateway<S> {
        self.declared.skip::<T>();
        self
    }

    /// Says that anybody may send its messages: see [`App::require_posture`](crate::App::require_posture).
    #[track_caller]
    pub fn public(mut self) -> Gateway<S> {
        self.declared.public = Some(Location::caller());
        self
    }

    /// Lets up to `most` messages of one client be handled at a time. Their replies leave as they are ready, so that a client tells
    /// them apart by their `id`. Default: one by one.
    #[track_caller]
    pub fn concurrency(mut self, most: usize) -> Gateway<S> {
        self.concurrency = Some((most, Location::caller()));
        self
    }
}
