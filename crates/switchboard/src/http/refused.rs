//! Answers other than 101: `application/problem+json` (RFC 9457). They say what to do, and never what was sent.
use crate::node::Full;
use crate::{Code, Error, TraceId};
use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use std::borrow::Cow;
use std::time::Duration;
use switchboard_core::ws::handshake::Refusal;

/// An answer other than 101. It is boxed, because it is rare and would make every result larger that may hold it.
pub(super) struct Refused(Box<Problem>);

struct Problem {
    status: StatusCode,
    /// The reason that is counted and logged: one of a fixed list.
    reason: &'static str,
    /// The code that the client reads: the reason, or a code of the application.
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    retry_after: Option<Duration>,
    /// The trace id of the log line that has the cause.
    trace: Option<TraceId>,
    /// There is no room for the connection; nothing is wrong with the request.
    admission: bool,
}

impl Refused {
    fn new(status: StatusCode, reason: &'static str, detail: &'static str, retry: Option<Duration>) -> Refused {
        Refused(Box::new(Problem {
            status,
            reason,
            code: Cow::Borrowed(reason),
            detail: Cow::Borrowed(detail),
            headers: Vec::new(),
            retry_after: retry,
            trace: None,
            admission: false,
        }))
    }

    pub(super) fn draining() -> Refused {
        let detail = "This node is shutting down: try again.";
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail, Some(SOON))
    }

    pub(super) fn no_stream() -> Refused {
        let detail = "This HTTP server does not support upgrades: serve it with upgrades enabled.";
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "no_stream", detail, None)
    }

    pub(super) fn no_random() -> Refused {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "no_random", "Internal error", None)
    }

    /// The guards have used up the time of the handshake.
    pub(super) fn timeout() -> Refused {
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "This took too long: try again.", Some(SOON))
    }

    /// The application's code panicked; that is logged already, with this trace id.
    pub(super) fn panicked(trace: TraceId) -> Refused {
        let mut refused = Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", None);
        refused.0.trace = Some(trace);
        refused
    }

    /// The reason that is counted and logged: one of a fixed list.
    pub(super) fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// There is no room for the connection; nothing is wrong with the request.
    pub(super) fn is_admission(&self) -> bool {
        self.0.admission
    }

    pub(super) fn response(self) -> Response<Body> {
        let problem = *self.0;
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": problem.status.canonical_reason().unwrap_or_default(),
            "status": problem.status.as_u16(),
            "detail": problem.detail,
            "code": problem.code,
        });
        if let Some(trace) = problem.trace {
            body["trace_id"] = trace.to_string().into();
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = problem.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(problem.headers);
        if let Some(after) = problem.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs() + u64::from(jitter())));
        }
        response
    }
}

/// The default of `Retry-After`.
const SOON: Duration = Duration::from_secs(1);

/// 0 to 3 seconds, so that refused clients do not come back all at once.
fn jitter() -> u32 {
    getrandom::u32().unwrap_or(0) % 4
}

impl From<Full> for Refused {
    fn from(full: Full) -> Refused {
        use StatusCode as Status;
        let (status, reason, detail, retry) = match full {
            Full::Node => (
                Status::SERVICE_UNAVAILABLE,
                "admission",
                "This node has as many connections as it may: try again later.",
                2,
            ),
            Full::Memory => {
                (Status::SERVICE_UNAVAILABLE, "memory", "This node is short of memory: try again later.", 5)
            }
            Full::Rate => (
                Status::SERVICE_UNAVAILABLE,
                "accept_rate",
                "Too many connections come to this node at a time: try again.",
                1,
            ),
            Full::AddressConnections => (
                Status::TOO_MANY_REQUESTS,
                "address_connections",
                "This address has as many connections as it may: close one, or try again later.",
                5,
            ),
            Full::AddressRate => (
                Status::TOO_MANY_REQUESTS,
                "address_rate",
                "Too many connections come from this address at a time: try again.",
                1,
            ),
            Full::UserConnections => (
                Status::TOO_MANY_REQUESTS,
                "user_connections",
                "This user has as many connections as one may have: close one, or try again later.",
                5,
            ),
            Full::Namespaces => (
                Status::SERVICE_UNAVAILABLE,
                "namespaces",
                "This node has as many namespaces as it may: try again later.",
                5,
            ),
        };
        let mut refused = Refused::new(status, reason, detail, Some(Duration::from_secs(retry)));
        refused.0.admission = true;
        refused
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        let mut refused = Refused::new(refusal.status, refusal.reason, refusal.message, None);
        refused.0.headers = refusal.headers();
        refused
    }
}

/// The answer to an error of a guard, or of a parameter that is read before the upgrade. The cause of an internal error is not in
/// it.
impl From<&Error> for Refused {
    fn from(error: &Error) -> Refused {
        use StatusCode as Status;
        let status = match error.code() {
            Code::BadRequest | Code::ValidationFailed => Status::BAD_REQUEST,
            Code::Unauthenticated => Status::UNAUTHORIZED,
            Code::NotFound => Status::NOT_FOUND,
            Code::RateLimited => Status::TOO_MANY_REQUESTS,
            Code::Overloaded | Code::Draining | Code::Timeout | Code::BrokerUnavailable => Status::SERVICE_UNAVAILABLE,
            Code::Internal => Status::INTERNAL_SERVER_ERROR,
            _ => Status::FORBIDDEN,
        };
        // The status that the application has chosen, if it has.
        let status = error.chosen_status().unwrap_or(status);
        let again = matches!(status, Status::TOO_MANY_REQUESTS | Status::SERVICE_UNAVAILABLE);
        let wanted = error.retry_delay().map(|delay| Duration::from_secs(delay.as_millis().div_ceil(1000) as u64));
        let challenge =
            (status == Status::UNAUTHORIZED).then_some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        Refused(Box::new(Problem {
            status,
            reason: error.code().label(),
            code: Cow::Owned(error.code().as_str().to_owned()),
            detail: Cow::Owned(error.message().to_owned()),
            headers: challenge.into_iter().collect(),
            retry_after: again.then(|| wanted.unwrap_or(SOON)),
            trace: error.is_internal().then(|| error.trace()).flatten(),
            admission: false,
        }))
    }
}
