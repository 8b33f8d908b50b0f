//! A server in a process of its own: this test binary once more, with an environment variable.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use switchboard_rig::RawClient;
use switchboard_rig::Stopwatch;

pub(crate) const PROFILE: &str = "SWITCHBOARD_FIRE_PROFILE";

/// It is killed when this is dropped, and ends by itself when this process does.
pub(crate) struct Server {
    child: Child,
    /// Its end is the child's end.
    _stdin: ChildStdin,
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<String>>,
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) connections: u64,
    pub(crate) rooms: u64,
    pub(crate) memberships: u64,
    pub(crate) queued_bytes: u64,
    pub(crate) in_flight: u64,
    pub(crate) pending_acks: u64,
    pub(crate) dropped: u64,
    pub(crate) panics: u64,
    pub(crate) slow_consumers: u64,
}

impl Numbers {
    /// What must be nothing when nobody is connected.
    pub(crate) fn left(&self) -> [u64; 6] {
        [self.connections, self.rooms, self.memberships, self.queued_bytes, self.in_flight, self.pending_acks]
    }
}

impl Server {
    /// With the limits of that name: see `victim`.
    pub(crate) fn start(profile: &str) -> Server {
        Server::start_below(profile, &[])
    }

    /// Behind other words: `sh -c 'ulimit …; exec "$@"'`.
    pub(crate) fn start_below(profile: &str, before: &[&str]) -> Server {
        let this = std::env::current_exe().unwrap();
        let this = this.to_str().unwrap();
        let words: Vec<&str> = before.iter().copied().chain([this]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["victim::a_server_of_its_own", "--exact", "--nocapture", "--test-threads=1"]);
        command.env(PROFILE, profile).env("MALLOC_ARENA_MAX", "2").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (sender, address) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The harness has begun a line of its own.
                if let Some((_, address)) = line.split_once("address ") {
                    let _ = sender.send(address.to_owned());
                }
            }
        });
        let (stderr, heard) = (child.stderr.take().unwrap(), said.clone());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                if heard.len() < 1 << 20 {
                    heard.push_str(&line);
                    heard.push('\n');
                }
            }
        });
        let stdin = child.stdin.take().unwrap();
        let Ok(address) = address.recv_timeout(Duration::from_secs(20)) else {
            let _ = child.kill();
            panic!("the server of {profile} does not start: {}", said.lock().unwrap());
        };
        Server { child, _stdin: stdin, address: address.trim().parse().unwrap(), said }
    }

    /// Measures what depends on this process and on the server.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch::with(self.child.id())
    }

    pub(crate) async fn stream(&self) -> tokio::net::TcpStream {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A stream that is soon felt when it is not read.
    pub(crate) async fn narrow_stream(&self) -> tokio::net::TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    pub(crate) async fn connect(&self, path: &str) -> RawClient {
        RawClient::connect(Box::new(self.stream().await), path).await
    }

    pub(crate) async fn connect_narrow(&self, path: &str) -> RawClient {
        RawClient::connect(Box::new(self.narrow_stream().await), path).await
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"GET /numbers HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        let mut numbers = body.split_whitespace().map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Numbers {
            connections: next(),
            rooms: next(),
            memberships: next(),
            queued_bytes: next(),
            in_flight: next(),
            pending_acks: next(),
            dropped: next(),
            panics: next(),
            slow_consumers: next(),
        }
    }

    /// Waits until the numbers say so.
    pub(crate) async fn until(&self, patience: Duration, what: impl Fn(&Numbers) -> bool) -> Numbers {
        let started = Instant::now();
        loop {
            let numbers = self.numbers();
            if what(&numbers) {
                return numbers;
            }
            assert!(started.elapsed() < patience, "not within {patience:?}: {numbers:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many are connected.
    pub(crate) async fn left_with(&self, connections: u64) -> Numbers {
        self.until(Duration::from_secs(5), |numbers| numbers.connections == connections).await
    }

    /// Bytes of memory that it has: `VmRSS`.
    pub(crate) fn memory(&self) -> i64 {
        self.status("VmRSS:")
    }

    /// Bytes of memory that it has had at most: `VmHWM`.
    pub(crate) fn most_memory(&self) -> i64 {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() << 10
    }

    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// User and system time, in clock ticks.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// What it logged (warnings and errors), and its panics.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// It runs, and nothing panicked that should not.
    pub(crate) fn expect_well(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server has ended: {}", self.said());
        let said = self.said();
        assert!(!said.contains("panicked at"), "{said}");
    }

    pub(crate) fn terminate(&self) {
        // Signals have no safe function in the standard library.
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < patience, "it still runs after {patience:?}: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = self.said();
            let tail: Vec<&str> = said.lines().rev().take(10).collect();
            eprintln!("the last words of the server, the latest first: {tail:#?}");
        }
    }
}
