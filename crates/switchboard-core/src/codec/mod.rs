//! Codecs of the native protocol: bytes to [`Frame`](json::Frame) and back.
pub mod json;
