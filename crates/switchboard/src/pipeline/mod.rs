//! Stages around a handler: guards → interceptors → pipes → handler → interceptors back → reply, or filters on an
//! error.
//!
//! | stage | purpose | allowed on |
//! |---|---|---|
//! | [`Guard`], [`AsyncGuard`] | whether a message is handled at all | message, gateway, application |
//! | [`ConnectGuard`] | whether a client may connect, and who it is | gateway, application |
//! | [`Interceptor`] | what happens around the handler: time, log, cache, another reply | message, gateway, application |
//! | [`Pipe`] | another payload in place of the one that came | parameter, message, gateway, application |
//! | [`Filter`] | what a client is told of an error | message, gateway, application |
//!
//! The application's stages run first, then the gateway's, then the message's; within each, in the order in which they
//! were added. Filters are tried from the inside out: the first one whose error type fits is used. An instance that was
//! added at several levels runs once, at the outermost. [`Gateway::skip`](crate::Gateway::skip) and
//! [`HandlerDef::skip`](crate::HandlerDef::skip) leave out a stage of an outer level.
//!
//! ```
//! use switchboard::handler::MessageContext;
//! use switchboard::pipeline::Guard;
//! use switchboard::{Error, Gateway};
//!
//! struct NoShouting;
//! impl Guard for NoShouting {
//!     fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
//!         match cx.payload::<String>()? {
//!             text if text == text.to_uppercase() => Err(Error::forbidden("Not so loud")),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//! struct Chat;
//! impl Chat {
//!     async fn say(&self, text: String) -> usize { text.len() }
//! }
//! let chat = Gateway::new(Chat).on("say", Chat::say).guard(NoShouting);
//! ```
mod call;
mod filter;
mod guard;
mod interceptor;
#[cfg(feature = "testing")]
pub(crate) mod isolated;
pub(crate) mod parts;
mod pipe;
mod run;
mod stage;
mod stage_set;

pub use call::Call;
pub use filter::{Caught, Filter, FilterDef};
pub(crate) use guard::ErasedConnectGuard;
pub use guard::{AsyncGuard, ConnectGuard, Guard, GuardDef, IntoGuard};
pub use interceptor::{Interceptor, InterceptorDef, Next};
pub use pipe::{DefaultText, DefaultValue, Parse, Pipe, PipeDef, Trim, Written};
pub(crate) use run::{Filtering, connect_error, connecting, start};
pub(crate) use stage::Implicit;
pub use stage::InjectedStage;
pub(crate) use stage_set::{Declared, StageSet, Stages};
