//! R11: some of a room never read.
use crate::child::Server;
use crate::figures::{self, figure};
use crate::victim::now_us;
use crate::witness::{Times, Witness};
use crate::{MIB, ms, over, run, turn};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use switchboard_rig::RawClient;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(60);

/// The members of a room, who all read.
struct Members {
    late: Rc<RefCell<Vec<Duration>>>,
    tasks: JoinSet<()>,
    heard: Rc<Cell<usize>>,
}

impl Members {
    /// Each of them expects so many drops, so many times: all of them, and in order.
    fn listen(peers: Vec<RawClient>, drops: u64, times: usize) -> Members {
        let mut members = Members { late: Rc::default(), tasks: JoinSet::new(), heard: Rc::default() };
        for mut peer in peers {
            let (late, heard) = (members.late.clone(), members.heard.clone());
            members.tasks.spawn_local(async move {
                for n in (0..times).flat_map(|_| 0..drops) {
                    let text = peer.recv_text().await;
                    let (number, at_us) = dropped(&text).unwrap_or_else(|| panic!("{text}"));
                    assert_eq!(number, n, "a drop is lost, or out of order");
                    late.borrow_mut().push(Duration::from_micros(now_us().saturating_sub(at_us)));
                    heard.set(heard.get() + 1);
                }
                // Nobody leaves before all have heard all.
                std::future::pending::<()>().await;
            });
        }
        members
    }

    /// Waits until there were so many in all; how late they were since the last time.
    async fn heard(&mut self, count: usize) -> Times {
        while self.heard.get() < count {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => ended.unwrap(),
                () = tokio::time::sleep(ms(10)) => {}
            }
        }
        Times::new(self.late.take())
    }
}

/// The number of a drop and when it was sent, without a parser: there are many.
fn dropped(text: &str) -> Option<(u64, u64)> {
    let (n, rest) = text.strip_prefix(r#"{"event":"drop","data":{"n":"#)?.split_once(r#","at_us":"#)?;
    Some((n.parse().ok()?, rest.split_once(',')?.0.parse().ok()?))
}

async fn join(peer: &mut RawClient, rooms: &str) {
    assert_eq!(peer.request(&format!(r#"{{"event":"join","data":{rooms}}}"#)).await, r#"{"event":"join","data":null}"#);
}

fn pour(room: &str, count: u64, every: Duration, size: usize) -> String {
    let every = every.as_micros();
    format!(r#"{{"event":"pour","data":{{"room":"{room}","count":{count},"every_us":{every},"size":{size}}}}}"#)
}

/// R11: some of a room of 1,000 never read.
async fn never_read(stopped: usize) {
    const MEMBERS: usize = 1000;
    const DROPS: u64 = 40;
    const EVERY: Duration = ms(60);
    // By default it takes ten seconds until nobody waits any longer.
    let mut server = Server::start(if figures::are_wanted() { "default" } else { "slow" });
    let witness = Witness::new(&server);
    let mut publisher = server.connect("/ws").await;
    let mut peers = Vec::new();
    for _ in 0..MEMBERS {
        let mut peer = server.connect("/ws").await;
        join(&mut peer, r#"["all"]"#).await;
        peers.push(peer);
    }
    let mut members = Members::listen(peers, DROPS, 3);
    witness.times();
    publisher.send(&pour("all", DROPS, EVERY, 1024)).await;
    let mut before = members.heard(MEMBERS * DROPS as usize).await;
    let (witness_before, memory) = (witness.times(), server.memory());

    let mut silent = Vec::new();
    for _ in 0..stopped {
        let mut peer = server.connect_narrow("/ws").await;
        join(&mut peer, r#"["all","stopped"]"#).await;
        silent.push(peer);
    }
    witness.times();
    let began = Instant::now();
    // More than a socket takes.
    publisher.send(&pour("stopped", 12, ms(5), 64 << 10)).await;
    // They stand still now; to fill their sockets was work for everybody.
    tokio::time::sleep(ms(300)).await;
    publisher.send(&pour("all", DROPS, EVERY, 1024)).await;
    // Nothing else is asked meanwhile: the members are read by this thread.
    let beside = members.heard(2 * MEMBERS * DROPS as usize).await;
    let slow = server.until(Duration::from_secs(15), |numbers| numbers.slow_consumers == stopped as u64).await;
    let elapsed = began.elapsed();
    let witness_beside = witness.beside().await;
    let grown = server.most_memory() - memory;
    // Once more without them, so that what the machine does meanwhile is on both sides.
    publisher.send(&pour("all", DROPS, EVERY, 1024)).await;
    before.add(members.heard(3 * MEMBERS * DROPS as usize).await);
    eprintln!("    {stopped} stopped: closed within {elapsed:?}, {} KiB more", grown >> 10);
    let silent_ones = format!("{stopped} of 1,000 never read");
    figures::beside("R11", &format!("all others, {silent_ones}"), "without them", &before, &beside, 1.2);
    figure("R11", &format!("{silent_ones}: time to their close"), elapsed.as_secs_f64(), "s", 15.0);
    if stopped > 1 {
        let allowed = stopped as f64 * (MIB + (128 << 10)) as f64;
        figure("R11", &format!("{silent_ones}: memory, of what may wait for them"), grown as f64 / allowed, "×", 1.1);
    }
    assert!(slow.dropped > 0 || slow.queued_bytes == 0, "{slow:?}");
    // The queue of each and what its socket may hold, a tenth more, and what is there anyway.
    assert!(grown <= stopped as i64 * (MIB + (256 << 10)) * 11 / 10 + 4 * MIB, "{grown} bytes more");
    beside.not_much_worse_than(&before, 5);
    witness_beside.not_much_worse_than(&witness_before, 10);
    // The publisher, the witness and the members.
    server.left_with(2 + MEMBERS as u64).await;
    assert_eq!(server.numbers().slow_consumers, stopped as u64, "nobody else");
    server.expect_well();
    drop((members, silent, publisher));
    over(server, witness).await;
}

#[test]
fn r11_one_reader_that_never_reads_beside_a_thousand_that_do() {
    let _turn = turn();
    run(PATIENCE, || never_read(1));
}

#[test]
fn r11_fifty_readers_that_never_read_beside_a_thousand_that_do() {
    let _turn = turn();
    run(PATIENCE, || never_read(50));
}
