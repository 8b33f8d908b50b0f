//! A client that is sent away is gone at once, whoever does it: no further message of it is handled, nothing more is sent to it.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::raw::Message;
use switchboard::{App, Client, Close, DisconnectReason, Error, Gateway, HandlerDef, Limits, Server, Socket};
use switchboard_rig::{Got, RawClient, Rig, Stack, each_stack, matrix, on};

/// Messages that come in one segment with the one that ends the connection.
const BEHIND: usize = 399;

/// The rooms of a client that has left, and why.
type Left = (Vec<String>, DisconnectReason);

#[derive(Clone)]
struct Door {
    server: Server,
    guesses: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
    left: Arc<Mutex<Vec<Left>>>,
    gate: Arc<tokio::sync::Notify>,
}

impl Door {
    fn new(server: Server) -> Door {
        Door { server, guesses: Arc::default(), seen: Arc::default(), left: Arc::default(), gate: Arc::default() }
    }

    async fn joined(&self, client: &Client) {
        client.join("lobby");
    }

    /// What everybody sees of a client that is sent away.
    fn look(&self, client: &Client) {
        let (server, room) = (&self.server, "lobby");
        let mut seen = self.seen.lock().unwrap();
        let is_in = |clients: Vec<Client>| clients.iter().any(|other| other.id() == client.id());
        seen.push(format!(
            "{} {} {} {} {} {} {} {}",
            client.is_connected(),
            is_in(server.local().clients_in(room)),
            is_in(server.local().clients()),
            server.local().client(client.id()).is_some(),
            server.local().count_in(room),
            server.local().client_count(),
            client.emit("after", 1).queued,
            server.broadcast_to(room, "after", 2).queued,
        ));
    }

    /// The first guess is wrong.
    async fn guess(&self, how: String, client: &Client) -> Result<String, Error> {
        self.guesses.fetch_add(1, Ordering::SeqCst);
        client.emit("wrong", &how);
        if how.starts_with("waits ") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match how.rsplit(' ').next().unwrap() {
            "disconnect" => client.disconnect(),
            "close" => client.close(Close::new(CloseCode::KICKED, "kicked")),
            "room" => assert_eq!(self.server.disconnect("lobby"), 1),
            "thread" => {
                let client = client.clone();
                std::thread::spawn(move || client.disconnect()).join().unwrap();
            }
            "task" => {
                let client = client.clone();
                tokio::spawn(async move { client.disconnect() }).await.unwrap();
            }
            "fails" => {
                client.disconnect();
                self.look(client);
                return Err(Error::conflict("No").closing(CloseCode::REPLACED));
            }
            other => panic!("{other}"),
        }
        self.look(client);
        if how.starts_with("stays ") {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.look(client);
        }
        Ok("let in".to_owned())
    }

    async fn kick(&self, id: String) -> usize {
        let client = self.server.local().client(id.parse().unwrap()).unwrap();
        client.emit("wrong", "other");
        client.disconnect();
        self.look(&client);
        self.guesses.load(Ordering::SeqCst)
    }

    async fn wait(&self) -> &'static str {
        self.guesses.fetch_add(1, Ordering::SeqCst);
        self.gate.notified().await;
        "late"
    }

    async fn name(&self, client: &Client) -> String {
        client.id().to_string()
    }

    async fn left(&self, client: &Client, reason: DisconnectReason) {
        let rooms = client.rooms().iter().map(|room| room.to_string()).collect();
        self.left.lock().unwrap().push((rooms, reason));
    }
}

const UNSEEN: &str = "false false false false 0 0 0 0";

fn door() -> (App, Door) {
    let app = App::new();
    let door = Door::new(app.server());
    let gateway = Gateway::new(door.clone())
        .on("guess", Door::guess)
        .on("kick", Door::kick)
        .on("name", Door::name)
        .handler("beside", HandlerDef::new(Door::guess).concurrency(4))
        .handler("wait", HandlerDef::new(Door::wait).concurrency(4))
        .on_connect(Door::joined)
        .on_disconnect(Door::left);
    (app.gateway("/ws", gateway).limits(Limits::default().linger(Duration::from_millis(250))), door)
}

/// Nothing comes but what was emitted before, `sys.goaway` and the close frame.
async fn expect_kicked(peer: &mut RawClient, before: &[&str], what: &str) {
    for text in before {
        assert_eq!(peer.recv_text().await, *text, "{what}");
    }
    let goaway = peer.recv_text().await;
    assert!(goaway.starts_with(r#"{"event":"sys.goaway","data":{"code":4503,"reason":"kicked","#), "{what}: {goaway}");
    assert_eq!(peer.recv_close().await, (4503, "kicked".into()), "{what}");
    peer.close(4503).await;
    peer.expect_end().await;
}

fn was_kicked(reason: &DisconnectReason) -> bool {
    matches!(reason, DisconnectReason::Server { code, .. } if *code == CloseCode::KICKED)
}

#[test]
fn whoever_sends_it_away_no_further_message_of_it_is_handled() {
    for event in ["guess", "beside"] {
        matrix(|stack| async move {
            let (app, door) = door();
            let rig = Rig::start(stack, app).await;
            let ways = ["disconnect", "close", "room", "thread", "task", "fails"];
            let all = ["", "waits ", "stays "].iter().flat_map(|when| ways.map(|way| format!("{when}{way}")));
            // Beside a handler that waits others begin, which is no fault.
            let waits = |how: &str| how.starts_with("waits") || how.ends_with("task");
            for how in all.filter(|how| how != "stays fails" && !(event == "beside" && waits(how))) {
                let dropped = rig.handle.stats().dropped;
                door.guesses.store(0, Ordering::SeqCst);
                let mut peer = rig.connect().await;
                let guess = |how: &str| format!(r#"{{"event":"{event}","data":"{how}","id":1}}"#);
                let behind = (0..BEHIND).map(|_| r#"{"event":"guess","data":"disconnect"}"#.to_owned());
                peer.send_all([guess(&how)].into_iter().chain(behind)).await;
                let wrong = format!(r#"{{"event":"wrong","data":"{how}"}}"#);
                let what = format!("{event} {how} {stack:?}");
                expect_kicked(&mut peer, &[&wrong], &what).await;
                rig.expect_empty().await;
                assert_eq!(door.guesses.load(Ordering::SeqCst), 1, "{what}");
                let seen = std::mem::take(&mut *door.seen.lock().unwrap());
                assert!(!seen.is_empty() && seen.iter().all(|seen| seen == UNSEEN), "{what}: {seen:?}");
                let left = std::mem::take(&mut *door.left.lock().unwrap());
                assert!(
                    matches!(&left[..], [(rooms, reason)] if rooms == &["lobby"] && was_kicked(reason)),
                    "{what}: {left:?}"
                );
                assert_eq!(rig.handle.stats().dropped - dropped, 1, "its reply: {what}");
            }
        });
    }
}

/// By another connection: what waits behind a running handler is not handled any more, and what runs is not answered.
#[test]
fn by_another_client_while_handlers_run() {
    matrix(|stack| async move {
        let (app, door) = door();
        let rig = Rig::start(stack, app).await;
        let (mut peer, mut other) = (rig.connect().await, rig.connect().await);
        let name = peer.request(r#"{"event":"name"}"#).await;
        let id = name.split('"').nth(7).unwrap();
        peer.send_all((0..4).map(|id| format!(r#"{{"event":"wait","id":{id}}}"#))).await;
        while door.guesses.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        peer.send_all((4..8).map(|id| format!(r#"{{"event":"wait","id":{id}}}"#))).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (before, dropped) = (door.guesses.load(Ordering::SeqCst), rig.handle.stats().dropped);
        other.send(&format!(r#"{{"event":"kick","data":"{id}"}}"#)).await;
        other.expect(r#"{"event":"after","data":2}"#).await;
        other.expect(&format!(r#"{{"event":"kick","data":{before}}}"#)).await;
        assert_eq!(*door.seen.lock().unwrap(), ["false false false false 1 1 0 1"], "the other one is there");
        expect_kicked(&mut peer, &[r#"{"event":"wrong","data":"other"}"#], "other").await;
        door.gate.notify_waiters();
        rig.until(|stats| stats.connections == 1).await;
        assert_eq!(door.guesses.load(Ordering::SeqCst), before, "{stack:?}");
        assert_eq!(rig.handle.stats().dropped - dropped, 4, "the replies of those that ran");
        assert_eq!(rig.handle.stats().dropped_inbound, 4, "those that waited");
        drop((peer, other));
        rig.expect_empty().await;
    });
}

struct Feed;

impl Feed {
    async fn numbers(&self) -> impl futures_util::Stream<Item = u64> + use<> {
        futures_util::stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some((number, number + 1))
        })
    }
    async fn late(&self, client: &Client, ack: switchboard::Ack<u8>) {
        client.disconnect();
        assert!(ack.send(1).is_err());
    }
    async fn asks(&self, client: &Client) {
        client.disconnect();
        let answer: Result<u8, Error> = client.emit_with_ack("q", 1, Duration::from_secs(5)).await;
        assert_eq!(answer.unwrap_err().message(), "The client has left");
    }
}

#[test]
fn streams_and_late_answers_end_with_it() {
    each_stack(|stack| async move {
        let gateway = Gateway::new(Feed).on("numbers", Feed::numbers).on("late", Feed::late).on("asks", Feed::asks);
        let app = App::new().gateway("/ws", gateway).limits(Limits::default().linger(Duration::from_millis(250)));
        let rig = Rig::start(stack, app).await;
        let server = rig.handle.server();
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"numbers","id":1}"#).await;
        for _ in 0..5 {
            peer.recv_text().await;
        }
        server.local().clients()[0].disconnect();
        assert!(server.local().clients().is_empty());
        loop {
            match peer.recv().await {
                Got::Text(text) if text.contains("numbers") => {}
                Got::Text(text) => break assert!(text.contains("sys.goaway"), "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(peer.recv_close().await, (4503, "kicked".into()), "no item behind the goodbye");
        drop(peer);
        rig.expect_empty().await;
        for event in ["late", "asks"] {
            let before = rig.handle.stats().dropped;
            let mut peer = rig.connect().await;
            peer.send(&format!(r#"{{"event":"{event}","id":1}}"#)).await;
            expect_kicked(&mut peer, &[], event).await;
            rig.expect_empty().await;
            assert_eq!(rig.handle.stats().dropped - before, 1, "{event} {stack:?}");
        }
    });
}

#[derive(Clone, Default)]
struct Loop {
    received: Arc<AtomicUsize>,
    gate: Arc<tokio::sync::Notify>,
}

impl Loop {
    async fn run(&self, mut socket: Socket) {
        while let Some(message) = socket.recv().await {
            self.received.fetch_add(1, Ordering::SeqCst);
            match message {
                Message::Text(text) if text == "kick" => socket.client().disconnect(),
                Message::Text(text) if text == "close" => socket.close(CloseCode::KICKED, "kicked"),
                Message::Text(text) if text == "wait" => self.gate.notified().await,
                message => drop(socket.send(message).await),
            }
            if !socket.client().is_connected() {
                assert!(socket.send("after").await.is_err());
            }
        }
    }
}

#[test]
fn the_loop_of_a_raw_gateway_receives_nothing_more() {
    matrix(|stack| async move {
        let state = Loop::default();
        let rig = Rig::start(stack, App::new().gateway("/ws", Gateway::new(state.clone()).raw(Loop::run))).await;
        let server = rig.handle.server();
        for how in ["kick", "close", "wait"] {
            state.received.store(0, Ordering::SeqCst);
            let dropped = rig.handle.stats().dropped_inbound;
            let mut peer = rig.connect().await;
            peer.send_all(["one", how, "two", "three"]).await;
            assert_eq!(peer.recv_text().await, "one");
            if how == "wait" {
                tokio::time::sleep(Duration::from_millis(20)).await;
                assert_eq!(server.disconnect(server.local().clients()[0].id()), 1);
                assert_eq!(server.local().client_count(), 0);
                assert_eq!(rig.handle.stats().dropped_inbound - dropped, 2, "{stack:?}");
                state.gate.notify_one();
            }
            assert_eq!(peer.recv_close().await, (4503, "kicked".into()), "{how} {stack:?}");
            peer.close(4503).await;
            peer.expect_end().await;
            rig.expect_empty().await;
            assert_eq!(state.received.load(Ordering::SeqCst), 2, "{how} {stack:?}");
        }
    });
}

struct Host(Arc<Mutex<Vec<&'static str>>>);

impl Host {
    async fn refuses(&self, client: &Client) {
        self.0.lock().unwrap().push("joined");
        client.join("lobby");
        client.emit("sorry", 1);
        client.disconnect();
    }
    async fn guess(&self) {
        self.0.lock().unwrap().push("guessed");
    }
    async fn run(&self, _socket: Socket) {
        self.0.lock().unwrap().push("guessed");
    }
    async fn left(&self, client: &Client) {
        self.0.lock().unwrap().push(if client.is_in("lobby") { "left" } else { "left the room" });
    }
}

#[test]
fn by_its_on_connect_hook() {
    each_stack(|stack| async move {
        let said = Arc::<Mutex<Vec<_>>>::default();
        let host = || Gateway::new(Host(said.clone())).on_connect(Host::refuses).on_disconnect(Host::left);
        let app = App::new().gateway("/ws", host().on("guess", Host::guess)).gateway("/raw", host().raw(Host::run));
        let rig = Rig::start(stack, app).await;
        for place in ["/ws", "/raw"] {
            let message = switchboard_rig::masked(0x81, br#"{"event":"guess"}"#, [1, 2, 3, 4]).repeat(3);
            let mut peer = rig.connect_early(place, &message, usize::MAX).await;
            match place {
                "/ws" => expect_kicked(&mut peer, &[r#"{"event":"sorry","data":1}"#], place).await,
                _ => assert_eq!(peer.recv_close().await, (4503, "kicked".into())),
            }
            drop(peer);
            rig.expect_empty().await;
            assert_eq!(std::mem::take(&mut *said.lock().unwrap()), ["joined", "left"], "{place} {stack:?}");
        }
    });
}

/// Of several that are sent away at once, those of raw gateways too; who is closing already is not counted.
#[test]
fn a_choice_of_clients_is_sent_away() {
    on(Stack::Listen, |stack| async move {
        let (app, _door) = door();
        let rig = Rig::start(stack, app.gateway("/raw", Gateway::new(Loop::default()).raw(Loop::run))).await;
        let server = rig.handle.server();
        let mut peers = Vec::new();
        for _ in 0..4 {
            let mut peer = rig.connect().await;
            let name = peer.request(r#"{"event":"name"}"#).await;
            peers.push((peer, name.split('"').nth(7).unwrap().parse().unwrap()));
        }
        let mut raw = rig.connect_to("/raw").await;
        assert_eq!(raw.request("here").await, "here");
        let (kept, sent_away) = (peers[0].1, peers[1].1);
        assert_eq!(server.to(sent_away).disconnect(), 1);
        assert_eq!(server.to(sent_away).disconnect() + server.disconnect(sent_away), 0);
        assert_eq!(server.local().client(kept).unwrap().to("lobby").disconnect(), 2, "the others");
        assert_eq!((server.local().client_count(), server.local().count_in("lobby")), (2, 1));
        assert_eq!(server.except(kept).disconnect(), 1);
        assert_eq!(raw.recv_close().await.0, 4503);
        for (peer, _) in &mut peers[1..] {
            assert_eq!(peer.skip_until_close().await, 4503);
        }
        let (peer, _) = &mut peers[0];
        assert!(peer.request(r#"{"event":"name"}"#).await.contains("name"));
        drop((peers, raw));
        rig.expect_empty().await;
    });
}
