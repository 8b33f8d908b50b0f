//! A gateway with its type erased: what a connection looks things up in.
use crate::Origins;
use crate::di::Container;
use crate::handler::{Hook, Needs, PayloadNote, Start};
use crate::limits::Limits;
use crate::namespace::Marker;
use crate::text::{count, short_name};
use std::fmt;
use std::sync::Arc;

pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) namespace: Marker,
    notes: Vec<Note>,
    /// Set when the application is built.
    pub(crate) container: Option<Container>,
    /// Sorted by name: for the handful of events that a gateway has, a search is faster than a keyed hash.
    events: Vec<(Arc<str>, Box<dyn Start>)>,
    pub(crate) on_connect: Option<Hook>,
    pub(crate) on_disconnect: Option<Hook>,
    pub(crate) raw: Option<Hook>,
    pub(crate) needs: Needs,
    pub(crate) cancel_on_disconnect: bool,
    /// Those of the application, unless the gateway has its own.
    pub(crate) limits: Limits,
    own_limits: bool,
    pub(crate) origins: Option<Origins>,
    /// Those of the application, unless the gateway has its own; `None`: any.
    pub(crate) hosts: Option<Arc<[String]>>,
    pub(crate) frames: Frames,
}

/// The messages that a gateway takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Frames {
    #[default]
    Any,
    Text,
    Binary,
}

impl Table {
    pub(super) fn new(
        name: String,
        namespace: Marker,
        cancel_on_disconnect: bool,
        limits: Option<Limits>,
        origins: Option<Origins>,
    ) -> Table {
        Table {
            name,
            namespace,
            notes: Vec::new(),
            container: None,
            events: Vec::new(),
            on_connect: None,
            on_disconnect: None,
            raw: None,
            needs: Needs::default(),
            cancel_on_disconnect,
            own_limits: limits.is_some(),
            limits: limits.unwrap_or_default(),
            origins,
            hosts: None,
            frames: Frames::Any,
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(crate) fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn insert(&mut self, event: &str, start: Box<dyn Start>) {
        let at = self.events.partition_point(|(name, _)| **name < *event);
        self.events.insert(at, (event.into(), start));
    }

    /// Takes over what the application sets. The node's limits are always the application's.
    pub(crate) fn settle(
        &mut self,
        limits: &Limits,
        origins: &Origins,
        hosts: Option<&Arc<[String]>>,
        container: &Container,
    ) {
        self.container = Some(container.clone());
        self.hosts = self.hosts.take().or_else(|| hosts.cloned());
        if self.own_limits {
            self.limits.handlers = limits.handlers;
            self.limits.pending_acks_node = limits.pending_acks_node;
            self.limits.max_connections = limits.max_connections;
            self.limits.shutdown_timeout = limits.shutdown_timeout;
            self.limits.accept_rate = limits.accept_rate;
            self.limits.address_connections = limits.address_connections;
            self.limits.address_rate = limits.address_rate;
            self.limits.memory = limits.memory;
        } else {
            self.limits = limits.clone();
        }
        self.origins.get_or_insert_with(|| origins.clone());
    }

    pub(crate) fn find(&self, event: &str) -> Option<(&Arc<str>, &dyn Start)> {
        let at = self.events.binary_search_by(|(name, _)| (**name).cmp(event)).ok()?;
        self.events.get(at).map(|(name, start)| (name, &**start))
    }

    /// `Chat (7 messages, 2 hooks)`, and the namespace where it is not the default.
    pub(crate) fn summary(&self) -> String {
        let hooks = self.notes.iter().filter(|note| matches!(note, Note::Hook(_))).count();
        let messages = if self.raw.is_some() { "raw".to_owned() } else { count(self.events.len(), "message") };
        let namespace = match self.namespace {
            default if default.is_default() => String::new(),
            other => format!(", namespace {}", other.name),
        };
        format!("{} ({messages}, {}{namespace})", self.name, count(hooks, "hook"))
    }
}

/// A line of the startup log.
#[derive(Debug)]
pub(crate) enum Note {
    Event { event: String, payload: Option<PayloadNote> },
    Hook(&'static str),
}

impl Note {
    pub(super) fn event(event: &str, payload: Option<PayloadNote>) -> Note {
        Note::Event { event: event.to_owned(), payload }
    }

    pub(super) fn hook(what: &'static str) -> Note {
        Note::Hook(what)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Hook(what) => write!(f, "({what})"),
            Note::Event { event, payload: None } => f.write_str(event),
            Note::Event { event, payload: Some(payload) } => {
                write!(
                    f,
                    "{event}: {}{}",
                    short_name(payload.name),
                    if payload.validated { " (validated)" } else { "" }
                )
            }
        }
    }
}
