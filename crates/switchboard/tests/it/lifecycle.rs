//! Connections come and go, and nothing is left.
use std::sync::mpsc;
use std::time::{Duration, Instant};
use switchboard::{App, Client, DisconnectReason, Error, Gateway, Limits, Reply, Server};
use switchboard_rig::{Got, Rig, Stack, matrix, on};

struct Lobby;

impl Lobby {
    async fn joined(&self, client: &Client) {
        client.join("lobby");
        client.emit("welcome", 1);
    }
    async fn join(&self, room: String, client: &Client) {
        client.join(room);
    }
    async fn left(&self, client: &Client) {
        client.broadcast("left", client.id());
    }
}

/// Ten cycles, and every count is back at zero.
#[test]
fn five_cycles_of_five_hundred_leave_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let gateway = Gateway::new(Lobby).on("join", Lobby::join).on_connect(Lobby::joined).on_disconnect(Lobby::left);
        let rig = Rig::start(Stack::Listen, App::new().gateway("/ws", gateway)).await;
        let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count());
        let mut before = 0;
        for cycle in 0..5 {
            let mut peers = Vec::with_capacity(500);
            for at in 0..500 {
                let mut peer = rig.connect().await;
                peer.send(&format!(r#"{{"event":"join","data":"room {}"}}"#, at % 50)).await;
                peers.push(peer);
            }
            while rig.handle.stats().memberships < 1000 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let stats = rig.handle.stats();
            assert_eq!((stats.connections, stats.rooms), (500, 51), "cycle {cycle}");
            for (at, peer) in peers.iter_mut().enumerate() {
                // Half of them close, half of them vanish.
                if at % 2 == 0 {
                    peer.close(1000).await;
                }
            }
            drop(peers);
            rig.expect_empty().await;
            if cycle == 0 {
                before = descriptors();
            }
        }
        // Tests beside this one have some of their own; these connections had four times five hundred.
        assert!(descriptors() <= before + 200, "descriptors: {before} then {}", descriptors());
    });
}

/// Every call from every lifecycle hook: none of them may hold what another one needs.
#[test]
fn every_call_works_in_every_hook() {
    struct Everything(Server);
    impl Everything {
        async fn call(&self, client: &Client) {
            let server = &self.0;
            let _ = client.join("a").await;
            client.join("b");
            client.leave("b");
            client.emit("e", 1);
            client.emit_volatile("e", 1);
            client.broadcast("e", 1);
            client.broadcast_to("a", "e", 1);
            client.to("a").to("b").except("c").volatile().emit("e", 1);
            client.to("a").latest("key").emit("e", 1);
            server.broadcast("e", 1);
            server.broadcast_to("a", "e", 1);
            server.to(client.id().to_string()).emit("e", 1);
            server.except("a").emit("e", 1);
            let _ = (
                server.local().clients(),
                server.local().client(client.id()),
                server.local().clients_in("a"),
                server.local().count_in("a"),
            );
            let _ = (server.local().rooms(), server.local().client_count(), client.rooms(), client.peer_addr());
            client.state::<u32>().with(|n| *n += 1);
            let _: Result<u8, Error> = client.emit_with_ack("q", 1, Duration::from_millis(1)).await;
        }
        async fn joined(&self, client: &Client) {
            self.call(client).await;
        }
        async fn message(&self, client: &Client) -> u32 {
            self.call(client).await;
            client.state::<u32>().get()
        }
        async fn left(&self, client: &Client, _reason: DisconnectReason) {
            self.call(client).await;
            client.disconnect();
            self.0.disconnect("a");
        }
    }
    matrix(|stack| async move {
        let app = App::new();
        let gateway = Gateway::new(Everything(app.server()))
            .on("message", Everything::message)
            .on_connect(Everything::joined)
            .on_disconnect(Everything::left);
        let rig = Rig::start(stack, app.gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        peer.send(r#"{"event":"message","id":1}"#).await;
        while peer.recv_text().await != r#"{"event":"message","data":2,"id":1}"# {}
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn rooms_exceptions_and_ids() {
    struct Rooms;
    impl Rooms {
        async fn join(&self, room: String, client: &Client) -> Result<String, Error> {
            client.join(&room).await?;
            Ok(client.id().to_string())
        }
        async fn ignore(&self, room: String, client: &Client) {
            client.join(&room);
        }
        async fn leave(&self, room: String, client: &Client) -> bool {
            client.leave(&room)
        }
        async fn tell(&self, text: String, client: &Client) -> usize {
            client.broadcast("told", text).queued
        }
    }
    matrix(|stack| async move {
        let gateway = Gateway::new(Rooms)
            .on("join", Rooms::join)
            .on("ignore", Rooms::ignore)
            .on("leave", Rooms::leave)
            .on("tell", Rooms::tell);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let server = rig.handle.server();
        let (mut a, mut b, mut c) = (rig.connect().await, rig.connect().await, rig.connect().await);
        let id = a.request(r#"{"event":"join","data":"one"}"#).await;
        let id = id.split('"').nth(7).unwrap().to_owned();
        b.request(r#"{"event":"join","data":"one"}"#).await;
        b.request(r#"{"event":"join","data":"two"}"#).await;
        c.request(r#"{"event":"join","data":"two"}"#).await;
        // A union reaches each once; an exception takes out.
        assert_eq!(server.to("one").to("two").emit("u", 1).queued, 3);
        assert_eq!(server.to("one").to("two").except("two").emit("v", 1).queued, 1);
        assert_eq!(server.except("one").emit("w", 1).queued, 1);
        assert_eq!(server.to(&id).emit("x", 1).queued, 1);
        assert_eq!(server.all().except(&id).emit("y", 1).queued, 2);
        let all = |events: &[&str]| events.iter().map(|e| format!(r#"{{"event":"{e}","data":1}}"#)).collect::<Vec<_>>();
        for (peer, expected) in
            [(&mut a, all(&["u", "v", "x"])), (&mut b, all(&["u", "y"])), (&mut c, all(&["u", "w", "y"]))]
        {
            for text in expected {
                peer.expect(&text).await;
            }
        }
        // H02, H03: twice is once; another client's own room is forbidden; a failure that nobody awaits is told.
        b.request(r#"{"event":"join","data":"one"}"#).await;
        assert_eq!(server.local().count_in("one"), 2);
        let other = b.request(&format!(r#"{{"event":"join","data":"{id}"}}"#)).await;
        assert!(other.contains(r#""code":"forbidden""#), "{other}");
        let own = a.request(&format!(r#"{{"event":"join","data":"{id}"}}"#)).await;
        assert!(own.contains(&id) && !own.contains("exception"), "{own}");
        let ignored = b.request(r#"{"event":"ignore","data":""}"#).await;
        assert!(
            ignored.starts_with(r#"{"event":"exception","data":{"status":"error","code":"validation_failed""#),
            "{ignored}"
        );
        assert_eq!(b.request(r#"{"event":"leave","data":"one"}"#).await, r#"{"event":"leave","data":true}"#);
        assert_eq!(b.request(r#"{"event":"leave","data":"one"}"#).await, r#"{"event":"leave","data":false}"#);
        assert_eq!(server.local().count_in("one"), 1);
        // Every other client in every room that the sender is in, each once.
        for room in ["one", "two"] {
            a.request(&format!(r#"{{"event":"join","data":"{room}"}}"#)).await;
            b.request(&format!(r#"{{"event":"join","data":"{room}"}}"#)).await;
        }
        assert_eq!(a.request(r#"{"event":"tell","data":"hi"}"#).await, r#"{"event":"tell","data":2}"#);
        assert_eq!(server.broadcast("end", 1).queued, 3);
        for peer in [&mut b, &mut c] {
            peer.expect(r#"{"event":"told","data":"hi"}"#).await;
            peer.expect(r#"{"event":"end","data":1}"#).await;
        }
        a.expect(r#"{"event":"end","data":1}"#).await;
        // A client's own room is nobody else's when the client has left, either.
        drop(a);
        rig.until(|stats| stats.connections == 2).await;
        let gone = b.request(&format!(r#"{{"event":"join","data":"{id}"}}"#)).await;
        assert!(gone.contains(r#""code":"forbidden""#), "{gone}");
        assert_eq!(server.to(&id).emit("secret", 1).queued, 0);
        drop((b, c));
        rig.expect_empty().await;
    });
}

#[test]
fn events_have_names_that_an_application_may_send() {
    struct Names;
    impl Names {
        async fn reply(&self, name: String) -> Reply {
            Reply::event(name, 1)
        }
    }
    matrix(|stack| async move {
        let gateway = Gateway::new(Names).on("reply", Names::reply);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(r#"{"event":"reply","data":"fine"}"#).await, r#"{"event":"fine","data":1}"#);
        let server = rig.handle.server();
        let client = server.local().clients().remove(0);
        let long = "x".repeat(129);
        for name in ["exception", "sys.goaway", "", "a\nb", &long] {
            assert!(client.emit(name, 1).refused && server.broadcast(name, 1).refused, "{name:?}");
            let asked: Result<u8, Error> = client.emit_with_ack(name, 1, Duration::from_secs(1)).await;
            assert!(asked.unwrap_err().is_internal());
            let sent = serde_json::json!({ "event": "reply", "data": name }).to_string();
            assert!(peer.request(&sent).await.contains(r#""code":"internal""#));
        }
        assert!(client.emit("sysadmin", 1).is_complete());
        peer.expect(r#"{"event":"sysadmin","data":1}"#).await;
    });
}

/// From another thread, at any moment of a turn: nobody is forgotten between the last look of the turn and its end.
#[test]
fn a_push_and_an_end_from_elsewhere_arrive_at_any_moment() {
    const TIMES: u64 = 300;
    struct Doom(mpsc::SyncSender<(Client, Duration)>);
    impl Doom {
        async fn doom(&self, micros: u64, client: &Client) {
            self.0.send((client.clone(), Duration::from_micros(micros))).unwrap();
        }
        async fn echo(&self, number: u64) -> u64 {
            number
        }
    }
    matrix(|stack| async move {
        let (doom, doomed) = mpsc::sync_channel::<(Client, Duration)>(1);
        // It ends with the gateway.
        std::thread::spawn(move || {
            for (client, wait) in doomed {
                let begun = Instant::now();
                while begun.elapsed() < wait {
                    std::hint::spin_loop();
                }
                client.emit("bye", 0);
                client.disconnect();
            }
        });
        let gateway = Gateway::new(Doom(doom)).on("doom", Doom::doom).on("echo", Doom::echo);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        for time in 0..TIMES {
            let mut peer = rig.connect().await;
            peer.send(&format!(r#"{{"event":"doom","data":{time}}}"#)).await;
            for number in 0..4 {
                peer.send(&format!(r#"{{"event":"echo","data":{number}}}"#)).await;
            }
            for next in 0.. {
                let text = peer.recv_text().await;
                if text == r#"{"event":"bye","data":0}"# {
                    break;
                }
                assert_eq!(text, format!(r#"{{"event":"echo","data":{next}}}"#), "{time}");
            }
            // An echo may come behind it, and `sys.goaway`: then the end.
            loop {
                match peer.recv().await {
                    Got::Text(_) => {}
                    Got::Close(Some((code, _))) => break assert_eq!(code, 4503, "{time}"),
                    other => panic!("{time}: {other:?}"),
                }
            }
        }
        rig.expect_empty().await;
    });
}

/// Somebody still has the handle: what looked at the memory ran on.
#[test]
fn no_task_is_left_after_a_shutdown_where_memory_is_limited() {
    for memory in [usize::MAX, 1 << 40] {
        on(Stack::Memory, |stack| async move {
            let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
            let before = tasks();
            let gateway = Gateway::new(Lobby).on("join", Lobby::join);
            let rig =
                Rig::start(stack, App::new().limits(Limits::default().memory(Some(memory))).gateway("/ws", gateway))
                    .await;
            let mut peer = rig.connect().await;
            peer.send(r#"{"event":"join","data":"r"}"#).await;
            rig.until(|stats| stats.memberships == 1).await;
            assert!(tasks() > before);
            drop(peer);
            rig.handle.shutdown().await;
            let ended = Instant::now();
            while tasks() > before {
                assert!(ended.elapsed() < Duration::from_secs(2), "{} tasks, {before} before; {memory}", tasks());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
}
