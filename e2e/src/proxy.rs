//! nginx or HAProxy in front of servers, as most deployments have it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::build_dir;
use crate::process::Process;

/// How long a proxy may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running proxy. It is killed when this is dropped.
pub struct Proxy {
    addr: SocketAddr,
    folder: PathBuf,
    process: Process,
}

impl Proxy {
    /// Starts nginx on a free port of 127.0.0.1. It passes everything on to one server.
    ///
    /// # Panics
    ///
    /// If it is not installed, or does not listen within 10 seconds.
    #[track_caller]
    pub fn start(upstream: SocketAddr) -> Proxy {
        let addr = free();
        Proxy::nginx(addr, &configuration(addr, upstream))
    }

    /// Starts nginx with this content of its `http` block, which says that it listens on `addr`.
    ///
    /// # Panics
    ///
    /// As [`start`](Proxy::start).
    #[track_caller]
    pub fn nginx(addr: SocketAddr, http: &str) -> Proxy {
        Proxy::run(addr, "exec nginx -e stderr -p . -c proxy.conf", &nginx_file(http))
    }

    /// Starts HAProxy with this configuration, which says that it listens on `addr`.
    ///
    /// # Panics
    ///
    /// As [`start`](Proxy::start).
    #[track_caller]
    pub fn haproxy(addr: SocketAddr, configuration: &str) -> Proxy {
        Proxy::run(addr, "exec haproxy -db -f proxy.conf", configuration)
    }

    #[track_caller]
    fn run(addr: SocketAddr, command: &str, file: &str) -> Proxy {
        let folder = folder(file);
        let mut process = Process::spawn(&mut shell(command, &folder)).expect("a shell");
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            let ended = !process.is_running() || began.elapsed() > START_LIMIT;
            let said = process.stderr.text();
            assert!(!ended, "it does not listen (`cargo xtask test tools` installs it): {command}\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Proxy { addr, folder, process }
    }

    /// Has nginx check this content of its `http` block.
    ///
    /// # Panics
    ///
    /// If nginx is not installed, or finds a mistake.
    #[track_caller]
    pub fn check_nginx(http: &str) {
        check("nginx -t -e stderr -p . -c proxy.conf", &nginx_file(http));
    }

    /// Has HAProxy check this configuration.
    ///
    /// # Panics
    ///
    /// If HAProxy is not installed, or finds a mistake, or something to warn of.
    #[track_caller]
    pub fn check_haproxy(configuration: &str) {
        check("haproxy -c -dW -f proxy.conf", configuration);
    }

    /// `http://IP:PORT` and a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.process.stop();
        if std::thread::panicking() {
            eprintln!("-- what the proxy logged\n{}", self.process.stderr.text());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// A free address of 127.0.0.1: a proxy cannot be asked for any free port.
///
/// # Panics
///
/// If there is none.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port")
}

/// A folder of its own, with the configuration in it.
fn folder(file: &str) -> PathBuf {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let folder = build_dir().0.join(format!("proxy-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the target directory");
    std::fs::write(folder.join("proxy.conf"), file).expect("its configuration");
    folder
}

/// Debian has proxies in /usr/sbin, which is not on everybody's PATH.
fn shell(command: &str, folder: &Path) -> Command {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path);
    shell
}

#[track_caller]
fn check(command: &str, file: &str) {
    let folder = folder(file);
    let output = shell(command, &folder).output().expect("a shell");
    let _ = std::fs::remove_dir_all(&folder);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{said}\n(`cargo xtask test tools` installs it)");
}

/// A file of nginx with this content of its `http` block.
fn nginx_file(http: &str) -> String {
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path temp-{name};\n"))
        .concat();
    format!(
        "daemon off;
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
{folders}{http}
}}
"
    )
}

/// As nginx's own documentation has it for WebSockets; the host stays, because pages are held to it.
fn configuration(addr: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
server {{
    listen {addr};
    location / {{
        proxy_pass http://{upstream};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }}
}}
"
    )
}
