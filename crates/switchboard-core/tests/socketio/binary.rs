//! Packets with attachments.
use serde::Deserialize;
use serde_json::Value;
use switchboard_core::socketio::{
    Assembled, AssembledContent, Assembler, BinaryMessage, PacketLimits, Sender, Violation, decode,
};
use switchboard_core::{Binary, Code};

const LIMITS: PacketLimits = PacketLimits { max_attachments: 10, max_bytes: 1_000_000 };

/// The packet that a text and attachments make; nothing is held after it.
fn assemble(text: &str, attachments: &[&[u8]]) -> Result<Option<Assembled>, Violation> {
    let mut assembler = Assembler::new(Sender::Client);
    let mut packet = None;
    assert!(assembler.text(text, &LIMITS)?.is_none(), "{text}: complete without attachments");
    for attachment in attachments {
        assert!(packet.is_none() && assembler.is_waiting());
        packet = assembler.binary(attachment, &LIMITS)?;
    }
    assert_eq!(assembler.is_waiting(), packet.is_none());
    assert!(packet.is_none() || assembler.buffered() == 0);
    Ok(packet)
}

#[track_caller]
fn message(text: &str, attachments: &[&[u8]]) -> BinaryMessage {
    let packet = assemble(text, attachments).unwrap().expect("complete");
    let AssembledContent::Event { message: Ok(message), .. } = packet.content else { panic!("{packet:?}") };
    message
}

#[track_caller]
fn violation(text: &str) -> Violation {
    decode(text, Sender::Client, &LIMITS).map(|packet| format!("{packet:?}")).expect_err(text)
}

#[test]
fn binary_packets_of_the_protocol_document() {
    let event = message(r#"51-["baz",{"_placeholder":true,"num":0}]"#, &[&[1, 2, 3, 4]]);
    assert_eq!((&*event.event, event.arguments.len()), ("baz", 1));
    assert_eq!(*event.arguments.parse::<Binary>().unwrap(), [1, 2, 3, 4]);

    let text = r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let packet = assemble(text, &[&[1, 2], &[3, 4]]).unwrap().unwrap();
    assert_eq!(packet.namespace.as_deref(), Some("/admin"));
    let AssembledContent::Event { ack: None, message: Ok(event) } = packet.content else { panic!() };
    let (one, two) = event.arguments.parse::<(Binary, Binary)>().unwrap();
    assert_eq!((&*one, &*two), (&[1, 2][..], &[3, 4][..]));

    let packet = assemble(r#"61-15["bar",{"_placeholder":true,"num":0}]"#, &[&[1, 2, 3, 4]]).unwrap().unwrap();
    let AssembledContent::Ack { id: 15, arguments: Ok(arguments) } = packet.content else { panic!() };
    assert_eq!(*arguments.parse::<(String, Binary)>().unwrap().1, [1, 2, 3, 4]);

    let packet = assemble(r#"61-/admin,1[{"_placeholder":true,"num":0}]"#, &[b""]).unwrap().unwrap();
    let AssembledContent::Ack { id: 1, arguments: Ok(arguments) } = packet.content else { panic!() };
    assert!(arguments.parse::<Binary>().unwrap().is_empty());
}

#[derive(Debug, Deserialize, PartialEq)]
struct File {
    name: String,
    size: u64,
    share: f64,
    parts: Vec<Option<Binary>>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Rest {
    head: Kind,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Kind {
    Text(String),
    Bytes { of: Binary },
}

#[test]
fn bytes_are_read_at_any_depth() {
    let text = r#"53-["file",{"name":"ä\n😀","size":9007199254740993,"share":0.5,"parts":[null,{"num" : 2 , "_placeholder":true},
        {"_placeholder":true,"num":0}],"head":{"of":{"num":1,"_placeholder":true}},"more":[true,-1,{}]}]"#;
    let file: File = message(text, &[b"zero", b"one", b"two"]).arguments.parse().unwrap();
    let bytes = |text: &str| Binary::from(text.as_bytes().to_vec());
    let parts = vec![None, Some(bytes("two")), Some(bytes("zero"))];
    let rest = Rest { head: Kind::Bytes { of: bytes("one") } };
    assert_eq!(file, File { name: "ä\n😀".into(), size: 9_007_199_254_740_993, share: 0.5, parts, rest });

    // As in the native protocol: bytes are a list of numbers for a type that asks for one, and no `Value`.
    let event = message(r#"51-["a",{"_placeholder":true,"num":0}]"#, &[&[1, 2]]);
    assert_eq!(event.arguments.parse::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(event.arguments.parse::<Value>().unwrap_err().code(), &Code::ValidationFailed);
    let error = message(r#"51-["a",[1,{"x":{"_placeholder":true,"num":0}}]]"#, &[&[1, 2]]);
    let error = error.arguments.parse::<(u8, std::collections::HashMap<String, u8>)>().unwrap_err();
    assert_eq!(error.details()[0].path, "/1/x");
}

#[test]
fn e20_placeholders_that_are_none() {
    let one = |num: &str| format!(r#"51-["a",{{"_placeholder":true,"num":{num}}}]"#);
    for num in [
        "-1",
        "99",
        "1",
        "\"splice\"",
        "\"0\"",
        "1.5",
        "0.0",
        "-0",
        "0e0",
        "null",
        "[0]",
        "{}",
        "true",
        "1e400",
        "18446744073709551616",
    ] {
        assert_eq!(violation(&one(num)), Violation::PLACEHOLDER, "{num}");
    }
    for value in [
        r#"{"_placeholder":false,"num":0}"#,
        r#"{"_placeholder":1,"num":0}"#,
        r#"{"_placeholder":"true","num":0}"#,
        r#"{"_placeholder":null,"num":0}"#,
        r#"{"_placeholder":true}"#,
        r#"{"_placeholder":true,"num":0,"more":1}"#,
        r#"{"more":1,"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":0,"num":0}"#,
        r#"{"_placeholder":true,"_placeholder":true}"#,
        r#"{"_placeholder":true,"_placeholder":true,"num":0}"#,
        r#"{"_placeh\u006flder":true,"num":0}"#,
        r#"{"_placeholder":{"_placeholder":true,"num":0},"num":0}"#,
        r#"{"\u005f\u0070\u006c\u0061\u0063\u0065\u0068\u006f\u006c\u0064\u0065\u0072":true,"num":0}"#,
        // None at all.
        "1",
        "{}",
        r#"{"num":0}"#,
        r#""_placeholder""#,
        // More than attachments.
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#,
        r#"[{"_placeholder":true,"num":0},{"_placeholder":false,"num":0}]"#,
    ] {
        assert_eq!(violation(&format!(r#"51-["a",{value}]"#)), Violation::PLACEHOLDER, "{value}");
        assert_eq!(violation(&format!(r#"61-7[{value}]"#)), Violation::PLACEHOLDER, "{value}");
    }
    // Fewer than attachments, and one that is used twice.
    assert_eq!(violation(r#"52-["a",{"_placeholder":true,"num":0}]"#), Violation::PLACEHOLDER);
    let twice = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#;
    assert_eq!(violation(twice), Violation::PLACEHOLDER);
    // In place of the event's name.
    assert_eq!(violation(r#"51-[{"_placeholder":true,"num":0}]"#), Violation::EVENT_NAME);
    // The word alone, and other objects beside, are data.
    let text =
        r#"51-["a",["_placeholder",{"num":7},{"_placeholder":true,"num":0},{"b":"_placeholder"},"\"_placeholder\":"]]"#;
    assert_eq!(message(text, &[b"x"]).arguments.len(), 1);
    // Without attachments it is an object like any other.
    assert!(decode(r#"2["a",{"_placeholder":true,"num":9}]"#, Sender::Client, &LIMITS).is_ok());
}

#[test]
fn e21_the_number_of_attachments() {
    let with = |count: usize, digits: &str| {
        let placeholders: String = (0..count).map(|num| format!(r#",{{"_placeholder":true,"num":{num}}}"#)).collect();
        format!(r#"5{digits}["a"{placeholders}]"#)
    };
    assert_eq!(decode(&with(10, "10-"), Sender::Client, &LIMITS).unwrap().attachments, 10);
    assert_eq!(decode(&with(1, "01-"), Sender::Client, &LIMITS).unwrap().attachments, 1);
    for (count, digits) in [
        (11, "11-"),
        (0, "0-"),
        (0, "-"),
        (0, ""),
        (1, "1"),
        (1, "-1-"),
        (1, "+1-"),
        (1, " 1-"),
        (1, "1 -"),
        (1, "1.0-"),
        (1, "1e0-"),
        (0, "NaN-"),
        (0, "Infinity-"),
        (1, "0x1-"),
        (0, "1000000000-"),
        (0, "18446744073709551617-"),
        (1, "/admin,1-"),
    ] {
        assert_eq!(violation(&with(count, digits)), Violation::ATTACHMENTS, "{digits}");
    }
    assert_eq!(violation("5"), Violation::ATTACHMENTS);
    assert_eq!(violation("6"), Violation::ATTACHMENTS);
    assert_eq!(violation(&format!("5{}-[]", "9".repeat(1000))), Violation::ATTACHMENTS);
    // A packet of another type has no such number.
    assert_eq!(violation(r#"21-["a"]"#), Violation::PAYLOAD);
    let more = PacketLimits { max_attachments: 11, ..LIMITS };
    assert_eq!(decode(&with(11, "11-"), Sender::Client, &more).unwrap().attachments, 11);
}

#[test]
fn e22_texts_and_attachments_in_another_order() {
    let text = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let mut assembler = Assembler::new(Sender::Client);
    assert_eq!(assembler.binary(b"x", &LIMITS).unwrap_err(), Violation::UNEXPECTED_BINARY);
    for arrived in 0..2 {
        assert!(assembler.text(text, &LIMITS).unwrap().is_none());
        for _ in 0..arrived {
            assert!(assembler.binary(b"x", &LIMITS).unwrap().is_none());
        }
        assert_eq!(assembler.buffered(), text.len() + arrived);
        assert_eq!(assembler.text(r#"2["b"]"#, &LIMITS).unwrap_err(), Violation::AWAITED_BINARY);
        assert!(!assembler.is_waiting() && assembler.buffered() == 0);
    }
    assert!(assembler.text(r#"2["b"]"#, &LIMITS).unwrap().is_some(), "a packet without attachments is complete");
    assert_eq!(assembler.binary(b"x", &LIMITS).unwrap_err(), Violation::UNEXPECTED_BINARY);
}

#[test]
fn the_bytes_of_a_binary_packet_are_limited_as_a_whole() {
    let text = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let exact = PacketLimits { max_bytes: text.len() + 8, ..LIMITS };
    for (second, fits) in [(3, true), (4, false), (1000, false)] {
        let mut assembler = Assembler::new(Sender::Client);
        assembler.text(text, &exact).unwrap();
        assert!(assembler.binary(&[0; 5], &exact).unwrap().is_none());
        match assembler.binary(&vec![0; second], &exact) {
            Ok(packet) => assert!(fits && packet.is_some()),
            Err(violation) => assert!(!fits && violation == Violation::PACKET_TOO_LONG),
        }
        assert_eq!(assembler.buffered(), 0);
    }
    let short = PacketLimits { max_bytes: text.len() - 1, ..LIMITS };
    assert_eq!(Assembler::new(Sender::Client).text(text, &short).unwrap_err(), Violation::PACKET_TOO_LONG);
    // One message without attachments is the transport's to limit.
    assert!(Assembler::new(Sender::Client).text(r#"2["a"]"#, &PacketLimits { max_bytes: 1, ..LIMITS }).is_ok());
}

#[test]
fn what_cannot_be_built_is_a_bad_request() {
    let deep = format!("{}0{}", "[".repeat(127), "]".repeat(127));
    let text = |value: &str| format!(r#"51-7["a",{{"_placeholder":true,"num":0}},{value}]"#);
    message(&text(&deep), &[b"x"]);
    let deeper = format!("[{deep}]");
    let very_deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for value in
        [&*deeper, &very_deep, "1e400", r#""\ud800""#, r#"{"\udc00":1}"#, r#"{"$serde_json::private::RawValue":"1"}"#]
    {
        let packet = assemble(&text(value), &[b"x"]).unwrap().unwrap();
        let AssembledContent::Event { ack: Some(7), message: Err(rejected) } = packet.content else {
            panic!("{value:.40}")
        };
        assert!(
            matches!(rejected.error.code(), Code::BadRequest | Code::ValidationFailed),
            "{value:.40}: {rejected:?}"
        );
        assert_eq!(rejected.event.as_deref(), Some("a"));
    }
    // A number in place of the name is unknown, whatever follows it.
    let packet = assemble(r#"51-[7,{"_placeholder":true,"num":0}]"#, &[b"x"]).unwrap().unwrap();
    let AssembledContent::Event { message: Err(rejected), .. } = packet.content else { panic!() };
    assert_eq!(rejected.error.code(), &Code::UnknownEvent);
}

#[test]
fn a_text_of_many_braces_takes_linear_time() {
    let begin = std::time::Instant::now();
    for part in [r#"{"num":"#, r#"{"_placeholder":"#, r#"{"num":0,"_placeholder":"#, r#"[{"#, "{", r#"{"num":[[[[[[[["#]
    {
        let text = format!(r#"51-["a",{}"#, part.repeat(900_000 / part.len()));
        assert!(decode(&text, Sender::Client, &LIMITS).is_err());
    }
    let part = r#"{"num":{"a":"#;
    let many = format!(r#"51-["a",{}0{}]"#, part.repeat(50_000), "}".repeat(100_000));
    assert_eq!(violation(&many), Violation::PLACEHOLDER);
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
}
