//! A connection of the load generator.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::Result;
use crate::poller::Poller;
use crate::ws;

pub(crate) const SCRATCH: usize = 256 << 10;

pub(crate) struct Conn {
    pub(crate) socket: TcpStream,
    pub(crate) key: usize,
    /// The start of a frame whose end has not arrived.
    pub(crate) partial: Vec<u8>,
    /// Bytes that the socket has not accepted yet.
    unsent: Vec<u8>,
}

impl Conn {
    pub(crate) fn new(socket: TcpStream, key: usize) -> Conn {
        Conn { socket, key, partial: Vec::new(), unsent: Vec::new() }
    }

    /// Sends what the socket accepts now, and the rest when it is writable again.
    pub(crate) fn send(&mut self, poller: &Poller, bytes: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let sent = self.write(bytes)?;
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
            poller.watch_writing(&self.socket, self.key, true)?;
        }
        Ok(())
    }

    /// Continues with the bytes that are not sent yet.
    pub(crate) fn flush(&mut self, poller: &Poller) -> Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        let sent = self.write(&unsent)?;
        if sent == unsent.len() {
            return poller.watch_writing(&self.socket, self.key, false);
        }
        self.unsent.extend_from_slice(&unsent[sent..]);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.socket.write(bytes) {
            Ok(sent) => Ok(sent),
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(why) => Err(format!("a connection broke: {why}")),
        }
    }

    /// Reads once. `expected` receives the bytes that arrived, and returns the length of the answer at their start; 0: no answer yet.
    /// Pings are answered; anything else is an error.
    pub(crate) fn receive(
        &mut self,
        poller: &Poller,
        scratch: &mut [u8],
        expected: impl FnMut(&[u8]) -> Result<usize>,
    ) -> Result<()> {
        let read = match self.socket.read(scratch) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(why) => return Err(format!("a connection broke: {why}")),
        };
        if self.partial.is_empty() {
            let used = self.take_in(poller, &scratch[..read], expected)?;
            self.partial.extend_from_slice(&scratch[used..read]);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(&scratch[..read]);
        let used = self.take_in(poller, &bytes, expected)?;
        bytes.drain(..used);
        self.partial = bytes;
        Ok(())
    }

    /// Returns how many bytes the whole frames took.
    fn take_in(
        &mut self,
        poller: &Poller,
        bytes: &[u8],
        mut expected: impl FnMut(&[u8]) -> Result<usize>,
    ) -> Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let answer = expected(&bytes[at..])?;
            if answer > 0 {
                at += answer;
                continue;
            }
            let Some(frame) = ws::parse(&bytes[at..])? else { break };
            at += frame.length;
            match (frame.opcode, frame.payload) {
                (PING, payload) => self.send(poller, &ws::client_frame(ws::PONG, payload))?,
                (PONG, _) => {}
                // Engine.IO's ping.
                (TEXT, b"2") => self.send(poller, &ws::client_frame(ws::TEXT, b"3"))?,
                (CLOSE, payload) => {
                    return Err(format!("the server closed: {:?}", String::from_utf8_lossy(payload)));
                }
                (opcode, payload) => {
                    let payload = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
                    return Err(format!("an unexpected frame, first byte {opcode:#x}: {payload}"));
                }
            }
        }
        Ok(at)
    }
}

const TEXT: u8 = ws::whole(ws::TEXT);
const CLOSE: u8 = ws::whole(ws::CLOSE);
const PING: u8 = ws::whole(ws::PING);
const PONG: u8 = ws::whole(ws::PONG);
