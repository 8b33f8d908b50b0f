//! No validation, as the feature `garde` is off.

/// Implemented for no type. It exists because the attributes import this trait whatever features are on.
pub trait ByValidate {}
