//! [`ConnectError`]: why a Socket.IO client is not in a namespace.
use super::requests::NotServed;
use super::seats::NotEntered;
use crate::testing::failure::Failure;
use crate::testing::logs::Logs;
use crate::testing::refused::Refused;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::panic::Location;

/// The refusal of a Socket.IO client: [`SocketIoConnecting::refused`](super::SocketIoConnecting::refused). It is the
/// packet CONNECT_ERROR, or the response to an HTTP request of the transport; official clients emit the event
/// `connect_error` for both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectError {
    /// The error message for people: `message` of CONNECT_ERROR, or of an HTTP response.
    pub message: String,
    /// The error code for programs: `code` in `data`; "" if there is none, as for a namespace that does not exist.
    pub code: String,
    /// The `data` of CONNECT_ERROR.
    pub data: Option<Value>,
    /// The HTTP response, if the transport was refused.
    pub http: Option<Refused>,
}

impl ConnectError {
    pub(super) fn packet(message: String, data: Option<Value>) -> ConnectError {
        let code = data.as_ref().and_then(|data| data.get("code")?.as_str()).unwrap_or_default().to_owned();
        ConnectError { message, code, data, http: None }
    }

    pub(super) fn http(refused: Refused) -> ConnectError {
        // As Engine.IO refuses: `{"code":4,"message":"Forbidden"}`.
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let said = serde_json::from_str(&refused.body).map(|Said { message }| message);
        let message = said.unwrap_or_else(|_| refused.body.clone());
        ConnectError { message, code: refused.code.clone(), data: None, http: Some(refused) }
    }

    /// Deserialises the `data` of CONNECT_ERROR as a `T`; it is null if there is none.
    ///
    /// # Panics
    /// If it is not a `T`; the message has the data.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let place = Location::caller();
        let data = self.data.clone().unwrap_or_default();
        serde_json::from_value(data.clone()).unwrap_or_else(|error| {
            let failure = Failure { place, logs: &Logs::default() };
            failure.fail(format_args!("the data {data} is no {}: {error}", std::any::type_name::<T>()))
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(http) = &self.http {
            return fmt::Display::fmt(http, f);
        }
        f.write_str("the server refused with CONNECT_ERROR: ")?;
        if !self.code.is_empty() {
            write!(f, "{}, ", self.code)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

impl NotServed {
    /// The refusal. Errors: what no test expects.
    pub(super) fn expected(self) -> Result<ConnectError, String> {
        match self {
            NotServed::Refused(refused) => Ok(ConnectError::http(refused)),
            NotServed::Failed(why) => Err(why),
        }
    }
}

impl NotEntered {
    /// The refusal. Errors: what no test expects.
    pub(super) fn expected(self) -> Result<ConnectError, String> {
        match self {
            NotEntered::Refused { message, data } => Ok(ConnectError::packet(message, data)),
            NotEntered::Ended(how) => Err(format!("the connection has ended: {how}")),
        }
    }
}
