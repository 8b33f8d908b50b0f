//! NaN and the infinities, for types that accept them.
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// The name by which a deserializer knows [`AnyFloat`].
pub(crate) const ANY_FLOAT: &str = "$switchboard::AnyFloat";

/// An `f64` that may be NaN or infinite when a client sends it in MessagePack.
///
/// A client's NaN or infinity does not fit an `f64` or an `f32` (`validation_failed`): JSON does not have them, and a check such as
/// `x < 0.0 || x > 1.0` lets NaN through. With this type a payload, or a part of it, accepts them. It accepts a whole number too.
///
/// In JSON it is a number; NaN and the infinities are written as null, and null is refused when it is read. Inside `flatten` and untagged
/// and internally tagged enums serde does not ask for this type, so NaN and the infinities are refused there.
///
/// ```
/// use switchboard_core::AnyFloat;
/// use switchboard_core::codec::msgpack::{self, Raw};
/// let nan = Raw::new(b"\xcb\x7f\xf8\0\0\0\0\0\0");
/// assert!(msgpack::from_data::<AnyFloat>(nan)?.0.is_nan());
/// assert!(msgpack::from_data::<f64>(nan).is_err());
/// # Ok::<(), switchboard_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct AnyFloat(pub f64);

impl From<f64> for AnyFloat {
    fn from(value: f64) -> AnyFloat {
        AnyFloat(value)
    }
}

impl From<AnyFloat> for f64 {
    fn from(value: AnyFloat) -> f64 {
        value.0
    }
}

impl Serialize for AnyFloat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for AnyFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyFloat, D::Error> {
        struct Inner;
        impl<'de> Visitor<'de> for Inner {
            type Value = AnyFloat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<AnyFloat, D::Error> {
                f64::deserialize(deserializer).map(AnyFloat)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<AnyFloat, E> {
                Ok(AnyFloat(value))
            }
        }
        deserializer.deserialize_newtype_struct(ANY_FLOAT, Inner)
    }
}
