//! [`Capture`]: the subscriber that fills [`Logs`], and forwards everything to the previous subscriber.
use super::logs::{LogLine, Logs};
use crate::log::Unlimited;
use parking_lot::Mutex;
use std::fmt::{Debug, Write};
use std::sync::{Arc, LazyLock, Weak};
use switchboard_core::Cut;
use tracing::dispatcher::{self, DefaultGuard};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// The longest value of a field that is kept.
const MOST: usize = 4 << 10;

/// Captures the log of this thread in [`Logs`], until it is dropped.
pub(super) struct Capturing {
    logs: Logs,
    listening: Arc<Listening>,
    _unlimited: Unlimited,
}

/// Everything that listens to one subscriber, which stays the thread's subscriber until the last listener is dropped,
/// in any order.
struct Listening {
    all: Mutex<Vec<Logs>>,
    _default: DefaultGuard,
}

struct Capture {
    listening: Weak<Listening>,
    /// The previous subscriber of this thread, if any.
    below: Dispatch,
}

/// A second subscriber. While `tracing` knows of only one, the first thread that reaches a log line decides for all
/// threads whether the line is enabled. A thread without a subscriber would disable it for the others.
static SECOND: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(Capture { listening: Weak::new(), below: Dispatch::none() }));

impl Capturing {
    pub(super) fn start(logs: &Logs) -> Capturing {
        LazyLock::force(&SECOND);
        let below = dispatcher::get_default(Clone::clone);
        let known = below.downcast_ref::<Capture>().and_then(|capture| capture.listening.upgrade());
        let listening = known.unwrap_or_else(|| {
            Arc::new_cyclic(|listening| {
                let capture = Capture { listening: listening.clone(), below };
                Listening { all: Mutex::default(), _default: dispatcher::set_default(&Dispatch::new(capture)) }
            })
        });
        listening.all.lock().push(logs.clone());
        Capturing { logs: logs.clone(), listening, _unlimited: Unlimited::new() }
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        self.listening.all.lock().retain(|logs| !logs.same(&self.logs));
    }
}

/// Captures events; spans are only forwarded.
impl Subscriber for Capture {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span() || self.below.enabled(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if self.below.enabled(metadata) {
            self.below.event(event);
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = LogLine {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: fields.message,
            fields: fields.others,
        };
        if let Some(listening) = self.listening.upgrade() {
            for logs in listening.all.lock().iter() {
                logs.push(line.clone());
            }
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.below.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.below.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.below.record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.below.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.below.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.below.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.below.try_close(id)
    }

    fn current_span(&self) -> Current {
        self.below.current_span()
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Cut::new(MOST);
        // Writing stops once `text` is full.
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text.end());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value[..value.floor_char_boundary(MOST)].to_owned();
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name, value)),
        }
    }
}
