//! Asks a server how often it has allocated.

use crate::Result;
use crate::conn::Conn;
use crate::open::{Door, exchange_all};
use crate::options::Options;
use crate::poller::Poller;
use crate::{report, ws};

/// A count, from the beginning of a run to its end. Nothing unless it was asked for.
pub(crate) struct Counted(Option<Counter>);

struct Counter {
    conns: Vec<Conn>,
    poller: Poller,
    before: f64,
}

impl Counted {
    pub(crate) fn begin(door: &Door, options: &Options) -> Result<Counted> {
        if !options.allocations {
            return Ok(Counted(None));
        }
        let mut poller = Poller::new()?;
        let conns = door.open_all(&mut poller, 1)?;
        let mut counter = Counter { conns, poller, before: 0.0 };
        counter.before = counter.ask()?;
        Ok(Counted(Some(counter)))
    }

    pub(crate) fn end(self, messages: u64) -> Result<()> {
        if let Counted(Some(mut counter)) = self {
            let allocations = counter.ask()? - counter.before;
            report("allocations_per_message", allocations / messages as f64);
        }
        Ok(())
    }
}

impl Counter {
    fn ask(&mut self) -> Result<f64> {
        let request = ws::client_frame(ws::TEXT, br#"{"event":"allocations","data":null}"#);
        let mut count = None;
        let request = |conn: &mut Conn, poller: &Poller| conn.send(poller, &request);
        exchange_all(&mut self.conns, &mut self.poller, request, |_, bytes| {
            let Some(frame) = ws::parse(bytes)? else { return Ok(0) };
            let text = String::from_utf8_lossy(frame.payload);
            let number = text.strip_prefix(r#"{"event":"allocations","data":"#).and_then(|text| text.strip_suffix('}'));
            count = number.and_then(|number| number.parse().ok());
            Ok(if count.is_some() { frame.length } else { 0 })
        })?;
        count.ok_or_else(|| "the server does not count its allocations".into())
    }
}
