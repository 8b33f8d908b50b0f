//! Several arguments as a payload.

/// The name by which a serializer or deserializer that knows arguments recognises them: a newtype struct of this name around a tuple or
/// list. For any other it is the tuple or list.
pub const ARGS: &str = "$switchboard::Args";
