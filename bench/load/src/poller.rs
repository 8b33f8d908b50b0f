//! epoll.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::Result;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poller {
    pub(crate) fn new() -> Result<Poller> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|why| format!("epoll: {why}"))?;
        Ok(Poller { epoll, events: Vec::with_capacity(1024) })
    }

    /// Watches a socket for bytes to read.
    pub(crate) fn add(&self, socket: &TcpStream, key: usize) -> Result<()> {
        epoll::add(&self.epoll, socket, EventData::new_u64(key as u64), EventFlags::IN)
            .map_err(|why| format!("epoll: {why}"))
    }

    /// Starts or stops watching it for room to write.
    pub(crate) fn watch_writing(&self, socket: &TcpStream, key: usize, watch: bool) -> Result<()> {
        let flags = if watch { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        epoll::modify(&self.epoll, socket, EventData::new_u64(key as u64), flags).map_err(|why| format!("epoll: {why}"))
    }

    /// Waits for an event, at most this long. Returns how many [`Poller::ready`] there are.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<usize> {
        self.events.clear();
        let at_most = Timespec::try_from(at_most).map_err(|why| format!("epoll: {why}"))?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&at_most)) {
            Ok(_) | Err(Errno::INTR) => Ok(self.events.len()),
            Err(why) => Err(format!("epoll: {why}")),
        }
    }

    /// The key of a ready socket, and whether it can be written again.
    pub(crate) fn ready(&self, index: usize) -> (usize, bool) {
        let event = self.events[index];
        let flags = event.flags;
        (event.data.u64() as usize, flags.contains(EventFlags::OUT))
    }
}
