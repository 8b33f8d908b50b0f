//! Connections that are opened and reset.

use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::open::Door;
use crate::options::Options;
use crate::poller::Poller;
use crate::{Result, process, report};

pub(crate) fn run(options: &Options) -> Result<()> {
    let pid = options.pid.ok_or("handshakes needs --pid")?;
    let count = options.count.unwrap_or(10_000) as usize;
    let door = Door::new(options, b'e', 1);
    shake(&door, count / 10, options.connections)?;
    let before = process::cpu_time(pid)?;
    shake(&door, count, options.connections)?;
    let used = process::cpu_time(pid)? - before;
    report("server_us_per_handshake", used.as_secs_f64() * 1e6 / count as f64);
    Ok(())
}

fn shake(door: &Door, count: usize, at_once: usize) -> Result<()> {
    door.open(&mut Poller::new()?, count, at_once, |conn| {
        // A reset, so that no port lingers in TIME_WAIT.
        let _ = set_socket_linger(&conn.socket, Some(Duration::ZERO));
    })?;
    // The server may still be busy with the last ends.
    std::thread::sleep(Duration::from_millis(100));
    Ok(())
}
