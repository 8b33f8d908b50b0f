//! The attributes that [`gateway`](macro@crate::gateway), [`messages`](macro@crate::messages) and
//! [`injectable`](macro@crate::injectable) read. **They need no import**: those three take them out of the code before the compiler looks
//! them up.
//!
//! They are here for their documentation, and for a clear error: when one of them is imported, and is not inside the attribute that reads it,
//! it fails to compile and says where it belongs. Some have very general names (`key`, `skip`, `public`, `pipe`, `raw`), so they are not at
//! the root of the crate, where `use switchboard::*` would bring them into conflict with attributes of other crates. Such an attribute of
//! another crate can be used on a handler by its path: `#[other::skip]`.
//!
//! | on | attributes |
//! |---|---|
//! | a method in a block with `#[messages]` | [`subscribe_message`], [`catch_all`], [`on_connect`], [`on_disconnect`], [`on_join`], [`after_init`], [`raw`] |
//! | a handler, and a struct with `#[gateway]` | [`use_guards`], [`use_interceptors`], [`use_pipes`], [`use_filters`], [`skip`], [`public`] |
//! | a handler | [`concurrency`] |
//! | a parameter of a handler | [`key`], [`pipe`] |
//! | a field of a struct with `#[injectable]` or `#[gateway]` | [`inject`] |

pub use switchboard_macros::{
    after_init, catch_all, concurrency, inject, key, on_connect, on_disconnect, on_join, pipe, public, raw, skip,
    subscribe_message, use_filters, use_guards, use_interceptors, use_pipes,
};
