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
    /// The members of each room, by its name.
    pub(crate) rooms: Index,
    /// The connections of each user, by the user's id. Set once the namespace has had a user.
    users: OnceLock<Box<Index>>,
}

impl Local {
    /// Creates the connections of a namespace that may hold all clients: one shard per CPU, at most 16.
    pub(crate) fn new() -> Local {
        Local::of(std::thread::available_parallelism().map_or(1, |n| n.get().min(16)))
    }

    /// Creates the connections of one among many namespaces: a single shard.
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

    /// Puts an event into the outbox of each connection of the target, once. The event is encoded as JSON first, and
    /// then once for each other format that a receiver uses. Receivers whose format cannot represent it get nothing,
    /// which is logged.
    ///
    /// A receiver does not get an event that exceeds `max_message_out` of its gateway; this is counted. `least` is the
    /// smallest `max_message_out` of all gateways: only longer events are compared with each receiver's limit.
    ///
    /// It never waits for a client to read.
    pub(crate) fn deliver(&self, target: &Target, class: Class<'_>, encode: &dyn Encode, least: usize) -> Delivery {
        let Some(event) = encode.encode(Encoding::Json) else { return Delivery::REFUSED };
        let mut frame = event.frame();
        let mut delivery = Delivery::default();
        let asks_each = event.len() > least;
        // Filled here and served after the walk, because compressing and the application's `Serialize` must not run
        // under a lock.
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

    /// Returns the open connections of the target, each once, without those of raw gateways, which get no events.
    pub(crate) fn chosen(&self, target: &Target) -> Vec<Arc<Endpoint>> {
        let mut chosen = self.reached(target);
        chosen.retain(|conn| !conn.profile.raw);
        chosen
    }

    /// Returns the open connections of the target, each once, including those of raw gateways.
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

/// Completes a delivery without holding a lock: for receivers with another format, with compression, or with a limit
/// that the event may exceed.
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
    // Clients of raw gateways, and clients that have left, are not counted: the event was not for them.
    for conn in lost.into_iter().filter(|conn| !conn.profile.raw && conn.is_open()) {
        delivery.dropped += 1;
        conn.node().counters.dropped(1);
    }
}

/// Encodes the event in another format. A panic of the application's `Serialize` is contained and logged, because other
/// receivers already have the event and the remaining formats must still get it.
fn encode_again(encode: &dyn Encode, encoding: Encoding<'_>) -> Option<Event> {
    catch_unwind(AssertUnwindSafe(|| encode.encode(encoding))).unwrap_or_else(|panic| {
        log::panicked(encode.event(), &*panic);
        drop_contained(panic);
        None
    })
}
