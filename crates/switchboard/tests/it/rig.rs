//! The test rig: an application on each kind of stream and runtime, and a peer that reads the bytes on the wire.
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use switchboard::{App, Handle};
use switchboard_core::ws::handshake::ClientRequest;
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, Item, Opcode, Role, frame_len, payload, write_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How the peer reaches the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// `App::listen`: a bare socket.
    Listen,
    /// `axum::serve`: a bare socket below hyper-util.
    Axum,
    /// The same, with the peer's address known.
    AxumWithPeer,
    /// An in-memory stream: the generic path.
    Memory,
}

const PATIENCE: Duration = Duration::from_secs(10);

/// A test that takes longer does not end: several times what the longest takes where both cores are busy.
const HANG: Duration = Duration::from_secs(180);

/// Runs a test on each kind of stream, on one worker and on two.
pub(crate) fn matrix<F, Fut>(test: F)
where
    F: Fn(Path) -> Fut,
    Fut: Future<Output = ()>,
{
    for path in [Path::Listen, Path::Axum, Path::Memory] {
        let mut one = tokio::runtime::Builder::new_current_thread();
        let mut two = tokio::runtime::Builder::new_multi_thread();
        for (workers, builder) in [(1, &mut one), (2, two.worker_threads(2))] {
            let runtime = builder.enable_all().build().unwrap();
            let bounded = async { tokio::time::timeout(HANG, test(path)).await };
            assert!(runtime.block_on(bounded).is_ok(), "{path:?} on {workers} worker(s): no end");
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// A running application.
pub(crate) struct Rig {
    pub(crate) handle: Handle,
    reach: Reach,
    /// Its peers hear the server's pings, which come when they want.
    hears_pings: bool,
    beside: tokio::sync::Mutex<Option<Beside>>,
}

/// A healthy connection that must not notice what others do: there is always a question of its own on the way.
struct Beside {
    peer: Peer,
    asked: u32,
}

impl Beside {
    /// From an address of its own, which nobody else's connections count for.
    const ADDRESS: &str = "127.0.0.99";

    async fn ask(&mut self) {
        self.asked += 1;
        self.peer.send(&Beside::text(self.asked)).await;
    }

    /// Asks again before it hears the answer to what it asked before.
    async fn ask_on(&mut self) {
        self.ask().await;
        self.peer.expect(&Beside::text(self.asked - 1)).await;
    }

    /// All is answered, in order, and nothing else came.
    async fn leave(mut self) {
        self.ask_on().await;
        self.peer.expect(&Beside::text(self.asked)).await;
        self.peer.close(1000).await;
        assert_eq!(self.peer.closed().await.0, 1000, "the healthy connection");
    }

    fn text(asked: u32) -> String {
        format!(r#"{{"event":"echo","data":"well","id":{asked}}}"#)
    }
}

enum Reach {
    Tcp(SocketAddr),
    Memory(axum::Router),
}

impl Rig {
    /// A server in another process.
    pub(crate) fn elsewhere(address: SocketAddr) -> Rig {
        Rig { handle: App::new().handle(), reach: Reach::Tcp(address), hears_pings: false, beside: Default::default() }
    }

    pub(crate) async fn start(path: Path, app: App) -> Rig {
        let handle = app.handle();
        let reach = match path {
            Path::Listen => {
                let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
                let address = bound.local_addr();
                tokio::spawn(bound.serve());
                Reach::Tcp(address)
            }
            Path::Axum => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let router: axum::Router = axum::Router::new().merge(app);
                tokio::spawn(async move { axum::serve(listener, router).await });
                Reach::Tcp(address)
            }
            Path::AxumWithPeer => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let router: axum::Router = axum::Router::new().merge(app);
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                tokio::spawn(async move { axum::serve(listener, service).await });
                Reach::Tcp(address)
            }
            Path::Memory => Reach::Memory(app.into_router().unwrap()),
        };
        Rig { handle, reach, hears_pings: false, beside: Default::default() }
    }

    /// The same with a healthy connection to `/ws`, which has an `echo`. It asks with every request by [`Rig::http`], and
    /// wherever a test says [`Rig::unnoticed`]; [`Rig::expect_empty`] is its end.
    pub(crate) async fn watched(path: Path, app: App) -> Rig {
        let rig = Rig::start(path, app).await;
        let stream = match rig.reach {
            Reach::Tcp(_) => rig.stream_from(Beside::ADDRESS).await,
            Reach::Memory(_) => rig.stream().await,
        };
        let mut beside = Beside { peer: Peer::handshake(stream, "/ws").await, asked: 0 };
        beside.ask().await;
        *rig.beside.lock().await = Some(beside);
        rig
    }

    /// The healthy connection has noticed nothing.
    pub(crate) async fn unnoticed(&self) {
        if let Some(beside) = &mut *self.beside.lock().await {
            beside.ask_on().await;
        }
    }

    pub(crate) fn hearing_pings(self) -> Rig {
        Rig { hears_pings: true, ..self }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.reach {
            Reach::Tcp(address) => *address,
            Reach::Memory(_) => panic!("in memory"),
        }
    }

    /// A stream to the HTTP server.
    pub(crate) async fn stream(&self) -> Box<dyn Stream> {
        match &self.reach {
            Reach::Tcp(address) => {
                let stream = tokio::net::TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                Box::new(stream)
            }
            Reach::Memory(router) => {
                let (ours, theirs) = tokio::io::duplex(64 << 10);
                let service = hyper_util::service::TowerToHyperService::new(router.clone());
                let io = hyper_util::rt::TokioIo::new(theirs);
                let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
                tokio::spawn(connection.with_upgrades());
                Box::new(ours)
            }
        }
    }

    /// A WebSocket client.
    pub(crate) async fn connect(&self) -> Peer {
        self.connect_to("/ws").await
    }

    pub(crate) async fn connect_to(&self, path: &str) -> Peer {
        let peer = Peer::handshake(self.stream().await, path).await;
        Peer { hears_pings: self.hears_pings, ..peer }
    }

    /// Waits until nothing is left: connections, rooms, memberships, queues, handlers, acks.
    pub(crate) async fn expect_empty(&self) {
        if let Some(beside) = self.beside.lock().await.take() {
            beside.leave().await;
        }
        let mut left = String::new();
        for _ in 0..500 {
            let stats = self.handle.stats();
            let counts = [
                stats.connections,
                stats.rooms,
                stats.memberships,
                stats.queued_bytes,
                stats.in_flight,
                stats.pending_acks,
            ];
            if counts == [0; 6] {
                return;
            }
            left = format!("{stats:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("something is left: {left}");
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What a peer receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    /// The stream ended.
    End,
}

/// A client of raw bytes: it sends what it is told, and answers nothing by itself.
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    hears_pings: bool,
    /// The server's close frame has come, and none of our own was sent.
    owes_close: bool,
    /// The response's head.
    pub(crate) head: String,
}

impl Peer {
    pub(crate) async fn handshake(mut stream: Box<dyn Stream>, path: &str) -> Peer {
        let request = ClientRequest::new("test.example", path, [7; 16]).unwrap();
        stream.write_all(&request.encode()).await.unwrap();
        let (head, buffer) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Peer { stream, decoder: Decoder::new(Role::Client), buffer, hears_pings: false, owes_close: false, head }
    }

    /// A client whose handshake is this request.
    pub(crate) async fn asking(mut stream: Box<dyn Stream>, request: &[u8]) -> Peer {
        stream.write_all(request).await.unwrap();
        let (head, buffer) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Peer { stream, decoder: Decoder::new(Role::Client), buffer, hears_pings: false, owes_close: false, head }
    }

    /// Offers extensions, and reads what is compressed where the server accepted it.
    pub(crate) async fn offering(stream: Box<dyn Stream>, path: &str, offers: &str) -> Peer {
        Peer::agreeing(stream, path, &[], Some(offers)).await
    }

    /// Offers subprotocols.
    pub(crate) async fn speaking(stream: Box<dyn Stream>, path: &str, protocols: &[&str]) -> Peer {
        Peer::agreeing(stream, path, protocols, None).await
    }

    /// Offers both.
    pub(crate) async fn agreeing(
        mut stream: Box<dyn Stream>,
        path: &str,
        protocols: &[&str],
        offers: Option<&str>,
    ) -> Peer {
        let request = ClientRequest::new("test.example", path, [7; 16]).unwrap();
        let mut request = protocols.iter().fold(request, |request, protocol| request.protocol(protocol).unwrap());
        let mut headers = HeaderMap::new();
        if let Some(offers) = offers {
            let value = HeaderValue::from_str(offers).unwrap();
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, value.clone());
            request = request.header(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        stream.write_all(&request.encode()).await.unwrap();
        let (head, buffer) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let agreed = head.contains("permessage-deflate").then(|| Deflate::negotiate(&headers).unwrap().0);
        let decoder = Decoder::new(Role::Client).with_deflate(agreed);
        Peer { stream, decoder, buffer, hears_pings: false, owes_close: false, head }
    }

    /// The next frame as it is: its first byte and its payload. Pings are passed over.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some(len) = frame_len(&self.buffer).filter(|len| *len <= self.buffer.len()) {
                let frame: Vec<u8> = self.buffer.drain(..len).collect();
                if frame[0] != 0x89 {
                    return (frame[0], payload(&frame).unwrap().to_vec());
                }
                continue;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "no frame came");
        }
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn send_frame(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, opcode, fin, payload, Some([1, 2, 3, 4]));
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_frame(Opcode::Text, true, text.as_bytes()).await;
    }

    /// Several messages in one segment.
    pub(crate) async fn send_all<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) {
        let mut bytes = Vec::new();
        for text in texts {
            write_frame(&mut bytes, Opcode::Text, true, text.as_ref().as_bytes(), Some([1, 2, 3, 4]));
        }
        self.send_bytes(&bytes).await;
    }

    /// As far as it is open.
    #[allow(dead_code, reason = "for `pipeline`, which shares this file")]
    pub(crate) async fn send_if_open(&mut self, text: &str) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, Opcode::Text, true, text.as_bytes(), Some([1, 2, 3, 4]));
        let _ = self.stream.write_all(&bytes).await;
    }

    /// The same of a close frame.
    #[allow(dead_code, reason = "for `pipeline`, which shares this file")]
    pub(crate) async fn leave_if_open(&mut self) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, Opcode::Close, true, &1000u16.to_be_bytes(), Some([1, 2, 3, 4]));
        let _ = self.stream.write_all(&bytes).await;
    }

    pub(crate) async fn close(&mut self, code: u16) {
        self.owes_close = false;
        self.send_frame(Opcode::Close, true, &code.to_be_bytes()).await;
    }

    /// Ends our half of the stream.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub(crate) async fn recv(&mut self) -> Got {
        match tokio::time::timeout(PATIENCE, self.next()).await {
            Ok(got) => got,
            Err(_) => panic!("nothing came within {PATIENCE:?}"),
        }
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

    /// The next text; pings, which come when they want, are passed over.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.recv().await {
                Got::Text(text) => return text,
                Got::Ping(_) => {}
                other => panic!("expected a text, got {other:?}"),
            }
        }
    }

    pub(crate) async fn expect(&mut self, text: &str) {
        assert_eq!(self.text().await, text);
    }

    pub(crate) async fn request(&mut self, text: &str) -> String {
        self.send(text).await;
        self.text().await
    }

    #[allow(dead_code, reason = "for `pipeline`, which shares this file")]
    pub(crate) async fn expect_request(&mut self, text: &str, answer: &str) {
        assert_eq!(self.request(text).await, answer);
    }

    /// Skips what comes before the close frame.
    pub(crate) async fn expect_close(&mut self) -> u16 {
        loop {
            match self.recv().await {
                Got::Close(close) => return close.map_or(1005, |(code, _)| code),
                Got::End => panic!("the stream ended without a close frame"),
                _ => {}
            }
        }
    }

    /// The end of the stream. A server that has closed waits for the close frame of its client, as every one sends it.
    pub(crate) async fn expect_end(&mut self) {
        if std::mem::take(&mut self.owes_close) {
            let mut close = Vec::new();
            write_frame(&mut close, Opcode::Close, true, &1000u16.to_be_bytes(), Some([1, 2, 3, 4]));
            // One that has closed behind its client's close frame is gone.
            let _ = self.stream.write_all(&close).await;
            let _ = self.stream.flush().await;
        }
        assert_eq!(self.recv().await, Got::End);
    }

    /// Nothing comes for a while.
    pub(crate) async fn expect_silence(&mut self, duration: Duration) {
        if let Ok(got) = tokio::time::timeout(duration, self.next()).await {
            panic!("expected silence, got {got:?}");
        }
    }
}

/// An `exception` of an internal error without its trace id, which is 32 hexadecimal digits.
pub(crate) fn untraced(text: &str) -> String {
    let (before, trace) = text.split_once(r#","trace_id":""#).unwrap_or_else(|| panic!("no trace id in {text}"));
    let (trace, after) = trace.split_once('"').unwrap();
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    assert!(trace.len() == 32 && trace.bytes().all(is_digit), "{text}");
    format!("{before}{after}")
}

/// An HTTP response's head, and the bytes behind it.
pub(crate) async fn read_head(stream: &mut Box<dyn Stream>) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return (String::from_utf8(bytes).unwrap(), rest);
        }
        let read = tokio::time::timeout(Duration::from_secs(15), stream.read_buf(&mut bytes)).await;
        match read {
            Ok(Ok(n)) if n > 0 => {}
            _ => return (String::from_utf8_lossy(&bytes).into_owned(), Vec::new()),
        }
    }
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// `None` when the stream ended without a whole response.
    async fn read(stream: &mut Box<dyn Stream>) -> Option<Answer> {
        let (head, mut body) = read_head(stream).await;
        let status = head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while body.len() < length {
            let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut body)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "the body is cut: {head}");
        }
        // Behind a 101 the connection may say something at once, which is no body.
        body.truncate(length);
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request as it is, and reads the answer.
pub(crate) async fn http(stream: &mut Box<dyn Stream>, request: &[u8]) -> Option<Answer> {
    // A server that has seen enough may close before all is written.
    let _ = stream.write_all(request).await;
    Answer::read(stream).await
}

/// Waits for the end of a stream: the server's FIN or RST.
pub(crate) async fn read_to_end(stream: &mut Box<dyn Stream>, patience: Duration) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = async { while matches!(stream.read_buf(&mut bytes).await, Ok(n) if n > 0) {} };
    assert!(tokio::time::timeout(patience, end).await.is_ok(), "no end within {patience:?}");
    bytes
}

/// Runs a test on each kind of stream, on one worker.
pub(crate) fn paths<F, Fut>(test: F)
where
    F: Fn(Path) -> Fut,
    Fut: Future<Output = ()>,
{
    [Path::Listen, Path::Axum, Path::Memory].into_iter().for_each(|path| on(path, &test));
}

/// Runs a test on one kind of stream, on one worker.
pub(crate) fn on<F, Fut>(path: Path, test: F)
where
    F: Fn(Path) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bounded = async { tokio::time::timeout(HANG, test(path)).await };
    assert!(runtime.block_on(bounded).is_ok(), "{path:?}: no end");
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// Runs a test in memory by a clock that stands still while anything can move, and jumps when nothing can.
pub(crate) fn paused<Fut: Future<Output = ()>>(test: Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

impl Rig {
    /// A TCP stream whose receive buffer is small, so that a peer that does not read is soon felt.
    pub(crate) async fn narrow(&self) -> Box<dyn Stream> {
        let Reach::Tcp(address) = &self.reach else { return self.stream().await };
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        Box::new(socket.connect(*address).await.unwrap())
    }

    /// A WebSocket client that is soon felt when it does not read.
    pub(crate) async fn connect_narrow(&self) -> Peer {
        let peer = Peer::handshake(self.narrow().await, "/ws").await;
        Peer { hears_pings: self.hears_pings, ..peer }
    }

    /// A TCP stream from one of the addresses of loopback.
    pub(crate) async fn stream_from(&self, ip: &str) -> Box<dyn Stream> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        socket.set_nodelay(true).unwrap();
        Box::new(socket.connect(self.address()).await.unwrap())
    }

    /// One request on a stream of its own.
    pub(crate) async fn http(&self, request: &[u8]) -> Option<Answer> {
        self.http_on(&mut self.stream().await, request).await
    }

    /// One more request on a stream.
    pub(crate) async fn http_on(&self, stream: &mut Box<dyn Stream>, request: &[u8]) -> Option<Answer> {
        let answer = http(stream, request).await;
        self.unnoticed().await;
        answer
    }

    /// Waits until the statistics say so.
    pub(crate) async fn until(&self, what: impl Fn(&switchboard::Stats) -> bool) {
        for _ in 0..1000 {
            if what(&self.handle.stats()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never: {:?}", self.handle.stats());
    }
}

impl Peer {
    /// Sends a handshake with further bytes behind it, cut in two at `cut`.
    pub(crate) async fn early(mut stream: Box<dyn Stream>, path: &str, behind: &[u8], cut: usize) -> Peer {
        let request = ClientRequest::new("test.example", path, [7; 16]).unwrap();
        let mut bytes = request.encode();
        bytes.extend_from_slice(behind);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        stream.write_all(first).await.unwrap();
        settle().await;
        stream.write_all(second).await.unwrap();
        let (head, buffer) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Peer { stream, decoder: Decoder::new(Role::Client), buffer, hears_pings: false, owes_close: false, head }
    }

    pub(crate) async fn recv_within(&mut self, patience: Duration) -> Option<Got> {
        tokio::time::timeout(patience, self.next()).await.ok()
    }

    /// The close frame that comes next, code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        match self.recv().await {
            Got::Close(Some(close)) => close,
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    /// Writes as much as the server takes, at most for a while. Returns how much that was.
    pub(crate) async fn flood(&mut self, bytes: &[u8], patience: Duration) -> usize {
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
}

/// Lets all other tasks run until they wait, and a segment reach its socket.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A masked frame with any first byte.
pub(crate) fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | len as u8),
        len @ 126..65536 => {
            bytes.push(0xFE);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0xFF);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}
