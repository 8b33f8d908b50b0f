//! One room: what some members publish reaches all of them, in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::conn::SCRATCH;
use crate::dialect::Dialect;
use crate::open::{Door, STALL, exchange_fixed};
use crate::options::Options;
use crate::poller::Poller;
use crate::talk::Talk;
use crate::window::Window;
use crate::{Result, allocations, report, tag};

pub(crate) fn run(options: &Options) -> Result<()> {
    let exchange = options.dialect.publish(&options.text);
    let door = Door::new(options, b'r', exchange.answer.length());
    let Talk { mut requests, mut answers, numbers } = Talk::new(options, exchange, options.publishers);
    let mut poller = Poller::new()?;
    let mut conns = door.open_all(&mut poller, options.connections)?;
    if options.dialect != Dialect::Raw {
        exchange_fixed(&mut conns, &mut poller, &options.dialect.join())?;
    }
    let (members, publishers) = (conns.len(), options.publishers);
    let mut scratch = vec![0; SCRATCH];
    let counted = allocations::Counted::begin(&door, options)?;

    // Publish k is number k / publishers of publisher k % publishers; `pending[k - first]` members have not received it yet.
    let mut pending: VecDeque<usize> = VecDeque::new();
    let (mut first, mut published) = (0, 0);
    // The number that is due next, for each member and publisher.
    let mut due = vec![0u32; members * publishers];
    let (mut messages, mut bytes_in, mut last, mut open) = (0, 0, Instant::now(), true);
    let mut window = Window::begin(options);
    while open || !pending.is_empty() {
        while open && pending.len() < options.in_flight {
            let (publisher, number) = (published % publishers, published / publishers);
            let bytes = requests.tagged(1, || tag::encode(publisher as u8, number as u32 % numbers));
            conns[publisher].send(&poller, bytes)?;
            pending.push_back(members);
            published += 1;
        }
        let ready = poller.wait(Duration::from_millis(100))?;
        if open && !window.is_open(messages)? {
            window.close(messages)?;
            open = false;
        }
        for index in 0..ready {
            let (key, writable) = poller.ready(index);
            let conn = &mut conns[key];
            if writable {
                conn.flush(&poller)?;
            }
            let due = &mut due[key * publishers..][..publishers];
            conn.receive(&poller, &mut scratch, |bytes| {
                let Some((tag, length)) = answers.tag_of(bytes)? else { return Ok(0) };
                let (publisher, number) = tag::decode(tag).ok_or("a message that was never published")?;
                let Some(due) = due.get_mut(usize::from(publisher)) else {
                    return Err(format!("a message of publisher {publisher}, which there is not"));
                };
                if number != *due % numbers {
                    return Err(format!("member {key} got {number} of publisher {publisher}, and {due} was due"));
                }
                let publish = *due as usize * publishers + usize::from(publisher);
                let missing =
                    pending.get_mut(publish.wrapping_sub(first)).ok_or("a message before it was published")?;
                *missing -= 1;
                *due += 1;
                messages += 1;
                bytes_in += length;
                Ok(length)
            })?;
        }
        while pending.front() == Some(&0) {
            pending.pop_front();
            first += 1;
        }
        if ready > 0 {
            last = Instant::now();
        } else if last.elapsed() > STALL {
            let missing: usize = pending.iter().sum();
            return Err(format!("{missing} deliveries are missing"));
        }
    }
    report("messages", messages as f64);
    report("bytes_per_message", bytes_in as f64 / messages as f64);
    counted.end(messages)
}
