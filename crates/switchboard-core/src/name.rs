//! Rules for the names that peers choose: events and rooms.

/// The longest event name, in bytes.
const MAX_EVENT: usize = 128;

/// The longest room name, in bytes.
const MAX_ROOM: usize = 255;

/// Checks an event name: 1 to 128 bytes, no control characters.
///
/// A reserved name passes, because the server may use it: see [`is_reserved`].
///
/// Errors: the broken rule, as a sentence for the peer.
pub fn check_event(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("An event name must not be empty");
    }
    if name.len() > MAX_EVENT {
        return Err("An event name must be at most 128 bytes");
    }
    if has_control(name) {
        return Err("An event name must not contain control characters");
    }
    Ok(())
}

/// True for the names that only the server sends: `exception`, and all that begins with `sys.`.
pub fn is_reserved(event: &str) -> bool {
    event == "exception" || event.starts_with("sys.")
}

/// Checks a room name: 1 to 255 bytes, no control characters, none of `*` `>` `{` `}`.
///
/// Broker subjects contain a hash of the name, so no character of it gets into one. The four characters that are
/// wildcards or key tags there are refused as a second line of defence. The dot is allowed: names such as
/// `project.42` are ordinary.
///
/// Errors: the broken rule, as a sentence for the peer.
pub fn check_room(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("A room name must not be empty");
    }
    if name.len() > MAX_ROOM {
        return Err("A room name must be at most 255 bytes");
    }
    if has_control(name) {
        return Err("A room name must not contain control characters");
    }
    if name.bytes().any(|byte| matches!(byte, b'*' | b'>' | b'{' | b'}')) {
        return Err("A room name must not contain any of * > { }");
    }
    Ok(())
}

/// True if a control character (C0, DEL, C1) is in the text.
pub(crate) fn has_control(text: &str) -> bool {
    // C1 begins with 0xC2 in UTF-8: without that byte, looking at single bytes is enough.
    text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) && text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d06_event_names_are_1_to_128_bytes_without_control_characters() {
        for good in ["a", "chat.message", "user:joined", "Ünïcödé ✓", "*", "\u{a0}", &"x".repeat(128)] {
            assert_eq!(check_event(good), Ok(()), "{good:?}");
        }
        for bad in ["", "a\0", "a\nb", "\u{7f}", "\u{85}", "\u{9f}", &"x".repeat(129), &"é".repeat(65)] {
            assert!(check_event(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn d08_reserved_names_are_exception_and_sys() {
        for name in ["exception", "sys.", "sys.goaway"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["exceptions", "Exception", "sys", "system", "a.sys.b", "error", "connect", "disconnect"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn h01_room_names() {
        for good in ["a", "project.42", "user:7", "a/b", "a b", "ä", "#", &"x".repeat(255)] {
            assert_eq!(check_room(good), Ok(()), "{good:?}");
        }
        for bad in ["", "a*", "*", ">", "a.>", "{x}", "}", "a\r\nb", "a\0", "\u{9b}", &"x".repeat(256)] {
            assert!(check_room(bad).is_err(), "{bad:?}");
        }
    }
}
