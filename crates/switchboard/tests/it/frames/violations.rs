//! Frames that break the protocol, and text that is not UTF-8.
use super::{HEALTHY, MASK, Plain, everywhere, frame};
use switchboard::{App, Gateway};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Rig, Stack, each_stack};

#[test]
fn b01_to_b06_headers_that_must_not_be() {
    let mut rows = vec![
        ("B01 unmasked", vec![0x81, 0x02, b'h', b'i'], 1002, "unmasked_frame"),
        ("B02 RSV1", frame(0xC1, b"a"), 1002, "reserved_bits"),
        ("B02 RSV2", frame(0xA1, b"a"), 1002, "reserved_bits"),
        ("B02 RSV3", frame(0x92, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a ping", frame(0xC9, b"a"), 1002, "reserved_bits"),
        ("B02 RSV1 on a continuation", [frame(0x01, b"a"), frame(0xC0, b"b")].concat(), 1002, "reserved_bits"),
        ("B05 ping of 126", vec![0x89, 0xFE, 0, 126], 1002, "control_too_long"),
        ("B05 close of 64 KiB", vec![0x88, 0xFF], 1002, "control_too_long"),
        ("B06 continuation of nothing", frame(0x80, b"a"), 1002, "unexpected_continuation"),
        ("B06 continuation of nothing, open", frame(0x00, b"a"), 1002, "unexpected_continuation"),
        ("B06 text in text", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002, "expected_continuation"),
        ("B06 binary in text", [frame(0x01, b"a"), frame(0x02, b"b")].concat(), 1002, "expected_continuation"),
    ];
    for opcode in (3..=7).chain(11..=15) {
        rows.push(("B03", frame(0x80 | opcode, b"a"), 1002, "reserved_opcode"));
        rows.push(("B03 open", frame(opcode, b""), 1002, "reserved_opcode"));
    }
    for opcode in [8, 9, 10] {
        rows.push(("B04", frame(opcode, b"a"), 1002, "fragmented_control"));
    }
    everywhere(rows);
}

#[test]
fn b07_to_b11_lengths_and_sums() {
    let long = |bytes: [u8; 8]| [&[0x82, 0xFF][..], &bytes].concat();
    let part = vec![b'a'; 40 << 10];
    let crossing = [frame(0x02, &part), [&[0x80, 0xFE][..], &40_960u16.to_be_bytes(), &MASK].concat()].concat();
    let many: Vec<u8> =
        std::iter::once(frame(0x01, b"a")).chain((0..128).map(|_| frame(0x00, b"a"))).flatten().collect();
    let empty: Vec<u8> =
        std::iter::once(frame(0x01, b"")).chain((0..128).map(|_| frame(0x00, b""))).flatten().collect();
    everywhere(vec![
        ("B07 top bit", long([0x80, 0, 0, 0, 0, 0, 0, 1]), 1002, "length_top_bit"),
        ("B07 all bits", long([0xFF; 8]), 1002, "length_top_bit"),
        (
            "B07 2^63-1",
            [long([0x7F, 255, 255, 255, 255, 255, 255, 255]), MASK.to_vec()].concat(),
            1009,
            "frame_too_big",
        ),
        ("B08 16 bits for 5", vec![0x81, 0xFE, 0, 5], 1002, "non_minimal_length"),
        ("B08 64 bits for 65535", long([0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), 1002, "non_minimal_length"),
        ("B09 header alone", long([0, 0, 0, 0, 0, 1, 0, 1]), 1009, "frame_too_big"),
        ("B10 at the crossing frame's header", crossing, 1009, "message_too_big"),
        ("B11 129 fragments", many, 1008, "too_many_fragments"),
        ("B11 129 empty fragments", empty, 1008, "too_many_fragments"),
    ]);
}

#[test]
fn b15_close_frames_that_must_not_be() {
    let mut rows = vec![
        ("B15 one byte", frame(0x88, b"\x03"), 1002, "close_body"),
        ("B15 reason", frame(0x88, b"\x03\xe8\xff"), 1007, "close_reason"),
        ("B15 reason cut", frame(0x88, b"\x03\xe8\xe2\x82"), 1007, "close_reason"),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535u16] {
        rows.push(("B15 code", frame(0x88, &code.to_be_bytes()), 1002, "close_code"));
    }
    everywhere(rows);
}

#[test]
fn c01_text_that_is_not_utf8() {
    let bad: [&[u8]; 9] = [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok\xff",
        b"\x80",
        b"cut\xe2\x82",
    ];
    let mut rows: Vec<_> = bad.iter().map(|bad| ("C01", frame(0x81, bad), 1007, "invalid_utf8")).collect();
    for bad in &bad[..6] {
        let (first, second) = bad.split_at(1);
        rows.push(("C01 in two", [frame(0x01, first), frame(0x80, second)].concat(), 1007, "invalid_utf8"));
    }
    rows.push(("C01 cut at the end", [frame(0x01, b"a\xe2"), frame(0x80, b"\x82")].concat(), 1007, "invalid_utf8"));
    // At the first bad byte: the rest of this frame never comes.
    let unfinished = frame(0x81, &[[b'a', 0xFF].as_slice(), &[b'a'; 60_000]].concat());
    rows.push(("C01 fails fast", unfinished[..20].to_vec(), 1007, "invalid_utf8"));
    everywhere(rows);
}

#[test]
fn c03_a_gateway_of_one_kind_of_frame_refuses_the_other() {
    async fn run(stack: Stack) {
        let echo = || Gateway::new(Plain).on("echo", Plain::echo);
        let app = App::new().gateway("/ws", echo()).gateway("/text", echo().text_only());
        let rig = Rig::start(stack, app.gateway("/binary", echo().binary_only())).await;
        let (text, binary) = (Opcode::Text, Opcode::Binary);
        for (path, taken, refused, reason) in
            [("/text", text, binary, "text_only"), ("/binary", binary, text, "binary_only")]
        {
            let mut peer = rig.connect_to(path).await;
            peer.send_frame(taken, true, HEALTHY.as_bytes()).await;
            peer.expect(HEALTHY).await;
            peer.send_frame(refused, true, HEALTHY.as_bytes()).await;
            assert_eq!(peer.recv_close().await, (1003, reason.to_owned()));
            peer.expect_end().await;
        }
        let mut peer = rig.connect().await;
        for opcode in [text, binary] {
            peer.send_frame(opcode, true, HEALTHY.as_bytes()).await;
            peer.expect(HEALTHY).await;
        }
    }
    each_stack(run);
}
