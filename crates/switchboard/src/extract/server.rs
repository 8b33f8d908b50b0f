//! [`Server`] and [`Namespaces`], as parameters.
use crate::handler::{Context, FromMessage, MessageContext};
use crate::{Dynamic, Error, Namespace, Namespaces, Server};

impl<N: Namespace> FromMessage for Server<N> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Server<N>, Error> {
        Ok(cx.container()?.server())
    }
}

/// The [`Server`] of the client's own namespace.
impl FromMessage for Server<Dynamic> {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Server<Dynamic>, Error> {
        Ok(cx.container()?.server_in(cx.endpoint().space.clone()))
    }
}

impl FromMessage for Namespaces {
    type Kind = Context;

    fn from_message(cx: &MessageContext<'_>) -> Result<Namespaces, Error> {
        Ok(cx.container()?.namespaces())
    }
}
