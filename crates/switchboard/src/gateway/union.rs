//! [`Unions`]: what Socket.IO's clients can connect to, which is each namespace with its gateways as one.
use super::name_patterns::{NamePatterns, parameters, shape};
use super::reach::Reach;
use super::union_hooks::{self, Hooked};
use super::{CompiledGateway, Entry, NamespaceBy};
use crate::handler::FailsAs;
use crate::hub::Gate;
use crate::limits::GatewayLimits;
use crate::pipeline::{self, ErasedConnectGuard, Stages};
use crate::problem::Problem;
use crate::{Client, Error, Handshake, SocketIo, namespace};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use switchboard_core::socketio::{check_namespace, is_reserved};

/// What Socket.IO's clients can connect to.
#[derive(Default)]
pub(crate) struct Unions {
    /// The namespaces that have a type, by their names.
    exact: IndexMap<&'static str, Arc<CompiledGateway>>,
    patterns: NamePatterns,
    /// The gateways of each pattern, under its number.
    by_pattern: IndexMap<String, Arc<CompiledGateway>>,
    /// Which gateways cannot be reached, and why: lines of the startup log.
    unreached: Vec<String>,
}

/// A compiled gateway that may become a part of a namespace for Socket.IO: its table, where it was mounted, and a path.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) table: &'a CompiledGateway,
    /// The source location of the mount.
    pub(crate) place: &'static Location<'static>,
    /// One of its paths. All have the same parameters.
    pub(crate) path: &'a str,
    pub(crate) has_port: bool,
    pub(crate) reach: &'a Reach,
}

impl Candidate<'_> {
    fn name(&self) -> &str {
        &self.table.name
    }
}

impl Unions {
    /// Puts the gateways of each namespace together, in the order in which they were mounted. `limits` are those of the
    /// application. Adds mistakes to `problems`.
    pub(crate) fn new(
        candidates: &[Candidate<'_>],
        options: &SocketIo,
        limits: &GatewayLimits,
        problems: &mut Vec<Problem>,
    ) -> Unions {
        let mut limits = limits.clone();
        limits.max_message = options.max_http_buffer_size;
        limits.websocket.ping_interval = options.ping_interval;
        limits.websocket.ping_timeout = options.ping_timeout;
        let mut unions = Unions::default();
        let (mut exact, mut patterned) = (IndexMap::<_, Vec<_>>::new(), IndexMap::<_, Vec<_>>::new());
        for one in candidates.iter().filter(|one| !one.reach.is_left_out && !one.table.profile.raw) {
            match &one.reach.pattern {
                Some((pattern, at)) => match check(one, pattern, at) {
                    Ok(()) if one.has_port => unions.unreached.push(unreached(one)),
                    Ok(()) => patterned.entry(&**pattern).or_default().push(*one),
                    Err(problem) => problems.push(problem),
                },
                None if one.has_port || one.table.namespace_by.is_some() || one.path.contains('{') => {
                    unions.unreached.push(unreached(one));
                }
                None => exact.entry(one.table.namespace.name).or_default().push(*one),
            }
        }
        for (name, parts) in exact {
            if check_namespace(name).is_err() {
                let message = format!(
                    "the namespace {name} has a comma, which Socket.IO's clients cannot send; rename it, or leave its \
                     gateways out by `socketio = false`"
                );
                problems.push(Problem::new(message, &[parts[0].place]));
            }
            unions.exact.insert(name, Arc::new(united(name, &parts, &limits, problems)));
        }
        for (pattern, parts) in patterned {
            unions.add_pattern(pattern, &parts, &limits, problems);
        }
        unions
    }

    fn add_pattern(
        &mut self,
        pattern: &str,
        parts: &[Candidate<'_>],
        limits: &GatewayLimits,
        problems: &mut Vec<Problem>,
    ) {
        let same = |known: &&String| shape(known) == shape(pattern);
        let known = self.by_pattern.keys().find(same);
        if known.is_some() || !self.patterns.add(pattern) {
            let other = known.map_or("another one", |known| known);
            let message = format!(
                "the `socketio_namespace` {pattern:?} of {} has the same names as {other}; write it as that one, or change it",
                parts[0].name()
            );
            problems.push(Problem::new(
                message,
                parts[0].reach.pattern.iter().map(|(_, at)| *at).collect::<Vec<_>>().as_slice(),
            ));
            return;
        }
        let union = united(pattern, parts, limits, problems);
        self.by_pattern.insert(pattern.to_owned(), Arc::new(union));
    }

    /// Returns the gateways of the namespace of this name. If it has a pattern, `handshake` gets the values of its
    /// parameters as parameters of the path. `None` if there is no such namespace.
    pub(crate) fn find(&self, name: &str, handshake: &mut Handshake) -> Option<&Arc<CompiledGateway>> {
        if let Some(union) = self.exact.get(name) {
            return Some(union);
        }
        let number = self.patterns.find(name, handshake)?;
        self.by_pattern.get_index(number).map(|(_, union)| union)
    }

    /// Returns the gateways of all namespaces and patterns.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<CompiledGateway>> {
        self.named().map(|(_, union)| union)
    }

    fn named(&self) -> impl Iterator<Item = (&str, &Arc<CompiledGateway>)> {
        let exact = self.exact.iter().map(|(name, union)| (*name, union));
        exact.chain(self.by_pattern.iter().map(|(pattern, union)| (pattern.as_str(), union)))
    }

    /// Logs each namespace with its events, and what has to be known of the gateways that are served here.
    pub(crate) fn log(&self, path: &str) {
        for (name, union) in self.named() {
            tracing::info!("Socket.IO {path} in {name} → {}", union.summary());
            for note in union.notes() {
                tracing::info!("    {note}");
            }
            for event in union.profile.events.iter().filter(|event| is_reserved(event)) {
                tracing::warn!("Socket.IO reserves the name {event:?}: its clients cannot send it to {}", union.name);
            }
        }
        for line in &self.unreached {
            tracing::warn!("{line}");
        }
        match self.exact.len() + self.by_pattern.len() {
            0 => tracing::warn!("Socket.IO {path}: there is no gateway that its clients could reach"),
            _ => tracing::info!(
                "    guards, and a gateway's own origins and hosts, hold for Socket.IO's clients too; tower layers around its path do not"
            ),
        }
    }
}

/// A line of the log: why Socket.IO's clients do not reach this gateway.
fn unreached(one: &Candidate<'_>) -> String {
    let why = match one.table.namespace_by {
        _ if one.has_port => "it is on a port of its own",
        Some(_) => "its namespace is chosen by the request; name the namespaces by `socketio_namespace`",
        None => {
            "its path has parameters, which they do not send; choose its namespace by `namespace_by`, with `socketio_namespace`"
        }
    };
    format!("Socket.IO's clients do not reach {} ({}): {why}", one.name(), one.path)
}

/// Errors: what is wrong with the pattern of a gateway.
fn check(one: &Candidate<'_>, pattern: &str, at: &'static Location<'static>) -> Result<(), Problem> {
    let of = format!("the `socketio_namespace` {pattern:?} of {}", one.name());
    let names = parameters(pattern).map_err(|why| Problem::new(format!("{of} {why}"), &[at]))?;
    if one.table.namespace_by.is_none() {
        let message = format!("{of} stands without `namespace_by`, which puts each client into its namespace; add it");
        return Err(Problem::new(message, &[at]));
    }
    let segments = one.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let on_path: Vec<&str> = segments.collect();
    if !on_path.is_empty() && on_path != names {
        let message = format!(
            "{of} has other parameters than its path, {}, in this order; write {}",
            one.path,
            on_path.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" and ")
        );
        return Err(Problem::new(message, &[at, one.place]));
    }
    Ok(())
}

/// Puts the gateways of one namespace together. Adds mistakes to `problems`.
fn united(
    namespace: &str,
    parts: &[Candidate<'_>],
    limits: &GatewayLimits,
    problems: &mut Vec<Problem>,
) -> CompiledGateway {
    let first = parts[0].table;
    let name = parts.iter().map(Candidate::name).collect::<Vec<_>>().join(" + ");
    let mut union = CompiledGateway::new(name, first.namespace, Some(limits.clone()), None);
    union.namespace_by = namespace_by(parts);
    union.space.clone_from(&first.space);
    union.container.clone_from(&first.container);
    union.application.clone_from(&first.application);
    union.connect_guards = connect_guards(parts);
    let hooks = parts.iter().map(|Candidate { table, .. }| Hooked {
        stages: table.connect_stages.clone(),
        on_connect: table.on_connect.clone(),
        on_disconnect: table.on_disconnect.clone(),
    });
    let hooks: Arc<[Hooked]> = hooks.collect();
    union.on_connect = union_hooks::on_connect(&hooks);
    union.on_disconnect = union_hooks::on_disconnect(&hooks);
    let profile = union.profile_mut();
    profile.node = first.profile.node.clone();
    profile.codecs = first.profile.codecs.clone();
    profile.cancel_on_disconnect = parts.iter().any(|one| one.table.profile.cancel_on_disconnect);
    profile.on_join = on_join(parts);
    let mut handlers = Handlers { namespace, owners: HashMap::new(), catch_all: None, groups: 0 };
    for one in parts {
        union.demands.extend(one.table.demands.iter().cloned());
        union.notes.extend(one.table.notes().iter().cloned());
        union.requirements.merge(one.table.requirements.clone().fails_as(&fails_as(one.table)));
        handlers.take(one, &mut union, problems);
    }
    union
}

/// What the gateways before have handlers of.
struct Handlers<'a> {
    namespace: &'a str,
    owners: HashMap<Arc<str>, Candidate<'a>>,
    catch_all: Option<Candidate<'a>>,
    /// The groups of concurrent messages that are taken.
    groups: u16,
}

impl<'a> Handlers<'a> {
    /// Adds the handlers of one gateway to the union, with their groups apart from those of the gateways before.
    fn take(&mut self, one: &Candidate<'a>, union: &mut CompiledGateway, problems: &mut Vec<Problem>) {
        let (before, mut taken) = (self.groups, 0);
        let mut moved = |entry: &Entry| {
            let mut entry = entry.clone();
            if let Some(group) = &mut entry.group {
                taken = taken.max(group.index.saturating_add(1));
                group.index = group.index.saturating_add(before);
            }
            entry
        };
        for entry in &one.table.events {
            match self.owners.get(&entry.event) {
                Some(other) => {
                    let known = union.find(&entry.event).map(|known| known.place);
                    problems.push(self.twice(&format!("the event {:?}", entry.event), other, one, known, entry));
                }
                None => {
                    self.owners.insert(entry.event.clone(), *one);
                    union.add(moved(entry));
                }
            }
        }
        if let Some(entry) = &one.table.catch_all {
            match &self.catch_all {
                Some(other) => {
                    let known = union.catch_all.as_ref().map(|known| known.place);
                    problems.push(self.twice("all other events", other, one, known, entry));
                }
                None => {
                    self.catch_all = Some(*one);
                    union.is_concurrent |= entry.group.is_some();
                    union.catch_all = Some(moved(entry));
                }
            }
        }
        self.groups = before.saturating_add(taken);
    }

    fn twice(
        &self,
        what: &str,
        other: &Candidate<'_>,
        one: &Candidate<'_>,
        known: Option<&'static Location<'static>>,
        entry: &Entry,
    ) -> Problem {
        let message = format!(
            "{} and {} both handle {what} in the namespace {}, whose gateways are one to Socket.IO's clients; change one, or leave \
             one gateway out by `socketio = false`",
            other.name(),
            one.name(),
            self.namespace
        );
        Problem::new(message, &[known.unwrap_or(other.place), entry.place])
    }
}

/// What an error that comes before a client is connected becomes, by the filters of this gateway.
fn fails_as(table: &CompiledGateway) -> FailsAs {
    let stages = table.connect_stages.clone();
    Arc::new(move |error| pipeline::connect_error(stages.as_ref(), error))
}

/// The functions that choose the namespace by the request, as one: they have to agree.
fn namespace_by(parts: &[Candidate<'_>]) -> Option<NamespaceBy> {
    let of = |one: &Candidate<'_>| Some((one.table.namespace_by.clone()?, fails_as(one.table)));
    let all: Vec<(NamespaceBy, FailsAs)> = parts.iter().filter_map(of).collect();
    let ask = |(by, fails): &(NamespaceBy, FailsAs), handshake: &Handshake| by(handshake).map_err(|error| fails(error));
    let names = parts.iter().map(Candidate::name).collect::<Vec<_>>().join(" and ");
    (!all.is_empty()).then(|| {
        Arc::new(move |handshake: &Handshake| {
            let mut named = None;
            for one in &all {
                let name = ask(one, handshake)?;
                let name = namespace::at_run_time(&name).map_or(name.clone(), std::borrow::Cow::into_owned);
                if named.as_ref().is_some_and(|before| *before != name) {
                    return Err(Error::internal(format!("`namespace_by` of {names} name different namespaces")));
                }
                named = Some(name);
            }
            Ok(named.unwrap_or_default())
        }) as NamespaceBy
    })
}

/// The connect guards of all, each instance once.
fn connect_guards(parts: &[Candidate<'_>]) -> Box<[Arc<dyn ErasedConnectGuard>]> {
    let mut seen = Vec::<*const ()>::new();
    let mut guards = Vec::<Arc<dyn ErasedConnectGuard>>::new();
    for Candidate { table, .. } in parts {
        for guard in &table.connect_guards {
            // The guards are alive, so two of them are at one address only if they are the same.
            let instance = Arc::as_ptr(guard).cast::<()>();
            if !seen.contains(&instance) {
                seen.push(instance);
                guards.push(Arc::new(Within { guard: guard.clone(), stages: table.connect_stages.clone() }));
            }
        }
    }
    guards.into()
}

/// A connect guard, whose errors the filters of its own gateway handle.
struct Within {
    guard: Arc<dyn ErasedConnectGuard>,
    stages: Option<Arc<Stages>>,
}

impl ErasedConnectGuard for Within {
    fn connect<'a>(
        &'a self,
        handshake: &'a mut Handshake,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>> {
        Box::pin(async move {
            let asked = self.guard.connect(handshake).await;
            asked.map_err(|error| pipeline::connect_error(self.stages.as_ref(), error))
        })
    }
}

/// Combines the `on_join` hooks of the gateways: a client may join a room only if every hook allows it.
fn on_join(parts: &[Candidate<'_>]) -> Option<Gate> {
    let gates: Vec<Gate> = parts.iter().filter_map(|one| one.table.profile.on_join.clone()).collect();
    match <[Gate; 1]>::try_from(gates) {
        Ok([gate]) => Some(gate),
        Err(gates) if gates.is_empty() => None,
        Err(gates) => {
            Some(Arc::new(move |client: &Client, room: &str| gates.iter().try_for_each(|gate| gate(client, room))))
        }
    }
}
