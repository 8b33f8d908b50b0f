//! RFC 6455 as cases: what a client sends, and what must come of it.
mod closes;
mod utf8;

use switchboard_rig::masked;

/// What comes of a case, on any gateway: the messages that reach the application, the pongs, and how it ends.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its category and what is special about it.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Message>,
    pub(crate) pongs: Vec<Vec<u8>>,
    /// The code and reason of the server's close frame. `None`: a close frame without a body.
    pub(crate) close: Option<(u16, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
pub(crate) const MAX_MESSAGE: usize = 64 << 10;
pub(crate) const MAX_FRAGMENTS: usize = 128;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, MASK)
}

/// A header with a length as it is written, and the payload behind it.
fn declared(first: u8, second: u8, length: &[u8], payload: &[u8]) -> Vec<u8> {
    let whole = frame(first, payload);
    let payload = &whole[whole.len() - payload.len()..];
    [&[first, second][..], length, &MASK, payload].concat()
}

/// Puts a case together.
struct Making {
    name: String,
    bytes: Vec<u8>,
    messages: Vec<Message>,
    pongs: Vec<Vec<u8>>,
}

fn case(name: impl Into<String>) -> Making {
    Making { name: name.into(), bytes: Vec::new(), messages: Vec::new(), pongs: Vec::new() }
}

impl Making {
    fn bytes(mut self, bytes: &[u8]) -> Making {
        self.bytes.extend_from_slice(bytes);
        self
    }
    fn frame(self, first: u8, payload: &[u8]) -> Making {
        self.bytes(&frame(first, payload))
    }
    fn ping(mut self, payload: &[u8]) -> Making {
        self.pongs.push(payload.to_vec());
        self.frame(FIN | PING, payload)
    }
    fn gives(mut self, kind: u8, payload: &[u8]) -> Making {
        self.messages.push(match kind {
            TEXT => Message::Text(String::from_utf8(payload.to_vec()).unwrap()),
            _ => Message::Binary(payload.to_vec()),
        });
        self
    }
    fn message(self, kind: u8, payload: &[u8]) -> Making {
        self.frame(FIN | kind, payload).gives(kind, payload)
    }
    fn ends(self, close: Option<(u16, &str)>) -> Case {
        let Making { name, bytes, messages, pongs } = self;
        Case { name, bytes, messages, pongs, close: close.map(|(code, reason)| (code, reason.to_owned())) }
    }
    /// The peer's own close frame follows, and is answered.
    fn well(self) -> Case {
        self.frame(FIN | CLOSE, &1000u16.to_be_bytes()).ends(Some((1000, "")))
    }
    fn fails(self, code: u16, reason: &str) -> Case {
        self.ends(Some((code, reason)))
    }
}

/// An envelope of exactly so many bytes, or an `x` each where that is too few. It is echoed as it is.
fn text_of(len: usize) -> Vec<u8> {
    const EMPTY: &str = r#"{"event":"echo","data":""}"#;
    match len.checked_sub(EMPTY.len()) {
        Some(rest) => format!(r#"{{"event":"echo","data":"{}"}}"#, "x".repeat(rest)).into_bytes(),
        None => vec![b'x'; len],
    }
}

fn of(kind: u8, len: usize) -> Vec<u8> {
    if kind == TEXT { text_of(len) } else { (0..len).map(|at| at as u8 ^ 0xA5).collect() }
}

fn name_of(kind: u8) -> &'static str {
    match kind {
        CONTINUATION => "continuation",
        TEXT => "text",
        BINARY => "binary",
        CLOSE => "close",
        PING => "ping",
        PONG => "pong",
        _ => "reserved",
    }
}

/// Every case. No two have the same bytes.
pub(crate) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    lengths(&mut all);
    control(&mut all);
    first_bytes(&mut all);
    masks(&mut all);
    fragments(&mut all);
    utf8::cases(&mut all);
    closes::cases(&mut all);
    many(&mut all);
    all
}

fn lengths(all: &mut Vec<Case>) {
    for kind in [TEXT, BINARY] {
        for len in [0, 1, 2, 3, 4, 5, 7, 8, 9, 26, 124, 125, 126, 127, 128, 255, 256, 257, 4096, 65_534, 65_535, 65_536]
        {
            all.push(case(format!("length: {} of {len}", name_of(kind))).message(kind, &of(kind, len)).well());
        }
        let kind_ = name_of(kind);
        for len in [65_537u64, 1 << 20, 1 << 28, u64::from(u32::MAX), 1 << 32, (1 << 63) - 1] {
            let bytes = declared(FIN | kind, 0xFF, &len.to_be_bytes(), b"");
            all.push(case(format!("length: {kind_} of {len} declared")).bytes(&bytes).fails(1009, "frame_too_big"));
        }
        for len in [1u64 << 63, (1 << 63) + 5, u64::MAX] {
            let bytes = declared(FIN | kind, 0xFF, &len.to_be_bytes(), b"");
            all.push(case(format!("length: {kind_} of {len:#x}")).bytes(&bytes).fails(1002, "length_top_bit"));
        }
        for len in [0u16, 1, 5, 124, 125] {
            let bytes = declared(FIN | kind, 0xFE, &len.to_be_bytes(), &of(BINARY, usize::from(len)));
            all.push(
                case(format!("length: {kind_}, {len} in 16 bits")).bytes(&bytes).fails(1002, "non_minimal_length"),
            );
        }
        for len in [0u64, 1, 125, 126, 65_535] {
            let bytes = declared(FIN | kind, 0xFF, &len.to_be_bytes(), b"");
            all.push(
                case(format!("length: {kind_}, {len} in 64 bits")).bytes(&bytes).fails(1002, "non_minimal_length"),
            );
        }
    }
}

fn control(all: &mut Vec<Case>) {
    for len in [0, 1, 2, 8, 124, 125] {
        all.push(case(format!("control: ping of {len}")).ping(&of(BINARY, len)).well());
        all.push(case(format!("control: pong of {len}")).frame(FIN | PONG, &of(BINARY, len)).well());
    }
    for opcode in [CLOSE, PING, PONG] {
        let name = name_of(opcode);
        for (second, length) in [(0xFE, &126u16.to_be_bytes()[..]), (0xFF, &126u64.to_be_bytes()[..])] {
            let bytes = declared(FIN | opcode, second, length, &[b'x'; 126]);
            all.push(case(format!("control: {name} of 126")).bytes(&bytes).fails(1002, "control_too_long"));
        }
        for payload in [&b""[..], b"x", &[0x03, 0xE8]] {
            let made = case(format!("control: {name} of {} without FIN", payload.len())).frame(opcode, payload);
            all.push(made.fails(1002, "fragmented_control"));
            let made = case(format!("control: {name} of {} without FIN in a message", payload.len()));
            let made = made.frame(TEXT, b"a").frame(opcode, payload);
            all.push(made.fails(1002, "fragmented_control"));
        }
    }
    let mut ten = case("control: ten pings");
    for at in 0..10 {
        ten = ten.ping(&[at; 3]);
    }
    all.push(ten.well());
    let both = case("control: a pong and a ping").frame(FIN | PONG, b"unsolicited").ping(b"real");
    all.push(both.well());
    let mixed = case("control: pings around messages");
    all.push(mixed.ping(b"1").message(TEXT, &text_of(30)).ping(b"2").message(BINARY, b"\x00").ping(b"3").well());
}

fn first_bytes(all: &mut Vec<Case>) {
    for bits in 1..8u8 {
        for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
            let first = FIN | bits << 4 | opcode;
            let name = format!("reserved bits: {bits:03b} on {}", name_of(opcode));
            all.push(case(name).frame(first, b"a").fails(1002, "reserved_bits"));
        }
        // Not even behind a frame that begins a message well.
        let inside = case(format!("reserved bits: {bits:03b} inside a message")).frame(TEXT, b"a");
        all.push(inside.frame(FIN | bits << 4, b"b").fails(1002, "reserved_bits"));
        let open = case(format!("reserved bits: {bits:03b} on a first fragment"));
        all.push(open.frame(bits << 4 | TEXT, b"a").fails(1002, "reserved_bits"));
    }
    for opcode in (3..=7).chain(11..=15) {
        for (fin, payload) in [(FIN, &b""[..]), (FIN, b"a"), (0, b""), (0, b"a")] {
            let name = format!("reserved opcode {opcode}: fin {}, {} bytes", fin != 0, payload.len());
            all.push(case(name).frame(fin | opcode, payload).fails(1002, "reserved_opcode"));
        }
        let inside = case(format!("reserved opcode {opcode} inside a message")).frame(BINARY, b"a");
        all.push(inside.frame(FIN | opcode, b"").fails(1002, "reserved_opcode"));
    }
}

fn masks(all: &mut Vec<Case>) {
    for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
        for payload in [&b""[..], &[0x03, 0xE8]] {
            let bytes = [&[FIN | opcode, payload.len() as u8], payload].concat();
            let name = format!("mask: none on {} of {}", name_of(opcode), payload.len());
            all.push(case(name).bytes(&bytes).fails(1002, "unmasked_frame"));
        }
    }
    let bytes = [frame(TEXT, b"a"), vec![FIN, 1, b'b']].concat();
    all.push(case("mask: none on a continuation").bytes(&bytes).fails(1002, "unmasked_frame"));
    for mask in [[0; 4], [0xFF; 4], [0, 0, 0, 1], [0x80, 0, 0, 0], [b'{', b'"', b'e', b'v']] {
        for len in [1, 3, 26, 31, 33, 127] {
            let payload = text_of(len);
            let made = case(format!("mask: {mask:02x?}, {len} bytes")).bytes(&masked(FIN | TEXT, &payload, mask));
            all.push(made.gives(TEXT, &payload).well());
        }
    }
    let (one, two) = (masked(BINARY, b"one", [1, 2, 3, 4]), masked(FIN, b"two", [9, 9, 0, 7]));
    all.push(case("mask: another for each fragment").bytes(&one).bytes(&two).gives(BINARY, b"onetwo").well());
}

/// A message in so many frames, the last of which ends it.
fn in_frames(made: Making, kind: u8, payload: &[u8], count: usize) -> Making {
    let step = payload.len().div_ceil(count).max(1);
    let mut made = made;
    for at in 0..count {
        let piece = &payload[(at * step).min(payload.len())..((at + 1) * step).min(payload.len())];
        let first = if at == 0 { kind } else { CONTINUATION } | if at + 1 == count { FIN } else { 0 };
        made = made.frame(first, piece);
    }
    made
}

fn fragments(all: &mut Vec<Case>) {
    for kind in [TEXT, BINARY] {
        let kind_ = name_of(kind);
        for count in [2, 3, 4, 26, MAX_FRAGMENTS] {
            let payload = of(kind, 130);
            let made = in_frames(case(format!("fragments: {kind_} in {count}")), kind, &payload, count);
            all.push(made.gives(kind, &payload).well());
        }
        for count in [2, MAX_FRAGMENTS] {
            let made = in_frames(case(format!("fragments: empty {kind_} in {count}")), kind, b"", count);
            all.push(made.gives(kind, b"").well());
        }
        let payload = of(kind, 200);
        let made = in_frames(case(format!("fragments: {kind_} in 129")), kind, &payload, 129);
        all.push(made.fails(1008, "too_many_fragments"));
        let mut endless = case(format!("fragments: {kind_}, empty without end")).frame(kind, b"");
        for _ in 0..300 {
            endless = endless.frame(CONTINUATION, b"");
        }
        all.push(endless.fails(1008, "too_many_fragments"));
        let payload = of(kind, 40);
        let (one, two) = payload.split_at(17);
        let between = case(format!("fragments: {kind_} with a ping between")).frame(kind, one).ping(b"between");
        all.push(between.frame(FIN, two).gives(kind, &payload).well());
        let around = case(format!("fragments: {kind_} with controls everywhere")).ping(b"a").frame(kind, one);
        let around = around.ping(b"b").frame(FIN | PONG, b"c").frame(CONTINUATION, b"").ping(b"d").frame(FIN, two);
        all.push(around.gives(kind, &payload).ping(b"e").well());
        let empty_first = case(format!("fragments: {kind_}, the first empty")).frame(kind, b"").frame(FIN, &payload);
        all.push(empty_first.gives(kind, &payload).well());
        let empty_last = case(format!("fragments: {kind_}, the last empty")).frame(kind, &payload).frame(FIN, b"");
        all.push(empty_last.gives(kind, &payload).well());
        let twice = case(format!("fragments: two {kind_}")).frame(kind, one).frame(FIN, two).gives(kind, &payload);
        all.push(twice.frame(kind, two).frame(FIN, one).gives(kind, &[two, one].concat()).well());
        for (first, name) in
            [(FIN | TEXT, "text"), (TEXT, "open text"), (FIN | BINARY, "binary"), (BINARY, "open binary")]
        {
            let inside = case(format!("fragments: {name} inside {kind_}")).frame(kind, b"a").frame(first, b"b");
            all.push(inside.fails(1002, "expected_continuation"));
            let later = case(format!("fragments: {name} inside {kind_} behind a continuation"));
            let later = later.frame(kind, b"a").frame(CONTINUATION, b"b").frame(first, b"c");
            all.push(later.fails(1002, "expected_continuation"));
        }
        let closed = case(format!("fragments: a close inside {kind_}")).frame(kind, b"never");
        all.push(closed.well());
        // The sum is what counts.
        let half = of(BINARY, MAX_MESSAGE / 2);
        let (open, name) = (if kind == TEXT { vec![b'x'; half.len()] } else { half.clone() }, kind_);
        let exact = case(format!("fragments: {name} of 64 KiB in two")).frame(kind, &open).frame(FIN, &open);
        all.push(exact.gives(kind, &[&open[..], &open].concat()).well());
        let crossing = declared(FIN, 0xFE, &((open.len() + 1) as u16).to_be_bytes(), b"");
        let over = case(format!("fragments: {name} of 64 KiB and one")).frame(kind, &open).bytes(&crossing);
        all.push(over.fails(1009, "message_too_big"));
        let full = of(kind, MAX_MESSAGE);
        let over = case(format!("fragments: {name} of 64 KiB, and one behind")).frame(kind, &full).frame(FIN, b"x");
        all.push(over.fails(1009, "message_too_big"));
        let behind = case(format!("fragments: a continuation behind {name}")).message(kind, &payload);
        all.push(behind.frame(FIN, b"x").fails(1002, "unexpected_continuation"));
    }
    for (first, payload) in [(FIN, &b""[..]), (FIN, b"a"), (0, b""), (0, b"a")] {
        let made = case(format!("fragments: a continuation of nothing, fin {}, {}", first != 0, payload.len()));
        all.push(made.frame(first, payload).fails(1002, "unexpected_continuation"));
        let made = case(format!("fragments: of nothing behind a ping, fin {}, {}", first != 0, payload.len()));
        all.push(made.ping(b"p").frame(first, payload).fails(1002, "unexpected_continuation"));
    }
}

fn many(all: &mut Vec<Case>) {
    for (count, len) in [(16, 0), (16, 26), (100, 27), (100, 130), (300, 40)] {
        for kind in [TEXT, BINARY] {
            let mut made = case(format!("many: {count} {} of {len}", name_of(kind)));
            for at in 0..count {
                made = made.message(kind, &of(kind, len));
                if at % 10 == 9 {
                    made = made.ping(&[at as u8]);
                }
            }
            all.push(made.well());
        }
    }
}

#[test]
fn the_corpus_is_large_and_each_case_is_another() {
    let cases = cases();
    let bytes: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.bytes).collect();
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    for case in &cases {
        let same: Vec<_> = cases.iter().filter(|other| other.bytes == case.bytes).map(|other| &other.name).collect();
        assert_eq!(same.len(), 1, "{same:?}");
    }
    assert_eq!((bytes.len(), cases.len()), (cases.len(), cases.len()));
    assert!(names.len() + 3 >= cases.len());
}
