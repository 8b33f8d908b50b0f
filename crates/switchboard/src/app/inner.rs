//! Shuts down applications that are mounted inside another one. A mounted router may contain an `App`, which its type
//! does not show, so requests carry this: each has in its extensions the application that it came through, and an inner
//! application that it reaches is from then on shut down with the outer one.
use crate::hub::Control;
use http::Request;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// The outer application, in the extensions of a request.
#[derive(Clone)]
struct Outer(Weak<Control>);

/// The layer around each gateway of an application and around the routers mounted on it.
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

/// The service that notes its application in each request, and links it to the outer application if there is one.
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
