//! Reading compressed messages: the inflater of a thread.
use super::TAIL;
use crate::ws::Violation;
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::Cell;

/// One step inflates at most this much.
const STEP: usize = 16 << 10;
/// An empty last block. It ends the stream and yields nothing, but only where a block may begin.
const END: [u8; 2] = [0x03, 0x00];

thread_local! {
    /// Kept between messages, because setting it up costs more than inflating a short message.
    static INFLATER: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// Inflates a payload to at most `most` bytes. `before` is the data that the message may refer back to.
pub(super) fn inflate(payload: &[u8], most: usize, before: &[u8]) -> Result<Vec<u8>, Violation> {
    let mut inflater = INFLATER.take().unwrap_or_else(|| Box::new(Inflater::new()));
    let inflated = inflater.message(payload, most, before);
    INFLATER.set(Some(inflater));
    inflated
}

struct Inflater {
    stream: Decompress,
    scratch: [u8; STEP],
}

impl Inflater {
    fn new() -> Inflater {
        Inflater { stream: Decompress::new(false), scratch: [0; STEP] }
    }

    /// A message that is longer than a step is inflated twice: the first time to find out whether it is complete, and how long it is. So
    /// nothing is reserved for a message that is too long or corrupt, and exactly the needed length for any other.
    fn message(&mut self, payload: &[u8], most: usize, before: &[u8]) -> Result<Vec<u8>, Violation> {
        let len = run(&mut self.stream, payload, &mut self.scratch, most, before)?;
        if len <= STEP {
            return Ok(self.scratch[..len].to_vec());
        }
        let mut message = vec![0; len];
        run(&mut self.stream, payload, &mut message, len, before)?;
        Ok(message)
    }
}

/// Inflates a message into `out`, from its start again when it is full. Returns how long the message is.
fn run(
    stream: &mut Decompress,
    payload: &[u8],
    out: &mut [u8],
    most: usize,
    before: &[u8],
) -> Result<usize, Violation> {
    stream.reset(false);
    if !before.is_empty() {
        stream.set_dictionary(before).map_err(|_| Violation::CORRUPT_DEFLATE)?;
    }
    let mut message = Message { stream, out, most, len: 0 };
    // The payload may end with a last block (RFC 7692 §7.2.3.4), whose header may be completed by the tail.
    if message.feed(payload)? {
        return Ok(message.len);
    }
    let len = message.len;
    let ended = message.feed(&TAIL)? || message.feed(&END)?;
    // After a truncated payload, neither of them ends the stream, or the tail is read as data.
    if ended && message.len == len { Ok(len) } else { Err(Violation::CORRUPT_DEFLATE) }
}

struct Message<'a> {
    stream: &'a mut Decompress,
    out: &'a mut [u8],
    most: usize,
    len: usize,
}

impl Message<'_> {
    /// Inflates all of `input`. True if a last block ends exactly at its end; a last block that ends earlier would be followed by another
    /// stream.
    fn feed(&mut self, mut input: &[u8]) -> Result<bool, Violation> {
        loop {
            let at = self.len % self.out.len();
            // One byte more than allowed; the rest is not read.
            let end = self.out.len().min((at + 1).saturating_add(self.most - self.len));
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(input, &mut self.out[at..end], FlushDecompress::None);
            let status = status.map_err(|_| Violation::CORRUPT_DEFLATE)?;
            let (read, written) =
                ((self.stream.total_in() - read) as usize, (self.stream.total_out() - written) as usize);
            input = &input[read..];
            self.len += written;
            if self.len > self.most {
                return Err(Violation::MESSAGE_TOO_BIG);
            }
            if status == Status::StreamEnd {
                if input.is_empty() {
                    return Ok(true);
                }
                self.stream.reset(false);
            } else if input.is_empty() && written < end - at {
                return Ok(false);
            } else if read == 0 && written == 0 {
                return Err(Violation::CORRUPT_DEFLATE);
            }
        }
    }
}
