//! Opening many connections, and the first exchanges on them.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Result;
use crate::conn::{Conn, SCRATCH};
use crate::dialect::{Dialect, Fixed};
use crate::options::{Deflate, Options};
use crate::poller::Poller;
use crate::ws;

/// A run fails after this long without any arriving byte.
pub(crate) const STALL: Duration = Duration::from_secs(5);
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How many exchanges are in flight while connections are prepared.
const WINDOW: usize = 256;

enum Step {
    Hello,
    EngineOpen,
    NamespaceOpen,
}

struct Opening {
    conn: Conn,
    step: Step,
}

/// Where to connect, and the first bytes to send.
#[derive(Clone)]
pub(crate) struct Door {
    addr: SocketAddr,
    dialect: Dialect,
    hello: Vec<u8>,
    compresses: bool,
}

impl Door {
    /// For connections of a mode (`e`cho or `r`oom) whose messages have this length.
    pub(crate) fn new(options: &Options, mode: u8, length: usize) -> Door {
        let hello = options.dialect.hello(options.addr, mode, length);
        let compresses = options.deflate != Deflate::Off;
        Door { addr: options.addr, dialect: options.dialect, hello, compresses }
    }

    /// Opens connections, `at_once` at a time, and passes each on when its handshake has the right answer. Their keys
    /// are `0..count`.
    pub(crate) fn open(
        &self,
        poller: &mut Poller,
        count: usize,
        at_once: usize,
        mut opened: impl FnMut(Conn),
    ) -> Result<()> {
        let started = Instant::now();
        let mut scratch = vec![0; 16 << 10];
        let mut slots: Vec<Option<Opening>> = Vec::with_capacity(count);
        let (mut under_way, mut last) = (0, Instant::now());
        while slots.len() < count || under_way > 0 {
            while slots.len() < count && under_way < at_once {
                let conn = self.connect(poller, slots.len())?;
                slots.push(Some(Opening { conn, step: Step::Hello }));
                under_way += 1;
            }
            for index in 0..poller.wait(Duration::from_millis(100))? {
                last = Instant::now();
                let (key, _) = poller.ready(index);
                let Some(slot) = slots.get_mut(key) else { continue };
                let Some(opening) = slot else { continue };
                if self.advance(opening, poller, &mut scratch)? {
                    opened(slot.take().expect("it is opening").conn);
                    under_way -= 1;
                }
            }
            if last.elapsed() > STALL || started.elapsed() > TIME_LIMIT {
                return Err(format!("{under_way} handshakes were not answered in time"));
            }
        }
        Ok(())
    }

    /// Opens connections that stay, ready to be used by their keys.
    pub(crate) fn open_all(&self, poller: &mut Poller, count: usize) -> Result<Vec<Conn>> {
        let mut conns = Vec::with_capacity(count);
        self.open(poller, count, 64, |conn| conns.push(conn))?;
        conns.sort_by_key(|conn| conn.key);
        Ok(conns)
    }

    fn connect(&self, poller: &Poller, key: usize) -> Result<Conn> {
        let cannot = |why| format!("cannot connect: {why}");
        // On one machine this does not block.
        let socket = TcpStream::connect(self.addr).map_err(cannot)?;
        socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true)).map_err(cannot)?;
        poller.add(&socket, key)?;
        let mut conn = Conn::new(socket, key);
        conn.send(poller, &self.hello)?;
        Ok(conn)
    }

    /// Continues a handshake; true when the connection can be used.
    fn advance(&self, opening: &mut Opening, poller: &Poller, scratch: &mut [u8]) -> Result<bool> {
        let Opening { conn, step } = opening;
        let mut ready = false;
        let mut engine_is_open = false;
        conn.receive(poller, scratch, |bytes| match step {
            _ if ready => Ok(0),
            Step::Hello => match self.dialect.hello_answer(&self.hello, self.compresses, bytes)? {
                // The head is kept until its end has arrived.
                None => Ok(0),
                Some(length) if self.dialect == Dialect::Sio => {
                    *step = Step::EngineOpen;
                    Ok(length)
                }
                Some(length) => {
                    ready = true;
                    Ok(length)
                }
            },
            Step::EngineOpen | Step::NamespaceOpen => {
                let Some(frame) = ws::parse(bytes)? else { return Ok(0) };
                match step {
                    Step::EngineOpen if frame.payload.starts_with(b"0{") => {
                        engine_is_open = true;
                        *step = Step::NamespaceOpen;
                        Ok(frame.length)
                    }
                    Step::NamespaceOpen if frame.payload.starts_with(b"40") => {
                        ready = true;
                        Ok(frame.length)
                    }
                    _ => Ok(0),
                }
            }
        })?;
        if engine_is_open {
            conn.send(poller, &ws::client_frame(ws::TEXT, b"40"))?;
        }
        Ok(ready)
    }
}

/// One exchange on every connection: `request` returns the bytes to send on it, `expected` is as in [`Conn::receive`].
pub(crate) fn exchange_all(
    conns: &mut [Conn],
    poller: &mut Poller,
    mut request: impl FnMut(&mut Conn, &Poller) -> Result<()>,
    mut expected: impl FnMut(usize, &[u8]) -> Result<usize>,
) -> Result<()> {
    let mut scratch = vec![0; SCRATCH];
    let (mut sent, mut answered, mut last) = (0, 0, Instant::now());
    while answered < conns.len() {
        while sent < conns.len() && sent - answered < WINDOW {
            request(&mut conns[sent], poller)?;
            sent += 1;
        }
        for index in 0..poller.wait(Duration::from_millis(100))? {
            last = Instant::now();
            let (key, writable) = poller.ready(index);
            let conn = &mut conns[key];
            if writable {
                conn.flush(poller)?;
            }
            conn.receive(poller, &mut scratch, |bytes| {
                let length = expected(key, bytes)?;
                answered += usize::from(length > 0);
                Ok(length)
            })?;
        }
        if last.elapsed() > STALL {
            return Err(format!("{} requests were not answered", sent - answered));
        }
    }
    Ok(())
}

/// [`exchange_all`] with one request for all.
pub(crate) fn exchange_fixed(conns: &mut [Conn], poller: &mut Poller, fixed: &Fixed) -> Result<()> {
    let expected = |_, bytes: &[u8]| Ok(if bytes.starts_with(&fixed.answer) { fixed.answer.len() } else { 0 });
    exchange_all(conns, poller, |conn, poller| conn.send(poller, &fixed.request), expected)
}
