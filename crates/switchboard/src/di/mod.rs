//! Dependency injection: services, gateways and factories are created once at boot, in the order of their dependencies.
//!
//! Applications usually write `#[injectable]`, `#[inject]` and `#[module]`, which expand to the types of this module:
//! [`Provider`], [`Injectable`], [`ModuleDef`].
//! [`ModuleDef`].
//!
//! ```
//! use std::sync::Arc;
//! use switchboard::di::{Injectable, Module, ModuleDef, Provider};
//! use switchboard::{App, BootError, Server};
//!
//! struct Config { room: String }
//!
//! struct Announcer { config: Arc<Config>, server: Server }
//!
//! impl Injectable for Announcer {
//!     fn provider() -> Provider<Announcer> {
//!         Provider::factory(|config: Arc<Config>, server: Server| Announcer { config, server })
//!     }
//! }
//!
//! struct News;
//! impl Module for News {
//!     fn module() -> ModuleDef {
//!         ModuleDef::new("News").value(Config { room: "lobby".into() }).provide::<Announcer>()
//!     }
//! }
//!
//! # async fn run() -> Result<(), BootError> {
//! let app = App::create::<News>().await?;
//! let announcer = app.resolve::<Announcer>()?;
//! announcer.server.broadcast_to(&announcer.config.room, "announce", "we are open");
//! # Ok(())
//! # }
//! ```
pub(crate) mod analysis;
pub(crate) mod boot;
mod container;
mod dependency;
mod factory;
mod graph;
mod inject;
mod module;
mod provider;
pub(crate) mod scope;

pub use boot::Boot;
pub(crate) use boot::run_hook;
pub(crate) use container::Instance;
pub use container::{Container, NotProvided};
pub use dependency::{DefaultField, Dependencies, FromContainer, Injected, Wanted};
pub(crate) use dependency::{Dependency, When, late};
pub use factory::{Factory, ScopedFactory};
pub use graph::Graph;
pub use inject::Inject;
pub use module::{Module, ModuleDef};
pub(crate) use provider::{BoxError, BoxFuture, Erased};
pub use provider::{Injectable, Provider};
pub use scope::Scope;
pub(crate) use scope::{Making, MessageScope};
