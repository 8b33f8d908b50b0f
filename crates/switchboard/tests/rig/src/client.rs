//! The WebSocket client of the tests.
use crate::http::{Stream, read_head};
use crate::offer::Offer;
use crate::stack::settle;
use crate::{PATIENCE, untraced, upgrade_request};
use std::time::Duration;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, frame_len, payload, write_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// What a client receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong with its payload.
    Pong(Vec<u8>),
    /// A close frame: its code and reason, if it has a body.
    Close(Option<(u16, String)>),
    /// The stream ended.
    End,
}

/// A client of raw frames: it sends what it is told, and answers nothing by itself.
pub struct RawClient {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    pub(crate) hears_pings: bool,
    /// The server's close frame has come, and the client has sent none.
    owes_close: bool,
    /// The head of the server's answer.
    pub head: String,
}

impl std::fmt::Debug for RawClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawClient").field("head", &self.head).finish_non_exhaustive()
    }
}

impl RawClient {
    /// Makes a plain handshake.
    pub async fn connect(stream: Box<dyn Stream>, path: &str) -> RawClient {
        RawClient::connect_with(stream, Offer::to(path)).await
    }

    /// Makes a plain handshake. `None`: it was refused.
    pub async fn try_connect(mut stream: Box<dyn Stream>, path: &str) -> Option<RawClient> {
        stream.write_all(&Offer::to(path).encode()).await.unwrap();
        let (head, buffer) = read_head(&mut stream).await;
        head.starts_with("HTTP/1.1 101").then(|| RawClient::of(stream, head, buffer))
    }

    /// Makes a handshake with an offer, and reads compressed messages if the server accepted that.
    pub async fn connect_with(mut stream: Box<dyn Stream>, offer: Offer) -> RawClient {
        stream.write_all(&offer.encode()).await.unwrap();
        let client = RawClient::accepted(stream).await;
        RawClient { decoder: offer.decoder(&client.head), ..client }
    }

    /// Sends these bytes as the handshake.
    pub async fn connect_by_request(mut stream: Box<dyn Stream>, request: &[u8]) -> RawClient {
        stream.write_all(request).await.unwrap();
        RawClient::accepted(stream).await
    }

    /// Sends a handshake followed by `more`, in two segments that are cut at `cut`.
    pub async fn connect_early(mut stream: Box<dyn Stream>, path: &str, more: &[u8], cut: usize) -> RawClient {
        let mut bytes = upgrade_request(path);
        bytes.extend_from_slice(more);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        stream.write_all(first).await.unwrap();
        settle().await;
        stream.write_all(second).await.unwrap();
        RawClient::accepted(stream).await
    }

    async fn accepted(mut stream: Box<dyn Stream>) -> RawClient {
        let (head, buffer) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "the upgrade was refused: {head}");
        RawClient::of(stream, head, buffer)
    }

    fn of(stream: Box<dyn Stream>, head: String, buffer: Vec<u8>) -> RawClient {
        RawClient { stream, decoder: Decoder::new(Role::Client), buffer, hears_pings: false, owes_close: false, head }
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends one frame.
    pub async fn send_frame(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, opcode, fin, payload, MASK);
        self.send_bytes(&bytes).await;
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: impl AsRef<str>) {
        self.send_frame(Opcode::Text, true, text.as_ref().as_bytes()).await;
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.send_frame(Opcode::Binary, true, bytes).await;
    }

    /// Sends several text messages in one segment.
    pub async fn send_all<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) {
        let mut bytes = Vec::new();
        for text in texts {
            write_frame(&mut bytes, Opcode::Text, true, text.as_ref().as_bytes(), MASK);
        }
        self.send_bytes(&bytes).await;
    }

    /// Sends a text message if the connection is still open.
    pub async fn send_if_open(&mut self, text: &str) {
        self.send_frame_if_open(Opcode::Text, text.as_bytes()).await;
    }

    /// Sends a binary message if the connection is still open.
    pub async fn send_binary_if_open(&mut self, bytes: &[u8]) {
        self.send_frame_if_open(Opcode::Binary, bytes).await;
    }

    /// Sends a close frame with the code 1000 if the connection is still open.
    pub async fn close_if_open(&mut self) {
        self.send_frame_if_open(Opcode::Close, &1000u16.to_be_bytes()).await;
    }

    async fn send_frame_if_open(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, opcode, true, payload, MASK);
        let _ = self.stream.write_all(&bytes).await;
        let _ = self.stream.flush().await;
    }

    /// Sends a close frame.
    pub async fn close(&mut self, code: u16) {
        self.owes_close = false;
        self.send_frame(Opcode::Close, true, &code.to_be_bytes()).await;
    }

    /// Ends the client's half of the stream.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Writes as much as the server takes, for `patience` at most. Returns how many bytes that was.
    pub async fn flood(&mut self, bytes: &[u8], patience: Duration) -> usize {
        let mut sent = 0;
        let all = async {
            while sent < bytes.len() {
                match self.stream.write(&bytes[sent..]).await {
                    Ok(n) if n > 0 => sent += n,
                    _ => break,
                }
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
        sent
    }

    /// The next frame as it is, not decompressed: its first byte and its payload. Pings are skipped.
    pub async fn recv_frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some(len) = frame_len(&self.buffer).filter(|len| *len <= self.buffer.len()) {
                let frame: Vec<u8> = self.buffer.drain(..len).collect();
                if frame[0] != 0x89 {
                    return (frame[0], payload(&frame).unwrap().to_vec());
                }
                continue;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "no frame came: {read:?}");
        }
    }

    /// The next message or control frame. Pings are skipped unless the rig is [`hearing_pings`](crate::Rig::hearing_pings).
    pub async fn recv(&mut self) -> Got {
        match self.recv_within(PATIENCE).await {
            Some(got) => got,
            None => panic!("nothing came within {PATIENCE:?}"),
        }
    }

    /// What comes within `patience`.
    pub async fn recv_within(&mut self, patience: Duration) -> Option<Got> {
        tokio::time::timeout(patience, self.next()).await.ok()
    }

    async fn next(&mut self) -> Got {
        let limits = FrameLimits { max_message: 32 << 20, max_frame: 32 << 20, max_fragments: 1 };
        loop {
            if !self.buffer.is_empty() {
                let decoded = self.decoder.decode(&mut self.buffer, &limits).expect("the server sends valid frames");
                let consumed = decoded.consumed;
                let got = decoded.item.map(|item| match item {
                    Item::Text(text) => Got::Text(text.into_owned()),
                    Item::Binary(bytes) => Got::Binary(bytes.into_owned()),
                    Item::Ping(bytes) => Got::Ping(bytes.into_owned()),
                    Item::Pong(bytes) => Got::Pong(bytes.into_owned()),
                    Item::Close(close) => Got::Close(close.map(|close| (close.code.get(), close.reason))),
                });
                self.buffer.drain(..consumed);
                self.owes_close |= matches!(got, Some(Got::Close(_)));
                match got {
                    None => {}
                    Some(Got::Ping(_)) if !self.hears_pings => continue,
                    Some(got) => return got,
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(n) if n > 0 => {}
                _ => return Got::End,
            }
        }
    }

    /// The next text message. Pings are skipped.
    pub async fn recv_text(&mut self) -> String {
        loop {
            match self.recv().await {
                Got::Text(text) => return text,
                Got::Ping(_) => {}
                other => panic!("expected a text, got {other:?}"),
            }
        }
    }

    /// The close frame that comes next: its code and reason.
    pub async fn recv_close(&mut self) -> (u16, String) {
        match self.recv().await {
            Got::Close(Some(close)) => close,
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    /// Skips everything before the close frame, and returns its code.
    pub async fn skip_until_close(&mut self) -> u16 {
        loop {
            match self.recv().await {
                Got::Close(close) => return close.map_or(1005, |(code, _)| code),
                Got::End => panic!("the stream ended without a close frame"),
                _ => {}
            }
        }
    }

    /// The next message must be this text.
    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.recv_text().await, text);
    }

    /// Sends a text message, and returns the text that comes next.
    pub async fn request(&mut self, text: impl AsRef<str>) -> String {
        self.send(text).await;
        self.recv_text().await
    }

    /// Sends a text message; the text that comes next must be this answer. Internal errors have a trace id, which is removed
    /// before they are compared.
    pub async fn expect_request(&mut self, text: &str, answer: &str) {
        let came = self.request(text).await;
        let came = if came.contains(r#""code":"internal""#) { untraced(&came) } else { came };
        assert_eq!(came, answer, "the answer to {text}");
    }

    /// Closes with the code 1000 if the connection is still open, and waits for the end of the stream.
    pub async fn leave(mut self) {
        self.close_if_open().await;
        while self.recv().await != Got::End {}
    }

    /// The stream must end. A server that has sent a close frame waits for the client's: it is sent, as real clients do.
    pub async fn expect_end(&mut self) {
        if std::mem::take(&mut self.owes_close) {
            // This fails if the server has closed because the client did, and is gone.
            self.close_if_open().await;
        }
        assert_eq!(self.recv().await, Got::End);
    }

    /// Nothing may come for this long.
    pub async fn expect_silence(&mut self, duration: Duration) {
        if let Some(got) = self.recv_within(duration).await {
            panic!("expected silence, got {got:?}");
        }
    }
}
