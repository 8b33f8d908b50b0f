//! R33: a limit of memory is a limit.
use crate::child::Server;
use crate::witness::Witness;
use crate::{ms, run, turn};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use switchboard_rig::{Got, RawClient, masked};
use tokio::task::JoinSet;

const MIB: usize = 1 << 20;
/// What the process may have: of its memory where control groups are ours, else of its addresses.
const LIMIT: usize = 64 * MIB;
const ADDRESSES: usize = 320 * MIB;

/// A control group with a limit of memory, which goes with this value. `None`: this process may not make one.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Group> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("switchboard-fire-{}", std::process::id());
        for line in own.lines() {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?.trim_start_matches('/'));
            let (root, limit) = match controllers {
                "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                "" => ("/sys/fs/cgroup", "memory.max"),
                _ => continue,
            };
            let group = Group(Path::new(root).join(path).join(&name));
            if std::fs::create_dir(&group.0).is_ok() && std::fs::write(group.0.join(limit), LIMIT.to_string()).is_ok() {
                return Some(group);
            }
        }
        None
    }

    fn words(&self) -> [String; 4] {
        let script = format!("echo $$ > '{}/cgroup.procs' && exec \"$@\"", self.0.display());
        ["sh".into(), "-c".into(), script, "sh".into()]
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its process may take a moment to be gone.
        for _ in 0..200 {
            if std::fs::remove_dir(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(ms(10));
        }
    }
}

/// R11 and R12 at once: readers that never read what they are sent and what they ask for, and writers at full speed.
#[test]
fn r33_readers_that_never_read_and_floods_in_a_limit_of_memory() {
    let _turn = turn();
    let group = Group::new();
    let words = match &group {
        Some(group) => group.words(),
        None => {
            eprintln!("NO CONTROL GROUP CAN BE MADE HERE: `ulimit -v` limits addresses instead of memory");
            let script = format!("ulimit -v {} && exec \"$@\"", ADDRESSES >> 10);
            ["sh".into(), "-c".into(), script, "sh".into()]
        }
    };
    let test = async || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut server = Server::start_below("slow", &words);
        let witness = Witness::new(&server);
        let before = witness.watch(ms(700)).await;
        let mut publisher = server.connect("/ws").await;
        let mut attackers = JoinSet::new();
        let mut silent: Vec<RawClient> = Vec::new();
        for _ in 0..60 {
            let mut peer = server.connect_narrow("/ws").await;
            peer.send(r#"{"event":"join","data":["all"]}"#).await;
            assert_eq!(peer.recv().await, Got::Text(r#"{"event":"join","data":null}"#.into()));
            silent.push(peer);
        }
        // All of them come first: while the memory is full, who comes is refused.
        let (mut asking, mut unfinished) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            asking.push(server.connect_narrow("/ws").await);
        }
        for _ in 0..120 {
            unfinished.push(server.connect("/raw").await);
        }
        // Fragments of messages that never end.
        let part = masked(0x02, &[7; 60 << 10], [1, 2, 3, 4]);
        for peer in unfinished.iter_mut().take(80) {
            peer.flood(&part, ms(500)).await;
        }
        // Of large replies that nobody reads, each client has its own.
        let large = format!(r#"{{"event":"echo","data":"{}"}}"#, "y".repeat(60 << 10));
        let large = masked(0x81, large.as_bytes(), [1, 2, 3, 4]);
        for mut peer in asking {
            let bytes = large.repeat(200);
            attackers.spawn_local(async move { while peer.flood(&bytes, ms(4000)).await == bytes.len() {} });
        }
        publisher.send(r#"{"event":"pour","data":{"room":"all","count":600,"every_us":5000,"size":16384}}"#).await;
        let began = Instant::now();
        let mut later = unfinished.iter_mut().skip(80);
        while began.elapsed() < ms(4000) {
            server.expect_well();
            witness.expect_well();
            if let Some(peer) = later.next() {
                peer.flood(&part, ms(50)).await;
            }
            tokio::time::sleep(ms(50)).await;
        }
        let beside = witness.beside().await;
        let most = server.most_memory() as usize;
        eprintln!("    {} MiB at most, limited: {}", most >> 20, group.is_some());
        assert!(most <= LIMIT, "{most}");
        beside.not_much_worse_than(&before, 20);
        attackers.shutdown().await;
        drop((silent, unfinished, publisher));
        // It recovers.
        let quiet = |numbers: &crate::child::Numbers| numbers.connections == 1 && numbers.queued_bytes < 1000;
        server.until(Duration::from_secs(10), quiet).await;
        witness.watch(ms(700)).await.not_much_worse_than(&before, 10);
        witness.end();
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
    };
    run(Duration::from_secs(60), test);
}
