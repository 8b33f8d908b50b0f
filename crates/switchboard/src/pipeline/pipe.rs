//! Pipes transform payloads.
use super::stage::{Implicit, Source, Stage, sources};
use crate::Error;
use crate::di::{Injectable, Provider};
use crate::handler::MessageContext;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::panic::Location;
use std::str::FromStr;
use std::sync::Arc;

/// Transforms a payload into a `T`: the payload of one parameter, or every payload (`T` is then a
/// [`serde_json::Value`]).
///
/// ```
/// use switchboard::handler::MessageContext;
/// use switchboard::pipeline::Pipe;
/// use switchboard::Error;
/// struct Even;
/// impl Pipe<u32> for Even {
///     type From = u32;
///     fn transform(&self, number: u32, _: &MessageContext<'_>) -> Result<u32, Error> {
///         if number % 2 == 0 { Ok(number) } else { Err(Error::validation_failed("An even number")) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the pipe `{Self}` does not make a `{T}`",
    label = "a pipe on the wrong type",
    note = "it is `impl Pipe<{T}> for {Self}` that is asked for; on a message, a gateway or the application that is \
            `Pipe<serde_json::Value, From = serde_json::Value>`, and one of another type belongs on its parameter: `#[pipe(..)]`"
)]
pub trait Pipe<T>: Send + Sync + 'static {
    /// The type that the payload is deserialised as before it is transformed.
    type From: DeserializeOwned + Send + 'static;

    /// Errors: the reason why the message is not handled; usually `validation_failed`.
    fn transform(&self, value: Self::From, cx: &MessageContext<'_>) -> Result<T, Error>;
}

pub(crate) trait ErasedPipe: Send + Sync {
    fn transform(&self, value: Value, cx: &MessageContext<'_>) -> Result<Value, Error>;
}
impl<P: Pipe<Value, From = Value>> ErasedPipe for P {
    fn transform(&self, value: Value, cx: &MessageContext<'_>) -> Result<Value, Error> {
        Pipe::transform(self, value, cx)
    }
}

/// A pipe for every payload to register: a given instance, or one that the container makes.
#[must_use = "a pipe does nothing before it is put on a message, a gateway or an application"]
pub struct PipeDef<T> {
    source: Source<T>,
    place: &'static Location<'static>,
}

sources!(PipeDef, Pipe, "A pipe");

impl<T: Injectable> PipeDef<T> {
    pub(super) fn injected_at(place: &'static Location<'static>) -> PipeDef<T> {
        PipeDef { source: Source::Injected(Implicit { place, ..Implicit::of::<T>() }), place }
    }
}

impl<P: Pipe<Value, From = Value>> PipeDef<P> {
    pub(crate) fn stage(self) -> Stage<Arc<dyn ErasedPipe>> {
        Stage::new(self.source, self.place, |it| it as Arc<dyn ErasedPipe>)
    }
}

impl<P: Pipe<Value, From = Value>> From<P> for PipeDef<P> {
    #[track_caller]
    fn from(pipe: P) -> PipeDef<P> {
        PipeDef::of(pipe)
    }
}

/// Trims white space at both ends of a text, or of every text in a payload (keys of objects are not changed).
#[derive(Clone, Copy, Debug, Default)]
pub struct Trim;

impl Pipe<String> for Trim {
    type From = String;

    fn transform(&self, text: String, _: &MessageContext<'_>) -> Result<String, Error> {
        Ok(trimmed(text))
    }
}

impl Pipe<Option<String>> for Trim {
    type From = Option<String>;

    fn transform(&self, text: Option<String>, _: &MessageContext<'_>) -> Result<Option<String>, Error> {
        Ok(text.map(trimmed))
    }
}

impl Pipe<Value> for Trim {
    type From = Value;

    fn transform(&self, mut value: Value, _: &MessageContext<'_>) -> Result<Value, Error> {
        trim_all(&mut value);
        Ok(value)
    }
}

/// Lets `#[use_pipes(Trim)]` work without a provider.
impl Injectable for Trim {
    fn provider() -> Provider<Trim> {
        Provider::value(Trim)
    }
}

fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    let start = text.len() - text.trim_start().len();
    text.drain(..start);
    text
}

/// The recursion is bounded: `serde_json` limits the nesting of what it reads.
fn trim_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = trimmed(std::mem::take(text)),
        Value::Array(values) => values.iter_mut().for_each(trim_all),
        Value::Object(map) => map.values_mut().for_each(trim_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Parses a `T` from a text: `"17"` where a number is expected. A number or boolean that was not sent as a text is
/// accepted too, and parsed from its written form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parse;

impl<T> Pipe<T> for Parse
where
    T: FromStr + 'static,
    T::Err: Display,
{
    type From = Written;

    fn transform(&self, text: Written, _: &MessageContext<'_>) -> Result<T, Error> {
        // The parser's message is not sent, because it may repeat the client's input.
        text.0.trim().parse().map_err(|_| Error::validation_failed("The data cannot be parsed"))
    }
}

/// The input of [`Parse`]: a text, or the written form of a number or boolean.
#[derive(Clone, Debug)]
pub struct Written(String);

impl<'de> serde::Deserialize<'de> for Written {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Written;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, a number or a truth value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Written, E> {
                Ok(Written(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Replaces a missing or null payload: `DefaultValue(10)`. It works before [`Parse`] too. For a text, use
/// [`DefaultText`].
#[derive(Clone, Copy, Debug)]
pub struct DefaultValue<T>(pub T);

impl<T> Pipe<T> for DefaultValue<T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    type From = Option<T>;

    fn transform(&self, value: Option<T>, _: &MessageContext<'_>) -> Result<T, Error> {
        Ok(value.unwrap_or_else(|| self.0.clone()))
    }
}

/// Before [`Parse`]: the default is written as a text, and parsed like a payload.
impl<T> Pipe<Written> for DefaultValue<T>
where
    T: Display + Send + Sync + 'static,
{
    type From = Option<Written>;

    fn transform(&self, value: Option<Written>, _: &MessageContext<'_>) -> Result<Written, Error> {
        Ok(value.unwrap_or_else(|| Written(self.0.to_string())))
    }
}

/// A text that replaces a missing or null payload. It works before [`Parse`] too.
#[derive(Clone, Copy, Debug)]
pub struct DefaultText(pub &'static str);

impl Pipe<String> for DefaultText {
    type From = Option<String>;

    fn transform(&self, value: Option<String>, _: &MessageContext<'_>) -> Result<String, Error> {
        Ok(value.unwrap_or_else(|| self.0.to_owned()))
    }
}

impl Pipe<Written> for DefaultText {
    type From = Option<Written>;

    fn transform(&self, value: Option<Written>, _: &MessageContext<'_>) -> Result<Written, Error> {
        Ok(value.unwrap_or_else(|| Written(self.0.to_owned())))
    }
}
