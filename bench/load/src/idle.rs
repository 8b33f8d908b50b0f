//! Memory of connections that do nothing.

use std::thread::sleep;
use std::time::Duration;

use crate::dialect::{Dialect, Exchange};
use crate::open::{Door, exchange_all, exchange_fixed};
use crate::options::Options;
use crate::poller::Poller;
use crate::{Result, process, report, tag};

/// For garbage collectors, and what a server does a moment later.
const SETTLE: Duration = Duration::from_millis(1500);

/// Memory with no connections, and with all of them open, after an echo and a join on each.
pub(crate) fn run(options: &Options) -> Result<()> {
    let pid = options.pid.ok_or("idle needs --pid")?;
    let before = process::private_memory(pid)?;
    let Exchange { mut request, answer, .. } = options.dialect.echo(&options.text, 1);
    let door = Door::new(options, b'e', answer.length());
    let mut poller = Poller::new()?;
    let mut conns = door.open_all(&mut poller, options.connections)?;
    exchange_all(
        &mut conns,
        &mut poller,
        |conn, poller| {
            let tag = tag::encode(conn.key as u8, conn.key as u32);
            conn.send(poller, request.tagged(1, || tag))
        },
        |key, bytes| match answer.tag_of(bytes) {
            Some(tag) if tag == tag::encode(key as u8, key as u32) => Ok(answer.length()),
            Some(_) => Err(format!("connection {key} was answered what another one sent")),
            None => Ok(0),
        },
    )?;
    if options.dialect != Dialect::Raw {
        exchange_fixed(&mut conns, &mut poller, &options.dialect.join())?;
    }
    sleep(SETTLE);
    let after = process::private_memory(pid)?;
    report("bytes_per_connection", after.saturating_sub(before) as f64 / conns.len() as f64);
    Ok(())
}
