//! The parameters of the path that a connection was opened on.
use crate::handler::{Context, FromMessage, MessageContext, Requirements};
use crate::{Error, Handshake};
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::ops::Deref;

/// The parameters of the gateway's path, deserialised as by axum's `Path<T>`: one value, a tuple, or a struct with
/// their names.
///
/// ```
/// use serde::Deserialize;
/// use switchboard::extract::Path;
/// use switchboard::{App, Gateway};
///
/// #[derive(Clone, Deserialize)]
/// struct Place { project: u32, channel: String }
///
/// struct Channels;
/// impl Channels {
///     async fn name(&self, Path(place): Path<Place>) -> String {
///         format!("{} of {}", place.channel, place.project)
///     }
/// }
/// let app = App::new().gateway("/{project}/{channel}/ws", Gateway::new(Channels).on("name", Channels::name));
/// # let _ = app;
/// ```
///
/// They are deserialised once, before the upgrade. A request that does not fit is answered with 400 and never becomes a
/// connection. Parameters of an axum router around the application are included.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + Clone + Send + Sync + 'static> FromMessage for Path<T> {
    type Kind = Context;

    fn requirements(requirements: &mut Requirements) {
        requirements.at_upgrade::<Path<T>>(|upgrade: &Handshake| upgrade.path_params().map(Path));
    }

    fn from_message(cx: &MessageContext<'_>) -> Result<Path<T>, Error> {
        super::handshake::kept(cx)
            .ok_or_else(|| Error::internal(format!("the parameters of the path were not kept as {}", type_name::<T>())))
    }
}
