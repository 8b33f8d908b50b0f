//! What is on the wire, among friendly names.
use garde::Validate;
use serde::{Deserialize, Serialize};

/// A payload that is validated.
#[derive(Debug, Deserialize, Serialize, Validate)]
pub struct Text {
    /// 1 to 10 characters.
    #[garde(length(chars, min = 1, max = 10))]
    pub text: String,
}
