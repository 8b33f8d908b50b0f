//! What the kernel can do: one thread, bare epoll, the bytes that came are the bytes that go.
//!
//! A connection begins with five bytes, which are sent back: a mode and the length of its messages, little-endian.
//! Mode `e` sends back what it reads. Mode `r` sends each message to every connection of that mode, one send each.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

const HELLO: usize = 5;
const LISTENER: u64 = u64::MAX;

struct Peer {
    socket: TcpStream,
    /// Of its messages; 0 before the hello.
    length: usize,
    in_room: bool,
    /// The start of a message whose end has not come.
    partial: Vec<u8>,
}

impl Peer {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.write(bytes)? {
            sent if sent == bytes.len() => Ok(()),
            // The load generator never has that much in flight.
            _ => Err(io::Error::other("the socket is full")),
        }
    }
}

fn main() -> io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);

    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut free = Vec::new();
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            if event.data.u64() != LISTENER {
                let key = event.data.u64() as usize;
                if serve(&mut peers, key, &mut buffer).is_err() {
                    peers[key] = None;
                    free.push(key);
                }
                continue;
            }
            while let Ok((socket, _)) = listener.accept() {
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
                let key = free.pop().unwrap_or_else(|| {
                    peers.push(None);
                    peers.len() - 1
                });
                epoll::add(&epoll, &socket, EventData::new_u64(key as u64), EventFlags::IN)?;
                peers[key] = Some(Peer { socket, length: 0, in_room: false, partial: Vec::new() });
            }
        }
    }
}

/// One read, and what follows from it. An error ends the connection.
fn serve(peers: &mut [Option<Peer>], key: usize, buffer: &mut [u8]) -> io::Result<()> {
    let Some(peer) = &mut peers[key] else { return Ok(()) };
    let read = match peer.socket.read(buffer) {
        Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        Err(error) => return Err(error),
    };
    let bytes = &buffer[..read];
    if peer.length == 0 {
        let hello: &[u8; HELLO] = bytes.try_into().map_err(io::Error::other)?;
        let [mode, length @ ..] = *hello;
        peer.length = u32::from_le_bytes(length) as usize;
        peer.in_room = mode == b'r';
        return peer.send(hello);
    }
    if !peer.in_room {
        return peer.send(bytes);
    }
    peer.partial.extend_from_slice(bytes);
    let (mut messages, length) = (std::mem::take(&mut peer.partial), peer.length);
    let whole = messages.len() / length * length;
    for message in messages[..whole].chunks_exact(length) {
        for member in peers.iter_mut().flatten().filter(|member| member.in_room) {
            // A member that is gone is noticed when it is read.
            let _ = member.send(message);
        }
    }
    messages.drain(..whole);
    if let Some(peer) = &mut peers[key] {
        peer.partial = messages;
    }
    Ok(())
}
