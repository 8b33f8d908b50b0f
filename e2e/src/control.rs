//! [`Control`]: a server that a script stops and starts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Server;

/// A port of 127.0.0.1 on which a script orders, a line each: `term`, `wait`, `start`. Each is answered when it is done.
///
/// The server lives until this is dropped.
#[derive(Debug)]
pub struct Control {
    port: String,
    // The thread below has only a weak one, so that the server ends with the test.
    _server: Arc<Mutex<Server>>,
}

impl Control {
    /// Takes orders for a server.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn serve(server: Server) -> Control {
        let server = Arc::new(Mutex::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let ordered = Arc::downgrade(&server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(server) = ordered.upgrade() else { return };
                obey(&mut server.lock().unwrap_or_else(PoisonError::into_inner), stream);
            }
        });
        Control { port: port.to_string(), _server: server }
    }

    /// The number of the port, as the scripts expect it in `CONTROL`.
    pub fn port(&self) -> &str {
        &self.port
    }
}

fn obey(server: &mut Server, stream: TcpStream) {
    let mut order = String::new();
    BufReader::new(&stream).read_line(&mut order).expect("a line");
    let answer = match order.trim_end() {
        "term" => {
            server.send_sigterm();
            "ok".to_owned()
        }
        "wait" => server.wait(Duration::from_secs(10)).to_string(),
        "start" => {
            server.restart();
            "ok".to_owned()
        }
        other => format!("no such order: {other}"),
    };
    writeln!(&stream, "{answer}").expect("the script reads the answer");
}
