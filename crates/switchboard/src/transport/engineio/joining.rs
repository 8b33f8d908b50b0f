//! [`Joining`]: a CONNECT whose guards are asked.
use super::serving::Serving;
use crate::contain::panicked;
use crate::gateway::{CompiledGateway, NoSeat};
use crate::handshake::Handshake;
use crate::hub::owner::full;
use crate::hub::{Kept, Lease, Owner};
use crate::node::UserPlace;
use crate::{ClientId, Error};
use serde_json::value::RawValue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a client has in a namespace that it may enter.
pub(super) struct Admitted {
    pub(super) id: ClientId,
    pub(super) table: Arc<CompiledGateway>,
    pub(super) lease: Lease,
    pub(super) owner: Option<Box<Owner>>,
    pub(super) kept: Option<Box<Kept>>,
}

/// Why a client does not get into a namespace.
pub(super) enum NotAdmitted {
    /// It is told by CONNECT_ERROR, after which the official clients do not try again by themselves.
    Refused(Error),
    /// The server could not decide now: the client has to come back.
    Later(Error),
}

impl From<Error> for NotAdmitted {
    fn from(error: Error) -> NotAdmitted {
        NotAdmitted::Refused(error)
    }
}

/// A CONNECT whose guards are asked, within the time of a handshake.
pub(super) struct Joining {
    pub(super) name: Box<str>,
    future: Pin<Box<dyn Future<Output = Result<Admitted, NotAdmitted>> + Send>>,
}

impl Joining {
    /// `None`: there is no such namespace.
    pub(super) fn new(
        serving: &Arc<Serving>,
        name: &str,
        request: &Handshake,
        auth: Option<Box<RawValue>>,
    ) -> Option<Joining> {
        let mut handshake = request.for_namespace(auth);
        let table = serving.unions.find(name, &mut handshake)?.clone();
        let (serving, asked) = (serving.clone(), name.to_owned());
        let future = Box::pin(async move {
            let timeout = table.profile.node.handshake_timeout;
            let guards = async {
                table.check_demands(&handshake)?;
                for guard in &table.connect_guards {
                    guard.connect(&mut handshake).await?;
                }
                Ok(())
            };
            let node = serving.hub.node.clone();
            let guards = async {
                tokio::select! {
                    biased;
                    () = node.drained() => Err(NotAdmitted::Later(Error::draining("The server is about to restart"))),
                    asked = guards => asked.map_err(|error| table.told(error).into()),
                }
            };
            match tokio::time::timeout(timeout, guards).await {
                Ok(asked) => asked?,
                Err(_) => {
                    let error = Error::timeout("This took too long: try again").retryable(true);
                    return Err(NotAdmitted::Later(error));
                }
            }
            admit(&serving, table, handshake, &asked)
        });
        Some(Joining { name: name.into(), future })
    }

    /// Asks the guards. Their panics are contained.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Admitted, NotAdmitted>> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked("a guard of a connection", panic).into())))
    }
}

/// What is left to do once the guards have agreed: the places that the client takes.
fn admit(
    serving: &Serving,
    table: Arc<CompiledGateway>,
    mut handshake: Handshake,
    name: &str,
) -> Result<Admitted, NotAdmitted> {
    let node = &serving.hub.node;
    let place = handshake.user().map(|user| UserPlace::new(node, user)).transpose().map_err(full)?.flatten();
    let lease = table.lease(&serving.hub, &handshake, Some(name)).map_err(|none| match none {
        NoSeat::Told(error) => error.into(),
        NoSeat::Full(_) => {
            NotAdmitted::Later(Error::overloaded("This node has as many namespaces as it may: try again later"))
        }
    })?;
    let owner = handshake.take_identity().map(|identity| Owner::new(identity, place));
    let kept = table.keep(&handshake)?;
    let id = ClientId::random().map_err(|_| Error::internal("the system has no random numbers"))?;
    Ok(Admitted { id, table, lease, owner, kept })
}
