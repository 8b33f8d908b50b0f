//! [`Window`]: the end of a peer's messages, kept for later ones that refer back to it.

/// The end of what a peer has sent, uncompressed: at most as many bytes as were agreed on.
#[derive(Default)]
pub(crate) struct Window(Vec<u8>);

impl Window {
    #[cfg_attr(not(feature = "deflate"), allow(dead_code, reason = "nobody agrees on compression"))]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The memory that it occupies, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.0.capacity()
    }

    /// Adds a message, and keeps the last `most` bytes.
    #[cfg_attr(not(feature = "deflate"), allow(dead_code, reason = "nobody agrees on compression"))]
    pub(super) fn add(&mut self, message: &[u8], most: usize) {
        let message = &message[message.len().saturating_sub(most)..];
        let over = (self.0.len() + message.len()).saturating_sub(most);
        self.0.drain(..over);
        let (len, capacity) = (self.0.len(), self.0.capacity());
        if capacity - len < message.len() {
            // The capacity is doubled, but never beyond what is kept.
            let wish = (2 * capacity).min(most).max(len + message.len());
            self.0.reserve_exact(wish - len);
        }
        self.0.extend_from_slice(message);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn the_end_of_all_messages_in_no_more_memory_than_that() {
        for most in [0, 256, 1 << 15] {
            let (mut window, mut all) = (Window::default(), Vec::new());
            for len in [0, 1, 100, 255, 256, 257, 40_000, 7, 32_768, 1, 70_000, 3] {
                let message: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
                window.add(&message, most);
                all.extend_from_slice(&message);
                assert_eq!(window.0, all[all.len().saturating_sub(most)..], "{most} {len}");
                assert!(window.held() <= most, "{most} {len}: {}", window.held());
            }
        }
    }
}
