//! Packets without attachments.
use std::borrow::Cow;
use std::time::{Duration, Instant};

use switchboard_core::Code;
use switchboard_core::socketio::{Content, PacketLimits, Sender, Violation, check_namespace, decode, is_reserved};

use super::{event, packet, rejected, violation};

/// A packet, and its namespace, ack id, event and arguments.
type Example = (&'static str, &'static str, Option<u64>, &'static str, &'static [&'static str]);

#[test]
fn events_of_the_protocol_document() {
    let table: [Example; 7] = [
        (r#"2["foo"]"#, "/", None, "foo", &[]),
        (r#"2/admin,["bar"]"#, "/admin", None, "bar", &[]),
        (r#"212["foo"]"#, "/", Some(12), "foo", &[]),
        (r#"2/admin,13["foo"]"#, "/admin", Some(13), "foo", &[]),
        (r#"2["hey","Jude"]"#, "/", None, "hey", &[r#""Jude""#]),
        (r#"2/admin,1["tellme"]"#, "/admin", Some(1), "tellme", &[]),
        (r#"2["message",1,"2",{"3":[true]}]"#, "/", None, "message", &["1", r#""2""#, r#"{"3":[true]}"#]),
    ];
    for (text, namespace, ack, name, arguments) in table {
        let (found, id, message) = event(text);
        assert_eq!((found, id, &*message.event), (Some(namespace), ack, name), "{text}");
        assert!(matches!(message.event, Cow::Borrowed(_)));
        assert!(message.arguments.iter().map(|argument| argument.get()).eq(arguments.iter().copied()), "{text}");
    }
}

#[test]
fn other_packets_of_the_protocol_document() {
    let of_server = |text| decode(text, Sender::Server, &PacketLimits::default()).unwrap();

    let Content::Connect(Ok(None)) = packet("0").content else { panic!() };
    let connect = packet(r#"0/admin,{"token":"123"}"#);
    assert_eq!(connect.namespace, Some("/admin"));
    let Content::Connect(Ok(Some(auth))) = connect.content else { panic!() };
    assert_eq!(auth.get(), r#"{"token":"123"}"#);
    let connect = of_server(r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#);
    let Content::Connect(Ok(Some(sid))) = connect.content else { panic!() };
    assert_eq!(sid.get(), r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#);

    let Content::ConnectError(Ok(error)) = of_server(r#"4{"message":"Not authorized"}"#).content else { panic!() };
    assert_eq!(error.get(), r#"{"message":"Not authorized"}"#);

    let Content::Disconnect = packet("1").content else { panic!() };
    let disconnect = packet("1/admin,");
    assert!(matches!(disconnect.content, Content::Disconnect) && disconnect.namespace == Some("/admin"));

    let ack = packet(r#"3/admin,13["bar"]"#);
    let Content::Ack { id: 13, arguments: Ok(arguments) } = ack.content else { panic!() };
    assert_eq!((ack.namespace, arguments.only().map(|only| only.get())), (Some("/admin"), Some(r#""bar""#)));
    let Content::Ack { id: 12, arguments: Ok(arguments) } = packet("312[]").content else { panic!() };
    assert!(arguments.is_empty() && arguments.only().is_none());
}

#[test]
fn e14_unknown_types_are_violations() {
    for text in ["", "7", "8[]", "9", "x", "abc", "-1", "\0", "é", " 2[\"a\"]", "[\"a\"]", "٢[\"a\"]"] {
        assert_eq!(violation(text), Violation::PACKET_TYPE, "{text:?}");
    }
}

#[test]
fn e15_connects() {
    for (text, namespace) in [
        ("0", Some("/")),
        ("0{}", Some("/")),
        ("0/,", Some("/")),
        ("0/,{}", Some("/")),
        ("0/admin", Some("/admin")),
        ("0/admin,", Some("/admin")),
        ("0/a/b?c=1{},", Some("/a/b?c=1{}")),
        ("0/a\u{1e}b,", None),
        ("0/a\n,", None),
    ] {
        let packet = packet(text);
        assert!(matches!(packet.content, Content::Connect(Ok(_))), "{text}");
        assert_eq!(packet.namespace, namespace, "{text}");
    }
    for text in
        ["0[]", "0null", "0\"x\"", "0true", "01.5", "0{", "0{}}", "0 {}", "0admin,", "0/admin,[]", "0,{}", "0{\"a\":}"]
    {
        assert_eq!(violation(text), Violation::PAYLOAD, "{text}");
    }
    // The name is not kept, so nobody can repeat it.
    let longest = format!("/{}", "n".repeat(254));
    assert_eq!(packet(&format!("0{longest},")).namespace, Some(&*longest));
    assert_eq!(packet(&format!("0{longest}n,")).namespace, None);
    assert_eq!(packet(&format!("0/{},", "é".repeat(127))).namespace.map(str::len), Some(255));
    assert_eq!(packet(&format!("0/{},", "é".repeat(128))).namespace, None);
    assert!(check_namespace("/a").is_ok() && check_namespace("a").is_err() && check_namespace("/a,b").is_err());

    let Content::Connect(Err(rejected)) = packet(r#"0{"$serde_json::private::RawValue":"1"}"#).content else {
        panic!()
    };
    assert_eq!(rejected.reason, "private_key");
}

/// Whether there is such a namespace, the connection knows: the name is what it needs.
#[test]
fn e16_an_event_says_its_namespace() {
    for (text, namespace) in [(r#"2["a"]"#, "/"), (r#"2/,["a"]"#, "/"), (r#"2/nobody,7["a"]"#, "/nobody")] {
        assert_eq!(event(text).0, Some(namespace));
    }
    assert_eq!(event(&format!(r#"2/{},["a"]"#, "n".repeat(255))).0, None);
}

#[test]
fn e17_what_is_no_event() {
    for text in [
        "2",
        "27",
        "2/admin",
        "2/admin,",
        "2{}",
        "2{\"0\":\"a\"}",
        "2\"a\"",
        "2null",
        "2true",
        "2[]",
        "2[ ]",
        "2[",
        "2]",
        "2[\"a\"",
        "2[\"a\",]",
        "2[\"a\"]]",
        "2[\"a\"] []",
        "2[\"a\",b]",
        "2[\"a\" 1]",
        "2[,\"a\"]",
        "2 [\"a\"]",
        "2\t[\"a\"]",
        "2[\"a\",1e]",
        "2[\"a\",01]",
        "2[\"a\",\"\u{1}\"]",
        "2abc[\"a\"]",
        "2/admin[\"a\"]",
        "2['a']",
        "2[\"a\",NaN]",
        "2[\"a\"],",
    ] {
        assert_eq!(violation(text), Violation::PAYLOAD, "{text:?}");
    }
    for text in ["2[null]", "2[true]", "2[[]]", "2[[\"a\"]]", "2[{}]", "2[{\"a\":1},\"b\"]"] {
        assert_eq!(violation(text), Violation::EVENT_NAME, "{text}");
    }
    for text in ["2[0]", "2[7,\"a\"]", "2[-1.5e3]", "212[1]"] {
        let rejected = rejected(text);
        assert_eq!((rejected.error.code(), rejected.reason), (&Code::UnknownEvent, "unknown_event"), "{text}");
    }
    assert!(matches!(packet("2[ \"a\" , 1 ] ").content, Content::Event { message: Ok(_), .. }));
}

#[test]
fn e18_a_name_that_is_an_object_is_a_violation() {
    for text in [r#"2[{"toString":"foo"}]"#, r#"2[{"toString":null,"length":1},1]"#, r#"2[{"__proto__":[]}]"#] {
        assert_eq!(violation(text), Violation::EVENT_NAME, "{text}");
    }
}

#[test]
fn e19_reserved_names() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        assert!(is_reserved(name));
        assert_eq!(violation(&format!(r#"2["{name}"]"#)), Violation::RESERVED_EVENT, "{name}");
        assert_eq!(violation(&format!(r#"2/admin,1["{name}",1]"#)), Violation::RESERVED_EVENT, "{name}");
    }
    assert_eq!(violation(r#"2["disconn\u0065ct"]"#), Violation::RESERVED_EVENT);
    for name in ["error", "Connect", "connected", "new_listener", "ping", "toString", "__proto__"] {
        assert!(!is_reserved(name));
        assert_eq!(event(&format!(r#"2["{name}"]"#)).2.event, name);
    }
    // Names that belong to this server, and names that break its rules: the connection stays.
    for (name, reason) in
        [("exception", "event_reserved"), ("sys.goaway", "event_reserved"), ("", "event_name"), ("a\\n", "event_name")]
    {
        let text = format!(r#"25["{name}",1]"#);
        let rejected = rejected(&text);
        assert_eq!((rejected.error.code(), rejected.reason), (&Code::BadRequest, reason), "{name}");
    }
    assert_eq!(event(&format!(r#"2["{}"]"#, "n".repeat(128))).2.event.len(), 128);
    for name in ["n".repeat(129), "\\u006e".repeat(129), "\\ud800".to_owned()] {
        assert_eq!(rejected(&format!(r#"2["{name}"]"#)).reason, "event_name", "{name:.20}");
    }
}

#[test]
fn e23_ack_ids() {
    let zeros = format!("2{}7[\"a\"]", "0".repeat(100_000));
    for (text, ack) in [
        (r#"20["a"]"#, 0),
        (r#"2007["a"]"#, 7),
        (&*zeros, 7),
        (r#"29007199254740992["a"]"#, 1 << 53),
        (r#"218446744073709551615["a"]"#, u64::MAX),
    ] {
        assert_eq!(event(text).1, Some(ack), "{text:.40}");
    }
    let huge = format!("2{}[\"a\"]", "1".repeat(401));
    for text in [r#"218446744073709551616["a"]"#, &huge, r#"399999999999999999999[]"#, "3[]", "3/admin,[]", "3"] {
        assert_eq!(violation(text), Violation::ACK_ID, "{text:.40}");
    }
    for text in [
        r#"2-1["a"]"#,
        r#"2+1["a"]"#,
        r#"21.5["a"]"#,
        r#"21e3["a"]"#,
        r#"20x1["a"]"#,
        r#"2 1["a"]"#,
        r#"21 ["a"]"#,
        r#"2١["a"]"#,
    ] {
        assert_eq!(violation(text), Violation::PAYLOAD, "{text}");
    }
    for text in ["31", "31{}", "31null", "31\"a\"", "31[", "31[]]", "3/a,1"] {
        assert_eq!(violation(text), Violation::PAYLOAD, "{text}");
    }
}

#[test]
fn e24_the_payload_of_a_disconnect_is_ignored() {
    for text in ["1", "1{}", "1[\"a\"]", "1}", "199999999999999999999", "1/never,", "1/never,{\"a\":1}", "1/never"] {
        assert!(matches!(packet(text).content, Content::Disconnect), "{text}");
    }
    assert_eq!(packet(&format!("1/{},", "n".repeat(255))).namespace, None);
}

#[test]
fn e25_what_only_a_server_sends() {
    for text in ["4", "4{}", r#"4{"message":"x"}"#, "4/admin,{}", "4\"x\""] {
        assert_eq!(violation(text), Violation::PACKET_TYPE, "{text}");
    }
    let of_server = |text| decode(text, Sender::Server, &PacketLimits::default()).map(|_| ());
    assert_eq!(of_server(r#"4{"message":"x"}"#), Ok(()));
    assert_eq!(of_server("4\"x\""), Ok(()));
    for text in ["4", "4[]", "4null", "4{", "4/admin,"] {
        assert_eq!(of_server(text), Err(Violation::PAYLOAD), "{text}");
    }
}

/// It kills the reference implementation.
#[test]
fn deep_arrays_are_read_in_linear_time_and_without_recursion() {
    let deep = |depth: usize| format!(r#"27["a",{}{}]"#, "[".repeat(depth), "]".repeat(depth));
    let begin = Instant::now();
    let text = deep(200_000);
    let (_, _, message) = event(&text);
    assert_eq!(message.arguments.iter().count(), 1);
    let error = message.arguments.parse::<serde_json::Value>().unwrap_err();
    assert_eq!(error.code(), &Code::BadRequest);
    assert!(message.arguments.parse::<serde::de::IgnoredAny>().is_ok());
    let objects = format!(r#"2["a",{}1{}]"#, r#"{"a":"#.repeat(200_000), "}".repeat(200_000));
    event(&objects);
    assert_eq!(violation(&"2[".repeat(200_000)), Violation::PAYLOAD);
    assert_eq!(violation(&format!("2{}", "[".repeat(200_000))), Violation::PAYLOAD);
    assert_eq!(violation(&format!("2{}{}", "[".repeat(200_000), "]".repeat(200_000))), Violation::EVENT_NAME);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn objects_beyond_the_limits_are_bad_requests_and_no_violations() {
    let keys: Vec<String> = (0..1025).map(|key| format!(r#""k{key}":0"#)).collect();
    let big = format!("{{{}}}", keys.join(","));
    for (value, reason) in [(&*big, "too_many_keys"), (r#"{"$serde_json::private::RawValue":"1"}"#, "private_key")] {
        let text = format!(r#"27["a",[{value}]]"#);
        let rejected = rejected(&text);
        assert_eq!((rejected.error.code(), rejected.reason), (&Code::BadRequest, reason));
        assert_eq!(rejected.event.as_deref(), Some("a"));
        let text = format!("37[{value}]");
        let Content::Ack { id: 7, arguments: Err(rejected) } = packet(&text).content else { panic!() };
        assert_eq!(rejected.reason, reason);
    }
}
