//! No validation: the feature `garde` is off.

/// No type is validated. Attributes import this trait, whichever features there are.
pub trait ByValidate {}
