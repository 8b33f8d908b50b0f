//! Delivery on this node: from a target to outboxes.
use crate::client_id::ClientId;
use crate::codec::{Encoding, Format};
use crate::contain::drop_contained;
use crate::hub::Endpoint;
use crate::hub::conns::Conns;
use crate::hub::index::Index;
use crate::hub::prefetch;
use crate::hub::shard::Shard;
use crate::hub::target::{Group, Target};
use crate::node::Stats;
use crate::outbound::{Class, Encode, Event, Frame};
use crate::room::Room;
use crate::{Delivery, log};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// The connections and rooms of one namespace on this node.
pub(crate) struct Local {
    shards: Box<[Shard]>,
    /// Members by the names of their rooms.
    pub(crate) rooms: Index,
    /// Connections by the ids of their users, in a namespace that has had any.
    users: OnceLock<Box<Index>>,
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
        Local {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            rooms: Index::default(),
            users: OnceLock::new(),
        }
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

    /// Puts an event into the outbox of everyone who is meant, each once. It is encoded as JSON before anybody is
    /// looked at, and once for each other format that somebody has who is meant; who has one that it cannot be encoded
    /// in gets nothing, which is logged.
    ///
    /// A member whose gateway's `max_message_out` it passes does not get it, which is counted; `least` is the least of
    /// all gateways.
    ///
    /// Never waits: a client that does not read is dropped from the room's point of view, not waited for.
    pub(crate) fn deliver(&self, target: &Target, class: Class<'_>, encode: &dyn Encode, least: usize) -> Delivery {
        let Some(event) = encode.encode(Encoding::Json) else { return Delivery::REFUSED };
        let mut frame = event.frame();
        let mut delivery = Delivery::default();
        let asks_each = event.len() > least;
        // Compressing, and the application's `Serialize`, wait until no lock is held.
        let mut late = Vec::new();
        let mut push = |conn: &Arc<Endpoint>| {
            if Some(conn.id) == target.but {
                return;
            }
            if conn.format != Format::Json || asks_each || frame.takes_time(conn.agreed()) {
                late.push(conn.clone());
            } else {
                delivery.add(conn.push_event(&mut frame, class));
            }
        };
        match (target.all, &target.groups[..], &target.except[..]) {
            (true, _, []) => self.shards.iter().for_each(|shard| shard.for_each(&mut push)),
            (false, [group], []) => self.for_each_of(group, &mut push),
            _ => prefetch::for_each(self.union(target).as_slice(), &mut push),
        }
        if !late.is_empty() {
            deliver_late(late, &event, &mut frame, encode, class, &mut delivery);
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
        self.union(target).into_iter().filter(|conn| Some(conn.id) != target.but && conn.is_open()).collect()
    }

    fn union(&self, target: &Target) -> Conns {
        let mut chosen = Conns::default();
        let mut choose = |conn: &Arc<Endpoint>| chosen.insert(conn.clone());
        if target.all {
            self.shards.iter().for_each(|shard| shard.for_each(&mut choose));
        } else {
            target.groups.iter().for_each(|group| self.for_each_of(group, &mut choose));
        }
        for group in &target.except {
            self.for_each_of(group, &mut |conn| chosen.remove(conn.id));
        }
        chosen
    }

    pub(crate) fn users(&self) -> &Index {
        self.users.get_or_init(Box::default)
    }

    fn for_each_of_user(&self, id: &str, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        if let Some(users) = self.users.get() {
            users.for_each(id, work);
        }
    }

    fn for_each_of(&self, group: &Group, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        match group {
            Group::Room(name) => self.rooms.for_each(name, work),
            Group::Client(id) => self.client(*id).iter().for_each(work),
            Group::User(id) => self.for_each_of_user(id, work),
        }
    }

    fn for_each_member(&self, room: Room<'_>, work: &mut dyn FnMut(&Arc<Endpoint>)) {
        match room {
            Room::Named(name) => self.rooms.for_each(name, work),
            Room::Own(id) => self.client(id).iter().for_each(work),
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

    pub(crate) fn members(&self, room: Room<'_>) -> Vec<Arc<Endpoint>> {
        let mut members = Vec::new();
        self.for_each_member(room, &mut |conn| members.push(conn.clone()));
        members
    }

    pub(crate) fn clients_of(&self, user: &str) -> Vec<Arc<Endpoint>> {
        let mut clients = Vec::new();
        self.for_each_of_user(user, &mut |conn| clients.push(conn.clone()));
        clients
    }

    pub(crate) fn member_count(&self, room: Room<'_>) -> usize {
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
    encode: &dyn Encode,
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
            _ => match encode_again(encode, first.encoding()) {
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

/// Clients that have another format have the event by then: a panic must not keep it from the rest, in silence.
fn encode_again(encode: &dyn Encode, encoding: Encoding<'_>) -> Option<Event> {
    catch_unwind(AssertUnwindSafe(|| encode.encode(encoding))).unwrap_or_else(|panic| {
        log::panicked(encode.event(), &*panic);
        drop_contained(panic);
        None
    })
}
