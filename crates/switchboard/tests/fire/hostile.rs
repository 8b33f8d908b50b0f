//! R27: whatever is sent, an answer of the allowed set comes in time, and nobody else notices.
use crate::child::Server;
use crate::corpus;
use crate::figures::{self, figure};
use crate::rig::{Got, Peer, Stream, masked, read_head};
use crate::seed::Rng;
use crate::witness::Witness;
use crate::{MIB, run, turn};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const MUTATIONS: usize = 10_000;
const AT_ONCE: usize = 96;
/// In which every input is answered. What is unfinished has 300 ms of it, a head one second: the profile `brisk`.
const ANSWERED: Duration = Duration::from_secs(2);
/// By now the profile `brisk` has closed a message that is unfinished.
const DRIP: Duration = Duration::from_millis(450);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The bytes of a connection from its beginning.
    Handshake,
    /// Bytes behind a good handshake.
    Frames,
    /// The payload of a text message.
    Envelope,
}

#[derive(Clone, Debug)]
struct Input {
    kind: Kind,
    bytes: Vec<u8>,
}

fn input(kind: Kind, bytes: impl Into<Vec<u8>>) -> Input {
    Input { kind, bytes: bytes.into() }
}

const STATUSES: &[u16] = &[101, 400, 403, 404, 405, 408, 411, 413, 414, 421, 426, 431, 501, 503, 505];
const VIOLATIONS: &[u16] = &[1002, 1003, 1007, 1008, 1009, 4507];
const CODES: &[&str] =
    &["bad_request", "unknown_event", "validation_failed", "conflict", "rate_limited", "overloaded", "timeout"];

#[test]
fn r27_seeds_and_ten_thousand_mutations() {
    let _turn = turn();
    let mut rng = Rng::new();
    let seeds = seeds();
    assert!(seeds.len() >= 120, "{} seeds", seeds.len());
    let mutations: Vec<Input> = (0..MUTATIONS).map(|_| mutation(&mut rng, &seeds)).collect();
    run(Duration::from_secs(150), async || {
        let mut server = Server::start("brisk");
        let witness = Witness::new(&server);
        // What as many do to the others who do nothing wrong, as fast as they can.
        let harmless: Vec<Input> = harmless().into_iter().cycle().take(MUTATIONS - 2000).collect();
        fire(&server, &harmless).await;
        let before = witness.beside().await;
        // Every seed, and as many mutations as have everything allocated that stays.
        let mut tally = fire(&server, &seeds).await;
        tally.add(fire(&server, &mutations[..2000]).await);
        server.until(Duration::from_secs(5), |numbers| numbers.connections == 1).await;
        let memory = server.memory();
        drop(witness.times());
        tally.add(fire(&server, &mutations[2000..]).await);
        let beside = witness.beside().await;
        server.until(Duration::from_secs(5), |numbers| numbers.connections == 1).await;
        let grown = server.memory() - memory;
        eprintln!("    {} seeds; {} KiB more; {tally:?}", seeds.len(), grown >> 10);
        figure("R27", "seeds and 10,000 mutations: memory", grown as f64 / MIB as f64, "MiB", 8.0);
        figure("R27", "seeds and 10,000 mutations: the slowest answer", tally.slowest.as_secs_f64(), "s", 2.0);
        figures::beside("R27", "one beside 10,000 mutations", "8,000 good ones", &before, &beside, 2.0);
        assert!(grown <= 8 * MIB, "{grown} bytes more");
        assert!(tally.slowest <= ANSWERED, "{tally:?}");
        witness.end();
        beside.not_much_worse_than(&before, 10);
        server.until(Duration::from_secs(5), |numbers| numbers.left() == [0; 6]).await;
        server.expect_well();
        assert_eq!(server.numbers().panics, 0);
    });
}

/// How often what was answered.
#[derive(Default)]
struct Tally {
    answers: BTreeMap<(Kind, String), usize>,
    slowest: Duration,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "slowest {:?}", self.slowest)?;
        self.answers.iter().try_for_each(|((kind, answer), count)| write!(f, ", {kind:?} {answer} {count}"))
    }
}

impl Tally {
    fn count(&mut self, kind: Kind, answer: impl ToString) {
        *self.answers.entry((kind, answer.to_string())).or_default() += 1;
    }

    fn add(&mut self, other: Tally) {
        self.slowest = self.slowest.max(other.slowest);
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
    }
}

/// Sends all of it, so many at once, and checks each answer.
async fn fire(server: &Server, inputs: &[Input]) -> Tally {
    let tally = Mutex::new(Tally::default());
    let next = std::cell::Cell::new(0);
    let worker = || async {
        while let Some(input) = inputs.get(next.replace(next.get() + 1)) {
            let stream = server.stream().await;
            let began = Instant::now();
            let answered = tokio::time::timeout(ANSWERED * 2, one(Box::new(stream), input)).await;
            let shown = || format!("{:?} {:?}", input.kind, String::from_utf8_lossy(&input.bytes));
            let mut tally = tally.lock().unwrap();
            match answered {
                Ok(Ok(answer)) => tally.count(input.kind, answer),
                Ok(Err(why)) => panic!("{why}: {}\n{:?}", shown(), input.bytes),
                Err(_) => panic!("not answered within {:?}: {}\n{:?}", ANSWERED * 2, shown(), input.bytes),
            }
            tally.slowest = tally.slowest.max(began.elapsed());
        }
    };
    let workers: Vec<_> = (0..AT_ONCE).map(|_| worker()).collect();
    futures_util::future::join_all(workers).await;
    tally.into_inner().unwrap()
}

/// The kind of answer, or why it is none of the allowed ones.
async fn one(mut stream: Box<dyn Stream>, input: &Input) -> Result<String, String> {
    match input.kind {
        Kind::Handshake => handshake(&mut stream, &input.bytes).await,
        Kind::Frames => {
            let mut peer = Peer::handshake(stream, "/ws").await;
            // Behind whole frames it ends the connection; behind others it is a part of them, or waits for nothing.
            let behind = masked(0x88, &1000u16.to_be_bytes(), [5, 6, 7, 8]);
            peer.flood(&[&input.bytes[..], &behind].concat(), ANSWERED).await;
            let answers = until_close(&mut peer, None).await?;
            Ok(answers.1.map_or("empty close".into(), |code| match code {
                3000..=4506 | 4508.. => "its own code".into(),
                code => code.to_string(),
            }))
        }
        Kind::Envelope => {
            let mut peer = Peer::handshake(stream, "/ws").await;
            const SENTINEL: &str = r#"{"event":"echo","data":"sentinel","id":"sentinel"}"#;
            let mut bytes = masked(0x81, &input.bytes, [1, 2, 3, 4]);
            bytes.extend(masked(0x81, SENTINEL.as_bytes(), [1, 2, 3, 4]));
            peer.flood(&bytes, ANSWERED).await;
            let (mut texts, code) = until_close(&mut peer, Some(SENTINEL)).await?;
            if code == Some(1007) && std::str::from_utf8(&input.bytes).is_err() {
                return Ok("1007".into());
            }
            if code != Some(1000) || texts.pop().as_deref() != Some(SENTINEL) {
                return Err(format!("closed {code:?} behind {texts:?}"));
            }
            match &texts[..] {
                [] => Ok("nothing".into()),
                [text] => Ok(exception(text).unwrap_or("a reply").into()),
                more => Err(format!("{} answers: {more:?}", more.len())),
            }
        }
    }
}

/// The code of an error.
fn exception(text: &str) -> Option<&'static str> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    if value["event"] != "exception" {
        return None;
    }
    CODES.iter().copied().find(|code| value["data"]["code"] == **code).or(Some("another error"))
}

async fn handshake(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<String, String> {
    // A server that has seen enough may close before all is written.
    let _ = stream.write_all(bytes).await;
    let (head, _) = read_head(stream).await;
    if head.is_empty() {
        // A head without an end has no answer, only its time; empty lines in front of it are none of its.
        let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
        let bytes = &bytes[begin..];
        let whole = bytes.windows(3).any(|three| three == b"\n\r\n" || &three[1..] == b"\n\n");
        return if whole { Err("no answer to a whole head".into()) } else { Ok("the end".into()) };
    }
    let status = head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 ")).and_then(|rest| rest.get(..3));
    let status: u16 = status.and_then(|status| status.parse().ok()).ok_or_else(|| format!("no status: {head}"))?;
    if head.to_lowercase().contains("canary") {
        return Err(format!("it says what was sent: {head}"));
    }
    if STATUSES.contains(&status) { Ok(status.to_string()) } else { Err(format!("{status}: {head}")) }
}

/// What comes before the close frame, and its code; then the end of the stream. We close when `last` comes.
async fn until_close(peer: &mut Peer, last: Option<&str>) -> Result<(Vec<String>, Option<u16>), String> {
    let mut texts = Vec::new();
    let mut closes = 0;
    let close = loop {
        let Some(got) = peer.recv_within(DRIP).await else {
            // Our close frame was the rest of a message, and nothing is unfinished.
            closes += 1;
            if closes > 3 {
                return Err(format!("no close frame, behind {texts:?}"));
            }
            peer.flood(&masked(0x88, &1000u16.to_be_bytes(), [5, 6, 7, 8]), ANSWERED).await;
            continue;
        };
        match got {
            Got::Text(text) => {
                let value: serde_json::Value = serde_json::from_str(&text).map_err(|why| format!("{why}: {text}"))?;
                let is_goaway = value["event"] == "sys.goaway";
                if value["event"] == "exception" && exception(&text) == Some("another error") {
                    return Err(format!("an error of another code: {text}"));
                }
                if last == Some(text.as_str()) {
                    peer.close(1000).await;
                }
                if !is_goaway {
                    texts.push(text);
                }
            }
            Got::Pong(_) | Got::Ping(_) => {}
            Got::Close(close) => break close,
            Got::Binary(bytes) => return Err(format!("binary: {bytes:?}")),
            Got::End => return Err(format!("the end without a close frame, behind {texts:?}")),
        }
    };
    let code = close.map(|(code, _)| code);
    // A mutation may be a close frame of its own: its code comes back.
    let is_allowed = match code {
        None | Some(1000..=1003 | 1007..=1014 | 3000..=4999) => true,
        Some(code) => VIOLATIONS.contains(&code),
    };
    match peer.recv_within(ANSWERED * 2).await {
        Some(Got::End) if is_allowed => Ok((texts, code)),
        end => Err(format!("closed {code:?}, then {end:?}")),
    }
}

/// A mutation of a seed, or of two.
fn mutation(rng: &mut Rng, seeds: &[Input]) -> Input {
    let kind = *rng.pick(&[Kind::Handshake, Kind::Frames, Kind::Envelope]);
    let mut input = loop {
        let seed = rng.pick(seeds);
        // The long ones are about their length.
        if seed.kind == kind && seed.bytes.len() <= 4096 {
            break seed.clone();
        }
    };
    let bytes = &mut input.bytes;
    for _ in 0..1 + rng.below(3) {
        if bytes.is_empty() {
            bytes.push(rng.next() as u8);
        }
        let (one, two) = (rng.below(bytes.len()), rng.below(bytes.len()));
        let (from, to) = (one.min(two), one.max(two) + 1);
        match rng.below(8) {
            0 | 1 => bytes[one] ^= 1 << rng.below(8),
            2 => bytes[one] = rng.next() as u8,
            3 => bytes.truncate(one),
            4 => drop(bytes.drain(from..to.min(from + 16))),
            5 => {
                let piece = bytes[from..to.min(from + 64)].to_vec();
                let times = 1 + rng.below(8);
                let at = rng.below(bytes.len());
                bytes.splice(at..at, piece.repeat(times));
            }
            6 => bytes.insert(one, rng.next() as u8),
            _ => {
                let others: Vec<&Input> = seeds.iter().filter(|other| other.kind == input.kind).collect();
                let other = &rng.pick(&others).bytes;
                let other = &other[..other.len().min(2048)];
                let at = rng.below(other.len() + 1);
                bytes.truncate(one);
                bytes.extend_from_slice(&other[at..]);
            }
        }
    }
    bytes.truncate(8192);
    input
}

/// One of each kind that is as it should be.
fn harmless() -> [Input; 3] {
    let handshake = handshakes().swap_remove(0);
    let envelope = input(Kind::Envelope, r#"{"event":"echo","data":"well","id":1}"#);
    let frames = input(Kind::Frames, masked(0x81, &envelope.bytes, [1, 2, 3, 4]));
    [handshake, frames, envelope]
}

/// The inputs of `docs/limits.md`: A, then B and C, then D.
fn seeds() -> Vec<Input> {
    let mut seeds = handshakes();
    seeds.extend(corpus::cases().into_iter().filter(|case| case.bytes.len() <= 8192).map(|case| {
        // Without the close frame at its end, which is sent anyway.
        let end = if case.close == Some((1000, String::new())) {
            case.bytes.len().saturating_sub(8)
        } else {
            case.bytes.len()
        };
        input(Kind::Frames, &case.bytes[..end])
    }));
    seeds.extend(envelopes());
    seeds
}

fn handshakes() -> Vec<Input> {
    let good = [
        ("Host", "test.example"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Cookie", "session=canary"),
    ];
    let ask = |line: &str, without: &str, more: &[(&str, &str)]| {
        let mut text = format!("{line}\r\n");
        for (name, value) in good.iter().filter(|(name, _)| *name != without).chain(more) {
            text += &format!("{name}: {value}\r\n");
        }
        text + "\r\n"
    };
    const GET: &str = "GET /ws HTTP/1.1";
    let mut all = vec![ask(GET, "", &[])];
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PRI", "get", "HEAD", "TRACE", "FOO"] {
        all.push(ask(&format!("{method} /ws HTTP/1.1"), "", &[]));
    }
    for line in [
        "GET /ws HTTP/1.0",
        "GET /ws HTTP/0.9",
        "GET /ws HTTP/2.0",
        "GET /ws",
        "GET  /ws HTTP/1.1",
        "GET ws HTTP/1.1",
        "GET * HTTP/1.1",
        "GET http://test.example/ws HTTP/1.1",
        "GET /../ws HTTP/1.1",
        "GET /ws/../ws HTTP/1.1",
        "GET /ws%00 HTTP/1.1",
        "GET /%2e%2e/ws HTTP/1.1",
        "GET /nowhere HTTP/1.1",
        "GET //ws HTTP/1.1",
        "GET /ws?__proto__=1&constructor=2 HTTP/1.1",
        "GET /ws#canary HTTP/1.1",
        "CONNECT test.example:80 HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        all.push(ask(line, "", &[]));
    }
    for name in ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        all.push(ask(GET, name, &[]));
        let value = good.iter().find(|(known, _)| *known == name).unwrap().1;
        all.push(ask(GET, "", &[(name, value)]));
        for value in ["", "canary", "13, 8", "keep-alive, Upgrade", "h2c", "dGhlIHNhbXBsZQ==", "a b", ", ,", "\u{e9}"] {
            all.push(ask(GET, name, &[(name, value)]));
        }
    }
    for more in [
        ("Content-Length", "5"),
        ("Content-Length", "-1"),
        ("Content-Length", "99999999999999999999"),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "canary"),
        ("Expect", "100-continue"),
        ("Origin", "null"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://test.example"),
        ("Origin", "::::"),
        ("Sec-WebSocket-Protocol", "a, b, a"),
        ("Sec-WebSocket-Protocol", "a b"),
        ("Sec-WebSocket-Protocol", ",,,"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=7"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; x=\"y"),
        ("Sec-WebSocket-Extensions", ";;;"),
        ("Sec-WebSocket-Extensions", "a,b,c,d,e,f,g,h,i"),
        ("X-Forwarded-For", "1.2.3.4, unknown, ::1"),
        ("Forwarded", "for=\"[::1"),
        ("X:Y", "canary"),
        ("X Y", "canary"),
        ("", "canary"),
        ("X", "a\r b"),
        ("X", "a\0b"),
    ] {
        all.push(ask(GET, "", &[more]));
    }
    let long = "c".repeat(9000);
    all.push(ask(GET, "", &[("X-Long", &long)]));
    all.push(ask(&format!("GET /{long} HTTP/1.1"), "", &[]));
    let many: Vec<(String, &str)> = (0..80).map(|at| (format!("X-{at}"), "canary")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    all.push(ask(GET, "", &many));
    let mut all: Vec<Input> = all.into_iter().map(|text| input(Kind::Handshake, text)).collect();
    all.push(input(Kind::Handshake, &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]));
    all.push(input(Kind::Handshake, &b"\r\n\r\n\r\n"[..]));
    all.push(input(Kind::Handshake, &b"\0\0\0\0"[..]));
    let mut early = ask(GET, "", &[]).into_bytes();
    early.extend(masked(0x81, br#"{"event":"echo","data":"early"}"#, [1, 2, 3, 4]));
    all.push(input(Kind::Handshake, early));
    all
}

fn envelopes() -> Vec<Input> {
    let texts = [
        r#"{"event":"echo","data":"well"}"#,
        r#"{"event":"echo","data":{"a":[1,2.5,-0,1e5,null,true]},"id":7}"#,
        r#"{"event":"echo","data":"\ud834\udd1e \u0000 \n","id":"a"}"#,
        r#"{"id":1,"data":[],"event":"echo","meta":{"t":1}}"#,
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "7",
        "\"x\"",
        "{\"event\"",
        "{\"event\":\"echo\",}",
        "{\"event\":\"echo\"}x",
        r#"{"event":"echo"}{"event":"echo"}"#,
        "{'event':'echo'}",
        r#"{"event":"echo","event":"echo"}"#,
        r#"{"event":"echo","data":1,"data":2}"#,
        r#"{"data":1}"#,
        r#"{"event":""}"#,
        r#"{"event":null}"#,
        r#"{"event":7}"#,
        r#"{"event":{"toString":"echo"}}"#,
        r#"{"event":"a\u0000"}"#,
        r#"{"event":"nobody","id":3}"#,
        r#"{"event":"exception"}"#,
        r#"{"event":"sys.x","id":4}"#,
        r#"{"event":"\u0073ys."}"#,
        r#"{"event":"__proto__"}"#,
        r#"{"event":"echo","id":-1}"#,
        r#"{"event":"echo","id":9007199254740993}"#,
        r#"{"event":"echo","id":18446744073709551616}"#,
        r#"{"event":"echo","id":1.5}"#,
        r#"{"event":"echo","id":""}"#,
        r#"{"event":"echo","id":{}}"#,
        r#"{"event":"echo","data":1e400}"#,
        r#"{"event":"echo","data":01}"#,
        r#"{"event":"echo","data":+1}"#,
        r#"{"event":"echo","data":.5}"#,
        r#"{"event":"echo","data":NaN}"#,
        r#"{"event":"echo","data":"\x"}"#,
        r#"{"event":"echo","data":"\ud800"}"#,
        r#"{"event":"join","data":7}"#,
        r#"{"event":"join","data":[1]}"#,
        r#"{"event":"join","data":["",null]}"#,
        r#"{"event":"wait","data":"soon"}"#,
        r#"{"event":"wait","data":-1}"#,
        r#"{"ack":1,"data":1}"#,
        r#"{"ack":0}"#,
        r#"{"ack":"x"}"#,
        r#"{"ack":-1}"#,
        r#"{"ack":1,"error":{"code":"x","message":"y"}}"#,
        r#"{"ack":1,"error":7}"#,
        r#"{"cancel":1}"#,
        r#"{"cancel":"x"}"#,
        r#"{"cancel":{}}"#,
        r#"{"event":"echo","ack":1}"#,
        r#"{"event":"echo","cancel":1}"#,
        r#"{"kind":"x","pattern":"y"}"#,
        r#"{"method":"get","url":"/"}"#,
        "\u{feff}{\"event\":\"echo\"}",
        "\r\n\t{ \"event\" : \"echo\" }\r",
    ];
    let mut all: Vec<Input> = texts.iter().map(|text| input(Kind::Envelope, *text)).collect();
    for long in [
        "[".repeat(60_000),
        r#"{"a":"#.repeat(10_000),
        format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(120), "]".repeat(120)),
        format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(129), "]".repeat(129)),
        format!(r#"{{"event":"{}"}}"#, "e".repeat(129)),
        format!(r#"{{"event":"echo","id":"{}"}}"#, "i".repeat(1024)),
        format!(r#"{{"event":"echo","data":{}}}"#, "9".repeat(10_000)),
        format!(r#"{{"event":"echo","data":{{{}"z":0}}}}"#, r#""k":1,"#.repeat(2000)),
        format!(r#"{{{}"event":"echo"}}"#, (0..1100).map(|at| format!(r#""k{at}":1,"#)).collect::<String>()),
    ] {
        all.push(input(Kind::Envelope, long));
    }
    all
}
