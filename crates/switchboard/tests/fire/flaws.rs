//! What went wrong elsewhere: the rows of `docs/limits.md`, "Past flaws", that no other test shows.
use crate::child::Server;
use crate::seed::Rng;
use crate::victim::WELL;
use crate::{MASK, ms, run, turn, victim};
use std::time::{Duration, Instant};
use switchboard::close::CloseCode;
use switchboard::{App, Gateway, Limits, Socket};
use switchboard_rig::{RawClient, Rig, Stream, each_stack, http, masked, read_to_end, settle};
use tokio::io::AsyncWriteExt;

const PATIENCE: Duration = Duration::from_secs(60);

fn text(text: &str) -> Vec<u8> {
    masked(0x81, text.as_bytes(), MASK)
}

/// CVE-2024-37890: a header that is needed, behind more than are read.
#[test]
fn headers_that_are_needed_behind_the_two_thousandth() {
    let _turn = turn();
    each_stack(|stack| async move {
        let rig = Rig::start(stack, victim::app(victim::limits("default"))).await;
        let mut healthy = rig.connect().await;
        for many in [65, 200, 2000] {
            let mut head = String::from("GET /ws HTTP/1.1\r\nHost: test.example\r\nConnection: Upgrade\r\n");
            (0..many).for_each(|_| head += "X:1\r\n");
            head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            let answer = http(&mut rig.stream().await, head.as_bytes()).await.expect("an answer");
            assert_eq!(answer.status, 431, "{many} on {stack:?}");
        }
        assert_eq!(healthy.request(WELL).await, WELL);
    });
}

/// CVE-2026-45736: memory of somebody else in the reason of a close frame.
#[test]
fn a_close_reason_holds_what_was_given_and_nothing_else() {
    struct Closes;
    impl Closes {
        async fn run(&self, mut socket: Socket) {
            if let Some(switchboard::raw::Message::Text(reason)) = socket.recv().await {
                socket.close(CloseCode::new(4321).unwrap(), &reason);
            }
            std::future::pending::<()>().await;
        }
    }
    let _turn = turn();
    let mut rng = Rng::new();
    let reasons: Vec<String> = (0..300)
        .map(|at| {
            let letters = ['a', 'é', '€', '𝄞', '\0', '"'];
            (0..at % 150).map(|_| *rng.pick(&letters)).collect()
        })
        .collect();
    each_stack(|stack| {
        let reasons = reasons.clone();
        async move {
            let limits = Limits::default().linger(ms(100));
            let rig =
                Rig::start(stack, App::new().limits(limits).gateway("/ws", Gateway::new(Closes).raw(Closes::run)));
            let rig = rig.await;
            for reason in reasons {
                let mut peer = rig.connect().await;
                peer.send(&reason).await;
                let kept = &reason[..reason.floor_char_boundary(123)];
                assert_eq!(peer.recv_close().await, (4321, kept.to_owned()), "{stack:?}");
            }
        }
    });
}

/// GHSA-3wwx-pv8p-q78v: a second failure behind the first one, which nobody was there to hear.
#[test]
fn a_failure_is_the_last_word() {
    let _turn = turn();
    each_stack(|stack| async move {
        let rig = Rig::start(stack, victim::app(victim::limits("hasty"))).await;
        let mut healthy = rig.connect().await;
        let too_big = [&[0x81, 0xFF][..], &(1u64 << 20).to_be_bytes(), &MASK].concat();
        let failures = [too_big, vec![0x81, 1, b'x'], masked(0x81, b"\xff", MASK), masked(0x83, b"", MASK)];
        for first in &failures {
            for second in &failures {
                for apart in [false, true] {
                    let mut peer = rig.connect().await;
                    peer.flood(first, ms(100)).await;
                    if apart {
                        settle().await;
                    }
                    peer.flood(second, ms(100)).await;
                    peer.flood(&text(WELL), ms(100)).await;
                    assert!([1002, 1007, 1009].contains(&peer.recv_close().await.0));
                    peer.expect_end().await;
                }
            }
        }
        assert_eq!(healthy.request(WELL).await, WELL);
        drop(healthy);
        rig.expect_empty().await;
    });
}

/// CVE-2026-33219: what is sent before anybody said who they are is kept without a bound.
#[test]
fn what_comes_before_on_connect_has_ended_is_bounded() {
    const FLOODS: i64 = 12;
    let _turn = turn();
    run(PATIENCE, async || {
        let mut server = Server::start("default");
        let memory = server.memory();
        let message = format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(8 << 10));
        let bytes = text(&message).repeat(4000);
        let began = Instant::now();
        let mut peers = Vec::new();
        for _ in 0..FLOODS {
            let mut peer = server.connect_narrow("/joining-waits").await;
            let taken = peer.flood(&bytes, ms(60)).await;
            // The rest stands in the sockets, which the kernel bounds.
            assert!(taken < bytes.len(), "all of {} bytes", bytes.len());
            peers.push(peer);
        }
        let grown = server.most_memory() - memory;
        assert!(began.elapsed() < ms(2900), "the hook has ended: {:?}", began.elapsed());
        eprintln!("    {} KiB more for {FLOODS} floods before the hook has ended", grown >> 10);
        // 256 KiB wait for each, and what was read last.
        assert!(grown <= FLOODS * (512 << 10), "{grown} bytes more");
        assert_eq!(peers[0].recv_text().await, message);
        drop(peers);
        server.until(Duration::from_secs(10), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    });
}

/// What shows a limit: bytes to send, and what must come back.
type Shows = (&'static str, Limits, Vec<u8>, Comes);

enum Comes {
    Close(u16),
    Code(&'static str),
}

/// CVE-2026-44545: limits that were there, and never passed on.
#[test]
fn every_limit_holds_on_every_path_from_the_application_and_from_the_gateway() {
    fn rows() -> Vec<Shows> {
        let base = || Limits::default().linger(ms(50));
        let ping = masked(0x89, b"", MASK);
        let fragments = [masked(0x01, b"{", MASK), masked(0x00, b" ", MASK), masked(0x80, b"}", MASK)].concat();
        let big = format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "x".repeat(500));
        let wait = text(r#"{"event":"forever","id":1}"#);
        let join = text(r#"{"event":"join","data":["1","2","3"],"id":1}"#);
        vec![
            ("max_message", base().max_message(400), text(&big), Comes::Close(1009)),
            ("max_fragments", base().max_fragments(2), fragments, Comes::Close(1008)),
            ("partial_timeout", base().partial_timeout(ms(80)), text(&big)[..40].to_vec(), Comes::Close(1008)),
            ("pings_per_second", base().pings_per_second(3), ping.repeat(10), Comes::Close(1008)),
            ("malformed_per_10s", base().malformed_per_10s(2), text("{").repeat(4), Comes::Close(4507)),
            ("handler_timeout", base().handler_timeout(ms(80)), wait, Comes::Code("timeout")),
            ("max_message_out", base().max_message_out(300), text(&big), Comes::Code("internal")),
            ("rooms", base().rooms(2), join, Comes::Code("rate_limited")),
            ("ping_timeout", base().ping_interval(ms(40)).ping_timeout(ms(40)), Vec::new(), Comes::Close(4002)),
            ("idle_timeout", base().idle_timeout(Some(ms(80))), Vec::new(), Comes::Close(1001)),
            ("max_lifetime", base().max_lifetime(Some(ms(80))), Vec::new(), Comes::Close(1001)),
        ]
    }
    let _turn = turn();
    each_stack(|stack| async move {
        for (of_gateway, joined) in [(false, true), (true, true), (true, false)] {
            for (name, limits, bytes, comes) in rows() {
                let app = App::new();
                let mut gateway = victim::gateway(app.server());
                if !joined {
                    // What a handler, or the decoder, would have to say waits for the hook.
                    if matches!(comes, Comes::Code(_)) || name == "malformed_per_10s" {
                        continue;
                    }
                    gateway = gateway.on_connect(async |_: &victim::Victim| std::future::pending::<()>().await);
                }
                let app = match of_gateway {
                    true => app.gateway("/ws", gateway.limits(limits.gateway)),
                    false => app.limits(limits).gateway("/ws", gateway),
                };
                let rig = Rig::start(stack, app).await;
                let mut peer = rig.connect().await;
                peer.send_bytes(&bytes).await;
                let what = format!("{name} on {stack:?}, of the gateway: {of_gateway}, the hook has ended: {joined}");
                match comes {
                    Comes::Close(code) => assert_eq!(peer.skip_until_close().await, code, "{what}"),
                    Comes::Code(code) => {
                        let answer = peer.recv_text().await;
                        assert!(answer.contains(&format!(r#""code":"{code}""#)), "{what}: {answer}");
                    }
                }
            }
        }
    });
}

/// CVE-2023-43669: a head is read from its beginning for each byte of it.
#[test]
fn a_head_that_comes_byte_by_byte_costs_what_its_bytes_cost() {
    let _turn = turn();
    run(PATIENCE, async || {
        let mut server = Server::start("default");
        let mut costs = Vec::new();
        for size in [4000, 16_000] {
            let value = "x".repeat(size / 2 - 100);
            let head = format!("GET /ws HTTP/1.1\r\nHost: test.example\r\nA: {value}\r\nB: {value}\r\n\r\n");
            let began = server.cpu_ticks();
            // The same bytes in all.
            for _ in 0..16_000 * 3 / size {
                let mut stream: Box<dyn Stream> = Box::new(server.stream().await);
                for byte in head.as_bytes() {
                    if stream.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    // Its segment is read by itself, mostly.
                    tokio::task::yield_now().await;
                }
                assert!(http(&mut stream, b"").await.is_some_and(|answer| answer.status == 426));
            }
            costs.push(server.cpu_ticks() - began);
        }
        eprintln!("    ticks of CPU for as many bytes, in heads of 4 and of 16 KB: {costs:?}");
        // Four times the length would be four times the work for each byte.
        assert!(costs[1] <= costs[0] * 2 + 10, "{costs:?}");
        server.expect_well();
    });
}

/// CVE-2020-13935: a length that is not what it should be, and a loop that has no end.
#[test]
fn a_bad_or_unfinished_length_costs_no_time() {
    let _turn = turn();
    run(PATIENCE, async || {
        let mut server = Server::start("default");
        let mut peers: Vec<RawClient> = Vec::new();
        for length in [1u64 << 63, u64::MAX, (1 << 63) - 1, 65_536, 60_000, 0] {
            for cut in [2, 5, 10, 14] {
                for kind in [0x81, 0x82, 0x01, 0x89, 0x88] {
                    let mut peer = server.connect("/ws").await;
                    let header = [&[kind, 0xFF][..], &length.to_be_bytes(), &MASK].concat();
                    peer.flood(&header[..cut], ms(100)).await;
                    peers.push(peer);
                }
            }
        }
        tokio::time::sleep(ms(200)).await;
        let began = server.cpu_ticks();
        tokio::time::sleep(ms(1000)).await;
        let cost = server.cpu_ticks() - began;
        eprintln!("    {cost} ticks of CPU in a second with {} of them", peers.len());
        assert!(cost <= 20, "{cost} ticks of a hundred");
        drop(peers);
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    });
}

/// CVE-2026-59725: what is refused leaves its response open, until there are no descriptors.
#[test]
fn five_thousand_refusals_leave_no_descriptor() {
    let _turn = turn();
    run(PATIENCE, async || {
        let mut server = Server::start("default");
        let descriptors = server.descriptors();
        let asks: [&[u8]; 4] = [
            b"POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ];
        for _ in 0..5000 / 100 {
            let refused = (0..100).map(async |at| {
                let mut stream: Box<dyn Stream> = Box::new(server.stream().await);
                let answer = http(&mut stream, asks[at % asks.len()]).await.expect("an answer");
                assert!([400, 404, 405, 426].contains(&answer.status), "{answer:?}");
                // The server ends it: nobody asks for another one here.
                read_to_end(&mut stream, Duration::from_secs(5)).await;
            });
            futures_util::future::join_all(refused).await;
        }
        server.until(Duration::from_secs(5), |_| server.descriptors() <= descriptors + 2).await;
        assert_eq!(server.connect("/ws").await.request(WELL).await, WELL);
        server.expect_well();
    });
}
