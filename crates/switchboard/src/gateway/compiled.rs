//! [`CompiledGateway`]: a gateway with its type erased, in which a connection looks up handlers, hooks and settings.
#[cfg(feature = "socketio")]
use super::seat::Demand;
use crate::codec::{Codecs, Format};
use crate::compression::Compression;
use crate::di::Container;
use crate::gateway::Protocols;
use crate::handler::{Checks, Hook, PayloadNote, Requirements, Start};
use crate::hub::{Hub, Profile, Space};
use crate::limits::{GatewayLimits, Limits};
use crate::namespace::Marker;
use crate::pipeline;
use crate::pipeline::{ErasedConnectGuard, StageSet, Stages};
use crate::problem::Problem;
use crate::text::{count, short_name};
use crate::{Error, Handle, Handshake, Origins};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

pub(crate) struct CompiledGateway {
    /// The part that all endpoints of the gateway share.
    pub(crate) profile: Arc<Profile>,
    pub(crate) name: String,
    pub(crate) namespace: Marker,
    /// Chooses the namespace by the request, in place of `namespace`.
    pub(crate) namespace_by: Option<NamespaceBy>,
    /// The namespace of all its clients, once the gateway is mounted; `None` with `namespace_by`.
    pub(super) space: Option<Arc<Space>>,
    pub(super) notes: Vec<Note>,
    /// Set when the application is built.
    pub(crate) container: Option<Arc<Container>>,
    /// Keeps what the container's handle ends, and its shutdown hooks, alive while the gateway is served.
    pub(super) application: Option<Handle>,
    /// Sorted by name. A gateway has only a handful of events, so no hash map is needed.
    pub(super) events: Vec<Entry>,
    /// The [`head`] of each event's name, in the same order.
    heads: Vec<u64>,
    pub(super) catch_all: Option<Entry>,
    pub(crate) level: StageSet,
    /// Run before the upgrade, in this order.
    pub(crate) connect_guards: Box<[Arc<dyn ErasedConnectGuard>]>,
    /// The interceptors and filters that wrap the on-connect hook. The filters also handle errors of the connect
    /// guards. `None` if there are none.
    pub(crate) connect_stages: Option<Arc<Stages>>,
    /// True if some messages of a client are handled concurrently with others.
    pub(crate) is_concurrent: bool,
    pub(crate) on_connect: Option<Hook>,
    pub(crate) on_disconnect: Option<Hook>,
    pub(crate) raw: Option<Hook>,
    /// Where the raw loop was registered.
    pub(crate) raw_at: Option<&'static Location<'static>>,
    pub(crate) requirements: Requirements,
    own_limits: bool,
    /// What the gateway itself, or each gateway of a union, demands of a request, beyond what the application does.
    #[cfg(feature = "socketio")]
    pub(crate) demands: Vec<Demand>,
    pub(crate) origins: Option<Origins>,
    own_compression: bool,
    /// The gateway's allowed hosts, else the application's; `None` allows any host.
    pub(crate) hosts: Option<Arc<[String]>>,
    pub(crate) protocols: Protocols,
    /// The format of clients that ask for no subprotocol.
    pub(crate) default_format: Format,
}

/// The length of a name's head.
const HEAD: usize = size_of::<u64>();
/// Up to this many heads are compared one by one, which is faster than a binary search.
const FEW: usize = 8;

/// Returns the first eight bytes of a name, padded with zeros, as a number that sorts as they do.
fn head(name: &str) -> u64 {
    let name = name.as_bytes();
    if let Some(head) = name.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let Some((first, last)) = name.first_chunk().zip(name.last_chunk()) else {
        return name.iter().enumerate().fold(0, |head, (at, byte)| head | u64::from(*byte) << (56 - 8 * at));
    };
    // The two four-byte reads overlap in a name shorter than eight bytes: the bytes that the first one has are shifted
    // out.
    let last = u64::from(u32::from_be_bytes(*last)) << (64 - 8 * name.len()) & u64::from(u32::MAX);
    u64::from(u32::from_be_bytes(*first)) << 32 | last
}

/// Chooses a namespace by the opening request.
pub(crate) type NamespaceBy = Arc<dyn Fn(&Handshake) -> Result<String, Error> + Send + Sync>;

/// An event and its handler.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) event: Arc<str>,
    /// True if the handler parses the payload, which shows whether it is valid JSON.
    reads_payload: bool,
    /// True if handling may begin before the whole frame is decoded.
    pub(crate) takes_fast_path: bool,
    pub(crate) start: Arc<dyn Start>,
    /// The stages that wrap the handler; `None` in most gateways.
    pub(crate) stages: Option<Arc<Stages>>,
    /// Set if the event is handled concurrently with others.
    pub(crate) group: Option<Group>,
    /// True if this handles every event that has no handler of its own.
    pub(crate) is_catch_all: bool,
    level: StageSet,
    pub(super) place: &'static Location<'static>,
}

/// Messages that are handled concurrently, up to `most` at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) index: u16,
    pub(crate) most: usize,
}

impl CompiledGateway {
    pub(crate) fn new(
        name: String,
        namespace: Marker,
        limits: Option<GatewayLimits>,
        origins: Option<Origins>,
    ) -> CompiledGateway {
        let own_limits = limits.is_some();
        CompiledGateway {
            profile: Arc::new(Profile { limits: limits.unwrap_or_default(), ..Profile::default() }),
            name,
            namespace,
            namespace_by: None,
            space: None,
            notes: Vec::new(),
            container: None,
            application: None,
            events: Vec::new(),
            heads: Vec::new(),
            catch_all: None,
            level: StageSet::default(),
            connect_guards: Box::default(),
            connect_stages: None,
            is_concurrent: false,
            on_connect: None,
            on_disconnect: None,
            raw: None,
            raw_at: None,
            requirements: Requirements::default(),
            own_limits,
            #[cfg(feature = "socketio")]
            demands: Vec::new(),
            origins,
            own_compression: false,
            hosts: None,
            protocols: Protocols::default(),
            default_format: Format::default(),
        }
    }

    /// Returns the profile for changes before the gateway is served. Nothing shares it yet, so `make_mut` does not
    /// copy.
    pub(crate) fn profile_mut(&mut self) -> &mut Profile {
        Arc::make_mut(&mut self.profile)
    }

    pub(crate) fn choose_compression(&mut self, own: Option<Option<Compression>>) {
        self.own_compression = own.is_some();
        self.profile_mut().compression = own.flatten();
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(crate) fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(crate) fn insert(&mut self, event: &str, entry: NewEntry) {
        self.add(entry.under(event));
    }

    /// Adds an event that has no handler yet.
    pub(super) fn add(&mut self, entry: Entry) {
        let at = self.events.partition_point(|known| *known.event < *entry.event);
        self.is_concurrent |= entry.group.is_some();
        self.profile_mut().events.insert(at, entry.event.clone());
        self.heads.insert(at, head(&entry.event));
        self.events.insert(at, entry);
    }

    /// Sets the handler of every event that has no handler of its own.
    pub(crate) fn catch_all(&mut self, entry: NewEntry) {
        self.is_concurrent |= entry.group.is_some();
        self.catch_all = Some(Entry { is_catch_all: true, ..entry.under("*") });
    }

    /// Combines the stages: the application's are outermost, then the gateway's, then each message's. Adds mistakes to
    /// `problems`.
    pub(crate) fn settle_stages(&mut self, application: &StageSet, require_guard: bool, problems: &mut Vec<Problem>) {
        let around = [application, &self.level];
        StageSet::check(&around, &self.name, false, None, problems);
        if let Some(place) = self.raw_at {
            StageSet::check_raw(&around, &self.name, require_guard, place, problems);
        }
        self.connect_guards = StageSet::connect_guards(&around);
        self.connect_stages = StageSet::connect_stages(&around);
        for entry in self.events.iter_mut().chain(&mut self.catch_all) {
            let levels = [application, &self.level, &entry.level];
            let who = format!("`{}` of {}", entry.event, self.name);
            StageSet::check(&levels, &who, require_guard, Some(entry.place), problems);
            entry.stages = StageSet::stages(&levels);
            entry.takes_fast_path = !entry.is_catch_all && (entry.reads_payload || entry.stages.is_some());
        }
    }

    /// Returns the error that a client gets for an error of a connect guard, after the filters.
    pub(crate) fn connect_error(&self, error: Error) -> Error {
        pipeline::connect_error(self.connect_stages.as_ref(), error)
    }

    /// Sets what the gateway takes from the application, where it has no setting of its own.
    pub(crate) fn settle(
        &mut self,
        limits: &Limits,
        origins: &Origins,
        hosts: Option<&Arc<[String]>>,
        container: &Container,
        application: Handle,
    ) {
        self.container = Some(Arc::new(container.kept()));
        self.application = Some(application);
        #[cfg(feature = "socketio")]
        self.demands.extend(Demand::new(self.origins.as_ref(), self.hosts.as_ref()));
        self.hosts = self.hosts.take().or_else(|| hosts.cloned());
        let profile = Arc::make_mut(&mut self.profile);
        profile.node = limits.node.clone();
        if !self.own_limits {
            profile.limits = limits.gateway.clone();
        }
        self.origins.get_or_insert_with(|| origins.clone());
    }

    /// Sets the application's compression, unless the gateway has its own setting.
    pub(crate) fn settle_compression(&mut self, compression: Option<Compression>) {
        if !self.own_compression {
            self.profile_mut().compression = compression;
        }
    }

    /// Sets the application's formats and the default format. Adds mistakes to `problems`.
    pub(crate) fn settle_formats(&mut self, codecs: &Codecs, problems: &mut Vec<Problem>) {
        let profile = Arc::make_mut(&mut self.profile);
        profile.codecs = codecs.clone();
        self.default_format = self.protocols.settle(&self.name, codecs, profile.frames, problems);
    }

    /// Creates the namespace of the gateway's clients, unless it is chosen by each request.
    pub(crate) fn settle_space(&mut self, hub: &Hub) {
        self.space = self.namespace_by.is_none().then(|| hub.space(self.namespace));
    }

    pub(crate) fn find(&self, event: &str) -> Option<&Entry> {
        self.handled(event).or(self.catch_all.as_ref())
    }

    /// Returns the event's own handler. Most names differ in their heads; names of at most [`HEAD`] bytes are equal if
    /// their heads and lengths are.
    fn handled(&self, event: &str) -> Option<&Entry> {
        let head = head(event);
        let at = match self.heads.len() {
            0..=FEW => self.heads.iter().position(|known| *known == head)?,
            _ => self.heads.binary_search(&head).ok()?,
        };
        let entry = self.events.get(at)?;
        let same = entry.event.len() == event.len() && (event.len() <= HEAD || *entry.event == *event);
        if same { Some(entry) } else { self.searched(event) }
    }

    #[inline(never)]
    fn searched(&self, event: &str) -> Option<&Entry> {
        let at = self.events.binary_search_by(|entry| (*entry.event).cmp(event)).ok()?;
        self.events.get(at)
    }

    /// Returns `Chat (7 messages, 2 hooks)`, and the namespace if it is not the default.
    pub(crate) fn summary(&self) -> String {
        let hooks = self.notes.iter().filter(|note| matches!(note, Note::Hook(_))).count();
        let messages = if self.raw.is_some() { "raw".to_owned() } else { count(self.events.len(), "message") };
        let namespace = match self.namespace {
            _ if self.namespace_by.is_some() => ", a namespace by the request".to_owned(),
            default if default.is_default() => String::new(),
            other => format!(", namespace {}", other.name),
        };
        format!("{} ({messages}, {}{namespace})", self.name, count(hooks, "hook"))
    }
}

/// A handler that is to be added to a compiled gateway.
pub(crate) struct NewEntry {
    pub(crate) reads_payload: bool,
    pub(crate) start: Arc<dyn Start>,
    pub(crate) group: Option<Group>,
    pub(crate) level: StageSet,
    pub(crate) place: &'static Location<'static>,
}

impl NewEntry {
    fn under(self, event: &str) -> Entry {
        let NewEntry { reads_payload, start, group, level, place } = self;
        Entry {
            event: event.into(),
            reads_payload,
            takes_fast_path: false,
            start,
            stages: None,
            group,
            is_catch_all: false,
            level,
            place,
        }
    }
}

/// A line of the startup log.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Event { event: String, payload: Option<PayloadNote> },
    Hook(&'static str),
}

impl Note {
    pub(crate) fn event(event: &str, payload: Option<PayloadNote>) -> Note {
        Note::Event { event: event.to_owned(), payload }
    }

    pub(crate) fn hook(what: &'static str) -> Note {
        Note::Hook(what)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Hook(what) => write!(f, "({what})"),
            Note::Event { event, payload: None } => f.write_str(event),
            Note::Event { event, payload: Some(payload) } => {
                let checks = match payload.checks {
                    Checks::None => "",
                    Checks::Validated => " (validated)",
                    Checks::Unchecked => " (unchecked)",
                };
                write!(f, "{event}: {}{checks}", short_name(payload.name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_sort_as_names_do() {
        let names = [
            "",
            "\0",
            "a",
            "a\0",
            "ab",
            "abc",
            "abcd",
            "abcde",
            "abcdefg",
            "abcdefgh",
            "abcdefghi",
            "b",
            "ba",
            "é",
            "éé",
            "\u{ffff}",
        ];
        for one in names {
            let padded: Vec<u8> = one.bytes().chain([0; 8]).take(8).collect();
            assert_eq!(head(one).to_be_bytes(), *padded, "{one:?}");
            for other in names {
                assert!(head(one) <= head(other) || one > other, "{one:?} {other:?}");
            }
        }
    }
}
