//! An instance of a stage: given as a value, or resolved from the container.
use crate::di::{Container, Erased, Injectable, NotProvided};
use std::any::{TypeId, type_name};
use std::panic::Location;
use std::sync::Arc;

/// The source of an instance.
pub(super) enum Source<T> {
    Given(Arc<T>),
    Injected(Implicit),
}

/// A type that provides itself if no module provides it.
#[derive(Clone, Copy)]
pub(crate) struct Implicit {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) provider: fn() -> Erased,
}

impl Implicit {
    #[track_caller]
    pub(crate) fn of<T: Injectable>() -> Implicit {
        Implicit {
            type_id: TypeId::of::<T>(),
            name: type_name::<T>(),
            place: Location::caller(),
            provider: || T::provider().erase(),
        }
    }
}

type Make<M> = Box<dyn FnOnce(Option<&Container>) -> Result<(usize, M), NotProvided> + Send>;

/// A stage as it was declared. Its instance is made when the application is built.
pub(crate) struct Stage<M> {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
    /// Asked of the container.
    pub(crate) implicit: Option<Implicit>,
    make: Make<M>,
}

/// A stage whose instance has been made. `M` is its erased form.
#[derive(Clone)]
pub(crate) struct Made<M> {
    pub(crate) type_id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
    /// The address of the instance, which identifies it when it is used at several levels.
    pub(crate) instance: usize,
    pub(crate) it: M,
}

impl<M> Stage<M> {
    pub(super) fn new<T: Send + Sync + 'static>(
        source: Source<T>,
        place: &'static Location<'static>,
        erase: impl FnOnce(Arc<T>) -> M + Send + 'static,
    ) -> Stage<M> {
        let implicit = match &source {
            Source::Given(_) => None,
            Source::Injected(implicit) => Some(*implicit),
        };
        let make: Make<M> = Box::new(move |container| {
            let it = match source {
                Source::Given(it) => it,
                Source::Injected(_) => container.ok_or_else(NotProvided::of::<T>)?.resolve::<T>()?,
            };
            // A zero-sized type has a unique address too, because the `Arc` allocates its counts.
            Ok((Arc::as_ptr(&it).addr(), erase(it)))
        });
        Stage { type_id: TypeId::of::<T>(), name: type_name::<T>(), place, implicit, make }
    }

    /// Errors: no module provides it.
    pub(crate) fn make(self, container: Option<&Container>) -> Result<Made<M>, NotProvided> {
        let (instance, it) = (self.make)(container)?;
        Ok(Made { type_id: self.type_id, name: self.name, place: self.place, instance, it })
    }
}

/// Holds for a stage that the container gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made",
    label = "not an injectable type",
    note = "write `#[injectable]` on the struct, so that the container gives it; or write `{Self} {{}}` for a value (with its fields, if it \
            has any), or whatever else makes one: `{Self}::new(..)`"
)]
pub trait InjectedStage: Injectable {}
#[diagnostic::do_not_recommend]
impl<T: Injectable> InjectedStage for T {}

/// `of`, `shared`, `injected` and `Debug` of a definition with a `source` and a `place`.
macro_rules! sources {
    ($def:ident, $what:ident, $kind:literal $(, $($field:ident),+)?) => {
        impl<T: Send + Sync + 'static> $def<T> {
            #[doc = concat!($kind, " that is given.")]
            #[track_caller]
            pub fn of(value: T) -> $def<T> {
                $def::shared(std::sync::Arc::new(value))
            }

            #[doc = concat!($kind, " that others hold too: the same one at several places runs once.")]
            #[track_caller]
            pub fn shared(value: std::sync::Arc<T>) -> $def<T> {
                $def {
                    source: $crate::pipeline::stage::Source::Given(value),
                    place: std::panic::Location::caller(),
                    $($($field: None,)+)?
                }
            }

            #[doc = concat!($kind, " that the container gives. A type that no module provides is provided by itself.")]
            #[track_caller]
            pub fn injected() -> $def<T>
            where
                T: $crate::pipeline::stage::InjectedStage,
            {
                $def {
                    source: $crate::pipeline::stage::Source::Injected($crate::pipeline::stage::Implicit::of::<T>()),
                    place: std::panic::Location::caller(),
                    $($($field: None,)+)?
                }
            }
        }

        impl<T> std::fmt::Debug for $def<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let of = $crate::text::short_name(std::any::type_name::<T>());
                let place = format_args!("{}", self.place);
                f.debug_struct(stringify!($def)).field("of", &of).field("place", &place).finish_non_exhaustive()
            }
        }
    };
}
pub(super) use sources;
