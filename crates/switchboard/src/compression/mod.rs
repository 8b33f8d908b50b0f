//! Which messages are compressed, and how: what an application or a gateway asks for.
#[cfg(not(feature = "deflate"))]
mod disabled;
#[cfg(feature = "deflate")]
mod enabled;

#[cfg(not(feature = "deflate"))]
pub(crate) use disabled::Compression;
#[cfg(feature = "deflate")]
pub use enabled::Compression;
