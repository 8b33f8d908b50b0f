//! The outbox against a model: any sequence of puts, partial writes, control frames and discards.
use crate::limits::{GatewayLimits, VolatilePolicy};
use crate::node::Node;
use crate::outbound::frame::Frame;
use crate::outbound::outbox::{Class, Flushed, Outbox, Put};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::Poll;
use switchboard_core::ws::{Decoder, FrameLimits, Item, Opcode, Role, write_control, write_frame};

#[derive(Clone, Debug)]
enum Step {
    Put {
        class: u8,
        padding: usize,
        /// How many frames follow the first one, and belong to it.
        more: u32,
        /// Another outbox has the frame, too.
        again: bool,
    },
    Control,
    /// The socket takes this many bytes, then refuses.
    Flush(usize),
    Discard,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5u8, prop_oneof![0..40usize, 100..130usize, 500..700usize], prop_oneof![3 => Just(0), 1 => 1..4u32], any::<bool>())
            .prop_map(|(class, padding, more, again)| Step::Put { class, padding, more, again }),
        // Now and then a reply that is longer than `outbound_bytes`.
        1 => (6500..7000usize).prop_map(|padding| Step::Put { class: 0, padding, more: 0, again: false }),
        1 => Just(Step::Control),
        3 => prop_oneof![0..8usize, 0..400usize, Just(usize::MAX)].prop_map(Step::Flush),
        1 => Just(Step::Discard),
    ]
}

/// What is known of a message that was queued.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Certain,
    /// Volatile, or dropped by a discard unless it was half written.
    Possible,
}

/// What the peer has received completely.
struct Sent {
    decoder: Decoder,
    at: usize,
    texts: Vec<u64>,
    /// How many frames followed the last text, and should have.
    more: (u32, u32),
    /// All data frames.
    messages: usize,
    pongs: usize,
}

impl Default for Sent {
    fn default() -> Sent {
        Sent { decoder: Decoder::new(Role::Client), at: 0, texts: Vec::new(), more: (0, 0), messages: 0, pongs: 0 }
    }
}

impl Sent {
    fn read(&mut self, wire: &[u8]) {
        let mut bytes = wire[self.at..].to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let decoded = self.decoder.decode(&mut bytes[at..], &FrameLimits::default());
            let decoded = decoded.expect("whole frames, in any split");
            at += decoded.consumed;
            match decoded.item {
                Some(Item::Text(text)) => {
                    let mut parts = text.split(':');
                    let mut number = || parts.next().unwrap().parse().unwrap();
                    self.texts.push(number());
                    self.more = (0, number() as u32);
                    self.messages += 1;
                }
                Some(Item::Binary(_)) => {
                    self.more.0 += 1;
                    self.messages += 1;
                    assert!(self.more.0 <= self.more.1, "a frame of another packet");
                }
                Some(Item::Pong(_)) => self.pongs += 1,
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        self.at += at;
    }
}

fn flush(outbox: &mut Outbox, wire: &mut Vec<u8>, mut room: usize) -> Flushed {
    outbox.flush(|pieces: &[IoSlice<'_>]| {
        if room == 0 {
            return Poll::Pending;
        }
        let mut taken = 0;
        for piece in pieces {
            let n = piece.len().min(room);
            wire.extend_from_slice(&piece[..n]);
            taken += n;
            room -= n;
        }
        Poll::Ready(Ok(taken))
    })
}

fn check(steps: &[Step], policy: VolatilePolicy) {
    let limits = GatewayLimits::default()
        .outbound_messages(24)
        .outbound_reserved(4)
        .outbound_bytes(6000)
        .outbound_soft_bytes(3000)
        .volatile(policy);
    let node = Arc::new(Node::new());
    node.memory.limit_to(1 << 30, Box::new(|| None));
    let mut outbox = Outbox::default();
    let mut wire = Vec::new();
    let mut fates: BTreeMap<u64, Fate> = BTreeMap::new();
    let (mut next, mut pongs) = (0u64, 0usize);
    let mut sent = Sent::default();
    // Messages that were queued, and neither evicted nor discarded.
    let mut queued = 0;
    // Whether the socket refuses bytes, and how many messages and bytes waited at the last flush.
    let (mut blocked, mut waiting) = (false, (0, 0));
    for step in steps {
        match step {
            Step::Put { class, padding, more, again } => {
                let mut bytes = Vec::new();
                let text = format!("{next}:{more}:{}", "x".repeat(*padding));
                write_frame(&mut bytes, Opcode::Text, true, text.as_bytes(), None);
                for _ in 0..*more {
                    write_frame(&mut bytes, Opcode::Binary, true, b"attached", None);
                }
                let class = [Class::Reply, Class::Push, Class::Push, Class::Volatile(None), Class::Volatile(Some("k"))]
                    [usize::from(*class)];
                let before = (outbox.bytes(), outbox.messages());
                let mut frame = Frame::of(&bytes, 1 + more);
                frame.used = *again;
                match outbox.put(&mut frame, class, &limits) {
                    Put::Queued { evicted } => {
                        queued += 1 + *more as isize - evicted as isize;
                        let volatile = matches!(class, Class::Volatile(_));
                        fates.insert(next, if volatile { Fate::Possible } else { Fate::Certain });
                    }
                    Put::Dropped => assert!(matches!(class, Class::Volatile(_)), "only volatile messages are dropped"),
                    Put::Overflow => {
                        assert!(!matches!(class, Class::Volatile(_)));
                        assert_eq!(before, (outbox.bytes(), outbox.messages()));
                        let messages = before.1 + *more as usize;
                        assert!(messages >= 20 || before.0 + bytes.len() > 6000, "overflow at {before:?}");
                    }
                }
                next += 1;
            }
            Step::Control => {
                let mut bytes = Vec::new();
                write_control(&mut bytes, Opcode::Pong, b"p");
                pongs += usize::from(outbox.put_control(&bytes));
            }
            Step::Flush(room) => {
                let drained = matches!(flush(&mut outbox, &mut wire, *room), Flushed::Drained);
                assert_eq!(drained, outbox.is_empty());
                sent.read(&wire);
                blocked = !drained;
                waiting = (outbox.messages(), outbox.bytes());
            }
            Step::Discard => {
                queued -= outbox.discard() as isize;
                assert!(outbox.messages() <= 1);
                fates.values_mut().for_each(|fate| *fate = Fate::Possible);
                pongs = 0;
            }
        }
        assert_eq!(outbox.messages() as isize, queued - sent.messages as isize, "what waits is what is counted");
        let own = outbox.charge(&node);
        if outbox.is_blocked() {
            assert_eq!((own, node.memory.queued()), outbox.pieces(), "what waits is what is charged");
        }
        // A single message may exceed the limits, and so may one reply, beside which other messages keep their room. Nothing else
        // may.
        let most =
            if blocked { (waiting.0.max(24), waiting.1.max(6000) + 7020) } else { (usize::MAX, 4 * 6000 + 7020) };
        let control = pongs.max(32) * 3;
        assert!(outbox.messages() <= most.0 && outbox.bytes() <= most.1 + control, "{most:?}: {}", outbox.bytes());
    }
    assert!(matches!(flush(&mut outbox, &mut wire, usize::MAX), Flushed::Drained));
    assert_eq!((outbox.bytes(), outbox.messages(), node.memory.queued()), (0, 0, 0));
    sent.read(&wire);
    let (decoder, seen, pongs_seen) = (sent.decoder, sent.texts, sent.pongs);
    assert!(!decoder.is_partial(), "the stream ends between frames");
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "in order, once: {seen:?}");
    for (id, fate) in &fates {
        assert!(*fate == Fate::Possible || seen.contains(id), "{id} is lost: {seen:?}");
    }
    assert!(seen.iter().all(|id| fates.contains_key(id)), "only what was queued is sent");
    assert!(pongs_seen >= pongs);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn frames_leave_whole_in_order_and_within_the_limits(steps in prop::collection::vec(step(), 1..120)) {
        check(&steps, VolatilePolicy::DropNewest);
        check(&steps, VolatilePolicy::DropOldest);
    }
}

fn message(len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, Opcode::Text, true, "x".repeat(len).as_bytes(), None);
    bytes
}

/// What others may emit to a client does not depend on how much it has asked for itself.
#[test]
fn a_long_reply_leaves_the_others_their_room() {
    let limits =
        GatewayLimits::default().outbound_bytes(6000).outbound_soft_bytes(3000).volatile(VolatilePolicy::DropOldest);
    let queued = Put::Queued { evicted: 0 };
    // With large limits the long reply has a segment of its own; with small ones it is copied into one with other messages.
    for (bytes, small) in [(6000, 1000), (300, 50)] {
        let limits = limits.clone().outbound_bytes(bytes).outbound_soft_bytes(bytes / 2);
        let mut outbox = Outbox::default();
        let mut wire = Vec::new();
        let put = |outbox: &mut Outbox, len: usize, class| outbox.put(&mut Frame::new(&message(len)), class, &limits);
        let long = bytes * 3 / 2;
        assert_eq!(put(&mut outbox, small, Class::Push), queued);
        flush(&mut outbox, &mut wire, 10);
        assert_eq!(put(&mut outbox, long, Class::Reply), queued);
        assert_eq!(put(&mut outbox, small, Class::Push), queued, "{bytes}: a push beside a long reply");
        assert_eq!(put(&mut outbox, 5, Class::Volatile(Some("k"))), queued);
        assert_eq!(put(&mut outbox, 5, Class::Volatile(Some("k"))), Put::Queued { evicted: 1 });
        assert!(outbox.put_control(b"\x8a\x01p"));
        // A part of the long reply is written: other messages have as much room as before.
        flush(&mut outbox, &mut wire, small + long / 2);
        assert!(outbox.put_control(b"\x8a\x01p"));
        let others =
            outbox.bytes() - (message(small).len() * 2 + message(long).len() + message(5).len() + 6 - wire.len());
        assert_eq!(others, 0, "nothing else waits");
        let behind = message(small).len() + message(5).len();
        // The room that is left is less by the new frame's header and by the control frame, which count too.
        assert_eq!(put(&mut outbox, bytes - behind, Class::Push), Put::Overflow);
        assert_eq!(put(&mut outbox, long, Class::Reply), Put::Overflow, "one at a time");
        assert_eq!(put(&mut outbox, bytes - behind - 4 - 3, Class::Push), queued);
        assert_eq!(put(&mut outbox, small, Class::Push), Put::Overflow);
        // The long reply is written: all bytes count again.
        let rest = outbox.bytes();
        flush(&mut outbox, &mut wire, rest - bytes / 2);
        assert_eq!(put(&mut outbox, bytes / 2, Class::Push), Put::Overflow);
        assert!(matches!(flush(&mut outbox, &mut wire, usize::MAX), Flushed::Drained));
    }
}

/// While the socket refuses nothing, a volatile message is a message like any other.
#[test]
fn volatile_messages_are_queued_while_the_socket_takes_bytes() {
    let mut outbox = Outbox::default();
    let limits = GatewayLimits::default();
    assert_eq!(outbox.put(&mut Frame::new(b"\x81\x01a"), Class::Volatile(None), &limits), Put::Queued { evicted: 0 });
    let mut wire = Vec::new();
    assert!(matches!(flush(&mut outbox, &mut wire, 1), Flushed::Blocked { progress: true }));
    assert_eq!(outbox.put(&mut Frame::new(b"\x81\x01b"), Class::Volatile(None), &limits), Put::Dropped);
}

#[test]
fn the_latest_of_a_key_replaces_the_one_that_waits() {
    let mut outbox = Outbox::default();
    let limits = GatewayLimits::default().volatile(VolatilePolicy::DropOldest);
    outbox.put(&mut Frame::new(b"\x81\x01a"), Class::Push, &limits);
    let mut wire = Vec::new();
    flush(&mut outbox, &mut wire, 1);
    for (payload, evicted) in [(b"\x81\x01b", 0), (b"\x81\x01c", 1), (b"\x81\x01d", 1)] {
        assert_eq!(outbox.put(&mut Frame::new(payload), Class::Volatile(Some("k")), &limits), Put::Queued { evicted });
    }
    flush(&mut outbox, &mut wire, usize::MAX);
    assert_eq!(wire, b"\x81\x01a\x81\x01d");
}

#[test]
fn a_goodbye_leaves_behind_the_message_of_a_broadcast() {
    for len in [5, 600] {
        let mut outbox = Outbox::default();
        let bytes = message(len);
        let mut frame = Frame::new(&bytes);
        frame.used = true;
        outbox.put(&mut frame, Class::Push, &GatewayLimits::default());
        outbox.put_close(b"bye");
        let mut wire = Vec::new();
        flush(&mut outbox, &mut wire, usize::MAX);
        assert_eq!(wire, [&bytes[..], b"bye"].concat());
    }
}

/// A message for one outbox is copied. Of a broadcast, all outboxes except the first hold a reference.
#[test]
fn a_broadcast_is_shared_by_outboxes_that_are_empty() {
    let bytes = message(5);
    let mut frame = Frame::new(&bytes);
    let mut outboxes = std::array::from_fn::<_, 4, _>(|_| Outbox::default());
    let mut wire = Vec::new();
    outboxes[3].put(&mut Frame::new(&message(5)), Class::Push, &GatewayLimits::default());
    for outbox in &mut outboxes {
        outbox.put(&mut frame, Class::Push, &GatewayLimits::default());
    }
    let shared = frame.shared.take().expect("it goes to several");
    assert_eq!(Arc::strong_count(&shared), 3, "the second, the third, and this");
    for outbox in &mut outboxes {
        assert!(matches!(flush(outbox, &mut wire, usize::MAX), Flushed::Drained));
    }
    assert_eq!(Arc::strong_count(&shared), 1);
    assert_eq!(wire, bytes.repeat(5));
}

/// A long frame that sockets refuse is charged once, however many outboxes hold it; a short one is copied, and charged for each.
#[test]
fn a_refused_broadcast_is_charged_as_any_other() {
    for (len, shared, own) in [(600, 604, 0), (5, 0, 7)] {
        let node = Arc::new(Node::new());
        node.memory.limit_to(1 << 30, Box::new(|| None));
        let bytes = message(len);
        let mut frame = Frame::new(&bytes);
        frame.used = true;
        let mut outboxes = std::array::from_fn::<_, 2, _>(|_| Outbox::default());
        for outbox in &mut outboxes {
            outbox.put(&mut frame, Class::Push, &GatewayLimits::default());
            assert!(matches!(flush(outbox, &mut Vec::new(), 0), Flushed::Blocked { progress: false }));
        }
        assert_eq!(outboxes.each_mut().map(|outbox| outbox.charge(&node)), [own; 2]);
        assert_eq!(node.memory.queued(), shared);
    }
}
