//! R02: connections come and go, and the process is as it was.
use crate::child::Server;
use crate::witness::Witness;
use crate::{run, turn};
use std::time::Duration;
use switchboard_rig::Got;

const CYCLES: usize = 10;
const CONNECTIONS: usize = 2000;
const AT_ONCE: usize = 20;
/// The witness is in one.
const ROOMS: usize = 3 * 50;

#[test]
fn r02_ten_cycles_of_two_thousand_leave_the_process_as_it_was() {
    let _turn = turn();
    run(Duration::from_secs(100), async || {
        let mut server = Server::start("default");
        let witness = Witness::new(&server);
        let before = witness.watch(Duration::from_millis(500)).await;
        let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
        for cycle in 0..CYCLES {
            let mut peers = Vec::with_capacity(CONNECTIONS);
            while peers.len() < CONNECTIONS {
                let opened = (peers.len()..peers.len() + AT_ONCE).map(async |at| {
                    let mut peer = server.connect("/ws").await;
                    let rooms = [0, 50, 100].map(|first| format!("\"room {}\"", first + at % 50)).join(",");
                    peer.send(&format!(r#"{{"event":"join","data":[{rooms}]}}"#)).await;
                    peer
                });
                peers.extend(futures_util::future::join_all(opened).await);
            }
            for peer in &mut peers {
                assert_eq!(peer.recv().await, Got::Text(r#"{"event":"join","data":null}"#.into()));
            }
            let numbers = server.numbers();
            let full = [CONNECTIONS + 1, ROOMS + 1, 3 * CONNECTIONS + 1].map(|count| count as u64);
            assert_eq!([numbers.connections, numbers.rooms, numbers.memberships], full, "cycle {cycle}");
            // Half of them close, half of them vanish.
            for peer in peers.iter_mut().step_by(2) {
                peer.close(1000).await;
            }
            drop(peers);
            server.until(Duration::from_secs(5), |numbers| numbers.left()[..3] == [1, 1, 1]).await;
            memory.push(server.memory());
            descriptors.push(server.descriptors());
        }
        eprintln!(
            "    KiB: {:?}; descriptors: {descriptors:?}",
            memory.iter().map(|rss| rss >> 10).collect::<Vec<_>>()
        );
        // A twentieth of so small a process is little more than the allocator's own coming and going.
        let most = memory[1] as f64 * 1.05 + f64::from(256 << 10);
        assert!(memory[CYCLES - 1] as f64 <= most, "{memory:?}");
        assert!(descriptors[CYCLES - 1] <= descriptors[0] + 2, "{descriptors:?}");
        witness.beside().await.not_much_worse_than(&before, 20);
        witness.end();
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    });
}
