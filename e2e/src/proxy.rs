//! nginx in front of a server, as most deployments have it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::build_dir;
use crate::process::Process;

/// How long nginx may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running nginx that passes everything on to one server. It is killed when this is dropped.
pub struct Proxy {
    addr: SocketAddr,
    folder: PathBuf,
    process: Process,
}

impl Proxy {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If it is not installed, or does not listen within 10 seconds.
    #[track_caller]
    pub fn start(upstream: SocketAddr) -> Proxy {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = build_dir().0.join(format!("nginx-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in the target directory");
        // nginx cannot be asked for any free port.
        let addr = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        std::fs::write(folder.join("nginx.conf"), configuration(addr, upstream)).expect("its configuration");
        // Debian has it in /usr/sbin, which is not on everybody's PATH.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", "exec nginx -e stderr -p \"$0\" -c nginx.conf"]).arg(&folder).env("PATH", path);
        let mut process = Process::spawn(&mut command).expect("a shell");
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            let ended = !process.is_running() || began.elapsed() > START_LIMIT;
            assert!(!ended, "nginx does not listen (`cargo xtask test tools` installs it):\n{}", process.stderr.text());
            std::thread::sleep(Duration::from_millis(20));
        }
        Proxy { addr, folder, process }
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
            eprintln!("-- what nginx logged\n{}", self.process.stderr.text());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// As nginx's own documentation has it for WebSockets; the host stays, because pages are held to it.
fn configuration(addr: SocketAddr, upstream: SocketAddr) -> String {
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
{folders}    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
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
}}
"
    )
}
