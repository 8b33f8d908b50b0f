//! The engine's design in a few hundred lines: what it costs without limits, guards, backpressure or an order between
//! replies and broadcasts. One read buffer a thread, replies of one read in one write, nothing held while idle; what
//! one turn of the event loop published to a room leaves in one write a member.

mod frame;
mod handshake;
mod peer;
mod rooms;

use common::{Echo, In, Out, Publish};
use peer::Peer;
use rooms::{Rooms, flusher};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;

const BUFFER: usize = 64 << 10;

thread_local! {
    /// What is read into, and what is written from.
    static BUFFERS: RefCell<(Vec<u8>, Vec<u8>)> = RefCell::new((vec![0; BUFFER], Vec::with_capacity(BUFFER)));
}

fn main() {
    common::run(async {
        let listener = common::listen().await;
        let rooms = Arc::new(Rooms::default());
        tokio::spawn(flusher(rooms.clone()));
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let rooms = rooms.clone();
            tokio::spawn(async move {
                // An error is a client that is gone.
                let _ = serve(socket, &rooms).await;
            });
        }
    });
}

async fn serve(mut socket: TcpStream, rooms: &Rooms) -> io::Result<()> {
    socket.set_nodelay(true)?;
    handshake::answer(&mut socket).await?;
    let (mut reader, writer) = socket.into_split();
    let peer = Arc::new(Peer::new(writer));
    let mut partial = Vec::new();
    let ended = poll_fn(|cx| {
        BUFFERS.with_borrow_mut(|(buffer, out)| {
            loop {
                let mut read = ReadBuf::new(buffer);
                match Pin::new(&mut reader).poll_read(cx, &mut read) {
                    Poll::Ready(Ok(())) => {}
                    other => return other,
                }
                let length = read.filled().len();
                if length == 0 {
                    return Poll::Ready(Ok(()));
                }
                out.clear();
                let taken = take_in(rooms, &peer, &mut partial, &mut buffer[..length], out);
                if !out.is_empty() {
                    peer.send(out);
                }
                if taken.is_none() {
                    return Poll::Ready(Err(ErrorKind::InvalidData.into()));
                }
            }
        })
    })
    .await;
    rooms.leave(&peer);
    ended
}

/// Handles what was read. `None`: the connection must end.
fn take_in(rooms: &Rooms, peer: &Arc<Peer>, partial: &mut Vec<u8>, read: &mut [u8], out: &mut Vec<u8>) -> Option<()> {
    if partial.is_empty() {
        let used = frame::each(read, |text| dispatch(rooms, peer, text, out))?;
        partial.extend_from_slice(&read[used..]);
        return Some(());
    }
    partial.extend_from_slice(read);
    match frame::each(partial, |text| dispatch(rooms, peer, text, out))? {
        used if used == partial.len() => *partial = Vec::new(),
        used => drop(partial.drain(..used)),
    }
    Some(())
}

/// Handles one message; one that is not understood is ignored.
fn dispatch(rooms: &Rooms, peer: &Arc<Peer>, text: &str, out: &mut Vec<u8>) -> Option<()> {
    let In { event, data } = serde_json::from_str(text).ok()?;
    match &*event {
        "echo" => {
            let data: Echo = serde_json::from_str(data.get()).ok()?;
            frame::encode(out, &Out { event: "echo", data });
        }
        "join" => {
            let room: String = serde_json::from_str(data.get()).ok()?;
            frame::encode(out, &Out { event: "joined", data: &room });
            rooms.join(room, peer);
        }
        "publish" => {
            let data: Publish = serde_json::from_str(data.get()).ok()?;
            rooms.publish(&data.room, &Out { event: "message", data: &data });
        }
        _ => {}
    }
    Some(())
}
