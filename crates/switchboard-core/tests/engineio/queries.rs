//! The query of a request, and what the request is for.
use http::Method;
use switchboard_core::engineio::{Purpose, Query, Refusal, Transport};

#[track_caller]
fn refused(query: &str) -> Refusal {
    Query::parse(query).expect_err(query)
}

#[test]
fn queries_of_the_protocol_document() {
    let query = Query::parse("EIO=4&transport=polling&t=N8hyd6w").unwrap();
    assert_eq!((query.transport, query.sid, query.jsonp), (Transport::Polling, None, None));
    let query = Query::parse("EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC").unwrap();
    assert_eq!((query.transport, query.sid.as_deref()), (Transport::WebSocket, Some("lv_VI97HAXpY6yYWAAAC")));
    assert!(matches!(query.sid, Some(std::borrow::Cow::Borrowed(_))));
}

#[test]
fn e01_another_version_is_code_5() {
    for query in [
        "transport=polling",
        "EIO&transport=polling",
        "EIO=&transport=polling",
        "EIO=2&transport=polling",
        "EIO=3&transport=polling",
        "EIO=5&transport=polling",
        "EIO=04&transport=polling",
        "EIO=4.0&transport=polling",
        "EIO=+4&transport=polling",
        "EIO=abc&transport=polling",
        "eio=4&transport=polling",
        "EIO[]=4&transport=polling",
        "EIO=4&EIO=4&transport=polling",
        "EIO=4&transport=polling&EIO=3",
        "EIO=3&transport=polling&sid=abc",
        "transport=websocket&sid=abc",
    ] {
        assert_eq!(refused(query), Refusal::UNSUPPORTED_VERSION, "{query}");
    }
}

#[test]
fn e02_another_transport_is_code_0() {
    for query in [
        "",
        "&&==&",
        "EIO=4",
        "EIO=4&transport",
        "EIO=4&transport=",
        "EIO=4&transport=foo",
        "EIO=4&transport=Polling",
        "EIO=4&transport=polling%00",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=constructor",
        "EIO=4&transport=__proto__",
        "EIO=4&transport[]=polling",
        "EIO=4&transport[0]=polling",
        "EIO=4&transport=polling&transport=polling",
        "EIO=4&transport=polling&transport=websocket",
        "EIO=3&transport=foo",
    ] {
        assert_eq!(refused(query), Refusal::UNKNOWN_TRANSPORT, "{query}");
    }
}

#[test]
fn e03_a_sid_is_any_text_and_occurs_once() {
    for (query, sid) in [
        ("sid=__proto__", Some("__proto__")),
        ("sid=a%2Fb+c", Some("a/b c")),
        ("sid=%zz%4", Some("%zz%4")),
        ("sid=%ff", Some("\u{fffd}")),
        ("sid=a=b", Some("a=b")),
        ("%73id=x", Some("x")),
        ("sid=", None),
        ("sid", None),
        ("SID=x", None),
    ] {
        let query = format!("EIO=4&transport=polling&{query}");
        assert_eq!(Query::parse(&query).unwrap().sid.as_deref(), sid, "{query}");
    }
    assert_eq!(refused("EIO=4&transport=polling&sid=a&sid=a"), Refusal::UNKNOWN_SID);
    assert_eq!(refused("EIO=4&transport=polling&sid=&sid="), Refusal::UNKNOWN_SID);
}

#[test]
fn e04_methods_and_what_they_are_for() {
    let polling = Query::parse("EIO=4&transport=polling").unwrap();
    let websocket = Query::parse("EIO=4&transport=websocket").unwrap();
    let polling_of = Query::parse("EIO=4&transport=polling&sid=a").unwrap();
    let websocket_of = Query::parse("EIO=4&transport=websocket&sid=a").unwrap();

    assert_eq!(polling.purpose(&Method::GET, false), Ok(Purpose::Open));
    assert_eq!(websocket.purpose(&Method::GET, true), Ok(Purpose::Open));
    assert_eq!(polling_of.purpose(&Method::GET, false), Ok(Purpose::Poll));
    assert_eq!(polling_of.purpose(&Method::POST, false), Ok(Purpose::Post));
    assert_eq!(websocket_of.purpose(&Method::GET, true), Ok(Purpose::Upgrade));

    for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        for is_upgrade in [false, true] {
            assert_eq!(polling.purpose(&method, is_upgrade), Err(Refusal::HANDSHAKE_METHOD), "{method}");
            assert_eq!(websocket.purpose(&method, is_upgrade), Err(Refusal::HANDSHAKE_METHOD), "{method}");
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS, Method::PATCH] {
        assert_eq!(polling_of.purpose(&method, false), Err(Refusal::METHOD_NOT_ALLOWED), "{method}");
        assert_eq!(websocket_of.purpose(&method, true), Err(Refusal::METHOD_NOT_ALLOWED), "{method}");
    }
    // The transport and the request disagree.
    for query in [&polling, &polling_of] {
        assert_eq!(query.purpose(&Method::GET, true), Err(Refusal::BAD_REQUEST));
    }
    for query in [&websocket, &websocket_of] {
        assert_eq!(query.purpose(&Method::GET, false), Err(Refusal::BAD_REQUEST));
    }
    assert_eq!(websocket_of.purpose(&Method::POST, false), Err(Refusal::BAD_REQUEST));
    assert_eq!(websocket_of.purpose(&Method::POST, true), Err(Refusal::BAD_REQUEST));
}

#[test]
fn e29_jsonp_is_off_and_its_number_is_of_digits() {
    let with = |j: &str| format!("EIO=4&transport=polling&j={j}");
    for (j, number) in [("0", 0), ("7", 7), ("007", 7), ("4294967295", u32::MAX)] {
        assert_eq!(refused(&with(j)), Refusal::BAD_REQUEST, "{j}");
        assert_eq!(Query::parse_with_jsonp(&with(j)).unwrap().jsonp, Some(number), "{j}");
    }
    let million = "1".repeat(1_000_000);
    for j in ["", "../../alert", "-1", "+1", "1.0", "%31x", "4294967296", "1&j=1", "٣", &million] {
        assert_eq!(Query::parse_with_jsonp(&with(j)), Err(Refusal::BAD_REQUEST), "{j:.20}");
    }
    assert_eq!(Query::parse_with_jsonp("EIO=4&transport=polling").unwrap().jsonp, None);
}
