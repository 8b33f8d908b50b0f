//! [`Rates`]: how much a client may send, in messages and bytes. Times are milliseconds of the system's clock, not steps.
use crate::limits::GatewayLimits;
use crate::rate::Bucket;
use crate::transport::window::Window;

/// The most refusals within [`SPAN`] if no `message_rate` is set; else it is the burst of that rate.
const REFUSALS: u32 = 100;
/// The time in which refusals are counted together, in milliseconds.
const SPAN: u64 = 10_000;

/// What a client may still send. A client without rates has none of this.
pub(crate) struct Rates {
    messages: Bucket,
    bytes: Bucket,
    refused: Window,
    refused_bytes: Window,
}

impl Rates {
    pub(crate) fn new(now: u64, limits: &GatewayLimits) -> Option<Box<Rates>> {
        let bucket = |rate: Option<_>| rate.map(|rate| Bucket::full(rate, now));
        let (messages, bytes) = (bucket(limits.websocket.message_rate), bucket(limits.websocket.byte_rate));
        let any = messages.or(bytes)?;
        Some(Box::new(Rates {
            // The bucket of a rate that is not set is never asked, so any value will do.
            messages: messages.unwrap_or(any),
            bytes: bytes.unwrap_or(any),
            refused: Window::default(),
            refused_bytes: Window::default(),
        }))
    }

    /// Takes one message of `bytes` bytes from both rates, or from neither. Errors: the milliseconds until it could be taken.
    pub(crate) fn take(&mut self, now: u64, bytes: usize, limits: &GatewayLimits) -> Result<(), u64> {
        let count =
            |rate: Option<_>, bucket: &mut Bucket, count| rate.map_or(Ok(()), |rate| bucket.has(rate, now, count));
        let (one, bytes) = (count(limits.websocket.message_rate, &mut self.messages, 1), bytes as u64);
        let all = count(limits.websocket.byte_rate, &mut self.bytes, bytes);
        match (one, all) {
            (Ok(()), Ok(())) => {
                self.messages.spend(1);
                self.bytes.spend(bytes);
                Ok(())
            }
            (one, all) => Err(one.err().unwrap_or(0).max(all.err().unwrap_or(0))),
        }
    }

    /// Counts a refused message of `bytes` bytes. True if the client keeps on: within [`SPAN`], more was refused than its burst.
    pub(crate) fn refused(&mut self, now: u64, bytes: usize, limits: &GatewayLimits) -> bool {
        let often = self.refused.count(now, SPAN, limits.websocket.message_rate.map_or(REFUSALS, |rate| rate.burst));
        let much =
            limits.websocket.byte_rate.is_some_and(|rate| self.refused_bytes.add(now, SPAN, bytes as u64, rate.burst));
        often || much
    }
}
