//! What is sent to a server: the handshake, the requests; and the exact answers.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::Result;
use crate::tag::{Incoming, Outgoing};
use crate::ws;

const ROOM: &str = "room1";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Dialect {
    /// `{"event":NAME,"data":DATA}` in text frames.
    Json,
    /// Socket.IO 5 over Engine.IO 4, WebSocket only: `42[NAME,DATA]`.
    Sio,
    /// No handshake: the bytes of a server's frames, both ways.
    Raw,
}

impl FromStr for Dialect {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Dialect, ()> {
        match name {
            "json" => Ok(Dialect::Json),
            "sio" => Ok(Dialect::Sio),
            "raw" => Ok(Dialect::Raw),
            _ => Err(()),
        }
    }
}

/// A request and its answer, which differ from the next ones in their tags.
pub(crate) struct Exchange {
    pub(crate) request: Outgoing,
    pub(crate) answer: Incoming,
    /// What is in their frames.
    pub(crate) texts: Texts,
}

pub(crate) struct Texts {
    pub(crate) request: String,
    pub(crate) answer: String,
}

/// A request and its answer, always the same.
pub(crate) struct Fixed {
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl Dialect {
    /// `burst` echoes of a text.
    pub(crate) fn echo(self, text: &str, burst: usize) -> Exchange {
        let data = format!(r#"{{"seq":1,"text":"{text}"}}"#);
        self.exchange(self.envelope("echo", &data), self.envelope("echo", &data), burst)
    }

    /// A publish, and what each member receives.
    pub(crate) fn publish(self, text: &str) -> Exchange {
        let data = format!(r#"{{"room":"{ROOM}","text":"{text}"}}"#);
        self.exchange(self.envelope("publish", &data), self.envelope("message", &data), 1)
    }

    pub(crate) fn join(self) -> Fixed {
        let room = format!("\"{ROOM}\"");
        Fixed {
            request: ws::client_frame(ws::TEXT, self.envelope("join", &room).as_bytes()),
            answer: ws::server_frame(ws::TEXT, self.envelope("joined", &room).as_bytes()),
        }
    }

    fn exchange(self, request: String, answer: String, burst: usize) -> Exchange {
        let frame = ws::server_frame(ws::TEXT, answer.as_bytes());
        let outgoing = match self {
            Dialect::Raw => Outgoing::new(&frame, false, burst),
            _ => Outgoing::new(&ws::client_frame(ws::TEXT, request.as_bytes()), true, burst),
        };
        Exchange { request: outgoing, answer: Incoming::new(&frame), texts: Texts { request, answer } }
    }

    fn envelope(self, event: &str, data: &str) -> String {
        match self {
            Dialect::Sio => format!(r#"42["{event}",{data}]"#),
            _ => format!(r#"{{"event":"{event}","data":{data}}}"#),
        }
    }

    /// The first bytes of a connection; over raw TCP a mode (`e`cho or `r`oom) and the length of its messages.
    pub(crate) fn hello(self, addr: SocketAddr, mode: u8, length: usize) -> Vec<u8> {
        let path = match self {
            Dialect::Raw => return [&[mode], &(length as u32).to_le_bytes()[..]].concat(),
            Dialect::Json => "/ws",
            Dialect::Sio => "/socket.io/?EIO=4&transport=websocket",
        };
        browser_head(path, addr).into_bytes()
    }

    /// How long the answer to the hello is, once it is whole. It must agree to compression, or must not.
    pub(crate) fn hello_answer(self, hello: &[u8], compresses: bool, bytes: &[u8]) -> Result<Option<usize>> {
        if self == Dialect::Raw {
            return Ok(bytes.starts_with(hello).then_some(hello.len()));
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let value = |name: &str| {
            let headers = head.lines().filter_map(|line| line.split_once(':'));
            headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let upgraded = head.starts_with("HTTP/1.1 101") && value("sec-websocket-accept") == Some(ws::ACCEPT);
        let extensions = value("sec-websocket-extensions");
        if !upgraded || extensions.is_some() != compresses || extensions.is_some_and(|agreed| !suits(agreed)) {
            return Err(format!("a bad answer to the handshake: {head}"));
        }
        Ok(Some(end + 4))
    }
}

/// Whether each message of the server can be inflated by itself, and one of a client compressed with any window.
fn suits(agreed: &str) -> bool {
    let mut parts = agreed.split(';').map(str::trim);
    parts.next() == Some("permessage-deflate")
        && parts.clone().any(|part| part == "server_no_context_takeover")
        && !parts.any(|part| part.starts_with("client_max_window_bits"))
}

/// A browser's head, of a page that has a session and two more cookies.
fn browser_head(path: &str, addr: SocketAddr) -> String {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {addr}\r\n\
         Connection: Upgrade\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         Sec-CH-UA: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
         Sec-CH-UA-Mobile: ?0\r\n\
         Sec-CH-UA-Platform: \"Linux\"\r\n\
         Upgrade: websocket\r\n\
         Origin: http://{addr}\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
         Cookie: session=4f0c1d5e9b7a4c2f8d6e3b1a0f9c8d7e; _ga=GA1.1.1234567890.1700000000; theme=dark\r\n\
         Sec-WebSocket-Key: {}\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        ws::KEY
    )
}
