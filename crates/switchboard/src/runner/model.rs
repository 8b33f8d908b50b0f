//! Random lives of a client over a minimal transport: the alarm of its runner is never too late, and every request has one end.
use super::{EndRequest, Reach, Round, Runner};
use crate::client_id::ClientId;
use crate::codec::{Format, Received};
use crate::gateway::CompiledGateway;
use crate::handler::HandlerDef;
use crate::hub::{Endpoint, Flusher, Hub, peer};
use crate::limits::GatewayLimits;
use crate::namespace::Marker;
use crate::node::clock::millis;
use crate::outbound::{DisconnectReason, Stream, Writer};
use crate::{Ack, Client, Gateway, Root};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

const HANDLER: Duration = Duration::from_millis(1000);
const DEFERRED: Duration = Duration::from_millis(700);

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request whose handler runs alone.
    Handle,
    /// A request whose handler runs beside others.
    Beside,
    /// A request that an `Ack` answers.
    Defer,
    /// One of the open requests is answered, by its handler or its `Ack`.
    Answer(usize),
    /// One of the open requests is given up: its `Ack` is dropped. If it has a handler, that answers.
    Abandon(usize),
    Cancel(usize),
    Pass(u64),
    Drain,
    Kill,
    /// The client sends nothing more, and is still answered.
    Finish,
    /// The connection is lost.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Handle),
        4 => Just(Step::Beside),
        6 => Just(Step::Defer),
        6 => any::<usize>().prop_map(Step::Answer),
        2 => any::<usize>().prop_map(Step::Abandon),
        2 => any::<usize>().prop_map(Step::Cancel),
        8 => (1..600_u64).prop_map(Step::Pass),
        1 => Just(Step::Drain),
        1 => Just(Step::Kill),
        1 => Just(Step::Finish),
        1 => Just(Step::Lose),
    ]
}

/// A request that has begun, and not ended.
enum Open {
    Handler(oneshot::Sender<()>),
    Deferred(Ack<u64>),
}

/// The requests that have begun, by their ids; `None` once their end was caused.
#[derive(Clone, Default)]
struct Begun(Arc<Mutex<BTreeMap<u64, Option<Open>>>>);

impl Begun {
    async fn handle(&self, id: u64) -> u64 {
        let (sender, answered) = oneshot::channel();
        self.0.lock().insert(id, Some(Open::Handler(sender)));
        drop(answered.await);
        id
    }

    async fn defer(&self, id: u64, ack: Ack<u64>) {
        self.0.lock().insert(id, Some(Open::Deferred(ack)));
    }
}

/// A stream that records what is written to it.
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

struct Life {
    runner: Runner,
    table: CompiledGateway,
    conn: Arc<Endpoint>,
    begun: Begun,
    /// By when each request that has begun has to have its end.
    ends_by: BTreeMap<u64, u64>,
    /// How many answers each request has had.
    answers: BTreeMap<u64, usize>,
    next: u64,
    reach: Reach,
    congested: bool,
    tick: u64,
    stream: Stream,
    written: Written,
    decoder: Decoder,
}

impl Life {
    fn new() -> Life {
        let begun = Begun::default();
        let limits =
            GatewayLimits::default().handler_timeout(HANDLER).deferred_reply_timeout(DEFERRED).inbound_messages(8);
        let tick = millis(limits.tick());
        let gateway = Gateway::new(begun.clone())
            .on("alone", Begun::handle)
            .handler("beside", HandlerDef::new(Begun::handle).concurrency(2))
            .on("defer", Begun::defer)
            .limits(limits);
        let Ok(Some((table, _))) = gateway.build(None, None) else { panic!("it has a state") };
        let (peer_port, peer_ip) = peer(None);
        let conn = Arc::new(Endpoint {
            id: ClientId::random().unwrap(),
            space: Hub::new().space(Marker::of::<Root>()),
            profile: table.profile.clone(),
            writer: Writer::new(None),
            flusher: Flusher::new(),
            membership: Mutex::default(),
            extras: Mutex::default(),
            kept: None,
            deflate: None,
            format: Format::Json,
            peer_port,
            peer_ip,
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            alarm: AtomicU64::new(0),
        });
        let written = Written::default();
        Life {
            runner: Runner::new(Client::new(conn.clone())),
            table,
            conn,
            begun,
            ends_by: BTreeMap::new(),
            answers: BTreeMap::new(),
            next: 0,
            reach: Reach::Open,
            congested: false,
            tick,
            stream: Stream::Other(Box::pin(written.clone())),
            written,
            decoder: Decoder::new(Role::Client),
        }
    }

    /// One call, as the transport makes it.
    fn run<T>(&mut self, work: impl FnOnce(&mut Runner, &CompiledGateway, &mut Round<'_>, &mut Context<'_>) -> T) -> T {
        let mut round = Round {
            endpoint: &self.conn,
            reach: self.reach,
            congested: &mut self.congested,
            only: false,
            unread: false,
            tick: self.tick,
            asked: None,
        };
        let result = work(&mut self.runner, &self.table, &mut round, &mut Context::from_waker(Waker::noop()));
        match round.asked.and_then(|asked| asked.end) {
            None => {}
            Some(EndRequest::Restart) => self.end(DisconnectReason::Shutdown),
            Some(EndRequest::Close { reason, .. } | EndRequest::Abort { reason, .. }) => self.end(reason),
        }
        result
    }

    fn end(&mut self, reason: DisconnectReason) {
        if self.reach != Reach::Ended {
            self.runner.ends_for(reason);
            self.runner.drop_inbound();
            self.conn.writer.close(&[], false, self.conn.node());
            self.reach = Reach::Ended;
            self.lost();
        }
    }

    fn lost(&mut self) {
        let finish_by = self.conn.present() + millis(HANDLER) + self.tick;
        self.runner.lost(self.reach, finish_by);
    }

    fn request(&mut self, event: &str) {
        if self.reach != Reach::Open || self.runner.is_full() {
            return;
        }
        let id = self.next;
        self.next += 1;
        self.answers.insert(id, 0);
        self.receive(&format!(r#"{{"event":"{event}","data":{id},"id":{id}}}"#));
    }

    fn receive(&mut self, text: &str) {
        self.run(|runner, table, round, cx| runner.message(table, Received::Text(text.into()), round, cx));
    }

    /// The id of a request that has begun and waits.
    fn chosen(&self, at: usize) -> Option<u64> {
        let begun = self.begun.0.lock();
        let open: Vec<u64> = begun.iter().filter(|(_, open)| open.is_some()).map(|(id, _)| *id).collect();
        (!open.is_empty()).then(|| open[at % open.len()])
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Handle => self.request("alone"),
            Step::Beside => self.request("beside"),
            Step::Defer => self.request("defer"),
            Step::Answer(at) | Step::Abandon(at) => {
                if let Some(id) = self.chosen(at) {
                    let open = self.begun.0.lock().get_mut(&id).and_then(Option::take);
                    match (open, step) {
                        (Some(Open::Deferred(ack)), Step::Answer(_)) => drop(ack.send(id)),
                        (Some(Open::Handler(answer)), _) => drop(answer),
                        (open, _) => drop(open),
                    }
                }
            }
            Step::Cancel(at) => {
                if let (Some(id), Reach::Open) = (self.chosen(at), self.reach) {
                    self.receive(&format!(r#"{{"cancel":{id}}}"#));
                }
            }
            Step::Pass(time) => tokio::time::advance(Duration::from_millis(time)).await,
            Step::Drain => self.run(|runner, _, round, _| runner.drain(round)),
            Step::Kill => {
                let was_served = self.reach.is_served();
                let last = self.conn.present() + millis(self.conn.profile.limits.websocket.linger);
                self.run(|runner, _, round, _| runner.kill(last, round));
                self.read();
                for id in self.ends_by.keys().filter(|_| was_served) {
                    assert_eq!(self.answers[id], 1, "{id} was cut off");
                }
            }
            Step::Finish if self.reach == Reach::Open => {
                self.runner.ends_for(DisconnectReason::Lost);
                self.reach = Reach::Answering;
                self.conn.writer.set_answering();
                self.lost();
            }
            Step::Finish => {}
            Step::Lose if self.reach != Reach::Ended => {
                self.read();
                self.conn.writer.gone(self.conn.node());
                self.end(DisconnectReason::Lost);
            }
            Step::Lose => {}
        }
        self.turn();
    }

    /// What a turn of a transport does, and what holds after it.
    fn turn(&mut self) {
        let now = self.conn.present();
        if now >= self.runner.alarm() {
            self.run(|runner, _, round, _| runner.check_time(now, round));
        }
        for _ in 0..64 {
            if !self.run(|runner, table, round, cx| runner.poll(table, round, cx))
                && !self.runner.has_work(self.reach, self.congested)
            {
                break;
            }
        }
        if self.reach == Reach::Answering && self.runner.is_answered() {
            self.end(DisconnectReason::Lost);
        }
        self.read();
        let begun: Vec<(u64, bool)> = {
            let begun = self.begun.0.lock();
            begun.iter().map(|(id, open)| (*id, matches!(open, Some(Open::Deferred(_))))).collect()
        };
        for (id, deferred) in begun {
            let patience = if deferred { DEFERRED } else { HANDLER };
            let by = now + millis(patience) + self.tick;
            self.ends_by.entry(id).or_insert(by);
        }
        for (id, by) in &self.ends_by {
            let is_open = self.answers[id] == 0 && self.reach.is_served();
            assert!(!is_open || self.runner.alarm() <= *by, "{id} ends by {by}: {}", self.runner.alarm());
            assert!(!is_open || *by > now, "{id} is overdue since {by}: {now}");
        }
        for (id, answers) in &self.answers {
            assert!(*answers <= 1, "{id} has {answers} ends");
        }
    }

    /// Counts the answers that were written.
    fn read(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        self.conn.writer.put_control(&[]);
        let conn = &self.conn;
        conn.writer.end_turn(&mut cx, Some(&mut self.stream), &conn.profile.limits, conn.node());
        let mut bytes = std::mem::take(&mut *self.written.0.lock());
        let limits = FrameLimits { max_message: 1 << 20, max_frame: 1 << 20, max_fragments: 8 };
        while !bytes.is_empty() {
            let decoded = self.decoder.decode(&mut bytes, &limits).expect("frames of a server");
            let consumed = decoded.consumed;
            if let Some(Item::Text(text)) = decoded.item {
                let reply: serde_json::Value = serde_json::from_str(&text).unwrap();
                if let Some(id) = reply["id"].as_u64() {
                    *self.answers.get_mut(&id).expect("a request of this id") += 1;
                }
            }
            bytes.drain(..consumed);
        }
    }
}

async fn live(steps: &[Step]) {
    let mut life = Life::new();
    // The first turn of a new client, which has no on-connect hook here.
    life.turn();
    for step in steps {
        life.step(*step).await;
    }
    // A message in the queue begins when those before it have run out of time.
    for _ in 0..12 {
        life.step(Step::Pass(millis(HANDLER + DEFERRED) + 2 * life.tick)).await;
    }
    if life.reach.is_served() {
        assert!(life.runner.is_answered() && life.answers.values().all(|answers| *answers == 1), "{:?}", life.answers);
    }
    life.step(Step::Kill).await;
    life.step(Step::Pass(millis(life.conn.profile.limits.websocket.linger) + 2 * life.tick)).await;
    assert!(life.runner.is_done(), "nothing runs after the patience of the end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_request_has_one_end_and_the_alarm_is_never_too_late(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(live(&steps));
    }
}
