//! A server in a process of its own, for limits of a process.
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use switchboard::{App, Client, Gateway, Limits, Server};
use switchboard_rig::{RawClient, Rig};

/// A server in a process of its own, which ends with this.
pub(super) struct Elsewhere {
    pub(super) child: Child,
    pub(super) rig: Rig,
    /// What it printed, until it listened.
    pub(super) said: String,
}

impl Elsewhere {
    /// Runs one of the `server_…` below, with `before` in front of it in a shell.
    pub(super) fn start(server: &str, before: &str) -> Elsewhere {
        let me = std::env::current_exe().unwrap();
        let run =
            format!("{before} exec \"$0\" --exact admission::process::{server} --ignored --nocapture --test-threads=1");
        let mut command = Command::new("sh");
        command.args(["-c", &run]).arg(me).env(ELSEWHERE, "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            said = format!("{said}{line}\n");
            Some(line.split_once("listening on ")?.1.to_owned())
        });
        let address = address.expect("it listens").parse().unwrap();
        Elsewhere { child, rig: Rig::elsewhere(address), said }
    }

    pub(super) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) const ELSEWHERE: &str = "SWITCHBOARD_TEST_SERVER";

/// Serves until the process is killed, or whoever started it is gone. Does nothing in an ordinary run of ignored tests.
pub(super) fn serve(app: App) {
    if std::env::var_os(ELSEWHERE).is_none() {
        return;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening on {}", bound.local_addr());
        std::io::stdout().flush().unwrap();
        bound.serve().await;
    });
}

struct Stubborn {
    server: Server,
    hoard: Mutex<Vec<std::fs::File>>,
}

impl Stubborn {
    async fn echo(&self, text: String) -> String {
        text
    }
    /// Opens files until there is no descriptor left.
    async fn hoard(&self) -> usize {
        let mut hoard = self.hoard.lock().unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        hoard.len()
    }
    async fn free(&self) {
        self.hoard.lock().unwrap().clear();
    }
    async fn refused(&self) -> u64 {
        self.server.stats().refused_connections
    }
    async fn evicted(&self) -> u64 {
        self.server.stats().evicted
    }
    async fn connections(&self) -> usize {
        self.server.stats().connections
    }
    async fn stop_reading(&self, client: &Client) {
        client.join("stopped").await.unwrap();
    }
    /// Sends to everyone who stopped reading, each a message of its own, until nobody of them is left. KiB that were queued.
    async fn flood(&self) -> usize {
        let mut queued = 0;
        let began = Instant::now();
        for n in 0u64.. {
            let stopped = self.server.local().clients_in("stopped");
            if stopped.is_empty() || began.elapsed() > Duration::from_secs(20) {
                break;
            }
            for client in stopped {
                queued += 4 * client.emit("n", format!("{n}{}", "x".repeat(4 << 10))).queued;
            }
            tokio::task::yield_now().await;
        }
        queued
    }
    /// The most memory that this process ever had, in KiB.
    async fn peak(&self) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

pub(super) fn stubborn(limits: Limits) -> App {
    let app = App::new();
    let gateway = Gateway::new(Stubborn { server: app.server(), hoard: Mutex::default() })
        .on("echo", Stubborn::echo)
        .on("hoard", Stubborn::hoard)
        .on("free", Stubborn::free)
        .on("refused", Stubborn::refused)
        .on("evicted", Stubborn::evicted)
        .on("connections", Stubborn::connections)
        .on("stop_reading", Stubborn::stop_reading)
        .on("flood", Stubborn::flood)
        .on("peak", Stubborn::peak);
    app.gateway("/ws", gateway).limits(limits)
}

pub(super) async fn number(peer: &mut RawClient, event: &str) -> u64 {
    let answer = peer.request(&format!(r#"{{"event":"{event}","id":1}}"#)).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["data"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}
