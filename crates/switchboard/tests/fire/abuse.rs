//! Frames that cost little to send: what they may cost here, and what others notice of it.
use crate::child::Server;
use crate::figures::figure;
use crate::witness::Witness;
use crate::{MASK, MIB, ms, over, run, turn};
use std::time::{Duration, Instant};
use switchboard_rig::{Got, masked};

const PATIENCE: Duration = Duration::from_secs(60);

fn fragments(count: usize, payload: &[u8]) -> Vec<u8> {
    let middle = masked(0x00, payload, MASK);
    let mut bytes = masked(0x02, payload, MASK);
    (2..count).for_each(|_| bytes.extend_from_slice(&middle));
    bytes.extend(masked(0x80, payload, MASK));
    bytes
}

#[test]
fn r30_two_hundred_thousand_fragments_with_the_default_limit() {
    let _turn = turn();
    run(PATIENCE, async || {
        let server = Server::start("default");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        for (name, payload) in [("empty", &b""[..]), ("of a byte", b"x")] {
            let bytes = fragments(200_000, payload);
            let mut peer = server.connect("/raw").await;
            let (watch, ticks) = (server.stopwatch(), server.cpu_ticks());
            let mut sent = 0;
            let close = loop {
                // It reads on for a while, and throws away.
                sent += peer.flood(&bytes[sent..], ms(5)).await;
                if let Some(got) = peer.recv_within(ms(1)).await {
                    break got;
                }
                watch.within(ms(5000));
            };
            let elapsed = watch.elapsed().as_secs_f64();
            peer.flood(&bytes[sent..], ms(1000)).await;
            let cpu = (server.cpu_ticks() - ticks) as f64 / 100.0;
            assert_eq!(close, Got::Close(Some((1008, "too_many_fragments".into()))));
            figure("R30", &format!("200,000 fragments, {name}: time to the close"), elapsed, "s", 1.0);
            figure("R30", &format!("200,000 fragments, {name}: CPU, with that of who asks beside"), cpu, "s", 0.1);
            assert!(cpu <= 0.5, "{cpu} s of CPU");
        }
        let beside = witness.watch(ms(200)).await;
        server.left_with(1).await;
        let grown = server.memory() - memory;
        assert!(grown <= 2 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        over(server, witness).await;
    });
}

#[test]
fn r30_two_hundred_thousand_fragments_that_are_allowed() {
    let _turn = turn();
    run(PATIENCE, async || {
        let server = Server::start("patient");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        for payload in [&b""[..], b"x"] {
            let mut peer = server.connect("/raw").await;
            peer.send_bytes(&fragments(200_000, payload)).await;
            assert_eq!(peer.recv().await, Got::Binary(payload.repeat(200_000)));
            peer.close(1000).await;
            assert_eq!(peer.skip_until_close().await, 1000);
        }
        // What a fragment costs besides its bytes would be megabytes by now.
        let grown = server.most_memory() - memory;
        let beside = witness.beside().await;
        eprintln!("    {} KiB more at most", grown >> 10);
        assert!(grown <= 3 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        server.left_with(1).await;
        over(server, witness).await;
    });
}

#[test]
fn b07_memory_is_for_what_arrives_not_for_what_is_declared() {
    let _turn = turn();
    run(PATIENCE, async || {
        let declared = [&[0x82, 0xFF][..], &(256u64 << 20).to_be_bytes(), &MASK].concat();
        for (profile, is_allowed) in [("default", false), ("patient", true)] {
            let server = Server::start(profile);
            let witness = Witness::new(&server);
            let before = witness.watch(ms(400)).await;
            let memory = server.memory();
            let mut peers = Vec::new();
            for _ in 0..200 {
                let mut peer = server.connect("/ws").await;
                // Of what is declared, this much comes.
                peer.send_bytes(&[&declared[..], &[0x55; 1000]].concat()).await;
                peers.push(peer);
            }
            if !is_allowed {
                for peer in &mut peers {
                    assert_eq!(peer.recv_close().await, (1009, "frame_too_big".into()));
                }
            }
            let beside = witness.watch(ms(200)).await;
            let grown = server.most_memory() - memory;
            eprintln!("    200 × 256 MiB declared, allowed {is_allowed}: {} KiB more", grown >> 10);
            assert!(grown <= 4 * MIB, "{grown} bytes more");
            beside.not_much_worse_than(&before, 10);
            drop(peers);
            server.left_with(1).await;
            over(server, witness).await;
        }
    });
}

#[test]
fn b13_a_hundred_thousand_pings_whose_pongs_are_never_read() {
    let _turn = turn();
    run(PATIENCE, async || {
        let server = Server::start("patient");
        let witness = Witness::new(&server);
        let before = witness.watch(ms(500)).await;
        let memory = server.memory();
        let mut peer = server.connect_narrow("/ws").await;
        let pings = masked(0x89, &[b'p'; 125], MASK).repeat(100_000);
        let began = Instant::now();
        // Either all of them are taken, or the server gives up on a client that reads nothing.
        peer.flood(&pings, ms(4000)).await;
        let numbers = server.until(Duration::from_secs(8), |numbers| numbers.connections == 1).await;
        let (elapsed, grown) = (began.elapsed(), server.most_memory() - memory);
        let beside = witness.beside().await;
        eprintln!("    gone after {elapsed:?}, {} KiB more", grown >> 10);
        assert_eq!(numbers.slow_consumers, 1, "{numbers:?}");
        assert!(grown <= 2 * MIB, "{grown} bytes more");
        beside.not_much_worse_than(&before, 10);
        drop(peer);
        over(server, witness).await;
    });
}
