//! Handlers of other structs in the same gateway: [`Gateway::include`].
use super::{Gateway, Messages, Site};
use crate::codec::Frames;
use crate::di::{Container, Dependency, Injectable, NotProvided};
use crate::handler::HandlerDef;
use crate::pipeline::Implicit;
use crate::problem::Problem;
use crate::text::short_name;
use std::any::{TypeId, type_name};
use std::panic::Location;
use std::sync::{Arc, OnceLock};

/// Another struct whose handlers are part of the gateway.
pub(crate) struct Included {
    pub(crate) name: String,
    /// The type that is resolved from the container; `None` if the instance was passed in.
    pub(crate) implicit: Option<Implicit>,
    /// What its handlers need from the container.
    pub(crate) dependencies: Vec<Dependency>,
    problems: Vec<Problem>,
    take: Take,
}

/// Resolves the struct from the container, for its handlers.
type Take = Box<dyn FnOnce(Option<&Container>) -> Result<(), NotProvided> + Send>;

/// What an included struct needs from the container, without its handlers.
pub(crate) struct IncludedNote {
    pub(crate) name: String,
    pub(crate) implicit: Option<Implicit>,
    pub(crate) dependencies: Vec<Dependency>,
}

impl IncludedNote {
    pub(crate) fn is_of(&self, provider: TypeId) -> bool {
        self.implicit.is_some_and(|implicit| implicit.type_id == provider)
    }
}

/// Returns the dependencies on the included structs themselves.
pub(super) fn asked(included: &[Included]) -> impl Iterator<Item = Dependency> {
    included.iter().filter_map(|included| included.implicit).map(|implicit| implicit.dependency("what it includes"))
}

impl Included {
    pub(super) fn note(&mut self) -> IncludedNote {
        let dependencies = std::mem::take(&mut self.dependencies);
        IncludedNote { name: self.name.clone(), implicit: self.implicit, dependencies }
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Resolves the struct. Called before the handlers are bound.
    pub(super) fn take(self, container: Option<&Container>) -> Result<(), NotProvided> {
        (self.take)(container)
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Adds the handlers of another struct to this gateway. They run on the instance from the container; a type that no
    /// module provides is provided implicitly.
    ///
    /// The gateway's stages, limits and hooks apply to its messages as to all others. The included struct cannot have
    /// hooks or settings of its own, and two structs cannot handle the same event; both are reported at boot.
    ///
    /// ```
    /// use switchboard::{Gateway, injectable, messages};
    /// #[injectable]
    /// struct Rooms;
    /// #[messages]
    /// impl Rooms {
    ///     #[subscribe_message("rooms")]
    ///     async fn rooms(&self) -> Vec<String> { vec!["lobby".into()] }
    /// }
    /// struct Chat;
    /// impl Chat {
    ///     async fn say(&self, text: String) -> String { text }
    /// }
    /// let chat = Gateway::new(Chat).on("say", Chat::say).include::<Rooms>();
    /// ```
    #[track_caller]
    pub fn include<P: Injectable + Messages>(self) -> Gateway<S> {
        let (implicit, slot) = (Implicit::of::<P>(), Arc::<OnceLock<Arc<P>>>::default());
        let own = P::provider().is_gateway().then(|| "is a gateway of its own".to_owned());
        let place = slot.clone();
        let take: Take = Box::new(move |container| {
            let provider = container.ok_or_else(NotProvided::of::<P>)?.resolve::<P>()?;
            let _ = place.set(provider);
            Ok(())
        });
        self.adopt(slot, Some(implicit), take, own)
    }

    /// Like [`include`](Gateway::include), with an instance made by hand.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use switchboard::{Gateway, messages};
    /// # struct Rooms;
    /// # #[messages]
    /// # impl Rooms {
    /// #     #[subscribe_message("rooms")]
    /// #     async fn rooms(&self) -> Vec<String> { vec!["lobby".into()] }
    /// # }
    /// # struct Chat;
    /// let chat = Gateway::new(Chat).include_shared(Arc::new(Rooms));
    /// ```
    #[track_caller]
    pub fn include_shared<P: Messages>(self, provider: Arc<P>) -> Gateway<S> {
        self.adopt(Arc::new(OnceLock::from(provider)), None, Box::new(|_| Ok(())), None)
    }

    #[track_caller]
    fn adopt<P: Messages>(
        mut self,
        slot: Arc<OnceLock<Arc<P>>>,
        implicit: Option<Implicit>,
        take: Take,
        own: Option<String>,
    ) -> Gateway<S> {
        // Includes the settings on the struct, so that they are found and refused below: its guards must not be ignored
        // silently.
        let mut other = P::settled(Gateway::described());
        let (whole, name) = (self.name(), short_name(type_name::<P>()));
        let wrong = other.not_included(Location::caller());
        let own = own.map(|what| (what, vec![Location::caller()]));
        let problems = own.into_iter().chain(wrong).map(|(what, places)| {
            let message = format!(
                "{whole} includes {name}, which {what}; only its messages would be served: put the rest on {whole}, or mount {name} \
                 by itself"
            );
            Problem::new(message, &places)
        });
        let problems = problems.collect();
        for (event, place, handler) in std::mem::take(&mut other.events) {
            self.events.push((event, place, adopted(handler, slot.clone())));
        }
        for (place, handler) in std::mem::take(&mut other.catch_all) {
            self.catch_all.push((place, adopted(handler, slot.clone())));
        }
        let dependencies = std::mem::take(&mut other.dependencies);
        self.included.append(&mut other.included);
        self.included.push(Included { name, implicit, dependencies, problems, take });
        self
    }

    /// Returns what a gateway has besides messages, which cannot be included, each with its source locations.
    fn not_included(&self, included: &'static Location<'static>) -> Vec<(String, Vec<&'static Location<'static>>)> {
        let hook = |what: &str, place: Option<&'static Location<'static>>| {
            place.map(|place| (format!("has {what}"), vec![place, included]))
        };
        let hooks = [
            hook("an on-connect hook", self.hooks.on_connect.first().map(|(place, _)| *place)),
            hook("an on-disconnect hook", self.hooks.on_disconnect.first().map(|(place, _)| *place)),
            hook("a raw loop", self.hooks.raw.first().map(|(place, _)| *place)),
            hook("a join hook", self.on_join.first().map(|(place, _)| *place)),
            hook("an after-init hook", self.after_init.first().map(|(place, _)| *place)),
        ];
        let set = !self.declared.is_empty()
            || self.limits.is_some()
            || self.origins.is_some()
            || self.compression.is_some()
            || self.hosts.is_some()
            || self.frames != Frames::Any
            || self.patterns
            || self.cancel_on_disconnect
            || self.namespace.is_some()
            || self.namespace_by.is_some()
            || self.concurrency.is_some()
            || self.site != Site::default();
        let settings = set.then(|| ("has guards or settings of its own".to_owned(), vec![included]));
        hooks.into_iter().flatten().chain(settings).collect()
    }
}

/// Converts the handler to one of another gateway; it still runs on its own struct.
fn adopted<P: Send + Sync + 'static, S>(handler: HandlerDef<P>, slot: Arc<OnceLock<Arc<P>>>) -> HandlerDef<S> {
    let HandlerDef { requirements, declared, concurrency, bind } = handler;
    let bind = move |_| match slot.get() {
        Some(provider) => bind(provider.clone()),
        None => unreachable!("taken before handlers are bound"),
    };
    HandlerDef { requirements, declared, concurrency, bind: Box::new(bind) }
}
