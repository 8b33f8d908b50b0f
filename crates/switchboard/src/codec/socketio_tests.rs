//! The frames of packets, byte by byte.
use crate::Error;
use crate::codec::{Arity, Data, Encoding, Format, Part, Received};
use crate::{Args, Binary};
use switchboard_core::codec::GoAway;
use switchboard_core::ws::HEADER_ROOM;
use switchboard_core::{Id, Incoming};

const MAIN: Encoding<'static> = Encoding::SocketIo { namespace: "/" };
const ADMIN: Encoding<'static> = Encoding::SocketIo { namespace: "/admin" };
const ID: Option<&Id<'static>> = Some(&Id::Number(u64::MAX));

/// The frames, and how many they are.
#[track_caller]
fn frames(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> (Vec<u8>, u32) {
    let mut out = vec![0; HEADER_ROOM];
    write(&mut out).unwrap();
    let start = MAIN.finish(&mut out);
    let frames = out.split_off(start);
    let count = MAIN.messages(&frames);
    (frames, count)
}

fn bytes(bytes: &[u8]) -> Binary {
    bytes.to_vec().into()
}

#[test]
fn a_packet_is_one_text_frame() {
    assert_eq!(frames(|out| MAIN.event(out, "a", &1)), (b"\x81\x0942[\"a\",1]".to_vec(), 1));
    assert_eq!(frames(|out| ADMIN.event(out, "a", &1)).0, b"\x81\x1042/admin,[\"a\",1]");
    assert_eq!(frames(|out| ADMIN.event(out, "a", &Args((1, "b")))).0, b"\x81\x1442/admin,[\"a\",1,\"b\"]");
    assert_eq!(
        frames(|out| MAIN.request(out, "a", &(), 5)).0,
        b"\x81\x0842".iter().chain(b"5[\"a\"]").copied().collect::<Vec<_>>()
    );
    assert_eq!(frames(|out| MAIN.answer(out, "a", ID, false, &1)).0, b"\x81\x194318446744073709551615[1]");
    assert_eq!(frames(|out| MAIN.answer(out, "a", ID, true, &1)).0, b"\x81\x0942[\"a\",1]");
    assert_eq!(frames(|out| MAIN.answer(out, "a", None, false, &1)).0, b"\x81\x0942[\"a\",1]");
    assert_eq!(frames(|out| MAIN.end(out, "a", &Id::Number(7))).0, b"\x81\x05437[]");
    let error = Error::forbidden("No");
    let body = r#"{"status":"error","code":"forbidden","message":"No","event":"a","retryable":false}"#;
    let (frame, count) = frames(|out| MAIN.exception(out, &error, Some("a"), Some(&Id::Number(7))));
    assert_eq!((&frame[2..], count), (format!(r#"437[{{"error":{body}}}]"#).as_bytes(), 1));
    let (frame, _) = frames(|out| MAIN.exception(out, &error, Some("a"), None));
    assert_eq!(&frame[2..], format!(r#"42["exception",{body}]"#).as_bytes());
}

#[test]
fn attachments_and_a_second_packet_are_frames_behind_it() {
    let (frames_, count) = frames(|out| MAIN.event(out, "a", &[bytes(b"xy"), bytes(b"")]));
    let text = r#"452-["a",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]"#;
    let expected = [&[0x81, text.len() as u8], text.as_bytes(), b"\x82\x02xy\x82\x00"].concat();
    assert_eq!((frames_, count), (expected, 3));

    // A header whose last byte is zero: 256 bytes.
    let long = "x".repeat(256 - 10);
    let named = |out: &mut Vec<u8>| MAIN.answer_as(out, "a", Some(&Id::Number(7)), false, &long);
    let expected =
        [b"\x81\x7e\x01\x00" as &[u8], format!("42[\"a\",\"{long}\"]").as_bytes(), b"\x81\x05437[]"].concat();
    assert_eq!(frames(named), (expected, 2));
    // Larger than 64 KiB.
    let huge = bytes(&[7; 70_000]);
    let (frames_, count) =
        frames(|out| MAIN.answer_as(out, "a", Some(&Id::Number(7)), false, &(&huge, "x".repeat(70_000))));
    assert_eq!((count, &frames_[..2]), (3, b"\x81\x7f" as &[u8]));
    assert!(frames_.ends_with(b"\x81\x05437[]"));
    assert_eq!(frames(|out| MAIN.answer_as(out, "a", Some(&Id::Number(7)), true, &1)).1, 1);
    assert_eq!(frames(|out| MAIN.answer_as(out, "a", None, false, &1)).1, 1);
}

#[test]
fn what_is_refused_leaves_the_room_alone() {
    let refused = |write: &dyn Fn(&mut Vec<u8>) -> Result<(), Error>| {
        let mut out = vec![0; HEADER_ROOM];
        assert!(write(&mut out).unwrap_err().is_internal());
        assert_eq!(out, [0; HEADER_ROOM]);
    };
    refused(&|out| MAIN.event(out, "connect", &1));
    refused(&|out| MAIN.event(out, "a", &vec![bytes(b"x"); 11]));
    refused(&|out| MAIN.answer_as(out, "connect", ID, false, &bytes(b"x")));
    let goaway = GoAway { code: 1001, reason: "", retryable: true, retry_after_ms: None };
    refused(&|out| MAIN.goaway(out, &goaway));
    let long = Error::forbidden("x".repeat(300));
    refused(&|out| MAIN.exception_within(50, out, &long, None, ID));
    let (frame, _) = frames(|out| MAIN.exception_within(150, out, &long, None, Some(&Id::Number(7))));
    assert!(
        frame[2..]
            .starts_with(br#"437[{"error":{"status":"error","code":"forbidden","message":"The error is too long"#)
    );
}

#[test]
fn an_event_that_may_be_nothing() {
    let mut out = vec![0; HEADER_ROOM];
    MAIN.answer(&mut out, "a", None, false, &None::<u8>).unwrap();
    assert!(MAIN.may_end_in_null(&out));
    out.truncate(HEADER_ROOM);
    MAIN.answer(&mut out, "a", None, false, &[None::<u8>]).unwrap();
    assert!(!MAIN.may_end_in_null(&out));
}

#[test]
fn packets_are_read() {
    #[track_caller]
    fn read(text: &str) -> (String, Option<u64>, Arity, Option<String>) {
        let message = Received::Text(text.into());
        let Ok(Incoming::Request(request)) = MAIN.decode(&message, true) else { panic!("{text}") };
        let arity = Arity::of(Format::SocketIo, request.data.as_ref());
        let json = match Data::from(&request.data) {
            Data::Json(json) => json.map(|json| json.get().to_owned()),
            _ => panic!("{text}"),
        };
        let id = request.id.map(|id| match id {
            Id::Number(id) => id,
            other => panic!("{other}"),
        });
        (request.event.into_owned(), id, arity, json)
    }
    let table = [
        (r#"2["a"]"#, None, Arity::Nothing, None),
        (r#"2["a",null]"#, None, Arity::Only, None),
        (r#"2/admin,13["a",[1]]"#, Some(13), Arity::Only, Some("[1]")),
        (r#"218446744073709551615["a",1,2]"#, Some(u64::MAX), Arity::Several, Some("[1,2]")),
    ];
    for (text, id, arity, json) in table {
        assert_eq!(read(text), ("a".to_owned(), id, arity, json.map(str::to_owned)));
    }
    let ack = |text: &str| match MAIN.decode(&Received::Text(text.into()), true) {
        Ok(Incoming::Ack { ack, answer, .. }) => {
            (ack, answer.map(|data| data.map(|part| Data::from(&Some(part)).len())).map_err(drop))
        }
        _ => panic!("{text}"),
    };
    assert_eq!(ack("313[]"), (13, Ok(None)));
    assert_eq!(ack("313[12]"), (13, Ok(Some(2))));
    let refused = |message: &Received<'_>| {
        let rejected = MAIN.decode(message, true).err();
        rejected.map(|rejected| (rejected.reason, rejected.id.map(Id::into_owned)))
    };
    assert_eq!(refused(&Received::Text(r#"27["sys.x"]"#.into())), Some(("event_reserved", Some(Id::Number(7)))));
    assert_eq!(refused(&Received::Text("0".into())), Some(("kind", None)));
    assert_eq!(refused(&Received::Text("9".into())), Some(("packet_type", None)));
    assert_eq!(refused(&Received::Bytes(b"x".into())), Some(("kind", None)));
    assert!(
        matches!(MAIN.decode(&Received::Text(r#"2["a",null]"#.into()), true), Ok(Incoming::Request(request)) if matches!(request.data, Some(Part::Null)))
    );
}
