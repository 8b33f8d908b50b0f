//! Applications that are served below another one: what is mounted may have an `App` in it, which no type tells any more. Each
//! request tells: on its way down it carries who serves it, and an application that it comes to is shut down with that one.
use crate::hub::Control;
use http::Request;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// The application around this one, in the extensions of a request.
#[derive(Clone)]
struct Outer(Weak<Control>);

/// Around each gateway of an application, and all that is mounted on it.
#[derive(Clone)]
pub(super) struct Below(Weak<Control>);

impl Below {
    pub(super) fn new(control: &Arc<Control>) -> Below {
        Below(Arc::downgrade(control))
    }
}

impl<S> Layer<S> for Below {
    type Service = Told<S>;

    fn layer(&self, service: S) -> Told<S> {
        Told { service, control: self.0.clone() }
    }
}

/// Tells a request whose it is.
#[derive(Clone)]
pub(super) struct Told<S> {
    service: S,
    control: Weak<Control>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Told<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let around = request.extensions_mut().insert(Outer(self.control.clone()));
        if let Some(outer) = around.and_then(|outer| outer.0.upgrade())
            && let Some(control) = self.control.upgrade()
        {
            outer.adopt(&control);
        }
        self.service.call(request)
    }
}
