//! [`NoSeat`]: why a client gets no seat in the namespace that it asks for; and what a gateway keeps of its request.
use super::CompiledGateway;
#[cfg(feature = "socketio")]
use crate::Origins;
use crate::contain::contained;
use crate::hub::{Hub, Kept, Lease};
use crate::node::Full;
use crate::{Error, Handshake, log, namespace};
#[cfg(feature = "socketio")]
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
#[cfg(feature = "socketio")]
use switchboard_core::ws::handshake::check_allowed_host;

/// Why a client gets no seat in the namespace that it asks for.
#[derive(Debug)]
pub(crate) enum NoSeat {
    /// What the client is told. An internal error is logged already.
    Told(Error),
    /// There is no room for another namespace.
    Full(Full),
}

/// The origins and hosts that a gateway has set for itself. On the path of Socket.IO they hold for each CONNECT, because the
/// request is checked against those of the application before it is known which gateways it is for.
#[cfg(feature = "socketio")]
#[derive(Clone)]
pub(crate) struct Demand {
    origins: Option<Origins>,
    hosts: Option<Arc<[String]>>,
}

#[cfg(feature = "socketio")]
impl Demand {
    /// `None`: the gateway has set neither.
    pub(crate) fn new(origins: Option<&Origins>, hosts: Option<&Arc<[String]>>) -> Option<Demand> {
        (origins.is_some() || hosts.is_some()).then(|| Demand { origins: origins.cloned(), hosts: hosts.cloned() })
    }

    fn is_met(&self, origin: Option<&str>, host: &str) -> bool {
        self.origins.as_ref().is_none_or(|origins| origins.check(origin, host).is_ok())
            && self.hosts.as_ref().is_none_or(|hosts| check_allowed_host(host, hosts).is_ok())
    }
}

impl CompiledGateway {
    /// Checks the request of a CONNECT against the origins and hosts that each gateway has set for itself.
    ///
    /// Errors: `forbidden`. A function of the application may decide about origins; its panic is contained.
    #[cfg(feature = "socketio")]
    pub(crate) fn check_demands(&self, handshake: &Handshake) -> Result<(), Error> {
        if self.demands.is_empty() {
            return Ok(());
        }
        let origin = handshake.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or(""));
        let host = handshake.host();
        let is_met = || Ok(self.demands.iter().all(|demand| demand.is_met(origin, host)));
        match contained("what says which origins may connect", is_met)? {
            true => Ok(()),
            false => Err(Error::forbidden("This origin or host may not connect to this namespace")),
        }
    }

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
        if asked.is_some_and(|asked| *asked != *name) {
            log::limited!(
                warn,
                (),
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
