//! [`Requests`]: the HTTP requests of one Socket.IO connection.
use crate::testing::app::MOST_BODY;
use crate::testing::connecting::add_query;
use crate::testing::reach::{self, Reach, Stream};
use crate::testing::refused::Refused;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::sync::Weak;
use std::time::Duration;
use switchboard_core::engineio::Transport;
use switchboard_core::ws::handshake::ClientRequest;
use tokio::time::timeout;

/// How the server is asked.
pub(super) struct Requests {
    /// After the application is gone, nobody can be asked.
    pub(super) reach: Weak<Reach>,
    /// The path of Socket.IO, with the test's part of the query.
    pub(super) path: String,
    pub(super) host: String,
    pub(super) headers: HeaderMap,
    pub(super) patience: Duration,
}

/// Why a request has not led to what it was for.
pub(super) enum NotServed {
    /// The server has refused.
    Refused(Refused),
    /// There was no answer, or an invalid one, as this says.
    Failed(String),
}

impl Requests {
    /// Opens a session with polling. Returns the body of the answer.
    pub(super) async fn open(&self) -> Result<Bytes, NotServed> {
        let target = self.target(Transport::Polling, None);
        let asked = async {
            let response = self.send(Method::GET, &target, Body::empty()).await.map_err(NotServed::Failed)?;
            whole(response).await
        };
        self.in_time(&target, asked).await
    }

    /// Opens a WebSocket: for a new session, or for this one to move to.
    pub(super) async fn websocket(&self, sid: Option<&str>) -> Result<Box<dyn Stream>, NotServed> {
        let target = self.target(Transport::WebSocket, sid);
        let failed = |why: &dyn std::fmt::Display| NotServed::Failed(format!("GET {target}: {why}"));
        let mut asked = ClientRequest::new(&self.host, &target, [7; 16]).map_err(|invalid| failed(&invalid))?;
        for (name, value) in &self.headers {
            asked = asked.header(name.clone(), value.clone());
        }
        let exchange = async {
            let request = asked.to_request().map(|()| Body::empty());
            let response = self.exchange(request).await.map_err(|why| failed(&why))?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return match whole(response).await {
                    Ok(_) => Err(failed(&"200 in place of 101 Switching Protocols")),
                    Err(refused) => Err(refused),
                };
            }
            asked.check_response(response.status(), response.headers()).map_err(|error| failed(&error))?;
            let upgraded = hyper::upgrade::on(response).await;
            let upgraded = upgraded.map_err(|error| failed(&format_args!("no stream behind the 101: {error}")))?;
            Ok(Box::new(TokioIo::new(upgraded)) as Box<dyn Stream>)
        };
        self.in_time(&target, exchange).await
    }

    /// Polls, until the server has something to send. Errors: how the connection ends.
    pub(super) async fn poll(&self, sid: &str) -> Result<Bytes, String> {
        let target = self.target(Transport::Polling, Some(sid));
        let response = self.send(Method::GET, &target, Body::empty()).await?;
        whole(response).await.map_err(|error| error.tell("a poll"))
    }

    /// Sends packets. Errors: how the connection ends.
    pub(super) async fn post(&self, sid: &str, payload: Vec<u8>) -> Result<Bytes, String> {
        let target = self.target(Transport::Polling, Some(sid));
        let response = self.send(Method::POST, &target, payload.into()).await?;
        whole(response).await.map_err(|error| error.tell("a POST"))
    }

    async fn in_time<T>(
        &self,
        target: &str,
        asked: impl Future<Output = Result<T, NotServed>>,
    ) -> Result<T, NotServed> {
        let late = |_| NotServed::Failed(format!("GET {target}: no HTTP response within {:?}", self.patience));
        timeout(self.patience, asked).await.map_err(late)?
    }

    fn target(&self, transport: Transport, sid: Option<&str>) -> String {
        let mut target = self.path.clone();
        add_query(&mut target, "EIO", "4");
        add_query(&mut target, "transport", transport.as_str());
        if let Some(sid) = sid {
            add_query(&mut target, "sid", sid);
        }
        target
    }

    async fn send(&self, method: Method, target: &str, body: Body) -> Result<Response<Incoming>, String> {
        let told = format!("{method} {target}");
        let mut request = Request::builder().method(method).uri(target).body(body);
        if let Ok(request) = &mut request {
            *request.headers_mut() = self.headers.clone();
            let headers = request.headers_mut();
            headers.insert(HOST, self.host.parse().map_err(|_| format!("{told}: the host cannot be a header"))?);
            if request.method() == Method::POST {
                let text = http::HeaderValue::from_static("text/plain;charset=UTF-8");
                request.headers_mut().entry(CONTENT_TYPE).or_insert(text);
            }
        }
        let request = request.map_err(|error| format!("{told}: {error}"))?;
        self.exchange(request).await.map_err(|why| format!("{told}: {why}"))
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Incoming>, String> {
        let reach = self.reach.upgrade().ok_or("the application is gone")?;
        let stream = reach.open().await.map_err(|error| format!("cannot connect: {error}"))?;
        drop(reach);
        reach::exchange(stream, request).await
    }
}

/// Reads the body of a response. Errors: also if its status is not 200.
async fn whole(response: Response<Incoming>) -> Result<Bytes, NotServed> {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MOST_BODY).await;
    let body = body.map_err(|error| NotServed::Failed(format!("no whole body: {error}")))?;
    if head.status == StatusCode::OK {
        return Ok(body);
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Err(NotServed::Refused(Refused::new(head.status, head.headers, body)))
}

impl NotServed {
    /// How the connection ends with it.
    fn tell(self, what: &str) -> String {
        match self {
            NotServed::Refused(refused) => format!("the answer to {what}: {refused}"),
            NotServed::Failed(why) => format!("the answer to {what}: {why}"),
        }
    }
}
