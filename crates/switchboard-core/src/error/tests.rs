//! Tests of the parts of an error, of its text, and of the properties of its code.
use super::*;

#[test]
fn an_internal_error_never_shows_its_cause() {
    let cause = "password for db is hunter2";
    for error in [
        Error::internal(cause),
        Error::new(Code::Internal, cause),
        Error::new("internal", cause),
        Error::new(Code::Custom("internal".into()), cause),
        std::io::Error::other(cause).into(),
        Err::<(), _>(cause).or_internal().unwrap_err(),
    ] {
        assert!(error.is_internal());
        assert_eq!(error.message(), "Internal error");
        assert_eq!(error.to_string(), "internal: Internal error");
        assert_eq!(error.source().expect("a source").to_string(), cause);
    }
    assert!(Error::internal(cause).detail(Detail::new("", "x", cause)).details().is_empty());
}

#[test]
fn an_error_that_went_through_a_box_keeps_its_code() {
    fn inner() -> Result<(), Box<dyn StdError + Send + Sync>> {
        Err(Error::not_found("No such room"))?
    }
    fn outer() -> Result<(), Error> {
        Ok(inner()?)
    }
    assert_eq!(outer().unwrap_err().code(), &Code::NotFound);
}

#[cfg(feature = "anyhow")]
#[test]
fn an_error_that_went_through_anyhow_keeps_its_code() {
    let through = anyhow::Error::from(Error::not_found("No such room")).context("while joining");
    assert_eq!(Error::from(through).code(), &Code::NotFound);
    let other = Error::from(anyhow::anyhow!("secret"));
    assert_eq!((other.is_internal(), other.message()), (true, "Internal error"));
}

#[test]
fn codes_have_words_and_defaults() {
    assert_eq!(Code::from("rate_limited"), Code::RateLimited);
    assert_eq!(Code::from("mine").as_str(), "mine");
    assert!(Error::overloaded("x").is_retryable());
    assert!(!Error::conflict("x").is_retryable());
    assert!(!Error::overloaded("x").retryable(false).is_retryable());
    let later = Error::conflict("x").retry_after(Duration::from_millis(50));
    assert_eq!((later.is_retryable(), later.retry_delay()), (true, Some(Duration::from_millis(50))));
}

#[test]
fn statuses_are_those_of_the_codes_unless_said_otherwise() {
    let statuses = [
        (Error::unauthenticated("x"), 401),
        (Error::forbidden("x"), 403),
        (Error::not_found("x"), 404),
        (Error::validation_failed("x"), 422),
        (Error::rate_limited("x"), 429),
        (Error::overloaded("x"), 503),
        (Error::new(Code::Cancelled, "x"), 499),
        (Error::internal("x"), 500),
        (Error::new("too_low", "x"), 400),
        (Error::new("too_low", "x").status(StatusCode::CONFLICT), 409),
        (Error::internal("x").status(StatusCode::SERVICE_UNAVAILABLE), 503),
    ];
    for (error, status) in statuses {
        assert_eq!(error.http_status(), status, "{error}");
    }
}

#[test]
fn a_status_that_is_not_of_an_error_is_ignored() {
    for status in [StatusCode::CONTINUE, StatusCode::OK, StatusCode::FOUND] {
        assert_eq!(Error::forbidden("x").status(status).http_status(), StatusCode::FORBIDDEN, "{status}");
        let chosen = Error::forbidden("x").status(StatusCode::CONFLICT).status(status);
        assert_eq!(chosen.chosen_status(), Some(StatusCode::CONFLICT), "{status}");
    }
    let unusual = StatusCode::from_u16(600).expect("three digits");
    assert_eq!(Error::forbidden("x").status(unusual).http_status(), StatusCode::FORBIDDEN);
}

#[test]
fn what_is_set_can_be_read() {
    let error = Error::conflict("No")
        .retryable(true)
        .retry_after(Duration::from_micros(1500))
        .detail(Detail::new("", "x", "y"))
        .with_source("cause")
        .closing(crate::CloseCode::KICKED)
        .status(StatusCode::GONE)
        .trace_id(7);
    assert!(error.is_retryable());
    assert_eq!(error.retry_delay(), Some(Duration::from_millis(2)), "rounded up: not before");
    assert_eq!(Error::conflict("").retry_after(Duration::MAX).retry_after_ms(), Some(u32::MAX));
    assert_eq!(error.details().len(), 1);
    assert_eq!(error.source_chain(), "cause");
    assert_eq!(error.close().map(|close| close.code), Some(crate::CloseCode::KICKED));
    assert_eq!(error.http_status(), StatusCode::GONE);
    assert_eq!(error.trace(), Some(TraceId::from(7)));
}

#[test]
fn a_trace_id_is_set_once() {
    let error = Error::internal("x");
    assert_eq!(error.trace(), None);
    assert_eq!(error.trace_or_set(|| TraceId::from(7)), TraceId::from(7));
    assert_eq!(error.trace_or_set(|| TraceId::from(8)), TraceId::from(7));
    let mut bytes = [0; 16];
    bytes[0] = 0x4b;
    let own = Error::internal("x").trace_id(bytes);
    assert_eq!(own.trace_or_set(|| TraceId::from(8)).to_string(), format!("4b{}", "0".repeat(30)));
    assert_eq!(own.trace(), Some(TraceId::from(bytes)));
}

#[test]
fn d14_at_most_eight_details() {
    let error = (0..20).fold(Error::validation_failed("x"), |error, n| error.detail(Detail::new("", "x", "y").max(n)));
    assert_eq!(error.details().len(), Error::MAX_DETAILS);
}

#[test]
fn it_is_send_and_sync_and_not_a_value() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Error>();

    // Two candidates, so ambiguous, as soon as `Error: Serialize`.
    trait NotSerialize<A> {
        fn holds() {}
    }
    struct Serializable;
    impl<T: ?Sized> NotSerialize<()> for T {}
    impl<T: ?Sized + serde::Serialize> NotSerialize<Serializable> for T {}
    <Error as NotSerialize<_>>::holds();
}
