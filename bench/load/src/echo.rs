//! Requests and their answers.

use std::time::{Duration, Instant};

use crate::conn::{Conn, SCRATCH};
use crate::open::{Door, STALL};
use crate::options::Options;
use crate::poller::Poller;
use crate::talk::Talk;
use crate::window::Window;
use crate::{Result, allocations, report, tag};

/// The numbers of a connection's requests: those below `answered` are answered, those from there to `sent` are in flight.
#[derive(Default, Clone)]
struct Lane {
    sent: u32,
    answered: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let exchange = options.dialect.echo(&options.text, options.in_flight);
    let door = Door::new(options, b'e', exchange.answer.length());
    let Talk { mut requests, mut answers, numbers } = Talk::new(options, exchange, options.connections);
    let mut poller = Poller::new()?;
    let mut conns = door.open_all(&mut poller, options.connections)?;
    let mut lanes = vec![Lane::default(); conns.len()];
    let mut scratch = vec![0; SCRATCH];
    let counted = allocations::Counted::begin(&door, options)?;

    let mut send = |conn: &mut Conn, lane: &mut Lane, poller: &Poller, count: usize| {
        let bytes = requests.tagged(count, || {
            lane.sent += 1;
            tag::encode(conn.key as u8, (lane.sent - 1) % numbers)
        });
        conn.send(poller, bytes)
    };
    let mut window = Window::begin(options);
    for (conn, lane) in conns.iter_mut().zip(&mut lanes) {
        send(conn, lane, &poller, options.in_flight)?;
    }
    let (mut messages, mut bytes_in, mut last, mut open) = (0, 0, Instant::now(), true);
    let mut in_flight = conns.len() * options.in_flight;
    while in_flight > 0 {
        let ready = poller.wait(Duration::from_millis(100))?;
        if open && !window.is_open(messages)? {
            window.close(messages)?;
            open = false;
        }
        for index in 0..ready {
            let (key, writable) = poller.ready(index);
            let (conn, lane) = (&mut conns[key], &mut lanes[key]);
            if writable {
                conn.flush(&poller)?;
            }
            let before = lane.answered;
            conn.receive(&poller, &mut scratch, |bytes| {
                let Some((tag, length)) = answers.tag_of(bytes)? else { return Ok(0) };
                if lane.answered == lane.sent || tag != tag::encode(key as u8, lane.answered % numbers) {
                    let (got, expected) = (tag::decode(tag), lane.answered);
                    return Err(format!("connection {key} was answered {got:?}, and {expected} was due"));
                }
                lane.answered += 1;
                bytes_in += length;
                Ok(length)
            })?;
            let answered = (lane.answered - before) as usize;
            messages += answered as u64;
            match open {
                // With all of one read's answers, a server that writes once is asked once.
                true if answered > 0 => send(conn, lane, &poller, answered)?,
                true => {}
                false => in_flight -= answered,
            }
        }
        if ready > 0 {
            last = Instant::now();
        } else if last.elapsed() > STALL {
            return Err("requests were not answered".into());
        }
    }
    report("messages", messages as f64);
    report("bytes_per_message", bytes_in as f64 / messages as f64);
    counted.end(messages)
}
