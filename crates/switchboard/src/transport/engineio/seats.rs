//! [`Seats`]: all namespaces that a session's client is in, enters or leaves.
use super::joining::Joining;
use super::seat::Seat;
use crate::contain::drop_contained;
use std::ops::{Deref, DerefMut};

/// The seats of a session, in the order in which the client got them.
#[derive(Default)]
pub(super) struct Seats {
    all: Vec<Seat>,
    /// Namespaces that the client asks for.
    pub(super) joining: Vec<Joining>,
    /// Namespaces that the server made the client leave: packets for them that were on their way are ignored.
    left: Vec<Box<str>>,
    /// The seat whose outbox is moved first, so that none is always the last.
    first: usize,
}

impl Deref for Seats {
    type Target = Vec<Seat>;

    fn deref(&self) -> &Vec<Seat> {
        &self.all
    }
}

impl DerefMut for Seats {
    fn deref_mut(&mut self) -> &mut Vec<Seat> {
        &mut self.all
    }
}

impl Seats {
    /// The index of the seat in a namespace, if the client is there.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|seat| seat.is_present() && seat.name() == name)
    }

    /// True if the client is in the namespace, or asks for it.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.find(name).is_some() || self.joining.iter().any(|joining| *joining.name == *name)
    }

    /// How many namespaces the client is in, enters, or has not left completely: a client that enters and leaves has no more
    /// of them than one that stays.
    pub(super) fn count(&self) -> usize {
        self.all.len() + self.joining.len()
    }

    /// True if the client is in a namespace.
    pub(super) fn are_any_present(&self) -> bool {
        self.all.iter().any(Seat::is_present)
    }

    /// Asks no guard any more. What their futures hold may panic when it is dropped.
    pub(super) fn forget_joining(&mut self) {
        self.joining.drain(..).for_each(drop_contained);
    }

    /// The client does not ask for the namespace any more.
    pub(super) fn join_no_more(&mut self, name: &str) {
        self.joining.extract_if(.., |joining| *joining.name == *name).for_each(drop_contained);
    }

    /// After a shutdown has begun: true if nothing is left to finish. Each seat is asked to end by a request of its own.
    pub(super) fn have_finished(&self) -> bool {
        self.joining.is_empty() && self.all.iter().all(|seat| seat.restarts || !seat.is_present())
    }

    /// Drops the seats of which nothing is left. True if there was one.
    pub(super) fn forget_those_over(&mut self) -> bool {
        let over: Vec<Seat> = self.all.extract_if(.., |seat| seat.is_over()).collect();
        let any = !over.is_empty();
        over.into_iter().for_each(drop_contained);
        any
    }

    /// Notes that the server made the client leave a namespace. At most `most` are remembered.
    pub(super) fn note_left(&mut self, name: Box<str>, most: usize) {
        if self.left.len() >= most {
            self.left.remove(0);
        }
        self.left.push(name);
    }

    /// True if the server made the client leave the namespace, which it has not asked for since.
    pub(super) fn has_left(&self, name: &str) -> bool {
        self.left.iter().any(|left| **left == *name)
    }

    /// The client asks for a namespace.
    pub(super) fn join(&mut self, joining: Joining) {
        self.left.retain(|left| *left != joining.name);
        self.joining.push(joining);
    }

    /// The indexes of all seats. The first is another one each time.
    pub(super) fn in_turn(&mut self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.first, self.all.len());
        self.first = (first + 1).checked_rem(count).unwrap_or(0);
        (0..count).map(move |step| (first + step) % count)
    }
}
