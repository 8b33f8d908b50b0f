//! What is said to a server: the handshake, the requests, and the exact answers.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::Result;
use crate::tag::{Incoming, Outgoing, PLACEHOLDER};
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
}

/// A request and its answer, always the same.
pub(crate) struct Fixed {
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl Dialect {
    /// `burst` echoes of a text of so many characters.
    pub(crate) fn echo(self, text: usize, burst: usize) -> Exchange {
        let data = format!(r#"{{"seq":1,"text":"{}"}}"#, filler(text));
        self.exchange(&self.envelope("echo", &data), &self.envelope("echo", &data), burst)
    }

    /// A publish, and what each member gets of it.
    pub(crate) fn publish(self, text: usize) -> Exchange {
        let data = format!(r#"{{"room":"{ROOM}","text":"{}"}}"#, filler(text));
        self.exchange(&self.envelope("publish", &data), &self.envelope("message", &data), 1)
    }

    pub(crate) fn join(self) -> Fixed {
        let room = format!("\"{ROOM}\"");
        Fixed {
            request: ws::client_frame(ws::TEXT, self.envelope("join", &room).as_bytes()),
            answer: ws::server_frame(ws::TEXT, self.envelope("joined", &room).as_bytes()),
        }
    }

    fn exchange(self, request: &str, answer: &str, burst: usize) -> Exchange {
        let answer = ws::server_frame(ws::TEXT, answer.as_bytes());
        let request = match self {
            Dialect::Raw => Outgoing::new(&answer, false, burst),
            _ => Outgoing::new(&ws::client_frame(ws::TEXT, request.as_bytes()), true, burst),
        };
        Exchange { request, answer: Incoming::new(&answer) }
    }

    fn envelope(self, event: &str, data: &str) -> String {
        match self {
            Dialect::Sio => format!(r#"42["{event}",{data}]"#),
            _ => format!(r#"{{"event":"{event}","data":{data}}}"#),
        }
    }

    /// What a connection begins with; over raw TCP a mode (`e`cho or `r`oom) and the length of its messages.
    pub(crate) fn hello(self, addr: SocketAddr, mode: u8, length: usize) -> Vec<u8> {
        let path = match self {
            Dialect::Raw => return [&[mode], &(length as u32).to_le_bytes()[..]].concat(),
            Dialect::Json => "/ws",
            Dialect::Sio => "/socket.io/?EIO=4&transport=websocket",
        };
        browser_head(path, addr).into_bytes()
    }

    /// How long the answer to the hello is, once it is whole.
    pub(crate) fn hello_answer(self, hello: &[u8], bytes: &[u8]) -> Result<Option<usize>> {
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
        // With compression the bytes would not be those that are expected.
        if !upgraded || value("sec-websocket-extensions").is_some() {
            return Err(format!("a bad answer to the handshake: {head}"));
        }
        Ok(Some(end + 4))
    }
}

/// A text with a tag in front.
fn filler(length: usize) -> String {
    PLACEHOLDER.chars().chain(" hello world".chars().cycle()).take(length.max(PLACEHOLDER.len())).collect()
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
