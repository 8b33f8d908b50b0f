//! R27: whatever is sent, an answer of the allowed set comes in time, and nobody else notices.
mod mutations;
mod seeds;

use self::mutations::mutation;
use self::seeds::{harmless, seeds};
use crate::child::Server;
use crate::figures::{self, figure};
use crate::seed::Rng;
use crate::witness::Witness;
use crate::{MIB, run, turn};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use switchboard_rig::{Got, RawClient, Stream, masked, read_head};
use tokio::io::AsyncWriteExt;

const MUTATIONS: usize = 10_000;

const AT_ONCE: usize = 96;

/// The time in which every input is answered, on a machine that has nothing else to do. What is unfinished has 300 ms of it, a head one second: the profile `brisk`.
const ANSWERED: Duration = Duration::from_secs(2);

/// An input that is not answered by then is not answered at all.
const NEVER: Duration = Duration::from_secs(20);

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
    run(Duration::from_secs(240), async || {
        let mut server = Server::start("brisk");
        let witness = Witness::new(&server);
        // What as many do to the others who do nothing wrong, as fast as they can.
        let harmless: Vec<Input> = harmless().into_iter().cycle().take(MUTATIONS - 2000).collect();
        let harmless = fire(&server, &harmless).await;
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
        // A machine with other work is slow for good inputs, too.
        let allowed = ANSWERED.max(harmless.slowest * 4);
        assert!(tally.slowest <= allowed, "{tally:?}; allowed: {allowed:?}");
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
            let answered = tokio::time::timeout(NEVER, one(Box::new(stream), input)).await;
            let shown = || format!("{:?} {:?}", input.kind, String::from_utf8_lossy(&input.bytes));
            let mut tally = tally.lock().unwrap();
            match answered {
                Ok(Ok(answer)) => tally.count(input.kind, answer),
                Ok(Err(why)) => panic!("{why}: {}\n{:?}", shown(), input.bytes),
                Err(_) => panic!("not answered within {:?}: {}\n{:?}", NEVER, shown(), input.bytes),
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
            let mut peer = RawClient::connect(stream, "/ws").await;
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
            let mut peer = RawClient::connect(stream, "/ws").await;
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
async fn until_close(peer: &mut RawClient, last: Option<&str>) -> Result<(Vec<String>, Option<u16>), String> {
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
    match peer.recv_within(NEVER).await {
        Some(Got::End) if is_allowed => Ok((texts, code)),
        end => Err(format!("closed {code:?}, then {end:?}")),
    }
}
