//! [`Fault`]: the reason why a frame is refused.

/// The reason why a frame is refused, in every format.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    NotJson,
    NotObject,
    NotMsgpack,
    NotMap,
    KeyNotText,
    TooManyKeys,
    PrivateKey,
    DuplicateKey,
    TwoKinds,
    NoEvent,
    PatternDisabled,
    RestDisabled,
    EventName(&'static str),
    EventReserved,
    Kind,
    Id,
    Cancel,
    Ack,
    AckTwice,
}

impl Fault {
    /// The reason for the metric, and the message for the client.
    pub(crate) fn texts(self) -> (&'static str, &'static str) {
        match self {
            Fault::NotJson => {
                ("not_json", r#"The frame is not JSON: send exactly one object such as {"event":"name","data":null}"#)
            }
            Fault::NotObject => {
                ("not_object", r#"The frame is not a JSON object: send one such as {"event":"name","data":null}"#)
            }
            Fault::NotMsgpack => (
                "not_msgpack",
                r#"The frame is not MessagePack: send exactly one map such as {"event":"name","data":nil}, texts in UTF-8"#,
            ),
            Fault::NotMap => ("not_map", r#"The frame is not a map: send one such as {"event":"name","data":nil}"#),
            Fault::KeyNotText => ("key_not_text", "A key of the frame is not a text: send each key as a `str`"),
            Fault::TooManyKeys => {
                ("too_many_keys", "An object has more than 1024 keys: send a list, or several messages")
            }
            Fault::PrivateKey => (
                "private_key",
                "A key of an object begins with `$serde_json::private::`, which means something to the server: use another name",
            ),
            Fault::DuplicateKey => ("duplicate_key", "A key of the frame occurs twice: send each key once"),
            Fault::TwoKinds => (
                "two_kinds",
                "The frame is of two kinds: send `event`, `cancel`, `ack`, `kind` + `pattern`, or `method` + `url`",
            ),
            Fault::NoEvent => ("no_event", r#"The frame has no `event`: send {"event":"name","data":null}"#),
            Fault::PatternDisabled => {
                ("kind_disabled", "This gateway does not take pattern frames: send `event` and `data`")
            }
            Fault::RestDisabled => ("kind_disabled", "This gateway does not take REST frames: send `event` and `data`"),
            Fault::EventName(rule) => ("event_name", rule),
            Fault::EventReserved => (
                "event_reserved",
                "`exception` and names that begin with `sys.` belong to the server: use another name",
            ),
            Fault::Kind => ("kind", "`kind` must be `message` or `event`"),
            Fault::Id => (
                "id",
                "`id` must be a whole number from 0 to 2^53, or a text of 1 to 128 bytes without control characters",
            ),
            Fault::Cancel => ("cancel", "`cancel` must be the `id` of a request"),
            Fault::Ack => ("ack", "`ack` must be the number that the server's request carried"),
            Fault::AckTwice => ("ack", "An answer has `data` or `error`, not both"),
        }
    }
}
