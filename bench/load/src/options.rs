//! The command line.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::dialect::Dialect;
use crate::{Result, packed, text};

pub(crate) const USAGE: &str = "\
usage: bench-load MODE --addr 127.0.0.1:PORT [options]

modes
  echo         every connection has requests in flight, each answered with what it carries
  fanout       all connections are in one room; some publish, all get everything in order
  handshakes   connections that are opened and reset
  idle         opens connections, uses each once, and reads the server's memory (needs --pid)
  crowd        many connections for a long time, most of them idle: memory, CPU, latency, closes (needs --pid)

options
  --dialect D       json | sio (Socket.IO over WebSocket) | raw (the same bytes, no handshake)   [json]
  --connections N   [64]; handshakes: how many at once
  --in-flight N     requests per connection, publishes in all   [1]
  --publishers N    fanout: members that publish in turn, at most 256   [1]
  --text N          characters of the payload's text   [23]
  --records         the text is records as in JSON, and not the same words over and over
  --deflate D       off | answers (they have to come compressed) | both (requests are compressed, too)   [off];
                    echo and fanout, in json
  --warmup S        seconds before what is measured   [0.5]
  --secs S          seconds that are measured   [2]
  --count N         instead of a time: until N messages came; handshakes: how many   [handshakes: 10000]
  --pid PID         the server's process: adds its CPU time
  --active N        crowd: how many of the connections ask   [64]
  --rate N          crowd: requests a second, of all together   [1000]
  --churn N         crowd: further connections a second, which come and go   [0]
  --allocations     asks the server for its allocations before and after (event `allocations`)
";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Echo,
    Fanout,
    Handshakes,
    Idle,
    Crowd,
}

/// What is compressed (permessage-deflate).
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Deflate {
    Off,
    Answers,
    Both,
}

impl FromStr for Deflate {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Deflate, ()> {
        match name {
            "off" => Ok(Deflate::Off),
            "answers" => Ok(Deflate::Answers),
            "both" => Ok(Deflate::Both),
            _ => Err(()),
        }
    }
}

pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) addr: SocketAddr,
    pub(crate) dialect: Dialect,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) publishers: usize,
    pub(crate) text: String,
    pub(crate) deflate: Deflate,
    pub(crate) warmup: Duration,
    pub(crate) secs: Duration,
    pub(crate) count: Option<u64>,
    pub(crate) pid: Option<u32>,
    pub(crate) active: usize,
    pub(crate) rate: usize,
    pub(crate) churn: usize,
    pub(crate) allocations: bool,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Options> {
        let mode = match args.next().as_deref() {
            Some("echo") => Mode::Echo,
            Some("fanout") => Mode::Fanout,
            Some("handshakes") => Mode::Handshakes,
            Some("idle") => Mode::Idle,
            Some("crowd") => Mode::Crowd,
            other => return Err(format!("no mode {:?}", other.unwrap_or_default())),
        };
        let mut options = Options {
            mode,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            dialect: Dialect::Json,
            connections: 64,
            in_flight: 1,
            publishers: 1,
            text: String::new(),
            deflate: Deflate::Off,
            warmup: Duration::from_millis(500),
            secs: Duration::from_secs(2),
            count: None,
            pid: None,
            active: 64,
            rate: 1000,
            churn: 0,
            allocations: false,
        };
        let (mut text, mut fill): (usize, fn(usize) -> String) = (23, text::hello);
        while let Some(flag) = args.next() {
            if flag == "--allocations" {
                options.allocations = true;
                continue;
            }
            if flag == "--records" {
                fill = text::records;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--addr" => options.addr = parse(&flag, &value)?,
                "--dialect" => options.dialect = parse(&flag, &value)?,
                "--connections" => options.connections = positive(&flag, &value)?,
                "--in-flight" => options.in_flight = positive(&flag, &value)?,
                "--publishers" => options.publishers = positive(&flag, &value)?,
                "--text" => text = positive(&flag, &value)?,
                "--deflate" => options.deflate = parse(&flag, &value)?,
                "--warmup" => options.warmup = seconds(&flag, &value)?,
                "--secs" => options.secs = seconds(&flag, &value)?,
                "--count" => options.count = Some(parse(&flag, &value)?),
                "--active" => options.active = positive(&flag, &value)?,
                "--rate" => options.rate = positive(&flag, &value)?,
                "--churn" => options.churn = parse(&flag, &value)?,
                "--pid" => options.pid = Some(parse(&flag, &value)?),
                _ => return Err(format!("no option {flag}")),
            }
        }
        if !options.addr.ip().is_loopback() || options.addr.port() == 0 {
            return Err("--addr must be a port of this machine".into());
        }
        if options.publishers > options.connections.min(256) {
            return Err("--publishers are members, and at most 256".into());
        }
        options.text = fill(text);
        options.check_deflate()?;
        Ok(options)
    }

    fn check_deflate(&self) -> Result<()> {
        if self.deflate == Deflate::Off {
            return Ok(());
        }
        if self.dialect != Dialect::Json || !matches!(self.mode, Mode::Echo | Mode::Fanout) {
            return Err("--deflate is for echo and fanout, in json".into());
        }
        if self.in_flight > packed::NUMBERS as usize {
            return Err(format!("with --deflate at most {} are --in-flight", packed::NUMBERS));
        }
        Ok(())
    }
}

fn parse<T: FromStr>(flag: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| format!("{flag} cannot be {value:?}"))
}

fn positive(flag: &str, value: &str) -> Result<usize> {
    parse(flag, value).and_then(|number| if number > 0 { Ok(number) } else { Err(format!("{flag} cannot be 0")) })
}

fn seconds(flag: &str, value: &str) -> Result<Duration> {
    Duration::try_from_secs_f64(parse(flag, value)?).map_err(|why| format!("{flag}: {why}"))
}
