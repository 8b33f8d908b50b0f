//! The handshake: a key in, its hash out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MAX_HEAD: usize = 8192;

pub(crate) async fn answer(socket: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let accept = loop {
        if socket.read_buf(&mut head).await? == 0 || head.len() > MAX_HEAD {
            return Err(ErrorKind::InvalidData.into());
        }
        if let Some(accept) = accept(&head)? {
            break accept;
        }
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await
}

/// `None`: the head is not whole yet.
fn accept(head: &[u8]) -> io::Result<Option<String>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(head).map_err(io::Error::other)?.is_partial() {
        return Ok(None);
    }
    let key = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"));
    let key = key.ok_or(ErrorKind::InvalidData)?;
    Ok(Some(STANDARD.encode(Sha1::new().chain_update(key.value).chain_update(GUID).finalize())))
}
