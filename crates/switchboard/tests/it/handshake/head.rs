//! The size, syntax and time of a request head.
use super::{Ask, accepted, refused, refused_below};
use crate::plain::plain;
use std::time::Duration;
use switchboard::Limits;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, Rig, Stack, Stream, each_stack, http, masked, on, read_to_end};
use tokio::io::AsyncWriteExt;

#[test]
fn a10_the_size_of_a_head() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let mut many = Ask::good();
        while many.headers.len() < 64 {
            let name = format!("X-{}", many.headers.len());
            many = many.add(name, "canary");
        }
        accepted(&rig, many.clone()).await;
        let long = Ask::good().add("X-Long", "c".repeat(8 << 10));
        let fits = Ask::good().add("X-Long", "c".repeat((8 << 10) - 6));
        accepted(&rig, fits).await;
        let head = Ask::good().add("X-A", "a".repeat(6000)).add("X-B", "b".repeat(6000)).add("X-C", "c".repeat(5000));
        let late = Ask::good().without("Upgrade").add("X-A", "a".repeat(8100)).add("X-B", "b".repeat(8100));
        let late = late.add("Upgrade", "websocket");
        for ask in [many.add("X-65", "canary"), long, head, late] {
            let answer = rig.http(&ask.bytes()).await.unwrap();
            assert_eq!(answer.status, 431, "{stack:?}");
            assert!(!answer.body.contains("canary"));
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a10_an_endless_head_is_cut_off() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        for endless in [b"GET /ws HTTP/1.1\r\nX: ".as_slice(), b"GET /", b"\r\n"] {
            let mut bytes = endless.to_vec();
            bytes.resize(40 << 10, b'x');
            refused_or_cut(&rig, &bytes).await;
        }
        rig.expect_empty().await;
    });
}

/// 400, 414 or 431, or no answer, and the end.
async fn refused_or_cut(rig: &Rig, bytes: &[u8]) {
    let mut stream = rig.stream().await;
    if let Some(answer) = rig.http_on(&mut stream, bytes).await {
        assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status);
    }
    read_to_end(&mut stream, Duration::from_secs(2)).await;
    rig.unnoticed().await;
}

#[test]
fn a11_the_syntax_of_a_header() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        let good = String::from_utf8(Ask::good().bytes()).unwrap();
        let headers: [&[u8]; 10] = [
            b"X-A: b\0c\r\n",
            b"X-A\0: b\r\n",
            b"X-A: b\rX-B: c\r\n",
            b"X-A: b\r\n folded\r\n",
            b"X-A: b\r\n\tfolded\r\n",
            b"X A: b\r\n",
            b"X-A : b\r\n",
            b": b\r\n",
            b"X-A\r\n",
            b"X-A: \x01\r\n",
        ];
        for header in headers {
            let mut bytes = good.as_bytes()[..good.len() - 2].to_vec();
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(b"\r\n");
            refused_below(&rig, &bytes, 400).await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn a13_a_slow_head_and_silence_are_cut_off() {
    on(Stack::Listen, |stack| async move {
        const TIMEOUT: Duration = Duration::from_millis(300);
        let rig = Rig::watched(stack, plain(Limits::default().handshake_timeout(TIMEOUT))).await;
        let silent = async {
            let mut stream = rig.stream().await;
            ends_in_time(&mut stream, Stopwatch::start(), TIMEOUT).await;
        };
        let dripping = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            for byte in Ask::good().bytes().chunks(1) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if watch.elapsed() > Duration::from_secs(8) || stream.write_all(byte).await.is_err() {
                    break;
                }
                rig.unnoticed().await;
            }
            watch.within(Duration::from_millis(1200));
            ends_in_time(&mut stream, watch, TIMEOUT).await;
        };
        let all_but_the_end = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            let bytes = Ask::good().bytes();
            assert!(http(&mut stream, &bytes[..bytes.len() - 1]).await.is_none_or(|answer| answer.status == 408));
            ends_in_time(&mut stream, watch, TIMEOUT).await;
        };
        let idle_after_a_request = async {
            let mut stream = rig.stream().await;
            let answer = http(&mut stream, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            assert_eq!(answer.status, 404);
            ends_in_time(&mut stream, Stopwatch::start(), TIMEOUT).await;
        };
        let body_that_never_comes = async {
            let mut stream = rig.stream().await;
            let ask = Ask::good().line("POST /ws HTTP/1.1").add("Content-Length", "1000");
            assert_eq!(http(&mut stream, &ask.bytes()).await.unwrap().status, 405);
            read_to_end(&mut stream, Duration::from_secs(2)).await;
        };
        tokio::join!(silent, dripping, all_but_the_end, idle_after_a_request, body_that_never_comes);
        // The time is that of the handshake alone: who is connected already does not notice.
        rig.expect_empty().await;
    });
}

/// The time is that of everything up to the head's end, whenever it begins. Whoever has asked once has time again.
#[test]
fn a13_a_head_that_begins_late_has_what_is_left() {
    on(Stack::Listen, |stack| async move {
        const TIMEOUT: Duration = Duration::from_secs(3);
        let rig = Rig::watched(stack, plain(Limits::default().handshake_timeout(TIMEOUT))).await;
        let part = async {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::start();
            tokio::time::sleep(TIMEOUT * 6 / 10).await;
            let bytes = Ask::good().bytes();
            stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
            read_to_end(&mut stream, TIMEOUT * 2).await;
            assert!(watch.elapsed() >= TIMEOUT * 9 / 10, "{:?}", watch.elapsed());
            watch.within(TIMEOUT * 14 / 10);
        };
        let whole = async {
            let mut stream = rig.stream().await;
            for _ in 0..2 {
                tokio::time::sleep(TIMEOUT * 6 / 10).await;
                let answer = http(&mut stream, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
                assert_eq!(answer.status, 404);
            }
        };
        tokio::join!(part, whole);
        rig.expect_empty().await;
    });
}

async fn ends_in_time(stream: &mut Box<dyn Stream>, watch: Stopwatch, timeout: Duration) {
    let rest = read_to_end(stream, Duration::from_secs(10)).await;
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    assert!(watch.elapsed() > timeout - Duration::from_millis(20), "{:?}", watch.elapsed());
    watch.within(timeout * 4);
}

#[test]
fn a14_frames_behind_the_head_are_handled() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default().linger(Duration::from_millis(100)))).await;
        let mut behind = masked(0x81, br#"{"event":"echo","data":"one"}"#, [1, 2, 3, 4]);
        behind.extend(masked(0x89, b"p", [1, 2, 3, 4]));
        behind.extend(masked(0x01, br#"{"event":"echo","#, [1, 2, 3, 4]));
        behind.extend(masked(0x80, br#""data":"two"}"#, [1, 2, 3, 4]));
        let head = rig.connect_early("/ws", &[], 0).await;
        drop(head);
        let head = switchboard_rig::upgrade_request("/ws").len();
        let step = if stack == Stack::Memory { 1 } else { 9 };
        for cut in (head - 3..head + behind.len() + 1).step_by(step).chain([0, usize::MAX]) {
            let mut peer = rig.connect_early("/ws", &behind, cut).await;
            let mut got = [peer.recv().await, peer.recv().await, peer.recv().await];
            // A pong goes in front of what waits.
            got.sort_by_key(|got| matches!(got, Got::Text(_)));
            assert_eq!(got[0], Got::Pong(b"p".to_vec()), "cut at {cut}");
            assert_eq!(got[1], Got::Text(r#"{"event":"echo","data":"one"}"#.into()), "cut at {cut}");
            assert_eq!(got[2], Got::Text(r#"{"event":"echo","data":"two"}"#.into()), "cut at {cut}");
            rig.unnoticed().await;
        }
        // Under the same limits as any other data.
        let mut peer = rig.connect_early("/ws", &[0x81, 0x01, b'x'], usize::MAX).await;
        assert_eq!(peer.recv_close().await, (1002, "unmasked_frame".into()));
        rig.unnoticed().await;
        let long = masked(0x82, &[0; 65537], [0; 4]);
        let mut peer = rig.connect_early("/ws", &long[..100], usize::MAX).await;
        assert_eq!(peer.recv_close().await, (1009, "frame_too_big".into()));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a22_tls_on_a_plain_port() {
    // A ClientHello as openssl begins it: a record of 200 bytes, a handshake message of 196.
    let mut hello = vec![0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    hello.extend(7..7 + 194);
    each_stack(|stack| {
        let hello = hello.clone();
        async move {
            let rig = Rig::watched(stack, plain(Limits::default())).await;
            for len in [1, 5, hello.len()] {
                refused_or_cut(&rig, &hello[..len]).await;
            }
            rig.expect_empty().await;
        }
    });
}

#[test]
fn a27_http2_is_off() {
    each_stack(|stack| async move {
        let rig = Rig::watched(stack, plain(Limits::default())).await;
        // With prior knowledge: the preface, SETTINGS, and HEADERS of an extended CONNECT (RFC 8441) with no such `:protocol`.
        let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let fields = b"\x02\x07CONNECT\x00\x09:protocol\x06canary\x86\x04\x03/ws\x01\x0ctest.example";
        preface.extend([0, 0, fields.len() as u8, 1, 4, 0, 0, 0, 1]);
        preface.extend(fields);
        for len in [18, 24, preface.len()] {
            if len < 24 && stack == Stack::Axum {
                // `axum::serve` waits for the rest of a preface, as it does for that of any head.
                continue;
            }
            let mut stream = rig.stream().await;
            // It may be closed before all is written.
            let _ = stream.write_all(&preface[..len]).await;
            let answer = read_to_end(&mut stream, Duration::from_secs(2)).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
            rig.unnoticed().await;
        }
        let settings = |upgrade: &str| {
            let ask = Ask::good().set("Connection", "Upgrade, HTTP2-Settings").set("Upgrade", upgrade);
            ask.add("HTTP2-Settings", "AAMAAABkAAQAAP__")
        };
        let answer = refused(&rig, settings("h2c"), 426, "no_upgrade").await;
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        let bare = settings("h2c").without("Sec-WebSocket-Key").without("Sec-WebSocket-Version");
        refused(&rig, bare, 426, "no_upgrade").await;
        let elsewhere = rig.http(&settings("h2c").line("GET /nowhere HTTP/1.1").bytes()).await.unwrap();
        assert_eq!(elsewhere.status, 404);
        assert_eq!(accepted(&rig, settings("h2c, websocket")).await.header("upgrade"), Some("websocket"));
        rig.expect_empty().await;
    });
}
