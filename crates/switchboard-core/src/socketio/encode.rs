//! Packets to send: every function appends the text of one packet to a buffer.
use std::cell::RefCell;
use std::io;

use serde::Serialize;
use serde_json::value::RawValue;

use super::attaching::{Attaching, Place};
use super::{MAIN, MAX_ATTACHMENTS, is_reserved, placeholder};
use crate::Error;
use crate::codec::Draft;

/// The arguments of an event or an ack.
#[derive(Debug)]
pub enum Emit<'a, T: ?Sized> {
    /// No argument.
    Nothing,
    /// One argument of any type. A tuple is one array.
    One(&'a T),
    /// Several arguments: the items of a tuple or list, or of any value that serializes as an array. Any other value is
    /// one argument.
    Each(&'a T),
    /// What the value says, also through `Some` and references: an `Args` ([`ARGS`](crate::ARGS)) is its items, `()` no argument, and
    /// any other value one argument. `None` is null in an event, and no argument in an ack.
    Value(&'a T),
}

/// What a value turned out to be, as it was serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    One,
    Each,
    Unit,
    None,
}

impl<T: ?Sized> Clone for Emit<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Emit<'_, T> {}

/// Appends a server's CONNECT, `0{"sid":…}`: the client is in the namespace (section "Connection to a namespace").
pub fn encode_connect(out: &mut Vec<u8>, namespace: &str, sid: &str) {
    #[derive(Serialize)]
    struct Connect<'a> {
        sid: &'a str,
    }
    open(out, b'0', namespace, None);
    put(out, &Connect { sid });
}

/// Appends a client's CONNECT with its `auth`, which must serialise as an object.
///
/// Errors: internal, when `auth` cannot be serialised; `out` is then unchanged.
pub fn encode_connect_request(
    out: &mut Vec<u8>,
    namespace: &str,
    auth: Option<&dyn erased_serde::Serialize>,
) -> Result<(), Error> {
    let mut draft = Draft::new(out);
    open(&mut draft, b'0', namespace, None);
    if let Some(auth) = auth {
        serde_json::to_writer(Text(&mut draft), auth)?;
    }
    draft.keep();
    Ok(())
}

/// Appends a CONNECT_ERROR, `4{"message":…,"data"?:…}`: the client is refused.
///
/// Errors: internal, when `data` cannot be serialised; `out` is then unchanged.
pub fn encode_connect_error(
    out: &mut Vec<u8>,
    namespace: &str,
    message: &str,
    data: Option<&dyn erased_serde::Serialize>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Refused<'a> {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a dyn erased_serde::Serialize>,
    }
    let mut draft = Draft::new(out);
    open(&mut draft, b'4', namespace, None);
    serde_json::to_writer(Text(&mut draft), &Refused { message, data })?;
    draft.keep();
    Ok(())
}

/// Appends a DISCONNECT, `1` (section "Disconnection from a namespace").
pub fn encode_disconnect(out: &mut Vec<u8>, namespace: &str) {
    open(out, b'1', namespace, None);
}

/// Appends an EVENT, `2["event",…]`, or a BINARY_EVENT if bytes are in its arguments: a [`Binary`](crate::Binary), or
/// what serde calls bytes, at any depth. In their place is a placeholder, and `attach` is called with each of them, in
/// the order in which they must follow as binary messages. Returns how many there are.
///
/// `ack` asks for an ack. Some official clients (Java, Swift, Dart, C++) read an id below 2^31 only.
///
/// Errors: internal, when the arguments cannot be serialised; when they have bytes in more than [`MAX_ATTACHMENTS`]
/// places, or both bytes and an object with the key `_placeholder`; and when `event` is a name that [`is_reserved`].
/// `out` is then unchanged, and the caller must not send what `attach` was given.
pub fn encode_event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    event: &str,
    arguments: Emit<'_, T>,
    ack: Option<u64>,
    attach: &mut dyn FnMut(&[u8]),
) -> Result<usize, Error> {
    if is_reserved(event) {
        return Err(Error::internal("Socket.IO reserves this event's name: emit another one"));
    }
    let mut draft = Draft::new(out);
    let kind = draft.len();
    open(&mut draft, b'2', namespace, ack);
    draft.push(b'[');
    put(&mut draft, event);
    let attachments = append(&mut draft, arguments, true, attach)?;
    announce(&mut draft, kind, attachments);
    draft.keep();
    Ok(attachments)
}

/// Appends an ACK, `3ID[…]`, or a BINARY_ACK if bytes are in its arguments: see [`encode_event`].
///
/// Errors: internal, as for [`encode_event`].
pub fn encode_ack<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: u64,
    arguments: Emit<'_, T>,
    attach: &mut dyn FnMut(&[u8]),
) -> Result<usize, Error> {
    let mut draft = Draft::new(out);
    let kind = draft.len();
    open(&mut draft, b'3', namespace, Some(id));
    draft.push(b'[');
    let attachments = append(&mut draft, arguments, false, attach)?;
    announce(&mut draft, kind, attachments);
    draft.keep();
    Ok(attachments)
}

/// Appends what precedes a payload.
fn open(out: &mut Vec<u8>, kind: u8, namespace: &str, id: Option<u64>) {
    out.push(kind);
    if namespace != MAIN {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        put(out, &id);
    }
}

/// Appends one of this module's own values.
fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(Text(out), value).expect("strings, numbers and structs of them always serialise");
}

/// Appends the arguments and the closing bracket of an array that is open, and may have begun with a name. Returns how
/// many attachments they have.
fn append<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    arguments: Emit<'_, T>,
    is_begun: bool,
    attach: &mut dyn FnMut(&[u8]),
) -> Result<usize, Error> {
    let (value, place, said) = match arguments {
        Emit::Nothing => {
            out.push(b']');
            return Ok(0);
        }
        Emit::One(value) => (value, Place::Inside, Said::One),
        Emit::Each(value) => (value, Place::Inside, Said::Each),
        Emit::Value(value) => (value, Place::Whole, Said::One),
    };
    let end = out.len();
    if is_begun {
        out.push(b',');
    }
    let start = out.len();
    let collector = RefCell::new(Collector { attach, count: 0, said });
    value.serialize(Attaching::new(&mut serde_json::Serializer::new(Text(&mut *out)), &collector, place))?;
    let Collector { count, said, .. } = collector.into_inner();
    if count > MAX_ATTACHMENTS {
        return Err(Error::internal("more than 10 bytes objects in one packet, which Socket.IO's clients refuse"));
    }
    if count > 0 && !has_only_own_placeholders(&out[start..], count) {
        return Err(Error::internal(
            "an object with the key `_placeholder`, which Socket.IO's clients would take for bytes",
        ));
    }
    let is_nothing = match said {
        Said::One => false,
        // An empty list: no comma follows the name.
        Said::Each => out[start] == b'[' && out[start + 1..].trim_ascii() == b"]",
        Said::Unit => true,
        Said::None => !is_begun,
    };
    if is_nothing {
        out.truncate(end);
    } else if said == Said::Each && out[start] == b'[' {
        // The closing bracket of the list is that of the packet. A copy in memory, because only the serialized value has told that
        // it is spread.
        out.remove(start);
        return Ok(count);
    }
    out.push(b']');
    Ok(count)
}

/// The JSON text of a value, with which a packet keeps all that it has; `None` if it has bytes, which would become attachments.
///
/// Errors: internal, when it cannot be serialised.
pub fn json_without_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Option<Box<RawValue>>, Error> {
    let mut out = Vec::new();
    let mut ignored = |_: &[u8]| ();
    let collector = RefCell::new(Collector { attach: &mut ignored, count: 0, said: Said::One });
    value.serialize(Attaching::new(&mut serde_json::Serializer::new(Text(&mut out)), &collector, Place::Inside))?;
    if collector.into_inner().count > 0 {
        return Ok(None);
    }
    let json = String::from_utf8(out).map_err(Error::internal)?;
    Ok(Some(RawValue::from_string(json)?))
}

/// False if the application's own data have an object that looks like a placeholder. If the packet also has real ones,
/// the official clients would insert the wrong bytes there, or close the connection. The object may even be data of
/// another client.
#[cold]
fn has_only_own_placeholders(json: &[u8], attachments: usize) -> bool {
    std::str::from_utf8(json).is_ok_and(|json| placeholder::check(json, attachments).is_ok())
}

/// Turns the packet that begins at `kind` into a binary one, if it has attachments.
fn announce(out: &mut Vec<u8>, kind: usize, attachments: usize) {
    if attachments > 0 {
        // BINARY_EVENT and BINARY_ACK are 3 above EVENT and ACK.
        out[kind] += 3;
        let count = format!("{attachments}-");
        out.splice(kind + 1..kind + 1, count.into_bytes());
    }
}

/// A writer for Socket.IO packets. Because it is a separate type, the serializer over `Vec<u8>`, which the native
/// protocol uses, has few callers and is inlined into them.
struct Text<'a>(&'a mut Vec<u8>);

impl io::Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the attachments of a packet.
pub(super) struct Collector<'a> {
    attach: &'a mut dyn FnMut(&[u8]),
    count: usize,
    said: Said,
}

impl Collector<'_> {
    /// Notes what the value is.
    pub(super) fn says(&mut self, said: Said) {
        self.said = said;
    }

    /// Takes an attachment. Returns its number.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        // Beyond the limit the packet is refused, so its further bytes need not be kept.
        if self.count < MAX_ATTACHMENTS {
            (self.attach)(bytes);
        }
        self.count += 1;
        self.count - 1
    }
}
