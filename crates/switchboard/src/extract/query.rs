//! The query string that a connection was opened with.
use crate::handler::{Context, FromMessage, MessageContext, Requirements};
use crate::{Error, Handshake};
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::ops::Deref;

/// The query string of the request that opened the connection, deserialised as by axum's `Query<T>`.
///
/// ```
/// use serde::Deserialize;
/// use switchboard::extract::Query;
///
/// #[derive(Clone, Deserialize)]
/// struct Wanted { room: String }
///
/// struct Chat;
/// impl Chat {
///     async fn room(&self, Query(wanted): Query<Wanted>) -> String {
///         wanted.room
///     }
/// }
/// ```
///
/// It is deserialised once, before the upgrade. A request that does not fit is answered with 400 and never becomes a
/// connection. Do not put secrets in it: URLs are often logged.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + Clone + Send + Sync + 'static> FromMessage for Query<T> {
    type Kind = Context;

    fn requirements(requirements: &mut Requirements) {
        requirements.at_upgrade::<Query<T>>(|upgrade: &Handshake| upgrade.query().map(Query));
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Query<T>, Error> {
        super::handshake::kept(cx)
            .ok_or_else(|| Error::internal(format!("the query string was not kept as {}", type_name::<T>())))
    }
}
