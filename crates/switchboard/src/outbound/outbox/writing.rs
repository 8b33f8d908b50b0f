//! Writing the outbox: as many pieces at once as the socket takes, and what is freed afterwards.
use crate::outbound::outbox::segment::{Segment, is_data};
use crate::outbound::outbox::{Flushed, Outbox, buffers, short};
use std::io::{self, IoSlice};
use std::task::Poll;
use switchboard_core::ws;

/// The most pieces of one vectored write.
const PIECES: usize = 64;

impl Outbox {
    /// Writes until all is written or the socket refuses.
    pub(crate) fn flush(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>) -> Flushed {
        let mut progress = false;
        if let Some(single) = &self.single {
            let written = write(&[IoSlice::new(&single.bytes)]);
            if matches!(written, Poll::Ready(Ok(n)) if n == self.bytes) {
                self.single = None;
                self.bytes = 0;
                self.messages = 0;
                return Flushed::Drained;
            }
            self.end_single();
            if let Some(end) = self.wrote(written, &mut progress) {
                return end;
            }
        }
        while self.bytes > 0 {
            let written = self.write_pieces(&mut write);
            if let Some(end) = self.wrote(written, &mut progress) {
                return end;
            }
        }
        Flushed::Drained
    }

    /// Takes the result of one write into account. `None`: there may be more to write.
    #[inline(always)]
    fn wrote(&mut self, written: Poll<io::Result<usize>>, progress: &mut bool) -> Option<Flushed> {
        match written {
            Poll::Ready(Ok(0)) => Some(Flushed::Failed),
            Poll::Ready(Ok(n)) => {
                *progress = true;
                self.advance(n);
                None
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => None,
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Some(Flushed::Failed),
            Poll::Pending | Poll::Ready(Err(_)) => {
                self.blocked = true;
                Some(Flushed::Blocked { progress: *progress })
            }
        }
    }

    #[inline(always)]
    fn write_pieces(
        &self,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        // Usually there is one piece, for which no list of pieces has to be built.
        if self.rest.is_empty() {
            return write(&[IoSlice::new(&self.head[self.written..])]);
        }
        self.write_many(write)
    }

    #[inline(never)]
    fn write_many(&self, write: &mut impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        let mut skip = self.written;
        let head = (!self.head.is_empty()).then_some(&self.head[..]);
        for bytes in head.into_iter().chain(self.rest.iter().map(Segment::bytes)).take(PIECES) {
            pieces[count] = IoSlice::new(&bytes[skip..]);
            skip = 0;
            count += 1;
        }
        write(&pieces[..count])
    }

    /// Notes that `n` bytes were written: counts the frames that are complete now, and frees the pieces that are.
    fn advance(&mut self, n: usize) {
        self.bytes -= n;
        if self.bytes == 0 {
            return self.drained();
        }
        self.until_long = self.until_long.saturating_sub(short(n));
        self.written += n;
        loop {
            let first = self.first();
            let (mut frame, mut messages) = (self.frame as usize, 0u32);
            while let Some(len) = first.get(frame..).and_then(ws::frame_len) {
                if frame + len > self.written {
                    break;
                }
                messages += u32::from(is_data(first[frame]));
                frame += len;
            }
            let len = first.len();
            // The frames of `put_close` were never counted as messages. They are the last ones, so the count is 0 by then.
            self.messages = self.messages.saturating_sub(messages);
            self.frame = short(frame);
            if self.written < len {
                return;
            }
            self.written -= len;
            self.frame = 0;
            // The second piece becomes the first one.
            self.control_end = std::mem::take(&mut self.second_end);
            if !self.head.is_empty() {
                buffers::give(std::mem::take(&mut self.head));
            } else {
                match self.rest.pop_front() {
                    Some(Segment::Copied(bytes)) => buffers::give(bytes),
                    Some(Segment::Shared(shared)) => self.shared -= shared.bytes.len(),
                    Some(Segment::Volatile(_)) | None => {}
                }
            }
        }
    }

    /// Resets the outbox after everything is written.
    fn drained(&mut self) {
        buffers::give(std::mem::take(&mut self.head));
        if self.rest.capacity() > 0 {
            for segment in std::mem::take(&mut self.rest) {
                if let Segment::Copied(bytes) = segment {
                    buffers::give(bytes);
                }
            }
        }
        // Field by field: everything that owns memory is gone, and replacing the whole outbox would drop all of it once more.
        self.messages = 0;
        self.control = 0;
        self.blocked = false;
        self.frame = 0;
        self.uncharged = 0;
        self.written = 0;
        self.control_end = 0;
        self.second_end = 0;
        self.shared = 0;
        self.long = 0;
        self.until_long = 0;
    }
}
