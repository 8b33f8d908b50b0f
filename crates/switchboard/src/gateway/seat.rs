//! [`NoSeat`]: why a client gets no seat in the namespace that it asks for; and what a gateway keeps of its request.
use super::CompiledGateway;
use crate::contain::contained;
use crate::hub::{Hub, Kept, Lease};
use crate::node::Full;
use crate::{Error, Handshake, log, namespace};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// Why a client gets no seat in the namespace that it asks for.
#[derive(Debug)]
pub(crate) enum NoSeat {
    /// What the client is told. An internal error is logged already.
    Told(Error),
    /// There is no room for another namespace.
    Full(Full),
}

impl CompiledGateway {
    /// Returns the error that a client is told for an error of the application before it is connected: that of a connect
    /// guard, or of what reads its request. The cause of an internal error is logged.
    pub(crate) fn told(&self, error: Error) -> Error {
        let error = self.connect_error(error);
        if error.is_internal() {
            log::failed_upgrade(&error);
        }
        error
    }

    /// Returns a seat in the namespace that the client will be in. If the client has named it (`asked`), a namespace that
    /// is chosen by the request must have that name.
    pub(crate) fn lease(&self, hub: &Hub, handshake: &Handshake, asked: Option<&str>) -> Result<Lease, NoSeat> {
        let Some(by) = &self.namespace_by else {
            return Ok(Lease::new(self.space.clone().unwrap_or_else(|| hub.space(self.namespace))));
        };
        let named = contained("what names the namespace of a request", || by(handshake).map_err(|why| self.told(why)));
        let named = named.map_err(NoSeat::Told)?;
        let Some(name) = namespace::at_run_time(&named) else {
            return Err(NoSeat::Told(Error::bad_request("What this request names cannot be a namespace")));
        };
        if let Some(asked) = asked.filter(|asked| **asked != *name) {
            log::limited!(
                warn,
                (),
                asked,
                named = &*name,
                "`namespace_by` of {} names another namespace than the one that the client asks for",
                self.name
            );
            return Err(NoSeat::Told(Error::forbidden("This request does not lead into this namespace")));
        }
        let lease = hub.lease(&name).map_err(NoSeat::Full)?;
        lease.ok_or_else(|| NoSeat::Told(Error::forbidden("No request leads into this namespace")))
    }

    /// Copies what the handlers declared, and nothing else: a header map pins the buffer that the head was read into.
    ///
    /// Errors: what the client is told.
    pub(crate) fn keep(&self, handshake: &Handshake) -> Result<Option<Box<Kept>>, Error> {
        let requirements = &self.requirements;
        if !requirements.headers && requirements.extensions.is_empty() && requirements.at_upgrade.is_empty() {
            return Ok(None);
        }
        // `Clone` and `Deserialize` are code of the application.
        contained("what is read before the upgrade", || {
            let mut kept = Box::<Kept>::default();
            for extension in &requirements.extensions {
                (extension.copy)(&handshake.parts().extensions, &mut kept.extensions);
            }
            for wanted in &requirements.at_upgrade {
                (wanted.read)(handshake, &mut kept.extensions).map_err(|error| self.told(error))?;
            }
            if requirements.headers {
                kept.headers = Some(Arc::new(deep_copy(handshake.headers())));
            }
            Ok(Some(kept))
        })
    }
}

fn deep_copy(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            let name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone());
            copy.append(name, value);
        }
    }
    copy
}
