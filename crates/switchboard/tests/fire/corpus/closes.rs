//! Close frames, and what follows one.
use super::{CLOSE, Case, FIN, PING, TEXT, case, frame, text_of};

pub(super) fn cases(all: &mut Vec<Case>) {
    all.push(case("close: no body").frame(FIN | CLOSE, b"").ends(None));
    let body = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    let good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4500, 4999];
    for code in good {
        for reason in [&b""[..], b"bye", "größe".as_bytes(), &[b'r'; 123]] {
            let made = case(format!("close: {code}, {} bytes", reason.len())).frame(FIN | CLOSE, &body(code, reason));
            all.push(made.ends(Some((code, std::str::from_utf8(reason).unwrap()))));
        }
    }
    let bad = [0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 9999, 65_534, 65_535];
    for code in bad {
        for reason in [&b""[..], b"bye"] {
            let made = case(format!("close: {code}, {} bytes", reason.len())).frame(FIN | CLOSE, &body(code, reason));
            all.push(made.fails(1002, "close_code"));
        }
    }
    for byte in [0u8, 3, 0xFF] {
        all.push(case(format!("close: one byte {byte}")).frame(FIN | CLOSE, &[byte]).fails(1002, "close_body"));
    }
    for reason in [&b"\xff"[..], b"\xe2\x82", b"ok\xc0\x80", b"\xed\xa0\x80"] {
        let made = case(format!("close: reason {reason:02x?}")).frame(FIN | CLOSE, &body(1000, reason));
        all.push(made.fails(1007, "close_reason"));
    }
    let close = frame(FIN | CLOSE, &body(1001, b""));
    let behind: [(&str, Vec<u8>); 5] = [
        ("text", frame(FIN | TEXT, &text_of(30))),
        ("a ping", frame(FIN | PING, b"late")),
        ("another close", frame(FIN | CLOSE, &body(1002, b"no"))),
        ("an unmasked frame", vec![0x81, 1, b'x']),
        ("garbage", vec![0xFF; 9]),
    ];
    for (name, bytes) in behind {
        all.push(case(format!("close: {name} behind it")).bytes(&close).bytes(&bytes).ends(Some((1001, ""))));
    }
    all.push(
        case("close: behind a message").message(TEXT, &text_of(40)).ping(b"p").bytes(&close).ends(Some((1001, ""))),
    );
}
