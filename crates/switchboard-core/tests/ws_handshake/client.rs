//! The request of a client, and the answer that it accepts.
use super::Head;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};
use switchboard_core::ws::handshake::{ClientRequest, InvalidTarget, ResponseError};

/// What a server with these subprotocols answers to these bytes.
fn answer(request: &ClientRequest, ours: &[&'static str]) -> HeaderMap {
    let bytes = request.encode();
    let text = str::from_utf8(&bytes).unwrap();
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    assert_eq!((first[0], first[2]), ("GET", "HTTP/1.1"));
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let same = request.to_request();
    assert_eq!((same.method(), same.uri().to_string().as_str()), (&Method::GET, first[1]));
    assert_eq!(same.headers(), &headers);
    let head = Head { method: Method::GET, uri: first[1].parse().unwrap(), version: Version::HTTP_11, headers };
    let upgrade = head.check().unwrap();
    let mut answer = HeaderMap::new();
    answer.insert("upgrade", HeaderValue::from_static("websocket"));
    answer.insert("connection", HeaderValue::from_static("Upgrade"));
    answer.insert("sec-websocket-accept", upgrade.accept_value());
    if let Some(protocol) = upgrade.select_protocol(ours, false).unwrap() {
        answer.insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
    }
    answer
}

fn request() -> ClientRequest {
    let request = ClientRequest::new("a.example:3005", "/ws?x=1", *b"the sample nonce").unwrap();
    let request = request.protocol("v2").unwrap().protocol("v1").unwrap();
    request.header(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer x"))
}

#[test]
fn client_and_server_agree() {
    const OK: StatusCode = StatusCode::SWITCHING_PROTOCOLS;
    assert_eq!(request().check_response(OK, &answer(&request(), &["v1", "v2"])), Ok(Some("v2")));
    assert_eq!(request().check_response(OK, &answer(&request(), &["v1"])), Ok(Some("v1")));
    assert_eq!(request().check_response(OK, &answer(&request(), &[])), Ok(None));
}

#[test]
fn a_client_refuses_an_answer_that_is_not_to_its_request() {
    const OK: StatusCode = StatusCode::SWITCHING_PROTOCOLS;
    let good = answer(&request(), &["v1"]);
    let refused = |headers: &HeaderMap| request().check_response(OK, headers).map(|_| ()).unwrap_err();
    let without = |name: &'static str| {
        let mut headers = good.clone();
        headers.remove(name);
        refused(&headers)
    };
    let with = |name: &'static str, value: &'static str| {
        let mut headers = good.clone();
        headers.insert(name, HeaderValue::from_static(value));
        refused(&headers)
    };
    let twice = |name: &'static str, value: &'static str| {
        let mut headers = good.clone();
        headers.append(name, HeaderValue::from_static(value));
        refused(&headers)
    };
    assert_eq!(
        request().check_response(StatusCode::OK, &good),
        Err(ResponseError::Status(StatusCode::OK)),
        "a status that is not 101"
    );
    assert_eq!(without("upgrade"), ResponseError::Upgrade);
    assert_eq!(with("upgrade", "h2c"), ResponseError::Upgrade);
    assert_eq!(without("connection"), ResponseError::Connection);
    assert_eq!(without("sec-websocket-accept"), ResponseError::Accept);
    assert_eq!(with("sec-websocket-accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), ResponseError::Accept);
    assert_eq!(twice("sec-websocket-accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), ResponseError::Accept);
    assert_eq!(with("sec-websocket-extensions", "permessage-deflate"), ResponseError::Extension);
    assert_eq!(with("sec-websocket-protocol", "v3"), ResponseError::Protocol);
    assert_eq!(twice("sec-websocket-protocol", "v2"), ResponseError::Protocol);
}

#[test]
fn a_client_cannot_be_made_to_send_another_request() {
    let new = |host: &str, target: &str| ClientRequest::new(host, target, [0; 16]).map(|_| ());
    for host in ["", "a\r\nx: y", "a b", "u@a"] {
        assert!(new(host, "/").is_err(), "{host:?}");
    }
    for target in ["", "ws", "/a b", "/a\r\nx: y", "/#f", "http://a/"] {
        assert!(new("a", target).is_err(), "{target:?}");
    }
    let protocol = |name: &str| request().protocol(name).map(|_| ());
    for name in ["", "a b", "a,b", "a\r\n", "v1"] {
        let error: InvalidTarget = protocol(name).unwrap_err();
        assert!(error.to_string().contains("token"), "{name:?}");
    }
    protocol("v3").unwrap();
}
