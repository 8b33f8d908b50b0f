//! Delivery on this node: from a target to outboxes.
use crate::Delivery;
use crate::client_id::ClientId;
use crate::codec::{Encoding, Format};
use crate::hub::Endpoint;
use crate::hub::conns::Conns;
use crate::hub::prefetch;
use crate::hub::rooms::Rooms;
use crate::hub::shard::Shard;
use crate::node::Stats;
use crate::outbound::Event;
use crate::outbound::{Class, Frame};
use std::sync::Arc;
use switchboard_core::Target;

/// Encodes an event in another format than JSON.
pub(crate) type Other<'a> = dyn Fn(Encoding<'_>) -> Option<Event> + 'a;

/// The connections and rooms of one namespace on this node. A cluster calls the same `deliver`.
pub(crate) struct Local {
    shards: Box<[Shard]>,
    pub(crate) rooms: Rooms,
}

impl Local {
    /// Of a namespace in which everybody may be.
    pub(crate) fn new() -> Local {
        Local::of(std::thread::available_parallelism().map_or(1, |n| n.get().min(16)))
    }

    /// Of one among many.
    pub(crate) fn small() -> Local {
        Local::of(1)
    }

    fn of(shards: usize) -> Local {
        Local { shards: (0..shards).map(|_| Shard::default()).collect(), rooms: Rooms::default() }
    }

    fn shard(&self, id: ClientId) -> &Shard {
        &self.shards[(id.low() >> 48) as usize % self.shards.len()]
    }

    pub(crate) fn insert(&self, conn: &Arc<Endpoint>) {
        self.shard(conn.id).insert(conn.clone());
    }

    pub(crate) fn remove(&self, id: ClientId) {
        self.shard(id).remove(id);
    }

    /// Puts an event into the outbox of everyone who is meant, each once. `event` is its JSON; `other` encodes it in another format,
    /// and is called once for each format that somebody has who is meant. `None`: those get nothing, and it is logged.
    ///
    /// A member whose gateway's `max_message_out` it passes does not get it, which is counted; `least` is the least of all gateways.
    ///
    /// Never waits: a client that does not read is dropped from the room's point of view, not waited for.
    pub(crate) fn deliver(
        &self,
        target: &Target,
        event: &Event,
        other: &Other<'_>,
        class: Class<'_>,
        least: usize,
    ) -> Delivery {
        let mut frame = event.frame();
        let mut delivery = Delivery::default();
        let asks_each = event.len() > least;
        let sender = target.sender.as_deref().and_then(ClientId::parse);
        // Compressing, and the application's `Serialize`, wait until no lock is held.
        let mut late = Vec::new();
        let mut push = |conn: &Arc<Endpoint>| {
            if Some(conn.id) == sender {
                return;
            }
            if conn.format != Format::Json || asks_each || frame.takes_time(conn.agreed()) {
                late.push(conn.clone());
            } else {
                delivery.add(conn.push_event(&mut frame, class));
            }
        };
        match (target.all, &target.rooms[..], &target.except[..]) {
            (true, _, []) => self.shards.iter().for_each(|shard| shard.for_each(&mut push)),
            (false, [room], []) => self.for_each_member(room, &mut push),
            _ => prefetch::for_each(self.union(target).as_slice(), &mut push),
        }
        if !late.is_empty() {
            deliver_late(late, event, &mut frame, other, class, &mut delivery);
        }
        delivery
    }

    /// Everyone who is meant and open to events, each once.
    pub(crate) fn chosen(&self, target: &Target) -> Vec<Arc<Endpoint>> {
        let mut chosen = self.reached(target);
        chosen.retain(|conn| !conn.profile.raw);
        chosen
    }

    /// Everyone who is meant, those of raw gateways too, each once; less those that are closing.
    pub(crate) fn reached(&self, target: &Target) -> Vec<Arc<Endpoint>> {
        let sender = target.sender.as_deref().and_then(ClientId::parse);
        self.union(target).into_iter().filter(|conn| Some(conn.id) != sender && conn.is_open()).collect()
    }

    fn union(&self, target: &Target) -> Conns {
        let mut chosen = Conns::default();
        let mut choose = |conn: &Arc<Endpoint>| chosen.insert(conn.clone());
        if target.all {
            self.shards.iter().for_each(|shard| shard.for_each(&mut choose));
        } else {
            target.rooms.iter().for_each(|room| self.for_each_member(room, &mut choose));
        }
        for room in &target.except {
            self.for_each_member(room, &mut |conn| chosen.remove(conn.id));
        }
        chosen
    }

    /// The members of a room, or the one client whose id is the room's name.
    fn for_each_member(&self, room: &str, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        match ClientId::parse(room).and_then(|id| self.client(id)) {
            Some(conn) => work(&conn),
            None => self.rooms.for_each(room, work),
        }
    }

    pub(crate) fn client(&self, id: ClientId) -> Option<Arc<Endpoint>> {
        self.shard(id).get(id)
    }

    pub(crate) fn clients(&self) -> Vec<Arc<Endpoint>> {
        let mut clients = Vec::new();
        for shard in &self.shards {
            shard.for_each(&mut |conn| clients.push(conn.clone()));
        }
        clients
    }

    pub(crate) fn client_count(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    pub(crate) fn open_count(&self) -> usize {
        let mut count = 0;
        for shard in &self.shards {
            shard.for_each(&mut |conn| count += usize::from(conn.is_open()));
        }
        count
    }

    pub(crate) fn members(&self, room: &str) -> Vec<Arc<Endpoint>> {
        let mut members = Vec::new();
        self.for_each_member(room, &mut |conn| members.push(conn.clone()));
        members
    }

    pub(crate) fn member_count(&self, room: &str) -> usize {
        let mut count = 0;
        self.for_each_member(room, &mut |conn| count += usize::from(conn.is_open()));
        count
    }

    pub(crate) fn room_names(&self) -> Vec<Arc<str>> {
        self.rooms.names()
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let (rooms, memberships) = self.rooms.count();
        stats.connections += self.client_count();
        stats.rooms += rooms;
        stats.memberships += memberships;
        stats.queued_bytes += self.clients().iter().map(|conn| conn.writer.bytes()).sum::<usize>();
    }
}

/// The rest of a delivery, without any lock: in other formats, compressed, and longer than some may be sent.
fn deliver_late(
    mut late: Vec<Arc<Endpoint>>,
    json: &Event,
    json_frame: &mut Frame<'_>,
    other: &Other<'_>,
    class: Class<'_>,
    delivery: &mut Delivery,
) {
    let mut lost: Vec<&Arc<Endpoint>> = Vec::new();
    late.sort_unstable_by_key(|conn| conn.format);
    for conns in late.chunk_by(|one, next| one.format == next.format) {
        let [first, ..] = conns else { continue };
        let mut push = |len: usize, frame: &mut Frame<'_>| {
            for conn in conns {
                if conn.takes(len) { delivery.add(conn.push_event(frame, class)) } else { lost.push(conn) }
            }
        };
        match first.format {
            Format::Json => push(json.len(), json_frame),
            _ => match other(first.encoding()) {
                Some(event) => push(event.len(), &mut event.frame()),
                None => lost.extend(conns),
            },
        }
    }
    // Raw gateways, and those that have left, were not meant.
    for conn in lost.into_iter().filter(|conn| !conn.profile.raw && conn.is_open()) {
        delivery.dropped += 1;
        conn.node().counters.dropped(1);
    }
}
