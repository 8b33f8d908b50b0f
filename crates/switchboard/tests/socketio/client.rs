//! [`EngineIo`]: a client of Engine.IO that does what it is told.
use crate::base64;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use switchboard_rig::{Got, RawClient, Response, Rig, Stream, http};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Polling,
    WebSocket,
}

impl Via {
    pub(crate) const BOTH: [Via; 2] = [Via::Polling, Via::WebSocket];
}

/// The query of every request.
pub(crate) const POLLING: &str = "EIO=4&transport=polling";
pub(crate) const WEBSOCKET: &str = "EIO=4&transport=websocket";
/// How long a client waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) enum Wire {
    Polling,
    WebSocket(RawClient),
}

/// A client of Engine.IO. Packets are texts; a binary one is `b` and base64, over a WebSocket too. It answers pings while it
/// waits for packets.
pub(crate) struct EngineIo {
    pub(crate) rig: Arc<Rig>,
    pub(crate) sid: String,
    pub(crate) wire: Wire,
    /// Packets that came and were not asked for.
    pub(crate) inbox: VecDeque<String>,
    /// The pings that came.
    pub(crate) pings: usize,
    pub(crate) answers_pings: bool,
}

impl EngineIo {
    /// Opens a session.
    pub(crate) async fn open(rig: &Arc<Rig>, via: Via) -> EngineIo {
        let (wire, packet) = match via {
            Via::Polling => {
                let answer = get(rig, POLLING).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                (Wire::Polling, answer.body)
            }
            Via::WebSocket => {
                let mut socket = socket(rig, WEBSOCKET).await;
                let packet = socket.recv_text().await;
                (Wire::WebSocket(socket), packet)
            }
        };
        EngineIo::opened(rig, wire, &packet)
    }

    /// Opens a session over a stream that takes little while it is not read.
    pub(crate) async fn open_narrow(rig: &Arc<Rig>) -> EngineIo {
        let path = format!("/socket.io/?{WEBSOCKET}");
        let mut socket = RawClient::connect(rig.narrow_stream().await, &path).await;
        let packet = socket.recv_text().await;
        EngineIo::opened(rig, Wire::WebSocket(socket), &packet)
    }

    fn opened(rig: &Arc<Rig>, wire: Wire, packet: &str) -> EngineIo {
        let (_, sid) = packet.split_once(r#"0{"sid":""#).expect(packet);
        let sid = sid.split_once('"').unwrap().0.to_owned();
        EngineIo { rig: rig.clone(), sid, wire, inbox: VecDeque::new(), pings: 0, answers_pings: true }
    }

    /// Opens a session and enters namespaces.
    pub(crate) async fn join(rig: &Arc<Rig>, via: Via, names: &[&str]) -> EngineIo {
        let mut client = EngineIo::open(rig, via).await;
        for name in names {
            client.enter(name).await;
        }
        client
    }

    /// Enters a namespace.
    pub(crate) async fn enter(&mut self, name: &str) {
        let start = match name {
            "/" => "40".to_owned(),
            name => format!("40{name},"),
        };
        self.send(&start).await;
        let answer = self.recv().await;
        assert!(answer.starts_with(&start) && answer.contains("sid"), "{answer}");
    }

    pub(crate) fn via(&self) -> Via {
        match self.wire {
            Wire::Polling => Via::Polling,
            Wire::WebSocket(_) => Via::WebSocket,
        }
    }

    pub(crate) fn polling_path(&self) -> String {
        format!("{POLLING}&sid={}", self.sid)
    }

    /// Sends one packet; over polling it must be taken.
    pub(crate) async fn send(&mut self, packet: &str) {
        match &mut self.wire {
            Wire::Polling => {
                let answer = self.post(packet).await;
                assert_eq!((answer.status, &*answer.body), (200, "ok"), "the answer to {packet:.100}");
            }
            Wire::WebSocket(socket) => match packet.strip_prefix('b') {
                Some(bytes) => socket.send_binary(&base64::decode(bytes)).await,
                None => socket.send(packet).await,
            },
        }
    }

    /// Sends several packets: over polling as one payload, over a WebSocket as so many messages. What the server says to the POST
    /// is not looked at, and a connection that ends meanwhile is none of the sender's business.
    pub(crate) async fn throw(&mut self, packets: &[&str]) {
        match &mut self.wire {
            Wire::Polling => {
                let body = packets.join("\x1e");
                drop(self.try_post(body.as_bytes()).await);
            }
            Wire::WebSocket(socket) => {
                for packet in packets {
                    match packet.strip_prefix('b') {
                        Some(bytes) => socket.send_binary_if_open(&base64::decode(bytes)).await,
                        None => socket.send_if_open(packet).await,
                    }
                }
            }
        }
    }

    /// POSTs a payload.
    pub(crate) async fn post(&self, body: impl AsRef<[u8]>) -> Response {
        self.try_post(body.as_ref()).await.expect("an answer")
    }

    pub(crate) async fn try_post(&self, body: &[u8]) -> Option<Response> {
        http(&mut self.rig.stream().await, &post_request(&self.polling_path(), body)).await
    }

    /// Begins a POST whose answer is awaited later.
    pub(crate) fn post_in_background(&self, body: String) -> JoinHandle<Option<Response>> {
        let (rig, path) = (self.rig.clone(), self.polling_path());
        tokio::spawn(async move { http(&mut rig.stream().await, &post_request(&path, body.as_bytes())).await })
    }

    /// Polls once, and returns the answer as it is.
    pub(crate) async fn poll(&self) -> Response {
        get(&self.rig, &self.polling_path()).await
    }

    /// Sends the request of a poll, whose answer is not read.
    pub(crate) async fn park(&self) -> Box<dyn Stream> {
        let mut stream = self.rig.stream().await;
        stream.write_all(&get_request(&self.polling_path())).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }

    /// The next packet but pings, which are answered. `None`: the session has ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(packet) = self.inbox.pop_front() {
                match &*packet {
                    "2" => {
                        self.pings += 1;
                        if self.answers_pings {
                            self.throw(&["3"]).await;
                        }
                    }
                    "1" => return None,
                    "6" => {}
                    _ => return Some(packet),
                }
            }
            match &mut self.wire {
                Wire::Polling => {
                    let answer = self.poll().await;
                    if answer.status != 200 {
                        return None;
                    }
                    self.inbox.extend(answer.body.split('\x1e').map(str::to_owned));
                }
                Wire::WebSocket(socket) => match socket.recv_within(PATIENCE).await.expect("a packet in time") {
                    Got::Text(text) => self.inbox.push_back(text),
                    Got::Binary(bytes) => self.inbox.push_back(format!("b{}", base64::encode(&bytes))),
                    Got::Close(_) | Got::End => return None,
                    other => panic!("{other:?}"),
                },
            }
        }
    }

    /// The next packet, which must come.
    pub(crate) async fn recv(&mut self) -> String {
        let next = tokio::time::timeout(PATIENCE, self.next()).await.expect("a packet in time");
        next.expect("the session lives")
    }

    pub(crate) async fn expect(&mut self, packet: &str) {
        assert_eq!(self.recv().await, packet);
    }

    /// Sends a packet; the next one must be this answer.
    pub(crate) async fn expect_request(&mut self, packet: &str, answer: &str) {
        self.send(packet).await;
        assert_eq!(self.recv().await, answer, "the answer to {packet:.100}");
    }

    /// The session must end, whatever is sent before. Returns what that was.
    pub(crate) async fn expect_end(&mut self) -> Vec<String> {
        let mut packets = Vec::new();
        let all = async {
            while let Some(packet) = self.next().await {
                packets.push(packet);
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("an end in time");
        self.expect_unknown_or_gone().await;
        if let Wire::WebSocket(socket) = &mut self.wire {
            socket.close_if_open().await;
        }
        packets
    }

    /// The session is one that the server does not know (any more).
    pub(crate) async fn expect_unknown(&self) {
        let answer = self.poll().await;
        let is_over = answer.status == 400 && [UNKNOWN_SID, BAD_REQUEST].contains(&&*answer.body);
        assert!(is_over, "{} {}", answer.status, answer.body);
    }

    /// As [`EngineIo::expect_unknown`], of a server that may have gone itself.
    pub(crate) async fn expect_unknown_or_gone(&self) {
        let Ok(mut stream) = self.rig.try_stream().await else { return };
        let answer = http(&mut stream, &get_request(&self.polling_path())).await;
        assert!(answer.as_ref().is_none_or(|answer| [400, 503].contains(&answer.status)), "{answer:?}");
    }

    /// Polls until the session has ended, or the server. Returns what came.
    pub(crate) async fn rest(&self) -> Vec<String> {
        let mut came = Vec::new();
        loop {
            let Ok(mut stream) = self.rig.try_stream().await else { return came };
            match http(&mut stream, &get_request(&self.polling_path())).await {
                Some(answer) if answer.status == 200 => came.extend(answer.body.split('\x1e').map(str::to_owned)),
                _ => return came,
            }
        }
    }

    /// The session ends at the client's wish.
    pub(crate) async fn leave(mut self) {
        match &mut self.wire {
            Wire::Polling => drop(self.try_post(b"1").await),
            Wire::WebSocket(socket) => socket.close_if_open().await,
        }
        while self.next().await.is_some() {}
    }
}

pub(crate) const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;
pub(crate) const UNKNOWN_SID: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
pub(crate) const HANDSHAKE_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
pub(crate) const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
pub(crate) const VERSION: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

pub(crate) fn get_request(query: &str) -> Vec<u8> {
    format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: test.example\r\n\r\n").into_bytes()
}

pub(crate) fn post_request(query: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /socket.io/?{query} HTTP/1.1\r\nHost: test.example\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends a request by GET, on a stream of its own.
pub(crate) async fn get(rig: &Rig, query: &str) -> Response {
    http(&mut rig.stream().await, &get_request(query)).await.expect("an answer")
}

/// Opens a WebSocket.
pub(crate) async fn socket(rig: &Rig, query: &str) -> RawClient {
    rig.connect_to(&format!("/socket.io/?{query}")).await
}

/// Asks for a WebSocket that must be refused.
pub(crate) async fn refused_socket(rig: &Rig, query: &str) -> Response {
    let request = switchboard_rig::upgrade_request(&format!("/socket.io/?{query}"));
    http(&mut rig.stream().await, &request).await.expect("an answer")
}
