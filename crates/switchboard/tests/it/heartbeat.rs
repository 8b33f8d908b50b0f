//! What a connection does by the clock, which stands still while anything can move.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::{App, Client, Gateway, GatewayLimits, Limits};
use switchboard_core::ws::Opcode;
use switchboard_rig::{Got, RawClient, Rig, Stack, on, paused};
use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(4);
const WELL: &str = r#"{"event":"echo","data":"well"}"#;

#[derive(Clone, Default)]
struct Clocked {
    /// On-connect, on-disconnect: how long.
    hooks: (Duration, Duration),
    left: Arc<AtomicUsize>,
}

impl Clocked {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn wait(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    /// What no handler may do.
    async fn block(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }
    async fn joined(&self, client: &Client) {
        client.join("all");
        tokio::time::sleep(self.hooks.0).await;
    }
    async fn ended(&self) {
        tokio::time::sleep(self.hooks.1).await;
        self.left.fetch_add(1, Ordering::Relaxed);
    }
}

fn gateway(state: &Clocked) -> Gateway<Clocked> {
    Gateway::new(state.clone())
        .on("echo", Clocked::echo)
        .on("wait", Clocked::wait)
        .on("block", Clocked::block)
        .on_connect(Clocked::joined)
        .on_disconnect(Clocked::ended)
}

fn beating() -> Limits {
    Limits::default().ping_interval(INTERVAL).ping_timeout(TIMEOUT)
}

async fn start(limits: Limits) -> Rig {
    Rig::start(Stack::Memory, App::new().gateway("/ws", gateway(&Clocked::default())).limits(limits))
        .await
        .hearing_pings()
}

const LONG: Duration = Duration::from_secs(3600);

async fn next(peer: &mut RawClient) -> Got {
    peer.recv_within(LONG).await.expect("an hour has gone")
}

async fn ping(peer: &mut RawClient) -> Vec<u8> {
    match next(peer).await {
        Got::Ping(payload) => payload,
        other => panic!("expected a ping, got {other:?}"),
    }
}

/// Not before, and at most a tenth after.
#[track_caller]
fn within_a_tenth(elapsed: Duration, expected: Duration) {
    assert!(elapsed >= expected && elapsed <= expected.mul_f64(1.1), "{elapsed:?}, expected {expected:?}");
}

/// The socket lingers for the peer's close frame, which does not come.
async fn closed_4002(peer: &mut RawClient) {
    assert_eq!(next(peer).await, Got::Close(Some((4002, "no_pong".into()))));
}

#[test]
fn the_first_ping_comes_at_a_random_point_of_the_interval() {
    paused(async {
        let rig = start(beating()).await;
        let mut first = Vec::new();
        for _ in 0..48 {
            let mut peer = rig.connect().await;
            first.push(tokio::spawn(async move {
                let started = Instant::now();
                ping(&mut peer).await;
                started.elapsed()
            }));
        }
        let mut times = Vec::new();
        for task in first {
            times.push(task.await.unwrap());
        }
        times.sort();
        assert!(times[47] <= INTERVAL.mul_f64(1.1), "{times:?}");
        assert!(times[0] < INTERVAL / 3 && times[47] > INTERVAL * 2 / 3, "{times:?}");
        let mut distinct = times.clone();
        distinct.dedup();
        assert!(distinct.len() > 12, "{times:?}");
        rig.expect_empty().await;
    });
}

#[test]
fn a_pong_keeps_a_connection_alive_and_its_absence_ends_it() {
    paused(async {
        let rig = start(beating()).await;
        let mut peer = rig.connect().await;
        let mut payload = ping(&mut peer).await;
        for _ in 0..20 {
            peer.send_frame(Opcode::Pong, true, &payload).await;
            let ponged = Instant::now();
            payload = ping(&mut peer).await;
            within_a_tenth(ponged.elapsed(), INTERVAL);
        }
        peer.send_frame(Opcode::Pong, true, &payload).await;
        let ponged = Instant::now();
        ping(&mut peer).await;
        closed_4002(&mut peer).await;
        within_a_tenth(ponged.elapsed(), INTERVAL + TIMEOUT);
        assert_eq!(rig.handle.stats().memberships, 1, "its socket lingers");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_peer_that_says_nothing_is_gone_in_time() {
    paused(async {
        let rig = start(beating()).await;
        for _ in 0..10 {
            let mut peer = rig.connect().await;
            let connected = Instant::now();
            ping(&mut peer).await;
            let pinged = Instant::now();
            closed_4002(&mut peer).await;
            within_a_tenth(pinged.elapsed(), TIMEOUT);
            assert!(connected.elapsed() <= (INTERVAL + TIMEOUT).mul_f64(1.1), "{:?}", connected.elapsed());
        }
        rig.expect_empty().await;
    });
}

/// Neither data, nor an unsolicited pong, nor one with another payload proves that anybody reads.
#[test]
fn only_the_pong_of_this_ping_counts() {
    paused(async {
        let rig = start(beating()).await;
        let mut peer = rig.connect().await;
        let connected = Instant::now();
        let mut pings = 0;
        let close = loop {
            match peer.recv_within(Duration::from_millis(500)).await {
                None | Some(Got::Text(_)) => {}
                Some(Got::Ping(payload)) => {
                    pings += 1;
                    let mut wrong = payload.clone();
                    wrong[7] ^= 1;
                    for payload in [&wrong[..], &payload[..7], &[payload.clone(), vec![0]].concat(), b""] {
                        peer.send_frame(Opcode::Pong, true, payload).await;
                    }
                }
                Some(other) => break other,
            }
            peer.send(WELL).await;
            peer.send_frame(Opcode::Pong, true, b"me").await;
            // Time stands still while anything moves.
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(close, Got::Close(Some((4002, "no_pong".into()))));
        assert_eq!(pings, 1, "until its pong there is no other");
        assert!(connected.elapsed() <= (INTERVAL + TIMEOUT).mul_f64(1.1));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn paused_reading_is_no_missed_pong() {
    paused(async {
        let rig = start(beating().handler_timeout(LONG)).await;
        let mut peer = rig.connect().await;
        let wait = |ms: u64, id: u64| format!(r#"{{"event":"wait","data":{ms},"id":{id}}}"#);
        // A ping is on its way when reading pauses; its pong is not read for a minute.
        let payload = ping(&mut peer).await;
        peer.send_all((0..40).map(|id| wait(if id == 0 { 60_000 } else { 1 }, id))).await;
        peer.send_frame(Opcode::Pong, true, &payload).await;
        let began = Instant::now();
        let mut pings = 0;
        for id in 0..40 {
            loop {
                match next(&mut peer).await {
                    Got::Ping(payload) => {
                        pings += 1;
                        peer.send_frame(Opcode::Pong, true, &payload).await;
                    }
                    Got::Text(text) => {
                        assert_eq!(text, wait(if id == 0 { 60_000 } else { 1 }, id));
                        break;
                    }
                    other => panic!("{other:?} after {:?}", began.elapsed()),
                }
            }
        }
        assert!(began.elapsed() >= Duration::from_secs(60));
        assert!(pings <= 1, "{pings} pings that could not be answered");
        // And from then on it is watched again.
        let mut closed = next(&mut peer).await;
        while matches!(closed, Got::Ping(_)) {
            closed = next(&mut peer).await;
        }
        assert_eq!(closed, Got::Close(Some((4002, "no_pong".into()))));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn after_a_stall_there_is_one_ping_and_not_a_burst() {
    paused(async {
        let rig = start(beating()).await;
        let mut peer = rig.connect().await;
        let payload = ping(&mut peer).await;
        peer.send_frame(Opcode::Pong, true, &payload).await;
        assert_eq!(peer.request(WELL).await, WELL);
        tokio::time::advance(INTERVAL * 50).await;
        let resumed = Instant::now();
        let payload = ping(&mut peer).await;
        assert!(resumed.elapsed() <= INTERVAL / 10, "{:?}", resumed.elapsed());
        peer.send_frame(Opcode::Pong, true, &payload).await;
        let ponged = Instant::now();
        ping(&mut peer).await;
        within_a_tenth(ponged.elapsed(), INTERVAL);
        drop(peer);
        rig.expect_empty().await;
    });
}

/// Answers pings until something else comes.
async fn beat_until(peer: &mut RawClient) -> Got {
    loop {
        match next(peer).await {
            Got::Ping(payload) => peer.send_frame(Opcode::Pong, true, &payload).await,
            other => return other,
        }
    }
}

#[test]
fn idle_timeout_closes_1001() {
    paused(async {
        let idle = Duration::from_secs(60);
        let rig = start(beating().ping_timeout(idle).idle_timeout(Some(idle))).await;
        let mut peer = rig.connect().await;
        for _ in 0..5 {
            tokio::time::sleep(idle / 2).await;
            peer.send(WELL).await;
            let Got::Text(_) = beat_until(&mut peer).await else { panic!() };
        }
        let last = Instant::now();
        // Pongs go on meanwhile: they are no messages.
        let Got::Text(goaway) = beat_until(&mut peer).await else { panic!() };
        within_a_tenth(last.elapsed(), idle);
        assert!(
            goaway.starts_with(r#"{"event":"sys.goaway","data":{"code":1001,"reason":"going_away","retryable":true,"#)
        );
        assert_eq!(next(&mut peer).await, Got::Close(Some((1001, "going_away".into()))));
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_connection_begins_now_where_the_clock_stood_still() {
    on(Stack::Listen, |stack| async move {
        // Whoever comes starts the clock, which moves once somebody is connected.
        let limits = Limits::default().address_connections(Some(10)).idle_timeout(Some(Duration::from_secs(1)));
        let app = App::new().gateway("/ws", gateway(&Clocked::default())).limits(limits);
        let rig = Rig::start(stack, app).await;
        let answer = rig.http(b"GET /nope HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
        assert_eq!(answer.unwrap().status, 404);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut peer = rig.connect().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(peer.request(WELL).await, WELL);
    });
}

#[test]
fn max_lifetime_closes_1001_even_a_busy_client() {
    paused(async {
        let lifetime = Duration::from_secs(90);
        let rig = start(beating().max_lifetime(Some(lifetime))).await;
        let mut peer = rig.connect().await;
        let born = Instant::now();
        let goaway = loop {
            peer.send(WELL).await;
            match beat_until(&mut peer).await {
                Got::Text(text) if text == WELL => tokio::time::sleep(Duration::from_millis(700)).await,
                other => break other,
            }
        };
        let Got::Text(goaway) = goaway else { panic!("{goaway:?}") };
        assert!(goaway.contains(r#""code":1001"#), "{goaway}");
        // The peer looks every 700 ms.
        within_a_tenth(born.elapsed(), lifetime);
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn a_handler_has_its_time_and_not_more() {
    paused(async {
        let time = Duration::from_secs(2);
        let rig = start(beating().handler_timeout(time)).await;
        let mut peer = rig.connect().await;
        for round in 0..20u64 {
            tokio::time::sleep(Duration::from_millis(137)).await;
            let began = Instant::now();
            peer.send(&format!(r#"{{"event":"wait","data":3600000,"id":{round}}}"#)).await;
            let Got::Text(text) = beat_until(&mut peer).await else { panic!() };
            within_a_tenth(began.elapsed(), time);
            assert!(text.starts_with(&format!(
                r#"{{"event":"exception","id":{round},"data":{{"status":"error","code":"timeout""#
            )));
            peer.send(r#"{"event":"wait","data":1990}"#).await;
            assert_eq!(beat_until(&mut peer).await, Got::Text(r#"{"event":"wait","data":1990}"#.into()));
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

/// A gateway's own limits may be far shorter than the application's.
#[test]
fn the_limits_of_a_gateway_keep_their_own_time() {
    paused(async {
        let time = Duration::from_millis(100);
        let gateway = gateway(&Clocked::default()).limits(GatewayLimits::default().handler_timeout(time));
        let rig = Rig::start(Stack::Memory, App::new().gateway("/ws", gateway)).await.hearing_pings();
        let mut peer = rig.connect().await;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(37)).await;
            peer.send(r#"{"event":"wait","data":95}"#).await;
            assert_eq!(beat_until(&mut peer).await, Got::Text(r#"{"event":"wait","data":95}"#.into()));
            let began = Instant::now();
            peer.send(r#"{"event":"wait","data":3600000}"#).await;
            let Got::Text(text) = beat_until(&mut peer).await else { panic!() };
            assert!(text.contains(r#""code":"timeout""#), "{text}");
            // The clock's smallest step is 5 ms.
            assert!(began.elapsed() >= time && began.elapsed() <= time.mul_f64(1.1) + Duration::from_millis(5));
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn hooks_have_their_time_too() {
    paused(async {
        let time = Duration::from_secs(2);
        let hangs = Clocked { hooks: (LONG, Duration::ZERO), ..Clocked::default() };
        let app = App::new().gateway("/ws", gateway(&hangs)).limits(beating().handler_timeout(time));
        let rig = Rig::start(Stack::Memory, app).await.hearing_pings();
        let mut peer = rig.connect().await;
        let began = Instant::now();
        peer.send(WELL).await;
        let Got::Text(exception) = beat_until(&mut peer).await else { panic!() };
        within_a_tenth(began.elapsed(), time);
        assert!(exception.contains(r#""code":"timeout""#), "{exception}");
        assert!(matches!(beat_until(&mut peer).await, Got::Text(goaway) if goaway.contains("sys.goaway")));
        assert_eq!(beat_until(&mut peer).await, Got::Close(Some((1011, "internal".into()))));
        drop(peer);
        rig.expect_empty().await;
        assert_eq!(hangs.left.load(Ordering::Relaxed), 0, "on-connect did not succeed");

        let hangs = Clocked { hooks: (Duration::ZERO, LONG), ..Clocked::default() };
        let app = App::new().gateway("/ws", gateway(&hangs)).limits(beating().handler_timeout(time));
        let rig = Rig::start(Stack::Memory, app).await.hearing_pings();
        let mut peer = rig.connect().await;
        assert_eq!(peer.request(WELL).await, WELL);
        assert_eq!(rig.handle.stats().memberships, 1);
        drop(peer);
        let began = Instant::now();
        while rig.handle.stats().connections > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        within_a_tenth(began.elapsed(), time);
        rig.expect_empty().await;
    });
}

/// A handler that blocks the only worker takes nobody else's time.
#[test]
fn a_stall_is_not_counted_against_a_handler_that_begins_after_it() {
    on(Stack::Listen, |stack| async move {
        let limits = Limits::default().handler_timeout(Duration::from_millis(200));
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway(&Clocked::default())).limits(limits))
            .await
            .hearing_pings();
        let mut peer = rig.connect().await;
        for _ in 0..5 {
            // One behind the other, in one turn: the second begins when the clock has not been moved yet.
            peer.send_all([r#"{"event":"block","data":300}"#, r#"{"event":"wait","data":100}"#]).await;
            assert_eq!(beat_until(&mut peer).await, Got::Text(r#"{"event":"wait","data":100}"#.into()));
        }
        drop(peer);
        rig.expect_empty().await;
    });
}
