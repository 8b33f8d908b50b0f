//! Admission: docs/limits.md "Backpressure and admission" 1 and 2, from outside; descriptors and memory in processes of their own.
use crate::control::Stopwatch;
use crate::frames::plain;
use crate::rig::{Answer, Path, Peer, Rig, Stream, http, matrix, on, paused, read_to_end};
use futures_util::future::join_all;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::pipeline::{ConnectGuard, GuardDef};
use switchboard::{App, Client, Error, Gateway, Limits, Rate, Server, Upgrade, User};
use switchboard_core::ws::handshake::ClientRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const WELL: &str = r#"{"event":"echo","data":"well"}"#;
const MIB: usize = 1 << 20;

fn ask(forwarded: Option<&str>) -> Vec<u8> {
    ask_with("X-Forwarded-For", forwarded)
}

fn ask_with(name: &str, value: Option<&str>) -> Vec<u8> {
    let text = String::from_utf8(ClientRequest::new("test.example", "/ws", [7; 16]).unwrap().encode()).unwrap();
    let header = value.map_or(String::new(), |value| format!("{name}: {value}\r\n"));
    text.replacen("\r\n", &format!("\r\n{header}"), 1).into_bytes()
}

type Held = Box<dyn Stream>;

/// A handshake on a stream: the stream, if it is a WebSocket now, or the refusal.
async fn upgrade(rig: &Rig, mut stream: Held, forwarded: Option<&str>) -> Result<Held, Answer> {
    let answer = rig.http_on(&mut stream, &ask(forwarded)).await.expect("an answer");
    if answer.status == 101 { Ok(stream) } else { Err(answer) }
}

/// The status and reason of a refusal that says when to come back.
fn refusal(answer: Answer) -> (u16, String) {
    let after: u64 = answer.header("retry-after").expect("when to come back").parse().unwrap();
    assert!((1..=10).contains(&after), "{after}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["code"].as_str().unwrap().to_owned())
}

async fn refused(rig: &Rig, stream: Held, forwarded: Option<&str>) -> (u16, String) {
    refusal(upgrade(rig, stream, forwarded).await.err().expect("one too many"))
}

/// As soon as a place is free.
async fn admitted(rig: &Rig, ip: &str) -> Held {
    for _ in 0..200 {
        if let Ok(held) = upgrade(rig, rig.stream_from(ip).await, None).await {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never admitted");
}

#[test]
fn a23_an_address_has_so_many_connections() {
    for path in [Path::Listen, Path::AxumWithPeer] {
        on(path, |path| async move {
            let rig = Rig::watched(path, plain(Limits::default().address_connections(Some(3)))).await;
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(upgrade(&rig, rig.stream().await, None).await.ok().unwrap());
            }
            let full = (429, "address_connections".to_owned());
            assert_eq!(refused(&rig, rig.stream().await, None).await, full);
            // A24: nobody asked this peer.
            let thousand = ["9.9.9.9"; 1000].join(",");
            for forwarded in ["9.9.9.9", &thousand, "9.9.9", "for=9.9.9.9", ", ,", "canary"] {
                assert_eq!(refused(&rig, rig.stream().await, Some(forwarded)).await, full, "{forwarded}");
            }
            let other = upgrade(&rig, rig.stream_from("127.0.0.2").await, None).await;
            assert!(other.is_ok(), "another address has its own");
            assert_eq!(rig.handle.stats().refused_connections, 7);
            drop(held.pop());
            held.push(admitted(&rig, "127.0.0.1").await);
            assert_eq!(refused(&rig, rig.stream().await, None).await, full);
            // A handshake that fails gives its place back.
            held.pop();
            rig.until(|stats| stats.connections == 4).await;
            for _ in 0..5 {
                let mut stream = rig.stream().await;
                let bad = String::from_utf8(ask(None)).unwrap().replace("Upgrade: websocket", "Upgrade: no");
                assert_eq!(rig.http_on(&mut stream, bad.as_bytes()).await.unwrap().status, 426);
            }
            held.push(admitted(&rig, "127.0.0.1").await);
            drop((held, other));
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a23_behind_a_trusted_proxy_the_clients_address_counts_and_an_ipv6_one_by_its_64() {
    for path in [Path::Listen, Path::AxumWithPeer] {
        on(path, |path| async move {
            let app = plain(Limits::default().address_connections(Some(2))).trust_proxies(["127.0.0.0/8"]).unwrap();
            let rig = Rig::watched(path, app).await;
            let mut held = Vec::new();
            for (address, other) in [("198.51.100.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::ffff:1:2:3")] {
                held.push(upgrade(&rig, rig.stream().await, Some(address)).await.ok().unwrap());
                held.push(upgrade(&rig, rig.stream().await, Some(other)).await.ok().unwrap());
                assert_eq!(refused(&rig, rig.stream().await, Some(address)).await.0, 429, "{address}");
            }
            assert_eq!(refused(&rig, rig.stream().await, Some("2001:db8:0:0:9::9")).await.0, 429, "the same /64");
            held.push(upgrade(&rig, rig.stream().await, Some("2001:db8:0:1::1")).await.ok().unwrap());
            held.push(upgrade(&rig, rig.stream().await, Some("198.51.100.2")).await.ok().unwrap());
            // What is in front of the proxy's own word is anybody's.
            assert_eq!(refused(&rig, rig.stream().await, Some("6.6.6.6, 198.51.100.1")).await.0, 429);
            drop(held);
            rig.expect_empty().await;
        });
    }
}

#[test]
fn a23_where_every_hop_is_trusted_the_farthest_is_the_client() {
    for path in [Path::Listen, Path::AxumWithPeer] {
        on(path, |path| async move {
            let app = plain(Limits::default().address_connections(Some(1)))
                .trust_proxies(["127.0.0.0/8", "10.0.0.0/8"])
                .unwrap();
            let rig = Rig::watched(path, app).await;
            let come = async |name: &str, value: &str| {
                let mut stream = rig.stream().await;
                let answer = rig.http_on(&mut stream, &ask_with(name, Some(value))).await.unwrap();
                (answer.status, stream)
            };
            let mut held = Vec::new();
            for (name, value, same) in [
                ("X-Forwarded-For", "10.0.0.7, 10.0.0.1", "10.0.0.7"),
                ("X-Forwarded-For", "10.0.0.8, 10.0.0.1", ", 10.0.0.8 ,, 10.0.0.2,"),
                ("X-Forwarded-For", "[2001:db8::1]", "2001:db8::1"),
                ("X-Forwarded-For", "198.51.100.1:4711", "6.6.6.6, 198.51.100.1"),
                ("Forwarded", "for=10.0.0.9, for=10.0.0.1", "for=10.0.0.9;proto=https"),
                ("Forwarded", "for=6.6.6.6, for=\"[2001:db8:1::7]:4711\";by=10.0.0.1", "FOR=\"[2001:db8:1::7]\""),
            ] {
                let (status, stream) = come(name, value).await;
                assert_eq!(status, 101, "{name}: {value}");
                held.push(stream);
                assert_eq!(come(name, same).await.0, 429, "{name}: {same} is {value}");
            }
            drop(held);
            rig.expect_empty().await;
        });
    }
}

/// Takes their word for who they are, and refuses whom they say to be refused.
struct Believes;

impl ConnectGuard for Believes {
    async fn connect(&self, upgrade: &mut Upgrade) -> Result<(), Error> {
        let Some(user) = upgrade.headers().get("x-user") else { return Ok(()) };
        let user = user.to_str().unwrap().to_owned();
        // All of them are in the middle of it at once.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let refused = user == "mallory";
        upgrade.set_user(User::new(user));
        if refused { Err(Error::forbidden("Not you")) } else { Ok(()) }
    }
}

#[test]
fn a23_a_user_has_so_many_connections() {
    const MOST: usize = 5;
    matrix(|path| async move {
        let app = plain(Limits::default().user_connections(Some(MOST))).guard(GuardDef::of(Believes).connect());
        let rig = &Rig::watched(path, app).await;
        let come = async |user: Option<&str>| {
            let mut stream = rig.stream().await;
            let answer = rig.http_on(&mut stream, &ask_with("X-User", user)).await.expect("an answer");
            if answer.status == 101 { Ok(stream) } else { Err(answer) }
        };
        let all = |user: Option<&'static str>| join_all((0..30).map(move |_| come(user)));
        let (ada, bob, nobody, mallory) =
            tokio::join!(all(Some("ada")), all(Some("bob")), all(None), all(Some("mallory")));
        let mut held = Vec::new();
        for users in [ada, bob] {
            let (admitted, refused): (Vec<_>, Vec<_>) = users.into_iter().partition(Result::is_ok);
            assert_eq!((admitted.len(), refused.len()), (MOST, 30 - MOST));
            for answer in refused.into_iter().filter_map(Result::err) {
                assert_eq!(refusal(answer), (429, "user_connections".to_owned()));
            }
            held.push(admitted);
        }
        assert!(nobody.iter().all(Result::is_ok), "who is nobody's is not counted");
        assert!(mallory.iter().all(|outcome| outcome.as_ref().is_err_and(|answer| answer.status == 403)));
        assert_eq!(rig.handle.stats().refused_connections, 2 * (30 - MOST) as u64);
        rig.until(|stats| stats.connections == 1 + 2 * MOST + 30).await;
        // The place of one who leaves is free, for that user.
        for _ in 0..3 {
            held[0].pop();
            rig.until(|stats| stats.connections == 2 * MOST + 30).await;
            assert!(come(Some("bob")).await.is_err());
            held[0].push(come(Some("ada")).await);
            assert!(held[0].last().is_some_and(Result::is_ok));
            assert!(come(Some("ada")).await.is_err());
        }
        drop((held, nobody));
        rig.expect_empty().await;
    });
}

#[test]
fn an_address_without_requests_cannot_take_all_places() {
    on(Path::Listen, |path| async move {
        let rig = Rig::start(path, plain(Limits::default().address_connections(Some(8)))).await;
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(rig.stream_from("127.0.0.9").await);
        }
        for _ in 0..20 {
            let mut stream = rig.stream_from("127.0.0.9").await;
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"", "closed unheard");
        }
        assert_eq!(rig.handle.stats().refused_connections, 20);
        assert!(upgrade(&rig, rig.stream().await, None).await.is_ok());
        // Those that were there still have their time.
        assert!(upgrade(&rig, silent.pop().unwrap(), None).await.is_ok());
        drop(silent);
        rig.expect_empty().await;
    });
}

#[test]
fn those_who_keep_their_http_connections_leave_places_for_others() {
    on(Path::Listen, |path| async move {
        let rig =
            Rig::start(path, plain(Limits::default().address_connections(Some(20)).http_connections(Some(50)))).await;
        let mut staying = Vec::new();
        let (mut kept, mut closed) = (0, 0);
        for n in 0..300 {
            // The address of those who stay is not held to be silent either.
            let mut stream = rig.stream_from(if n % 2 == 0 { "127.0.0.1" } else { "127.0.0.9" }).await;
            let answer = http(&mut stream, b"GET /nope HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
            let answer = answer.unwrap_or_else(|| panic!("no answer for {n}"));
            assert_eq!(answer.status, 404);
            match answer.header("connection") {
                None => kept += 1,
                Some(connection) => {
                    assert_eq!(connection, "close");
                    assert_eq!(read_to_end(&mut stream, Duration::from_secs(2)).await, b"");
                    closed += 1;
                }
            }
            staying.push(stream);
        }
        assert!(kept == 50 && closed == 250, "{kept} kept, {closed} closed");
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        // Those who stay may ask again, and become WebSockets.
        assert!(upgrade(&rig, staying.remove(0), None).await.is_ok());
        drop((peer, staying));
        rig.expect_empty().await;
    });
}

#[test]
fn requests_that_hang_leave_places_for_others() {
    const TIME: Duration = Duration::from_millis(500);
    on(Path::Listen, |path| async move {
        let routes = axum::Router::new().route("/hang", axum::routing::get(std::future::pending::<()>));
        let app = plain(Limits::default().handshake_timeout(TIME).http_connections(Some(50))).mount(routes);
        let rig = Rig::start(path, app).await;
        let mut hanging = Vec::new();
        for _ in 0..600 {
            let mut stream = rig.stream().await;
            stream.write_all(b"GET /hang HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            hanging.push(stream);
        }
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop((peer, hanging));
        rig.expect_empty().await;
    });
}

#[test]
fn an_answer_that_runs_is_not_cut_while_there_is_room() {
    const TIME: Duration = Duration::from_millis(200);
    /// One line every 20 ms, for ever.
    async fn stream() -> axum::body::Body {
        let (sender, lines) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
        tokio::spawn(async move {
            while sender.send(Ok("data: 1\n\n")).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let lines = futures_util::stream::unfold(lines, async |mut lines| Some((lines.recv().await?, lines)));
        axum::body::Body::from_stream(lines)
    }
    on(Path::Listen, |path| async move {
        let routes = axum::Router::new().route("/sse", axum::routing::get(stream));
        let app = plain(Limits::default().handshake_timeout(TIME).http_connections(Some(300))).mount(routes);
        let rig = Rig::start(path, app).await;
        let mut streams = Vec::new();
        for _ in 0..301 {
            let mut stream = rig.stream().await;
            stream.write_all(b"GET /sse HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            // The head is there, so that they come one behind the other.
            stream.read_u8().await.unwrap();
            streams.push(stream);
        }
        let mut last = streams.pop().unwrap();
        assert!(read_to_end(&mut last, Duration::from_secs(2)).await.len() > 20, "one too many has its time");
        tokio::time::sleep(TIME).await;
        for stream in &mut streams {
            // What has come in the meantime, and a line that comes after it.
            let mut bytes = vec![0; 64 << 10];
            let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 100), "{read:?}");
            let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "{read:?}");
        }
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        drop((peer, streams));
        rig.expect_empty().await;
    });
}

#[test]
fn a23_rates_of_upgrades_are_exact() {
    use switchboard::testing::TestApp;
    let rate = Some(Rate::new(2, 5));
    const HOUR: Duration = Duration::from_secs(3600);
    for (limits, status, reason) in [
        (Limits::default().address_rate(rate), 429, "address_rate"),
        (Limits::default().accept_rate(rate), 503, "accept_rate"),
    ] {
        paused(async {
            let app = TestApp::new(plain(limits));
            let mut healthy = app.connect("/ws").await;
            tokio::time::sleep(HOUR).await;
            for (milliseconds, free) in [(0, 5), (499, 0), (1, 1), (1000, 2), (3_600_000, 5)] {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                assert_eq!(healthy.request::<String>("echo", "well").await, "well");
                for _ in 0..free {
                    drop(app.try_connect("/ws").await.expect("within the rate"));
                }
                let refused = app.try_connect("/ws").await.expect_err("above the rate");
                assert_eq!(refused.status, status);
                assert!(refused.body.contains(reason), "{}", refused.body);
                assert!(refused.headers.contains_key("retry-after"));
                assert_eq!(healthy.request::<String>("echo", "well").await, "well");
            }
            assert_eq!(app.handle().stats().refused_connections, 5);
        });
    }
}

#[test]
fn public_admits_what_it_says() {
    use switchboard::testing::TestApp;
    let app = || TestApp::new(plain(Limits::public()).trust_proxies(["127.0.0.1"]).unwrap());
    paused(async {
        // One address: 20 a second, and 64 that stay.
        let app = app();
        let mut staying = Vec::new();
        for free in [20, 20, 20, 4] {
            for _ in 0..free {
                staying.push(app.connect("/ws").await);
            }
            let refused = app.try_connect("/ws").await.expect_err("one too many");
            let reason = if staying.len() < 64 { "address_rate" } else { "address_connections" };
            assert_eq!(refused.status, 429);
            assert!(refused.body.contains(reason), "{}", refused.body);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    paused(async {
        // All addresses: 4,000 at once, and 2,000 a second.
        let app = app();
        let mut visitors = 0..;
        for free in [4000, 2000] {
            let mut connect = || {
                let [_, _, high, low] = u32::to_be_bytes(visitors.next().unwrap());
                app.connecting("/ws").header("x-forwarded-for", &format!("203.0.{high}.{low}"))
            };
            for _ in 0..free {
                drop(connect().connect().await);
            }
            let refused = connect().refused().await;
            assert_eq!(refused.status, 503);
            assert!(refused.body.contains("accept_rate"), "{}", refused.body);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

/// docs/limits.md R31 at a small size.
#[test]
fn slow_handshakes_and_half_messages_are_cut_while_others_connect() {
    on(Path::Listen, |path| async move {
        const TIME: Duration = Duration::from_millis(600);
        let limits = Limits::default().handshake_timeout(TIME).partial_timeout(TIME).linger(TIME / 2);
        let rig = Arc::new(Rig::start(path, plain(limits)).await);
        let watch = Stopwatch::start();
        let mut slow = tokio::task::JoinSet::new();
        for _ in 0..60 {
            let mut head = rig.stream().await;
            slow.spawn(async move {
                for byte in ask(None).chunks(1) {
                    if head.write_all(byte).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                read_to_end(&mut head, Duration::from_secs(5)).await;
            });
            let mut half = rig.connect().await;
            slow.spawn(async move {
                half.send_bytes(&[0x81, 0xFE, 0x01, 0x00, 1, 2, 3, 4, b'x']).await;
                assert_eq!(half.expect_close().await, 1008);
                half.expect_end().await;
            });
        }
        while !slow.is_empty() {
            let connecting = Stopwatch::start();
            let mut good = rig.connect().await;
            assert_eq!(good.request(WELL).await, WELL);
            connecting.within(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
            while let Some(ended) = slow.try_join_next() {
                ended.unwrap();
            }
        }
        watch.within(TIME * 6);
        rig.expect_empty().await;
    });
}

/// A server in a process of its own, which ends with this.
struct Elsewhere {
    child: Child,
    rig: Rig,
    /// What it printed, until it listened.
    said: String,
}

impl Elsewhere {
    /// Runs one of the `server_…` below, with `before` in front of it in a shell.
    fn start(server: &str, before: &str) -> Elsewhere {
        let me = std::env::current_exe().unwrap();
        let run = format!("{before} exec \"$0\" --exact admission::{server} --ignored --nocapture --test-threads=1");
        let mut command = Command::new("sh");
        command.args(["-c", &run]).arg(me).env(ELSEWHERE, "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            said = format!("{said}{line}\n");
            Some(line.split_once("listening on ")?.1.to_owned())
        });
        let address = address.expect("it listens").parse().unwrap();
        Elsewhere { child, rig: Rig::elsewhere(address), said }
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ELSEWHERE: &str = "SWITCHBOARD_TEST_SERVER";

/// Serves until the process is killed, or whoever started it is gone. Does nothing in an ordinary run of ignored tests.
fn serve(app: App) {
    if std::env::var_os(ELSEWHERE).is_none() {
        return;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening on {}", bound.local_addr());
        std::io::stdout().flush().unwrap();
        bound.serve().await;
    });
}

struct Stubborn {
    server: Server,
    hoard: Mutex<Vec<std::fs::File>>,
}

impl Stubborn {
    async fn echo(&self, text: String) -> String {
        text
    }
    /// Opens files until there is no descriptor left.
    async fn hoard(&self) -> usize {
        let mut hoard = self.hoard.lock().unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        hoard.len()
    }
    async fn free(&self) {
        self.hoard.lock().unwrap().clear();
    }
    async fn refused(&self) -> u64 {
        self.server.stats().refused_connections
    }
    async fn evicted(&self) -> u64 {
        self.server.stats().evicted
    }
    async fn connections(&self) -> usize {
        self.server.stats().connections
    }
    async fn stop_reading(&self, client: &Client) {
        client.join("stopped").await.unwrap();
    }
    /// Sends to everyone who stopped reading, each a message of its own, until nobody of them is left. KiB that were queued.
    async fn flood(&self) -> usize {
        let mut queued = 0;
        let began = Instant::now();
        for n in 0u64.. {
            let stopped = self.server.clients_in("stopped");
            if stopped.is_empty() || began.elapsed() > Duration::from_secs(20) {
                break;
            }
            for client in stopped {
                queued += 4 * client.emit("n", format!("{n}{}", "x".repeat(4 << 10))).queued;
            }
            tokio::task::yield_now().await;
        }
        queued
    }
    /// The most memory that this process ever had, in KiB.
    async fn peak(&self) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

fn stubborn(limits: Limits) -> App {
    let app = App::new();
    let gateway = Gateway::new(Stubborn { server: app.server(), hoard: Mutex::default() })
        .on("echo", Stubborn::echo)
        .on("hoard", Stubborn::hoard)
        .on("free", Stubborn::free)
        .on("refused", Stubborn::refused)
        .on("evicted", Stubborn::evicted)
        .on("connections", Stubborn::connections)
        .on("stop_reading", Stubborn::stop_reading)
        .on("flood", Stubborn::flood)
        .on("peak", Stubborn::peak);
    app.gateway("/ws", gateway).limits(limits)
}

async fn number(peer: &mut Peer, event: &str) -> u64 {
    let answer = peer.request(&format!(r#"{{"event":"{event}","id":1}}"#)).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["data"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
#[ignore = "a server for `without_descriptors_…`"]
fn server_without_descriptors() {
    serve(stubborn(Limits::default()));
}

#[test]
fn without_descriptors_those_who_come_are_told_and_those_who_are_there_are_served() {
    let mut elsewhere = Elsewhere::start("server_without_descriptors", "ulimit -n 400;");
    on(Path::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut there = rig.connect().await;
        assert!(number(&mut there, "hoard").await > 300);
        for _ in 0..5 {
            let mut stream = rig.stream().await;
            let watch = Stopwatch::with(elsewhere.child.id());
            assert_eq!(read_to_end(&mut stream, Duration::from_secs(10)).await, b"", "closed, and not left waiting");
            watch.within(Duration::from_secs(2));
            assert_eq!(there.request(WELL).await, WELL);
        }
        // The peer knows it before it is counted.
        while number(&mut there, "refused").await < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        there.request(r#"{"event":"free","id":1}"#).await;
        let mut back = rig.connect().await;
        assert_eq!(back.request(WELL).await, WELL);
        assert_eq!(there.request(WELL).await, WELL);
    });
    assert!(elsewhere.is_running());
}

#[test]
#[ignore = "a server for `j03_…`"]
fn server_of_few_descriptors() {
    if std::env::var_os(ELSEWHERE).is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false).init();
        serve(stubborn(Limits::default()));
    }
}

/// A process of 256 descriptors had none left beside a reserve of 256: it took one WebSocket, and said nothing.
#[test]
fn j03_few_descriptors_leave_most_of_them_to_websockets_and_the_log_says_how_many() {
    for (descriptors, least, warns) in [(256, 140, true), (100, 50, true), (64, 30, true), (4400, 200, false)] {
        let mut elsewhere = Elsewhere::start("server_of_few_descriptors", &format!("ulimit -n {descriptors};"));
        on(Path::Listen, |_| async {
            let rig = &elsewhere.rig;
            let mut there = Vec::new();
            for n in 0..least {
                match upgrade(rig, rig.stream().await, None).await {
                    Ok(stream) => there.push(stream),
                    Err(answer) => panic!("of {descriptors} descriptors: {answer:?} after {n} WebSockets"),
                }
            }
        });
        assert_eq!(elsewhere.said.contains("WARN"), warns, "{descriptors}: {}", elsewhere.said);
        assert_eq!(elsewhere.said.contains("ulimit -n"), warns, "{descriptors}: {}", elsewhere.said);
        assert!(elsewhere.is_running());
    }
}

#[test]
#[ignore = "a server for `r15_…`"]
fn server_of_two_hundred() {
    serve(stubborn(Limits::default().max_connections(Some(200))));
}

#[test]
#[ignore = "a server for `beyond_512_…`"]
fn server_of_512_handshakes() {
    serve(stubborn(Limits::default()));
}

/// All places are taken by connections without a request, or with a part of one: the first of them makes room.
#[test]
fn beyond_512_handshakes_the_first_without_a_head_makes_room() {
    // An eighth of what the process may open is more than 512.
    let elsewhere = Elsewhere::start("server_of_512_handshakes", "ulimit -n 4400;");
    on(Path::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut there = rig.connect().await;
        let mut silent = Vec::new();
        for n in 0..512 {
            let mut stream = rig.stream().await;
            stream.write_all(&ask(None)[..n % 60]).await.unwrap();
            silent.push(stream);
        }
        let mut byte = [0];
        // Connections are accepted in their order, so that all of these have their places before it.
        for first in 0..3 {
            let mut coming = rig.stream().await;
            coming.write_all(&ask(None)).await.unwrap();
            let answered = tokio::time::timeout(Duration::from_secs(5), coming.read(&mut byte)).await;
            assert_eq!((answered.expect("its turn").unwrap(), &byte), (1, b"H"), "it is served");
            let ended = tokio::time::timeout(Duration::from_secs(5), silent[first].read(&mut byte)).await;
            assert!(matches!(ended.expect("its end"), Ok(0) | Err(_)), "{first} is sent away");
            let refused = number(&mut there, "refused").await;
            assert!(refused > first as u64, "{refused}");
            // It has the place no longer than its handshake takes.
            silent.push(rig.stream().await);
        }
        // Far behind those: whoever nobody needs to go has their time.
        let mut whole = silent.remove(120);
        let early = tokio::time::timeout(Duration::from_millis(100), whole.read(&mut byte)).await;
        assert!(early.is_err(), "{early:?}");
        whole.write_all(&ask(None)).await.unwrap();
        assert_eq!(whole.read(&mut byte).await.unwrap(), 1);
    });
}

/// Those who say nothing come and come, and among them many who ask at once: their requests are no sign that others will ask.
#[test]
fn who_asks_at_once_does_not_wait_beside_those_who_say_nothing() {
    let elsewhere = Elsewhere::start("server_of_512_handshakes", "ulimit -n 4400;");
    on(Path::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut silent = VecDeque::new();
        let (mut waited, mut until) = (Duration::ZERO, None);
        const TIME: Duration = Duration::from_secs(4);
        while until.is_none_or(|until| Instant::now() < until) {
            silent.push_back(rig.stream().await);
            if silent.len() > 600 {
                // Gone for long, for others.
                silent.pop_front();
                until.get_or_insert_with(|| Instant::now() + TIME);
                let began = Instant::now();
                let mut coming = rig.stream().await;
                coming.write_all(&ask(None)).await.unwrap();
                let answered = tokio::time::timeout(Duration::from_secs(5), coming.read(&mut [0])).await;
                assert_eq!(answered.expect("its turn").unwrap(), 1);
                if began.elapsed() > Duration::from_millis(200) {
                    waited += began.elapsed();
                }
            }
        }
        // Of every half second half was waited, when requests that come at once counted.
        assert!(waited < TIME / 4, "{waited:?}");
    });
}

/// More come while nobody looks than there are places: those whose head is there by then are served, all of them.
#[test]
fn nobody_whose_head_has_come_makes_room() {
    for threads in [0, 2] {
        let (sender, address) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let routes = axum::Router::new()
                    .route("/block", axum::routing::get(async || std::thread::sleep(Duration::from_millis(1500))));
                let app = plain(Limits::default()).mount(routes);
                let app = if threads > 0 { app.threads(threads) } else { app };
                let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
                sender.send((bound.local_addr(), bound.handle())).unwrap();
                bound.serve().await;
            });
        });
        let (address, handle) = address.recv().unwrap();
        on(Path::Listen, |_| async move {
            let rig = Rig::elsewhere(address);
            let mut blocking = rig.stream().await;
            blocking.write_all(b"GET /block HTTP/1.1\r\nHost: test.example\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut all = Vec::new();
            for _ in 0..700 {
                let mut stream = rig.stream().await;
                stream.write_all(&ask(None)).await.unwrap();
                all.push(stream);
            }
            let mut byte = [0];
            for (n, stream) in all.iter_mut().enumerate() {
                let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await;
                assert!(matches!(read, Ok(Ok(1))), "{n} of 700, {threads} threads: {read:?}");
            }
        });
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(handle.shutdown());
        serving.join().unwrap();
    }
}

/// docs/limits.md R15 at a small size.
#[test]
fn r15_a_node_never_has_more_connections_than_it_may() {
    let elsewhere = Elsewhere::start("server_of_two_hundred", "");
    on(Path::Listen, |_| async {
        let rig = Arc::new(Rig::elsewhere(elsewhere.rig.address()));
        let mut there = rig.connect().await;
        assert_eq!(there.request(WELL).await, WELL);
        let descriptors = elsewhere.descriptors();
        for _ in 0..2 {
            let before = number(&mut there, "refused").await;
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..1000 {
                let rig = rig.clone();
                all.spawn(async move { upgrade(&rig, rig.stream().await, None).await });
            }
            let (mut held, mut sent_away) = (Vec::new(), 0);
            while let Some(outcome) = all.join_next().await {
                match outcome.unwrap() {
                    Ok(stream) => held.push(stream),
                    Err(answer) => {
                        assert_eq!(refusal(answer), (503, "admission".to_owned()));
                        sent_away += 1;
                    }
                }
                if sent_away % 100 == 1 {
                    assert!(number(&mut there, "connections").await <= 200);
                }
            }
            assert_eq!((held.len(), sent_away), (199, 801), "and the one that was there");
            assert_eq!(number(&mut there, "refused").await, before + 801);
            // A place is free as soon as its client is gone.
            let mut best = Duration::MAX;
            for _ in 0..5 {
                drop(held.pop());
                let gone = Instant::now();
                held.push(admitted_again(&rig).await);
                best = best.min(gone.elapsed());
            }
            assert!(best < Duration::from_millis(100), "{best:?}");
            drop(held);
            for _ in 0..500 {
                if number(&mut there, "connections").await == 1 && elsewhere.descriptors() == descriptors {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(elsewhere.descriptors(), descriptors, "every descriptor is back");
        }
    });
}

async fn admitted_again(rig: &Rig) -> Held {
    let watch = Stopwatch::start();
    loop {
        match upgrade(rig, rig.stream().await, None).await {
            Ok(held) => return held,
            Err(_) => watch.within(Duration::from_secs(5)),
        }
    }
}

const MEMORY: usize = 96 * MIB;

#[test]
#[ignore = "a server for `r33_…`"]
fn server_of_little_memory() {
    let limits = Limits::default().memory(Some(MEMORY)).outbound_bytes(16 * MIB).outbound_soft_bytes(16 * MIB);
    let patient = limits.outbound_messages(1 << 20).write_timeout(Duration::from_secs(60));
    serve(stubborn(patient.outbound_soft_time(Duration::from_secs(60))));
}

/// docs/limits.md R33 at a small size: 50 clients that read nothing could make 800 MiB wait.
#[test]
fn r33_a_process_stays_under_its_memory_and_serves_those_who_read() {
    let mut elsewhere = Elsewhere::start("server_of_little_memory", "");
    on(Path::Listen, |_| async {
        let rig = &elsewhere.rig;
        let mut stopped = Vec::new();
        for _ in 0..50 {
            let mut peer = rig.connect_narrow().await;
            peer.request(r#"{"event":"stop_reading","id":1}"#).await;
            stopped.push(peer);
        }
        let (mut flooding, mut healthy) = (rig.connect().await, rig.connect().await);
        flooding.send(r#"{"event":"flood","id":1}"#).await;
        let mut worst = Duration::ZERO;
        let queued = loop {
            let watch = Stopwatch::with(elsewhere.child.id());
            assert_eq!(healthy.request(WELL).await, WELL);
            watch.within(Duration::from_secs(2));
            worst = worst.max(watch.elapsed());
            if let Some(answer) = flooding.recv_within(Duration::from_millis(20)).await {
                break format!("{answer:?}");
            }
        };
        let (peak, evicted) = (number(&mut healthy, "peak").await, number(&mut healthy, "evicted").await);
        let figures = format!("{queued}: {peak} KiB at most, {evicted} evicted, {worst:?} at worst");
        assert!(peak < MEMORY as u64 / 1024, "{figures}");
        assert!(evicted >= 40, "{figures}");
        // Its memory is its own again: who comes is admitted, at the latest when the next sample was taken.
        for n in 0.. {
            match upgrade(rig, rig.stream().await, None).await {
                Ok(_) => break,
                Err(answer) => assert!(n < 100, "{answer:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(stopped);
    });
    assert!(elsewhere.is_running());
}
