//! The stages of a message, a gateway or an application, and what they are together.
use crate::di::{Container, NotProvided};
use crate::pipeline::filter::ErasedFilter;
use crate::pipeline::guard::{ErasedConnectGuard, Halves, MessageGuard};
use crate::pipeline::interceptor::ErasedInterceptor;
use crate::pipeline::pipe::ErasedPipe;
use crate::pipeline::stage::{Implicit, Made, Stage};
use crate::problem::Problem;
use crate::text::short_name;
use std::any::{TypeId, type_name};
use std::panic::Location;
use std::sync::Arc;

type Place = &'static Location<'static>;

/// An outer stage that this level skips.
#[derive(Clone, Copy)]
pub(crate) struct Skipped {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) place: Place,
}

/// The stages that were declared on a message, a gateway or an application.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) guards: Vec<Stage<Halves>>,
    pub(crate) interceptors: Vec<Stage<Arc<dyn ErasedInterceptor>>>,
    pub(crate) pipes: Vec<Stage<Arc<dyn ErasedPipe>>>,
    pub(crate) filters: Vec<Stage<Arc<dyn ErasedFilter>>>,
    pub(crate) skipped: Vec<Skipped>,
    /// Set if it is marked as having no guard on purpose.
    pub(crate) public: Option<Place>,
}

impl Declared {
    #[track_caller]
    pub(crate) fn skip<T: 'static>(&mut self) {
        let (type_id, name, place) = (TypeId::of::<T>(), type_name::<T>(), Location::caller());
        self.skipped.push(Skipped { type_id, name, place });
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Declared { guards, interceptors, pipes, filters, skipped, public } = self;
        guards.is_empty()
            && interceptors.is_empty()
            && pipes.is_empty()
            && filters.is_empty()
            && skipped.is_empty()
            && public.is_none()
    }

    /// Appends these stages after the present ones.
    pub(crate) fn append(&mut self, other: Declared) {
        self.guards.extend(other.guards);
        self.interceptors.extend(other.interceptors);
        self.pipes.extend(other.pipes);
        self.filters.extend(other.filters);
        self.skipped.extend(other.skipped);
        self.public = self.public.or(other.public);
    }

    /// Returns the types of the stages that are resolved from the container.
    pub(crate) fn implicit(&self) -> impl Iterator<Item = Implicit> {
        let guards = self.guards.iter().filter_map(|stage| stage.implicit);
        let interceptors = self.interceptors.iter().filter_map(|stage| stage.implicit);
        let pipes = self.pipes.iter().filter_map(|stage| stage.implicit);
        let filters = self.filters.iter().filter_map(|stage| stage.implicit);
        guards.chain(interceptors).chain(pipes).chain(filters)
    }

    /// Reports problems that a message's stages have by themselves.
    pub(crate) fn check_message(&self, who: &str, problems: &mut Vec<Problem>) {
        // The halves of guards are known only once they are made: see `StageSet::check`.
        if let (Some(public), Some(guard)) = (self.public, self.guards.first()) {
            let message = format!("{who} is public, and {} guards it; remove one", short_name(guard.name));
            problems.push(Problem::new(message, &[public, guard.place]));
        }
    }

    /// Errors: a type that no module provides.
    pub(crate) fn make(self, container: Option<&Container>) -> Result<StageSet, NotProvided> {
        fn all<M>(stages: Vec<Stage<M>>, container: Option<&Container>) -> Result<Vec<Made<M>>, NotProvided> {
            stages.into_iter().map(|stage| stage.make(container)).collect()
        }
        Ok(StageSet {
            guards: all(self.guards, container)?,
            interceptors: all(self.interceptors, container)?,
            pipes: all(self.pipes, container)?,
            filters: all(self.filters, container)?,
            skipped: self.skipped,
            public: self.public,
        })
    }
}

/// The stages of one level, made from [`Declared`].
#[derive(Clone, Default)]
pub(crate) struct StageSet {
    guards: Vec<Made<Halves>>,
    interceptors: Vec<Made<Arc<dyn ErasedInterceptor>>>,
    pipes: Vec<Made<Arc<dyn ErasedPipe>>>,
    filters: Vec<Made<Arc<dyn ErasedFilter>>>,
    skipped: Vec<Skipped>,
    public: Option<Place>,
}

/// All stages of a message, in their order; for a connection, the stages around the on-connect hook.
#[derive(Default)]
pub(crate) struct Stages {
    pub(crate) guards: Box<[MessageGuard]>,
    pub(crate) interceptors: Box<[Arc<dyn ErasedInterceptor>]>,
    pub(crate) pipes: Box<[Arc<dyn ErasedPipe>]>,
    /// From the innermost to the outermost.
    pub(crate) filters: Box<[Arc<dyn ErasedFilter>]>,
}

impl Stages {
    fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.interceptors.is_empty() && self.pipes.is_empty() && self.filters.is_empty()
    }

    fn some(self) -> Option<Arc<Stages>> {
        (!self.is_empty()).then(|| Arc::new(self))
    }
}

/// The stages of each level, from the outermost. Stages that an inner level skips are left out, and each instance is
/// listed once.
fn layers<M, N>(levels: &[&StageSet], list: fn(&StageSet) -> &[Made<M>], part: fn(&M) -> Option<N>) -> Vec<Vec<N>> {
    let mut seen = Vec::new();
    let mut layer = |(at, level): (usize, &&StageSet)| {
        let skips = |made: &&Made<M>| levels[at + 1..].iter().any(|inner| inner.skips(made.type_id));
        let mut kept = Vec::new();
        for made in list(level).iter().filter(|made| !skips(made)) {
            // If the definition here lacks this half, another definition of the same instance may have it.
            let (key, part) = ((made.type_id, made.instance), part(&made.it));
            if let Some(part) = part
                && !seen.contains(&key)
            {
                seen.push(key);
                kept.push(part);
            }
        }
        kept
    };
    levels.iter().enumerate().map(&mut layer).collect()
}

fn together<M, N>(levels: &[&StageSet], list: fn(&StageSet) -> &[Made<M>], part: fn(&M) -> Option<N>) -> Box<[N]> {
    layers(levels, list, part).into_iter().flatten().collect()
}

fn whole<M: Clone>(it: &M) -> Option<M> {
    Some(it.clone())
}

impl StageSet {
    fn skips(&self, type_id: TypeId) -> bool {
        self.skipped.iter().any(|skipped| skipped.type_id == type_id)
    }

    fn has(&self, type_id: TypeId) -> bool {
        self.guards.iter().any(|made| made.type_id == type_id)
            || self.interceptors.iter().any(|made| made.type_id == type_id)
            || self.pipes.iter().any(|made| made.type_id == type_id)
            || self.filters.iter().any(|made| made.type_id == type_id)
    }

    /// Returns the stages of a message, from the application's to its own.
    pub(crate) fn stages(levels: &[&StageSet]) -> Option<Arc<Stages>> {
        let filters = layers(levels, |level| &level.filters, whole).into_iter().rev().flatten();
        Stages {
            guards: together(levels, |level| &level.guards, |halves| halves.message.clone()),
            interceptors: together(levels, |level| &level.interceptors, whole),
            pipes: together(levels, |level| &level.pipes, whole),
            filters: filters.collect(),
        }
        .some()
    }

    /// Returns the stages around the on-connect hook. It has no payload and no message guards.
    pub(crate) fn connect_stages(levels: &[&StageSet]) -> Option<Arc<Stages>> {
        let stages = StageSet::stages(levels)?;
        Stages { interceptors: stages.interceptors.clone(), filters: stages.filters.clone(), ..Stages::default() }
            .some()
    }

    pub(crate) fn connect_guards(levels: &[&StageSet]) -> Box<[Arc<dyn ErasedConnectGuard>]> {
        together(levels, |level| &level.guards, |halves| halves.connect.clone())
    }

    /// Reports problems of the innermost of these levels, given the outer ones.
    pub(crate) fn check(
        levels: &[&StageSet],
        who: &str,
        require_guard: bool,
        message: Option<Place>,
        problems: &mut Vec<Problem>,
    ) {
        let Some((own, outer)) = levels.split_last() else { return };
        for skipped in &own.skipped {
            if !outer.iter().any(|level| level.has(skipped.type_id)) {
                let name = short_name(skipped.name);
                let message = format!("{who} skips {name}, which stands nowhere around it; remove the skip");
                problems.push(Problem::new(message, &[skipped.place]));
            }
        }
        for guard in own.guards.iter().filter(|guard| guard.it.connect.is_none() && guard.it.message.is_none()) {
            let name = short_name(guard.name);
            let message = format!("the guard {name} of {who} has no half; say `.connect()`, `.message()`, or both");
            problems.push(Problem::new(message, &[guard.place]));
        }
        let Some(place) = message else { return };
        for guard in own.guards.iter().filter(|guard| guard.it.message.is_none() && guard.it.connect.is_some()) {
            let name = short_name(guard.name);
            let message = format!(
                "the guard {name} of {who} has no message half, and a message has no connect half; put it on the gateway"
            );
            problems.push(Problem::new(message, &[guard.place]));
        }
        let guarded = StageSet::stages(levels).is_some_and(|stages| !stages.guards.is_empty());
        let guarded = guarded || !StageSet::connect_guards(levels).is_empty();
        let public = levels.iter().rev().find_map(|level| level.public);
        if require_guard && !guarded && public.is_none() {
            let message = format!(
                "{who} has neither a guard nor `public`, and `require_posture` asks for one: say who may send it"
            );
            problems.push(Problem::new(message, &[place]));
        }
    }

    /// Reports guards and pipes that would have no effect on a raw gateway because it has no messages, and a missing
    /// connect guard if guards are required.
    pub(crate) fn check_raw(
        levels: &[&StageSet],
        who: &str,
        require_guard: bool,
        place: Place,
        problems: &mut Vec<Problem>,
    ) {
        let skipped = |type_id| levels.last().is_some_and(|own| own.skips(type_id));
        let guards = levels.iter().flat_map(|level| &level.guards);
        let connects = StageSet::connect_guards(levels);
        for guard in guards.filter(|guard| guard.it.connect.is_none() && !skipped(guard.type_id)) {
            let name = short_name(guard.name);
            let message = format!(
                "{name} guards messages, and {who} is raw and has none: give the guard a connect half, or skip it there"
            );
            problems.push(Problem::new(message, &[guard.place, place]));
        }
        if let Some(pipe) = levels.last().and_then(|own| own.pipes.first()) {
            let message = format!("{who} is raw and has no payloads for the pipe {}; remove it", short_name(pipe.name));
            problems.push(Problem::new(message, &[pipe.place, place]));
        }
        let public = levels.iter().rev().find_map(|level| level.public);
        if require_guard && connects.is_empty() && public.is_none() {
            let message = format!(
                "{who} has neither a guard of connections nor `public`, and `require_posture` asks for one: say who may connect"
            );
            problems.push(Problem::new(message, &[place]));
        }
    }
}
