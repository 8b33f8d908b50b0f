//! The inputs that mutations begin with.
use super::{Input, Kind, input};
use crate::corpus;
use switchboard_rig::masked;

/// One of each kind that is as it should be.
pub(super) fn harmless() -> [Input; 3] {
    let handshake = handshakes().swap_remove(0);
    let envelope = input(Kind::Envelope, r#"{"event":"echo","data":"well","id":1}"#);
    let frames = input(Kind::Frames, masked(0x81, &envelope.bytes, [1, 2, 3, 4]));
    [handshake, frames, envelope]
}

/// The inputs of `docs/limits.md`: A, then B and C, then D.
pub(super) fn seeds() -> Vec<Input> {
    let mut seeds = handshakes();
    seeds.extend(corpus::cases().into_iter().filter(|case| case.bytes.len() <= 8192).map(|case| {
        // Without the close frame at its end, which is sent anyway.
        let end = if case.close == Some((1000, String::new())) {
            case.bytes.len().saturating_sub(8)
        } else {
            case.bytes.len()
        };
        input(Kind::Frames, &case.bytes[..end])
    }));
    seeds.extend(envelopes());
    seeds
}

fn handshakes() -> Vec<Input> {
    let good = [
        ("Host", "test.example"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Cookie", "session=canary"),
    ];
    let ask = |line: &str, without: &str, more: &[(&str, &str)]| {
        let mut text = format!("{line}\r\n");
        for (name, value) in good.iter().filter(|(name, _)| *name != without).chain(more) {
            text += &format!("{name}: {value}\r\n");
        }
        text + "\r\n"
    };
    const GET: &str = "GET /ws HTTP/1.1";
    let mut all = vec![ask(GET, "", &[])];
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PRI", "get", "HEAD", "TRACE", "FOO"] {
        all.push(ask(&format!("{method} /ws HTTP/1.1"), "", &[]));
    }
    for line in [
        "GET /ws HTTP/1.0",
        "GET /ws HTTP/0.9",
        "GET /ws HTTP/2.0",
        "GET /ws",
        "GET  /ws HTTP/1.1",
        "GET ws HTTP/1.1",
        "GET * HTTP/1.1",
        "GET http://test.example/ws HTTP/1.1",
        "GET /../ws HTTP/1.1",
        "GET /ws/../ws HTTP/1.1",
        "GET /ws%00 HTTP/1.1",
        "GET /%2e%2e/ws HTTP/1.1",
        "GET /nowhere HTTP/1.1",
        "GET //ws HTTP/1.1",
        "GET /ws?__proto__=1&constructor=2 HTTP/1.1",
        "GET /ws#canary HTTP/1.1",
        "CONNECT test.example:80 HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        all.push(ask(line, "", &[]));
    }
    for name in ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        all.push(ask(GET, name, &[]));
        let value = good.iter().find(|(known, _)| *known == name).unwrap().1;
        all.push(ask(GET, "", &[(name, value)]));
        for value in ["", "canary", "13, 8", "keep-alive, Upgrade", "h2c", "dGhlIHNhbXBsZQ==", "a b", ", ,", "\u{e9}"] {
            all.push(ask(GET, name, &[(name, value)]));
        }
    }
    for more in [
        ("Content-Length", "5"),
        ("Content-Length", "-1"),
        ("Content-Length", "99999999999999999999"),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "canary"),
        ("Expect", "100-continue"),
        ("Origin", "null"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://test.example"),
        ("Origin", "::::"),
        ("Sec-WebSocket-Protocol", "a, b, a"),
        ("Sec-WebSocket-Protocol", "a b"),
        ("Sec-WebSocket-Protocol", ",,,"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=7"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; x=\"y"),
        ("Sec-WebSocket-Extensions", ";;;"),
        ("Sec-WebSocket-Extensions", "a,b,c,d,e,f,g,h,i"),
        ("X-Forwarded-For", "1.2.3.4, unknown, ::1"),
        ("Forwarded", "for=\"[::1"),
        ("X:Y", "canary"),
        ("X Y", "canary"),
        ("", "canary"),
        ("X", "a\r b"),
        ("X", "a\0b"),
    ] {
        all.push(ask(GET, "", &[more]));
    }
    let long = "c".repeat(9000);
    all.push(ask(GET, "", &[("X-Long", &long)]));
    all.push(ask(&format!("GET /{long} HTTP/1.1"), "", &[]));
    let many: Vec<(String, &str)> = (0..80).map(|at| (format!("X-{at}"), "canary")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    all.push(ask(GET, "", &many));
    let mut all: Vec<Input> = all.into_iter().map(|text| input(Kind::Handshake, text)).collect();
    all.push(input(Kind::Handshake, &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]));
    all.push(input(Kind::Handshake, &b"\r\n\r\n\r\n"[..]));
    all.push(input(Kind::Handshake, &b"\0\0\0\0"[..]));
    let mut early = ask(GET, "", &[]).into_bytes();
    early.extend(masked(0x81, br#"{"event":"echo","data":"early"}"#, [1, 2, 3, 4]));
    all.push(input(Kind::Handshake, early));
    all
}

fn envelopes() -> Vec<Input> {
    let texts = [
        r#"{"event":"echo","data":"well"}"#,
        r#"{"event":"echo","data":{"a":[1,2.5,-0,1e5,null,true]},"id":7}"#,
        r#"{"event":"echo","data":"\ud834\udd1e \u0000 \n","id":"a"}"#,
        r#"{"id":1,"data":[],"event":"echo","meta":{"t":1}}"#,
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "7",
        "\"x\"",
        "{\"event\"",
        "{\"event\":\"echo\",}",
        "{\"event\":\"echo\"}x",
        r#"{"event":"echo"}{"event":"echo"}"#,
        "{'event':'echo'}",
        r#"{"event":"echo","event":"echo"}"#,
        r#"{"event":"echo","data":1,"data":2}"#,
        r#"{"data":1}"#,
        r#"{"event":""}"#,
        r#"{"event":null}"#,
        r#"{"event":7}"#,
        r#"{"event":{"toString":"echo"}}"#,
        r#"{"event":"a\u0000"}"#,
        r#"{"event":"nobody","id":3}"#,
        r#"{"event":"exception"}"#,
        r#"{"event":"sys.x","id":4}"#,
        r#"{"event":"\u0073ys."}"#,
        r#"{"event":"__proto__"}"#,
        r#"{"event":"echo","id":-1}"#,
        r#"{"event":"echo","id":9007199254740993}"#,
        r#"{"event":"echo","id":18446744073709551616}"#,
        r#"{"event":"echo","id":1.5}"#,
        r#"{"event":"echo","id":""}"#,
        r#"{"event":"echo","id":{}}"#,
        r#"{"event":"echo","data":1e400}"#,
        r#"{"event":"echo","data":01}"#,
        r#"{"event":"echo","data":+1}"#,
        r#"{"event":"echo","data":.5}"#,
        r#"{"event":"echo","data":NaN}"#,
        r#"{"event":"echo","data":"\x"}"#,
        r#"{"event":"echo","data":"\ud800"}"#,
        r#"{"event":"join","data":7}"#,
        r#"{"event":"join","data":[1]}"#,
        r#"{"event":"join","data":["",null]}"#,
        r#"{"event":"wait","data":"soon"}"#,
        r#"{"event":"wait","data":-1}"#,
        r#"{"ack":1,"data":1}"#,
        r#"{"ack":0}"#,
        r#"{"ack":"x"}"#,
        r#"{"ack":-1}"#,
        r#"{"ack":1,"error":{"code":"x","message":"y"}}"#,
        r#"{"ack":1,"error":7}"#,
        r#"{"cancel":1}"#,
        r#"{"cancel":"x"}"#,
        r#"{"cancel":{}}"#,
        r#"{"event":"echo","ack":1}"#,
        r#"{"event":"echo","cancel":1}"#,
        r#"{"kind":"x","pattern":"y"}"#,
        r#"{"method":"get","url":"/"}"#,
        "\u{feff}{\"event\":\"echo\"}",
        "\r\n\t{ \"event\" : \"echo\" }\r",
    ];
    let mut all: Vec<Input> = texts.iter().map(|text| input(Kind::Envelope, *text)).collect();
    for long in [
        "[".repeat(60_000),
        r#"{"a":"#.repeat(10_000),
        format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(120), "]".repeat(120)),
        format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(129), "]".repeat(129)),
        format!(r#"{{"event":"{}"}}"#, "e".repeat(129)),
        format!(r#"{{"event":"echo","id":"{}"}}"#, "i".repeat(1024)),
        format!(r#"{{"event":"echo","data":{}}}"#, "9".repeat(10_000)),
        format!(r#"{{"event":"echo","data":{{{}"z":0}}}}"#, r#""k":1,"#.repeat(2000)),
        format!(r#"{{{}"event":"echo"}}"#, (0..1100).map(|at| format!(r#""k{at}":1,"#)).collect::<String>()),
    ] {
        all.push(input(Kind::Envelope, long));
    }
    all
}
