//! [`Sessions`]: the Engine.IO sessions of this node, by their ids.
use super::mailbox::Mailbox;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Characters of an id that are random: 128 bits.
const RANDOM: usize = 22;
/// Characters of an id that name the node.
const TAG: usize = 4;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The sessions of one node. Each has a connection's permit, so there are no more of them than connections.
pub(crate) struct Sessions {
    open: Mutex<HashMap<Box<str>, Arc<Mailbox>>>,
    tag: Box<str>,
}

impl Sessions {
    /// Errors: the system has no random numbers.
    pub(crate) fn new() -> Result<Sessions, getrandom::Error> {
        let tag = text(getrandom::u64()?.into(), TAG).into_boxed_str();
        Ok(Sessions { open: Mutex::default(), tag })
    }

    /// Makes a new id, and registers the mailbox under it. The id alone is the key to the session: it is a secret.
    ///
    /// Errors: the system has no random numbers.
    pub(crate) fn open(&self, mailbox: &Arc<Mailbox>) -> Result<Box<str>, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let sid: Box<str> = (text(u128::from_ne_bytes(random), RANDOM) + &self.tag).into();
        self.open.lock().insert(sid.clone(), mailbox.clone());
        Ok(sid)
    }

    pub(crate) fn find(&self, sid: &str) -> Option<Arc<Mailbox>> {
        self.open.lock().get(sid).cloned()
    }

    pub(crate) fn close(&self, sid: &str) {
        let mut open = self.open.lock();
        open.remove(sid);
        if open.len() < open.capacity() / 4 {
            open.shrink_to_fit();
        }
    }

    /// True if an id that is not known has the form of another node's: a balancer has sent the request to the wrong node.
    pub(crate) fn is_of_another_node(&self, sid: &str) -> bool {
        let is_id = sid.len() == RANDOM + TAG && sid.bytes().all(|byte| ALPHABET.contains(&byte));
        is_id && !sid.ends_with(&*self.tag)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.open.lock().len()
    }
}

/// The lowest bits of a number, six for each character.
fn text(mut number: u128, len: usize) -> String {
    let mut text = String::with_capacity(len);
    for _ in 0..len {
        text.push(char::from(ALPHABET[(number & 63) as usize]));
        number >>= 6;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_tell_their_node() {
        let (sessions, other) = (Sessions::new().unwrap(), Sessions::new().unwrap());
        let mailbox = Arc::new(Mailbox::new(true, true));
        let one = sessions.open(&mailbox).unwrap();
        let two = sessions.open(&mailbox).unwrap();
        assert_ne!(one, two);
        assert_eq!((one.len(), sessions.len()), (RANDOM + TAG, 2));
        assert!(sessions.find(&one).is_some() && other.find(&one).is_none());
        assert!(!sessions.is_of_another_node(&one), "an id of this node that has ended");
        assert!(!sessions.is_of_another_node("__proto__") && !sessions.is_of_another_node(""));
        // One of 16 million pairs of nodes has the same tag.
        assert_eq!(other.is_of_another_node(&one), sessions.tag != other.tag);
        sessions.close(&one);
        assert!(sessions.find(&one).is_none() && sessions.find(&two).is_some());
    }
}
