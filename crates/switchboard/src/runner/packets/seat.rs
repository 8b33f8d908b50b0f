//! [`Seat`]: a Socket.IO client in a namespace, over a minimal transport.
use crate::client_id::ClientId;
use crate::codec::{Format, Received};
use crate::gateway::CompiledGateway;
use crate::handler::HandlerDef;
use crate::hub::{Endpoint, Flusher, Hub, peer};
use crate::limits::GatewayLimits;
use crate::namespace::{Marker, Namespace};
use crate::outbound::{Stream, Writer};
use crate::pipeline::{Call, Declared, Interceptor, Next};
use crate::runner::{Reach, Round, Runner};
use crate::{Ack, Args, Binary, Client, Error, Gateway, Reply};
use futures_core::Stream as Items;
use futures_util::stream;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use switchboard_core::socketio::{Assembler, PacketLimits, Sender};
use switchboard_core::ws::{Decoder, FrameLimits, Item, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

enum Admin {}

impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

#[derive(Default)]
struct Desk {
    kept: Mutex<Vec<Ack<u8>>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Photo {
    pub(super) name: String,
    pub(super) bytes: Binary,
}

struct Unserializable;

impl Serialize for Unserializable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

impl Desk {
    async fn echo(&self, value: Value) -> Value {
        value
    }
    async fn pair(&self, pair: (u8, String)) -> (u8, String) {
        pair
    }
    async fn swap(&self, Args((number, text)): Args<(u8, String)>) -> Args<(String, u8)> {
        Args((text, number))
    }
    async fn count(&self, Args(all): Args<Vec<Value>>) -> usize {
        all.len()
    }
    async fn sizes(&self, Args(all): Args<Vec<Option<Binary>>>) -> Vec<usize> {
        all.iter().map(|bytes| bytes.as_ref().map_or(0, |bytes| bytes.len())).collect()
    }
    async fn maybe(&self, all: Option<Args<Vec<Value>>>) -> Option<usize> {
        all.map(|all| all.len())
    }
    async fn nothing(&self) {}
    async fn none(&self) -> Option<u8> {
        None
    }
    async fn named(&self, value: Value) -> Reply {
        Reply::event("other", value)
    }
    async fn named_photo(&self) -> Reply {
        Reply::event("other", Binary::from(b"xy".to_vec()))
    }
    async fn silent(&self) -> Reply {
        Reply::none()
    }
    async fn fails(&self) -> Result<(), Error> {
        Err(Error::forbidden("No"))
    }
    async fn items(&self, end: u8) -> impl Items<Item = u8> + use<> {
        stream::iter(1..=end)
    }
    async fn breaks(&self) -> impl Items<Item = Result<u8, Error>> + use<> {
        stream::iter([Ok(1), Err(Error::forbidden("No"))])
    }
    async fn later(&self, ack: Ack<u8>) {
        self.kept.lock().push(ack);
    }
    async fn sends(&self, ack: Ack<Args<(u8, u8)>>) {
        ack.send(Args((1, 2))).unwrap();
    }
    async fn drops(&self, ack: Ack<u8>) {
        drop(ack);
    }
    async fn sends_long(&self, ack: Ack<String>) {
        ack.send("x".repeat(5000)).unwrap_err();
    }
    async fn never(&self) {
        std::future::pending().await
    }
    async fn photo(&self, photo: Photo) -> Photo {
        photo
    }
    async fn photos(&self, Args((one, two)): Args<(Binary, Photo)>) -> Args<(Photo, Binary)> {
        Args((two, one))
    }
    async fn eleven(&self) -> Vec<Binary> {
        vec![Binary::default(); 11]
    }
    async fn long(&self) -> String {
        "x".repeat(5000)
    }
    async fn unserializable(&self) -> Reply {
        Reply::value(Unserializable)
    }
    async fn reserved(&self) -> Reply {
        Reply::event("connect", 1)
    }
    async fn emits(&self, client: &Client) {
        client.emit("connect", 1);
        client.emit("one", (1, "a"));
        client.emit("two", Args((1, "a")));
        client.emit("none", ());
    }
}

/// Passes the reply on, as it is or changed by `map`.
pub(super) struct Around {
    pub(super) maps: bool,
}

impl Interceptor for Around {
    async fn intercept(&self, _: &Call, next: Next<'_>) -> Result<Reply, Error> {
        let reply = next.run().await?;
        if !self.maps {
            return Ok(reply);
        }
        reply.map(|mut value| {
            if let Some(name) = value.pointer_mut("/0/name") {
                *name = "changed".into();
            }
            value
        })
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Written {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// A client in a namespace.
pub(super) struct Seat {
    pub(super) runner: Runner,
    table: CompiledGateway,
    conn: Arc<Endpoint>,
    written: Written,
    stream: Stream,
    pub(super) malformed: u32,
}

impl Seat {
    pub(super) fn new(interceptor: Option<Around>) -> Seat {
        let limits = GatewayLimits::default()
            .max_message_out(4096)
            .handler_timeout(Duration::from_secs(1))
            .deferred_reply_timeout(Duration::from_secs(1));
        let gateway = Gateway::new(Desk::default())
            .on("echo", Desk::echo)
            .on("pair", Desk::pair)
            .on("swap", Desk::swap)
            .on("count", Desk::count)
            .on("sizes", Desk::sizes)
            .on("maybe", Desk::maybe)
            .on("nothing", Desk::nothing)
            .on("none", Desk::none)
            .on("named", Desk::named)
            .on("named photo", Desk::named_photo)
            .on("silent", Desk::silent)
            .on("fails", Desk::fails)
            .on("items", Desk::items)
            .on("breaks", Desk::breaks)
            .on("later", Desk::later)
            .on("sends", Desk::sends)
            .on("drops", Desk::drops)
            .on("sends long", Desk::sends_long)
            .handler("never", HandlerDef::new(Desk::never).concurrency(2))
            .on("photo", Desk::photo)
            .on("photos", Desk::photos)
            .on("eleven", Desk::eleven)
            .on("long", Desk::long)
            .on("unserializable", Desk::unserializable)
            .on("reserved", Desk::reserved)
            .on("emits", Desk::emits)
            .limits(limits);
        let gateway = match interceptor {
            Some(around) => gateway.interceptor(around),
            None => gateway,
        };
        let Ok(Some((mut table, _))) = gateway.build(None, None) else { panic!("it has a state") };
        let Ok(application) = Declared::default().make(None) else { panic!("it has no stages") };
        table.settle_stages(&application, false, &mut Vec::new());
        let (peer_port, peer_ip) = peer(None);
        let conn = Arc::new(Endpoint {
            id: ClientId::random().unwrap(),
            space: Hub::new().space(Marker::of::<Admin>()),
            profile: table.profile.clone(),
            writer: Writer::new(None),
            flusher: Flusher::new(),
            membership: Mutex::default(),
            extras: Mutex::default(),
            kept: None,
            deflate: None,
            format: Format::SocketIo,
            peer_port,
            peer_ip,
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        });
        let written = Written::default();
        let stream = Stream::Other(Box::pin(written.clone()));
        let runner = Runner::new(Client::new(conn.clone()));
        let mut seat = Seat { runner, table, conn, written, stream, malformed: 0 };
        assert_eq!(seat.turn(), [] as [&str; 0]);
        seat
    }

    fn run(
        &mut self,
        work: impl FnOnce(&mut Runner, &CompiledGateway, &mut Round<'_>, &mut Context<'_>) -> bool,
    ) -> bool {
        let mut congested = false;
        let mut round = Round {
            endpoint: &self.conn,
            reach: Reach::Open,
            congested: &mut congested,
            only: false,
            unread: false,
            tick: 1,
            asked: None,
        };
        let result = work(&mut self.runner, &self.table, &mut round, &mut Context::from_waker(Waker::noop()));
        if let Some(asked) = round.asked {
            assert!(asked.end.is_none(), "{:?}", asked.end);
            self.malformed += asked.malformed;
        }
        result
    }

    /// What was written: the packets, and `+` with the bytes of attachments.
    pub(super) fn turn(&mut self) -> Vec<String> {
        let now = self.conn.present();
        if now >= self.runner.alarm() {
            self.run(|runner, _, round, _| {
                runner.check_time(now, round);
                false
            });
        }
        for _ in 0..64 {
            if !self.run(|runner, table, round, cx| runner.poll(table, round, cx))
                && !self.runner.has_work(Reach::Open, false)
            {
                break;
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        self.conn.writer.put_control(&[]);
        let conn = &self.conn;
        conn.writer.end_turn(&mut cx, Some(&mut self.stream), &conn.profile.limits, conn.node());
        let mut bytes = std::mem::take(&mut *self.written.0.lock());
        let mut decoder = Decoder::new(Role::Client);
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            let decoded = decoder.decode(&mut bytes, &FrameLimits::default()).expect("frames of a server");
            let consumed = decoded.consumed;
            packets.push(match decoded.item {
                Some(Item::Text(text)) => text.strip_prefix('4').expect("a message of Engine.IO").to_owned(),
                Some(Item::Binary(bytes)) => format!("+{}", String::from_utf8_lossy(&bytes)),
                other => panic!("{other:?}"),
            });
            bytes.drain(..consumed);
        }
        packets
    }

    pub(super) fn send(&mut self, text: &str) -> Vec<String> {
        self.receive(Received::Text(text.into()));
        self.turn()
    }

    pub(super) fn send_binary(&mut self, text: &str, attachments: &[&str]) -> Vec<String> {
        let (mut assembler, limits) = (Assembler::new(Sender::Client), PacketLimits::default());
        assert!(assembler.text(text, &limits).unwrap().is_none());
        let mut assembled = None;
        for bytes in attachments {
            assembled = assembler.binary(bytes.as_bytes(), &limits).unwrap();
        }
        self.receive(Received::Packet(Box::new(assembled.expect("all attachments"))));
        self.turn()
    }

    fn receive(&mut self, message: Received<'_>) {
        self.run(|runner, table, round, cx| {
            runner.message(table, message, round, cx);
            false
        });
    }

    /// Sends a request whose one answer is this ack.
    #[track_caller]
    pub(super) fn acks(&mut self, request: &str, answer: &str) {
        assert_eq!(self.send(&format!("2/admin,7{request}")), [format!("3/admin,7{answer}")], "{request}");
        assert_eq!(self.turn(), [] as [&str; 0]);
    }

    /// Sends a request whose answer is an error with this code.
    #[track_caller]
    pub(super) fn fails(&mut self, request: &str, code: &str) {
        let answer = self.send(&format!("2/admin,7{request}"));
        assert_eq!(answer.len(), 1, "{request}: {answer:?}");
        assert_eq!(code_of(&answer[0], "3/admin,7"), code, "{request}");
    }
}

/// The code of the error in an ack.
#[track_caller]
pub(super) fn code_of(packet: &str, head: &str) -> String {
    let json = packet.strip_prefix(head).unwrap_or_else(|| panic!("{packet}"));
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(1), "{packet}");
    let error = &json[0]["error"];
    assert_eq!(error["status"], "error");
    error["code"].as_str().unwrap().to_owned()
}
