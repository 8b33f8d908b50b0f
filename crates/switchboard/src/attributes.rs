//! The attributes that [`gateway`](macro@crate::gateway), [`messages`](macro@crate::messages) and
//! [`injectable`](macro@crate::injectable) read. **They need no import**: those three remove them from the code before
//! the compiler looks them up.
//!
//! They are exported for their documentation and for a clear error: one that is imported, but used outside the
//! attribute that reads it, fails to compile with a message that says where it belongs. Some have very general names
//! (`key`, `skip`, `public`, `pipe`, `raw`), so they are not at the root of the crate, where `use switchboard::*` would
//! bring them into conflict with attributes of other crates. To use such an attribute of another crate on a handler,
//! write its path: `#[other::skip]`.
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
