//! Judges types by their names.
use crate::di::provider::Erased;
use crate::{Root, Server};
use std::any::type_name;

pub(super) fn is_server(name: &str) -> bool {
    arguments::<Server<Root>>(name).is_some()
}

/// Returns the part after the `<` of a type's name, if it is the same generic type as `T`.
fn arguments<T>(name: &str) -> Option<&str> {
    let known = type_name::<T>();
    let generic = known.split('<').next().unwrap_or(known);
    name.strip_prefix(generic)?.strip_prefix('<')
}

/// True if a type, by its name, is a `Result` of the value.
pub(super) fn is_result_of(name: &str, value: &str) -> bool {
    let rest = arguments::<Result<(), ()>>(name).and_then(|arguments| arguments.strip_prefix(value));
    rest.is_some_and(|rest| rest.starts_with(", "))
}

/// True if a type, by its name, is a `Result`.
pub(super) fn is_result(name: &str) -> bool {
    arguments::<Result<(), ()>>(name).is_some()
}

/// True if a type, by its name, is a future or a closure. A factory that returns one is hardly intended, unless
/// something depends on it.
pub(super) fn is_future(provider: &Erased) -> bool {
    let Erased { full_name, how, .. } = provider;
    let boxed = full_name.starts_with("core::pin::Pin<alloc::boxed::Box<dyn core::future::future::Future<");
    *how == "factory" && (boxed || full_name.ends_with("{{closure}}"))
}

pub(super) fn is_of_the_language(name: &str) -> bool {
    !name.contains("::") || ["core::", "alloc::", "std::"].iter().any(|root| name.starts_with(root))
}
