//! The fast path reads what the decoder reads.
use proptest::prelude::*;
use serde_json::value::RawValue;
use switchboard_core::socketio::{Content, Packet, PacketLimits, Sender, Violation, decode, decode_fast};

/// What the fast path makes of a packet is what the decoder makes of it. Whether it was taken.
fn is_taken(text: &str) -> bool {
    let Some(fast) = decode_fast(text) else { return false };
    let data: Option<&RawValue> = serde_json::from_str(fast.data).ok();
    match decode(text, Sender::Client, &PacketLimits::default()) {
        Ok(Packet { namespace, content: Content::Event { ack, message: Ok(message) }, .. }) => {
            assert_eq!((namespace, ack, &*message.event), (Some(fast.namespace), fast.ack, fast.event), "{text}");
            match data {
                Some(data) => assert_eq!(message.arguments.only().map_or("null", RawValue::get), data.get(), "{text}"),
                None => assert!(message.arguments.len() > 1, "{text}"),
            }
        }
        Ok(packet) => panic!("{text}: {packet:?}"),
        Err(violation) => assert!(data.is_none() && violation == Violation::PAYLOAD, "{text}: {violation}"),
    }
    true
}

#[test]
fn what_the_official_clients_write_is_taken() {
    for text in [
        r#"2["foo"]"#,
        r#"2["foo",1]"#,
        r#"212["foo",{"a":[1,"]"]}]"#,
        r#"2/admin,["bar",null]"#,
        r#"2/admin,13["foo","x"]"#,
        r#"2007["foo",1]"#,
        r#"2["foo",1,2]"#,
        r#"2["foo",]"#,
        r#"2["foo",}]"#,
        r#"2["foo",é]"#,
        r#"2["foo", 1 ]"#,
    ] {
        assert!(is_taken(text), "{text}");
    }
}

#[test]
fn everything_else_is_left_to_the_decoder() {
    let long = format!(r#"2["a","{}"]"#, "x".repeat(5200));
    let name = format!(r#"2["{}"]"#, "n".repeat(129));
    let namespace = format!(r#"2/{},["a"]"#, "n".repeat(255));
    for text in [
        "",
        "2",
        "2[]",
        "0{}",
        "1",
        "312[\"a\"]",
        r#"51-["a",{"_placeholder":true,"num":0}]"#,
        r#"2[7]"#,
        r#"2[ "a"]"#,
        r#"2["a" ]"#,
        r#"2["a"] "#,
        r#"2["é"]"#,
        r#"2["a\n"]"#,
        r#"2[""]"#,
        r#"2["connect"]"#,
        r#"2["sys.a"]"#,
        r#"2["exception",1]"#,
        r#"2/é,["a"]"#,
        "2/a\n,[\"a\"]",
        r#"2/admin["a"]"#,
        r#"218446744073709551615["a"]"#,
        r#"299999999999999999999["a"]"#,
        r#"2["a",{"$serde_json::private::RawValue":"1"}]"#,
        r#"2["a"1]"#,
        r#"2["a":1]"#,
        &long,
        &name,
        &namespace,
    ] {
        assert!(!is_taken(text), "{text:.100}");
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_is_the_same(
        head in "2(/[a-z]{0,3},)?[0-9]{0,2}\\[\"[a-z]{0,2}\"",
        body in "(\\[|\\{|\"|a|,|:|\\]|\\}|1| |é){0,12}\\]?",
    ) {
        is_taken(&format!("{head}{body}"));
    }
}
