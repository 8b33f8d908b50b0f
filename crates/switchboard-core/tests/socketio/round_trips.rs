//! Properties of any packet: what is written is what is read, cut anywhere it is another one or none, and nothing
//! panics.
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use switchboard_core::Binary;
use switchboard_core::socketio::{
    AssembledContent, Assembler, Content, Emit, PacketLimits, Sender, decode, encode_ack, encode_event,
};

const LIMITS: PacketLimits = PacketLimits { max_attachments: 10, max_bytes: 1_000_000 };

/// A payload that may have bytes at any depth.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Tree {
    Number(i64),
    Text(String),
    Bytes(Binary),
    List(Vec<Tree>),
    Pair { left: Box<Tree>, right: Option<Box<Tree>> },
}

impl Tree {
    fn bytes(&self) -> usize {
        match self {
            Tree::Number(_) | Tree::Text(_) => 0,
            Tree::Bytes(_) => 1,
            Tree::List(items) => items.iter().map(Tree::bytes).sum(),
            Tree::Pair { left, right } => left.bytes() + right.as_ref().map_or(0, |right| right.bytes()),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Tree::Number),
        any::<String>().prop_map(Tree::Text),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Tree::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Tree::List),
            (inner.clone(), option::of(inner))
                .prop_map(|(left, right)| Tree::Pair { left: left.into(), right: right.map(Box::new) }),
        ]
    })
    .prop_filter("at most ten attachments", |tree| tree.bytes() <= 10)
}

fn arguments() -> impl Strategy<Value = Vec<Tree>> {
    let bytes = |trees: &Vec<Tree>| trees.iter().map(Tree::bytes).sum::<usize>();
    vec(tree(), 0..4).prop_filter("at most ten attachments", move |trees| bytes(trees) <= 10)
}

/// What a receiver makes of a packet and its attachments: namespace, event, ack id, arguments.
type Received = (Option<String>, Option<String>, Option<u64>, Vec<Tree>);

fn receive(text: &str, attachments: &[Vec<u8>]) -> Option<Received> {
    let mut assembler = Assembler::new(Sender::Server);
    if let Some(packet) = assembler.text(text, &LIMITS).ok()? {
        let namespace = packet.namespace.map(str::to_owned);
        return match packet.content {
            Content::Event { ack, message } => {
                let message = message.ok()?;
                Some((namespace, Some(message.event.into()), ack, message.arguments.parse_array().ok()?))
            }
            Content::Ack { id, arguments } => Some((namespace, None, Some(id), arguments.ok()?.parse_array().ok()?)),
            _ => None,
        };
    }
    let mut packet = None;
    for attachment in attachments {
        packet = assembler.binary(attachment, &LIMITS).ok()?;
    }
    let packet = packet?;
    match packet.content {
        AssembledContent::Event { ack, message } => {
            let message = message.ok()?;
            Some((packet.namespace, Some(message.event), ack, message.arguments.parse_array().ok()?))
        }
        AssembledContent::Ack { id, arguments } => {
            Some((packet.namespace, None, Some(id), arguments.ok()?.parse_array().ok()?))
        }
        _ => None,
    }
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z0-9/?é]{1,20}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(
        namespace in namespace(),
        event in option::of("[a-z\"\\\\é.]{1,20}"),
        id in option::of(any::<u64>()),
        arguments in arguments(),
    ) {
        let (mut out, mut attachments) = (Vec::new(), Vec::new());
        let mut attach = |bytes: &[u8]| attachments.push(bytes.to_vec());
        let each = Emit::Each(&arguments);
        let id = if event.is_none() { Some(id.unwrap_or(1)) } else { id };
        match &event {
            Some(event) => encode_event(&mut out, &namespace, event, each, id, &mut attach).unwrap(),
            None => encode_ack(&mut out, &namespace, id.unwrap(), each, &mut attach).unwrap(),
        };
        let text = String::from_utf8(out).unwrap();
        let received = receive(&text, &attachments).expect("it is complete");
        prop_assert_eq!(received, (Some(namespace), event, id, arguments));

        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            prop_assert!(receive(&text[..cut], &attachments).is_none(), "{}", &text[..cut]);
        }
    }

    #[test]
    fn one_argument_is_the_payload(tree in tree()) {
        let (mut out, mut attachments) = (Vec::new(), Vec::new());
        let mut attach = |bytes: &[u8]| attachments.push(bytes.to_vec());
        encode_event(&mut out, "/", "a", Emit::One(&tree), None, &mut attach).unwrap();
        let text = std::str::from_utf8(&out).unwrap();
        let (.., arguments) = receive(text, &attachments).expect("it is complete");
        prop_assert_eq!(arguments, [tree]);
    }

    #[test]
    fn any_text_is_a_packet_or_a_violation(
        head in "[0-6]?(1-)?(/[a-z]{0,3},?)?[0-9]{0,2}",
        body in "(\\[|\\{|\"|a|,|:|\\]|\\}|\\\\|_placeholder|num|true|[0-9]| |é){0,30}",
    ) {
        for sender in [Sender::Client, Sender::Server] {
            let text = format!("{head}{body}");
            let alone = decode(&text, sender, &LIMITS).map(|packet| packet.attachments);
            let mut assembler = Assembler::new(sender);
            let taken = assembler.text(&text, &LIMITS).map(|packet| packet.is_some());
            prop_assert_eq!(alone.map(|attachments| attachments == 0), taken);
            if assembler.is_waiting() {
                prop_assert!(assembler.binary(b"x", &LIMITS).is_ok());
            }
        }
    }
}
