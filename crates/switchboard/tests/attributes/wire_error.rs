//! `#[derive(WireError)]`.
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::testing::TestApp;
use switchboard::{Close, Code, Error, WireError, gateway, messages, module};

#[derive(Debug)]
struct Disk;

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk is on fire: hunter2")
    }
}

impl std::error::Error for Disk {}

#[derive(Debug, WireError)]
enum BidError {
    #[wire(message = "Bid at least {least:>width$}, {{not}} {type:?}", status = 409, retryable)]
    TooLow { least: u64, width: usize, r#type: &'static str },
    #[wire(code = "not_found", message = "The auction has {{ended}}", close = 4001)]
    Closed,
    /// A code of the table.
    #[wire(message = "{1} of {0}: {1}", retry_after = Duration::from_millis(500))]
    RateLimited(u8, u8),
    #[wire(message = "Later", retry_after = wait, retryable = true, close = CloseCode::RATE_LIMITED)]
    Busy { wait: Duration },
    #[wire(code = Code::Overloaded, message = "No", retryable = false, close = Close::new(CloseCode::KICKED, "out"))]
    Full,
    #[wire(internal, message = "writing {0}", status = 503)]
    Disk(Disk),
    #[wire(transparent)]
    Other(Error),
    #[wire(transparent)]
    Nested { inner: Named },
    #[cfg(any())]
    #[wire(message = "never")]
    Never(Nothing),
}

/// What is said of it comes from `Display`, and it is kept as the cause.
#[derive(Debug, WireError)]
enum Named {
    HTTPError(u16),
    #[wire(internal)]
    Hidden,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as displayed: {self:?}")
    }
}

impl std::error::Error for Named {}

#[derive(WireError)]
#[wire(code = "no_funds", message = "{missing} is missing", crate = switchboard)]
struct InsufficientFunds {
    missing: u64,
}

#[derive(WireError)]
#[wire(message = "{0}")]
struct Generic<T: fmt::Display>(T)
where
    T: Clone;

#[derive(WireError)]
#[wire(message = "{0} and {1}")]
struct Borrowed<'a>(&'a str, String);

#[derive(WireError)]
#[wire(message = "nothing")]
struct UnitStruct;

#[derive(Debug, WireError)]
enum Never {}

fn told(error: impl Into<Error>) -> (String, String) {
    let error = error.into();
    (error.code().to_string(), error.message().to_owned())
}

fn pair(code: &str, message: &str) -> (String, String) {
    (code.into(), message.into())
}

#[test]
fn codes_and_messages() {
    let low = BidError::TooLow { least: 7, width: 3, r#type: "x" };
    assert_eq!(told(low), pair("too_low", "Bid at least   7, {not} \"x\""));
    assert_eq!(told(BidError::Closed), pair("not_found", "The auction has {ended}"));
    assert_eq!(told(BidError::RateLimited(1, 2)), pair("rate_limited", "2 of 1: 2"));
    assert_eq!(told(Named::HTTPError(9)), pair("http_error", "as displayed: HTTPError(9)"));
    assert_eq!(told(BidError::Nested { inner: Named::HTTPError(9) }), pair("http_error", "as displayed: HTTPError(9)"));
    assert_eq!(told(BidError::Other(Error::conflict("taken"))), pair("conflict", "taken"));
    assert_eq!(told(InsufficientFunds { missing: 5 }), pair("no_funds", "5 is missing"));
    assert_eq!(told(Generic("any")), pair("generic", "any"));
    let local = String::from("here");
    assert_eq!(told(Borrowed(&local, "there".into())), pair("borrowed", "here and there"));
    assert_eq!(told(UnitStruct), pair("unit_struct", "nothing"));
    assert!(std::convert::identity::<fn(Never) -> Error>(Error::from) as usize != 0);
}

#[test]
fn what_else_is_said() {
    let low = Error::from(BidError::TooLow { least: 7, width: 0, r#type: "" });
    assert_eq!((low.http_status().as_u16(), low.is_retryable(), low.retry_delay()), (409, true, None));
    let closed = Error::from(BidError::Closed);
    assert_eq!(closed.close().map(|close| close.code.get()), Some(4001));
    assert_eq!((closed.http_status().as_u16(), closed.is_retryable()), (404, false));
    assert_eq!(Error::from(BidError::RateLimited(0, 0)).retry_delay(), Some(Duration::from_millis(500)));
    let busy = Error::from(BidError::Busy { wait: Duration::from_millis(77) });
    assert_eq!(
        (busy.retry_delay(), busy.close().unwrap().code),
        (Some(Duration::from_millis(77)), CloseCode::RATE_LIMITED)
    );
    let full = Error::from(BidError::Full);
    assert_eq!((full.code(), full.is_retryable(), full.close().unwrap().reason()), (&Code::Overloaded, false, "out"));
}

#[test]
fn causes() {
    let disk = Error::from(BidError::Disk(Disk));
    assert!(disk.is_internal() && disk.message() == "Internal error" && disk.http_status() == 503);
    assert_eq!(disk.source_chain(), "writing the disk is on fire: hunter2");
    let hidden = Error::from(Named::Hidden);
    assert!(hidden.is_internal());
    assert!(matches!(hidden.source().unwrap().downcast_ref(), Some(Named::Hidden)));
    let named = Error::from(Named::HTTPError(1));
    assert!(matches!(named.source().unwrap().downcast_ref(), Some(Named::HTTPError(1))), "kept for filters");
    assert!(Error::from(BidError::Closed).source().is_none(), "it is no `std::error::Error`");
}

#[gateway(path = "/ws")]
struct Auction;

#[messages]
impl Auction {
    #[subscribe_message("bid")]
    async fn bid(&self, least: u64) -> Result<u64, BidError> {
        match least {
            0 => Err(BidError::Disk(Disk)),
            1 => Err(InsufficientFunds { missing: 1 })?,
            _ => Err(BidError::TooLow { least, width: 0, r#type: "" }),
        }
    }
}

impl From<InsufficientFunds> for BidError {
    fn from(error: InsufficientFunds) -> BidError {
        BidError::Other(error.into())
    }
}

#[module(gateways(Auction))]
struct Auctions;

#[tokio::test(start_paused = true)]
async fn from_a_clients_side() {
    let app = TestApp::of::<Auctions>().start().await;
    let mut peer = app.connect("/ws").await;
    let error = peer.request_error("bid", 9).await;
    assert_eq!((&*error.code, error.retryable, error.trace_id), ("too_low", true, None));
    assert_eq!(peer.request_error("bid", 1).await.code, "no_funds");
    let error = peer.request_error("bid", 0).await;
    assert_eq!((&*error.code, &*error.message), ("internal", "Internal error"));
    assert!(app.logs().contains("hunter2") && error.trace_id.is_some());
}
