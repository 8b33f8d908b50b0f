//! Fragmented messages, and frames that arrive in pieces.
use super::{HEALTHY, LINGER, frame, plain};
use std::time::Duration;
use switchboard::Limits;
use switchboard_core::ws::Opcode;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, RawClient, Rig, Stack, Stream, each_stack, masked, matrix, on, settle};
use tokio::io::AsyncWriteExt;

#[test]
fn b11_the_limit_of_fragments_may_be_65536_and_more() {
    on(Stack::Memory, |stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().max_fragments(70_000))).await;
        let mut peer = rig.connect().await;
        let mut bytes = frame(0x01, br#"{"event":"echo","data":"#);
        for _ in 0..65_600 {
            bytes.extend(frame(0x00, b""));
        }
        bytes.extend(frame(0x80, br#""well"}"#));
        peer.send_bytes(&bytes).await;
        peer.expect(HEALTHY).await;
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b12_what_is_unfinished_must_go_on() {
    for stack in [Stack::Listen, Stack::Memory] {
        on(stack, |stack| async move {
            const PATIENCE: Duration = Duration::from_millis(200);
            let limits = Limits::default().partial_timeout(PATIENCE).linger(LINGER);
            let rig = Rig::start(stack, plain(limits)).await;
            let mut healthy = rig.connect().await;
            let message = frame(0x81, HEALTHY.as_bytes());
            let unfinished = [
                message[..1].to_vec(),
                message[..4].to_vec(),
                message[..20].to_vec(),
                frame(0x01, b"{"),
                frame(0x01, b""),
            ];
            for bytes in unfinished {
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes).await;
                let watch = Stopwatch::start();
                assert_eq!(peer.recv_close().await, (1008, "drip".into()), "{bytes:?}");
                assert!(watch.elapsed() >= PATIENCE, "{:?}", watch.elapsed());
                watch.within(PATIENCE * 2);
                peer.expect_end().await;
            }
            // Slow, but it goes on: six times the patience in all.
            let mut slow = rig.connect().await;
            for piece in message.chunks(message.len().div_ceil(12)) {
                slow.send_bytes(piece).await;
                tokio::time::sleep(PATIENCE / 2).await;
            }
            slow.expect(HEALTHY).await;
            // Between messages there is all the time in the world.
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            drop((healthy, slow));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b12_pings_are_no_progress_of_a_message() {
    for stack in [Stack::Listen, Stack::Memory] {
        on(stack, |stack| async move {
            let limits = Limits::default().partial_timeout(Duration::from_millis(200)).linger(LINGER);
            let rig = Rig::start(stack, plain(limits)).await;
            let mut peer = rig.connect().await;
            peer.send_frame(Opcode::Text, false, b"{").await;
            let mut close = None;
            for _ in 0..20 {
                peer.send_frame(Opcode::Ping, true, b"p").await;
                while let Some(got) = peer.recv_within(Duration::from_millis(50)).await {
                    close = close.or(match got {
                        Got::Pong(_) => None,
                        got => Some(got),
                    });
                    if close.is_some() {
                        break;
                    }
                }
                if close.is_some() {
                    break;
                }
            }
            assert_eq!(close, Some(Got::Close(Some((1008, "drip".into())))), "{stack:?}");
            drop(peer);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b14_b21_b23_c02_c03_c04_what_is_allowed() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        for payload in [&b""[..], b"unsolicited", &[0; 8], &[0xFF; 125]] {
            peer.send_frame(Opcode::Pong, true, payload).await;
        }
        assert_eq!(peer.request(HEALTHY).await, HEALTHY, "B14");
        for mask in [[0; 4], [0xFF; 4], [0, 0, 0, 1]] {
            for _ in 0..2 {
                peer.send_bytes(&masked(0x81, HEALTHY.as_bytes(), mask)).await;
                peer.expect(HEALTHY).await;
            }
        }
        for bytes in [frame(0x81, b""), frame(0x82, b""), [frame(0x01, b""), frame(0x80, b"")].concat()] {
            peer.send_bytes(&bytes).await;
            assert!(peer.recv_text().await.contains(r#""code":"bad_request""#), "B23 {bytes:?}");
        }
        let euro = r#"{"event":"echo","data":"€𝄞é"}"#;
        for cut in 1..euro.len() {
            let (first, second) = euro.as_bytes().split_at(cut);
            peer.send_bytes(&[frame(0x01, first), frame(0x89, b"between"), frame(0x80, second)].concat()).await;
            let mut got = [peer.recv().await, peer.recv().await];
            got.sort_by_key(|got| matches!(got, Got::Text(_)));
            assert_eq!(got, [Got::Pong(b"between".to_vec()), Got::Text(euro.into())], "C02 cut at {cut}");
        }
        peer.send_frame(Opcode::Binary, true, HEALTHY.as_bytes()).await;
        peer.expect(HEALTHY).await;
        peer.send_frame(Opcode::Binary, true, b"\xff\xfe{}").await;
        assert!(peer.recv_text().await.contains(r#""code":"bad_request""#), "C03");
        for text in
            ["\u{feff}{\"event\":\"echo\",\"data\":\"x\"}", "{\"event\":\"echo\",\"data\":\"\0\"}", "\0", "a\rb"]
        {
            assert!(peer.request(text).await.contains(r#""code":"bad_request""#), "C04 {text:?}");
        }
        assert_eq!(peer.request("\r\n\t {\"event\":\"echo\",\"data\":\"well\"}\r").await, HEALTHY, "C04");
        drop(peer);
        rig.expect_empty().await;
    });
}

/// All kinds of input that keep a connection alive, then a close.
fn conversation() -> Vec<u8> {
    [
        frame(0x81, br#"{"event":"echo","data":"one","id":1}"#),
        frame(0x01, br#"{"event":"echo","#),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x80, "\"data\":\"€\"}".as_bytes()),
        frame(0x82, br#"{"event":"echo","data":"two"}"#),
        frame(0x81, br#"{"event":"unknown","id":"a"}"#),
        frame(0x8A, b"pong"),
        frame(0x81, b""),
        frame(0x81, format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(130)).as_bytes()),
        frame(0x88, b"\x03\xe8"),
    ]
    .concat()
}

/// The answers; pongs may overtake, so they are counted apart.
async fn answers(peer: &mut RawClient) -> (Vec<Got>, Vec<Got>) {
    let mut all = Vec::new();
    loop {
        let got = peer.recv().await;
        let end = got == Got::End;
        // The server pings when it wants.
        if !matches!(got, Got::Ping(_)) {
            all.push(got);
        }
        if end {
            return all.into_iter().partition(|got| matches!(got, Got::Pong(_)));
        }
    }
}

#[test]
fn b19_chopped_at_every_byte() {
    for stack in [Stack::Listen, Stack::Memory] {
        on(stack, |stack| async move {
            let rig = Rig::start(stack, plain(Limits::default())).await;
            let bytes = conversation();
            let mut whole = rig.connect().await;
            whole.send_bytes(&bytes).await;
            let expected = answers(&mut whole).await;
            assert_eq!(expected.0, [Got::Pong(b"ping".to_vec())]);
            assert_eq!(expected.1.len(), 8, "{expected:?}");
            for cut in (1..bytes.len()).step_by(if stack == Stack::Memory { 1 } else { 7 }) {
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes[..cut]).await;
                settle().await;
                // The peer may have its answer, and be closed, before the last bytes.
                let _ = peer.flood(&bytes[cut..], Duration::from_secs(5)).await;
                assert_eq!(answers(&mut peer).await, expected, "cut at {cut} {stack:?}");
            }
            let mut single = rig.connect().await;
            for byte in bytes.chunks(1) {
                single.send_bytes(byte).await;
                settle().await;
            }
            assert_eq!(answers(&mut single).await, expected, "byte by byte {stack:?}");
            drop((whole, single));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn b19_thousands_of_frames_in_one_segment() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default())).await;
        // The second is more than `outbound_messages`: all in one read, and a client that reads is no slow consumer.
        for count in [1000, 2200] {
            let mut peer = rig.connect().await;
            let ask = |i| frame(0x81, format!(r#"{{"event":"n","id":{i}}}"#).as_bytes());
            peer.send_bytes(&(0..count).flat_map(ask).collect::<Vec<u8>>()).await;
            for i in 0..count {
                peer.expect(&format!(r#"{{"event":"n","data":null,"id":{i}}}"#)).await;
            }
        }
        rig.expect_empty().await;
    });
}

/// The rig's own frames are what they say.
#[tokio::test]
async fn the_stream_of_a_peer_is_a_stream() {
    let (mut ours, theirs) = tokio::io::duplex(64);
    ours.shutdown().await.unwrap();
    let mut theirs: Box<dyn Stream> = Box::new(theirs);
    assert_eq!(switchboard_rig::read_to_end(&mut theirs, Duration::from_secs(1)).await, b"");
}
