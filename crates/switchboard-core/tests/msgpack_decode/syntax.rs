//! Bytes that are not one MessagePack value: docs/limits.md, row C05.
use super::{bytes, map, rejected, request, with};
use rmpv::Value;
use switchboard_core::Id;
use switchboard_core::codec::msgpack::Raw;

#[test]
fn every_width_of_a_head_is_read() {
    for frame in [
        &b"\xde\x00\x01\xa5event\xa1a"[..],
        b"\xdf\x00\x00\x00\x01\xd9\x05event\xda\x00\x01a",
        b"\x81\xdb\x00\x00\x00\x05event\xdb\x00\x00\x00\x01a",
    ] {
        assert_eq!(request(frame).event, "a");
    }
    for value in [
        &b"\xca\x00\x00\x00\x00"[..],
        b"\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xc4\x01a",
        b"\xc5\x00\x01a",
        b"\xc6\x00\x00\x00\x01a",
        b"\xdc\x00\x01\x01",
        b"\xdd\x00\x00\x00\x01\x01",
        b"\xd4\xffa",
        b"\xd5\x01ab",
        b"\xd6\xffabcd",
        b"\xd7\x01abcdefgh",
        b"\xd8\x01abcdefghijklmnop",
        b"\xc7\x01\xffa",
        b"\xc8\x00\x01\x01a",
        b"\xc9\x00\x00\x00\x01\x01a",
        b"\x81\x90\x90",
    ] {
        for key in ["data", "meta", "x"] {
            let frame = with(key, value);
            let request = request(&frame);
            let part = if key == "data" { request.data } else { request.meta };
            assert_eq!(part.map(Raw::as_bytes), (key != "x").then_some(value));
            for cut in 1..=value.len() {
                let rejected = rejected(&frame[..frame.len() - cut], "not_msgpack");
                assert_eq!((rejected.id, rejected.event.as_deref()), (Id::number(1), Some("a")));
            }
        }
    }
}

#[test]
fn c05_what_is_not_one_value_is_rejected() {
    for frame in [
        &b""[..],
        b"\x81",
        b"\x81\xa5event",
        b"\x81\xa5event\xa2a",
        b"\x81\xa5event\xa1a\xc0",
        b"\x81\xa5event\xa1a\x81\xa5event\xa1a",
        b"\xc1",
        b"\x81\xa5event\xc1",
        b"\x82\xa5event\xa1a\xc1\xc0",
    ] {
        rejected(frame, "not_msgpack");
    }
}

#[test]
fn c05_heads_that_promise_more_than_there_is_are_rejected() {
    let most = [0xff; 4];
    for head in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
        for depth in [0, 1, 100_000] {
            let mut value = vec![0x91; depth];
            value.push(head);
            value.extend_from_slice(&most);
            value.extend_from_slice(b"\x01few");
            for key in ["data", "meta", "x", "event", "id"] {
                rejected(&with(key, &value), "not_msgpack");
            }
        }
    }
    rejected(b"\xdf\xff\xff\xff\xff\xa5event\xa1a", "not_msgpack");
    rejected(b"\xdd\xff\xff\xff\xff", "not_map");
    // Many heads, each of which promises the most: the sum has no overflow.
    rejected(&with("data", &[0xdf, 0xff, 0xff, 0xff, 0xff].repeat(100_000)), "not_msgpack");
}

#[test]
fn c05_depth_costs_no_stack() {
    let small_stack = std::thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        let mut lists = vec![0x91; 100_000];
        lists.push(0xc0);
        let mut maps = b"\x81\xa1a".repeat(100_000);
        maps.push(0xc0);
        for value in [&lists, &maps] {
            for key in ["data", "meta", "x"] {
                request(&with(key, value));
            }
            let refused = [("event", "event_name"), ("id", "id")];
            for (key, reason) in refused {
                let mut frame = b"\x82\xa1x\xc0".to_vec();
                rmp::encode::write_str(&mut frame, key).expect("a vector takes everything");
                frame.extend_from_slice(value);
                if key == "id" {
                    frame[0] = 0x83;
                    frame.extend_from_slice(b"\xa5event\xa1a");
                }
                rejected(&frame, reason);
            }
        }
        rejected(&lists, "not_map");
        rejected(&maps, "no_event");
        rejected(&lists[..1000], "not_map");
        rejected(&maps[..1000], "not_msgpack");
    });
    small_stack.expect("a thread").join().expect("no overflow");
}

#[test]
fn c05_duplicate_keys_are_rejected() {
    let event = map(&[("event", "a".into()), ("event", "b".into()), ("id", 3.into())]);
    let event = rejected(&event, "duplicate_key");
    assert_eq!((event.id, event.event), (Id::number(3), None));
    let id = map(&[("event", "a".into()), ("id", 1.into()), ("id", 2.into())]);
    let id = rejected(&id, "duplicate_key");
    assert_eq!((id.id, id.event.as_deref()), (None, Some("a")));
    for key in ["data", "meta", "cancel", "ack", "error", "kind", "pattern", "payload", "metadata", "method", "url"] {
        rejected(&map(&[("event", "a".into()), (key, 1.into()), (key, 1.into())]), "duplicate_key");
    }
}

#[test]
fn c05_keys_are_texts() {
    for key in [&b"\x01"[..], b"\xc4\x05event", b"\xc0", b"\x90", b"\xc3", b"\xca\x00\x00\x00\x00", b"\xd4\x01a"] {
        let frame = [b"\x82\xa2id\x05", key, b"\xa1a"].concat();
        assert_eq!(rejected(&frame, "key_not_text").id, Id::number(5));
    }
}

#[test]
fn c05_texts_are_utf8() {
    for text in [&b"\xa1\xff"[..], b"\xa2\xc3\x28", b"\xa3\xed\xa0\x80", b"\xd9\x01\x80"] {
        for key in ["data", "meta", "x", "event"] {
            rejected(&with(key, text), "not_msgpack");
            rejected(&with(key, &[b"\x92\x01", text].concat()), "not_msgpack");
            rejected(&with(key, &[b"\x81", text, b"\x01"].concat()), "not_msgpack");
        }
        rejected(&[b"\x81", text, b"\x01"].concat(), "not_msgpack");
    }
    request(&with("data", b"\xc4\x01\xff"));
}

#[test]
fn c05_more_than_1024_keys_are_rejected() {
    let keys = |n: usize| Value::Map((0..n).map(|n| (n.to_string().into(), 0.into())).collect());
    let top = |n: usize| {
        let mut pairs: Vec<(Value, Value)> = vec![("id".into(), 1.into()), ("event".into(), "a".into())];
        pairs.extend((2..n).map(|n| (n.to_string().into(), 0.into())));
        bytes(&Value::Map(pairs))
    };
    request(&top(1024));
    let top = top(1025);
    let top = rejected(&top, "too_many_keys");
    assert_eq!((top.id, top.event.as_deref()), (Id::number(1), Some("a")));
    for key in ["data", "meta"] {
        for count in [1025, 100_000] {
            let nested = Value::Array(vec![1.into(), Value::Map(vec![("a".into(), keys(count))])]);
            for value in [keys(count), nested] {
                let frame = with(key, &bytes(&value));
                let rejected = rejected(&frame, "too_many_keys");
                assert_eq!((rejected.id, rejected.event.as_deref()), (Id::number(1), Some("a")));
            }
        }
        // The bound is on each map.
        request(&with(key, &bytes(&Value::Array(vec![keys(1024), keys(1024)]))));
    }
    // What is skipped is not counted.
    request(&with("new", &bytes(&keys(1025))));
    assert!(Raw::new(&bytes(&keys(1024))).is_some() && Raw::new(&bytes(&keys(1025))).is_none());
}
