//! Text that is UTF-8, and text that is not.
use super::{BINARY, Case, FIN, TEXT, case, declared, text_of};

pub(super) fn cases(all: &mut Vec<Case>) {
    let good = [
        "\0",
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{fff}",
        "\u{1000}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{feff}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "\u{1ffff}",
        "\u{3ffff}",
        "\u{40000}",
        "\u{fffff}",
        "\u{100000}",
        "\u{10ffff}",
        "κόσμε",
        "a\u{300}",
        "日本語",
        "👩‍👩‍👧",
    ];
    for text in good {
        let name = format!("utf8: {}", text.escape_unicode());
        all.push(case(name.clone()).message(TEXT, text.as_bytes()).well());
        for cut in 1..text.len().min(5) {
            let (one, two) = text.as_bytes().split_at(cut);
            let made = case(format!("{name} cut at {cut}")).frame(TEXT, one).ping(b"").frame(FIN, two);
            all.push(made.gives(TEXT, text.as_bytes()).well());
        }
    }
    let bad: &[&[u8]] = &[
        b"\x80",
        b"\xbf",
        b"\x80\xbf",
        b"\xc0",
        b"\xc1",
        b"\xc0\x80",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xc2",
        b"\xc2a",
        b"\xdf",
        b"\xdf\xff",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xe0\x80\xaf",
        b"\xe1\x80",
        b"\xe1\x80a",
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
        b"\xef\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x90\x80",
        b"\xf4\x90\x80\x80",
        b"\xf4\xbf\xbf\xbf",
        b"\xf5\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xf8\x88\x80\x80\x80",
        b"\xfb\xbf\xbf\xbf\xbf",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xfd\xbf\xbf\xbf\xbf\xbf",
        b"\xfe",
        b"\xff",
        b"\xfe\xff",
        b"ok\xff",
        b"\xce\xba\xe1",
    ];
    for bytes in bad {
        let name = format!("utf8: not {bytes:02x?}");
        all.push(case(name.clone()).frame(FIN | TEXT, bytes).fails(1007, "invalid_utf8"));
        for cut in 1..bytes.len().min(3) {
            let (one, two) = bytes.split_at(cut);
            let made = case(format!("{name} cut at {cut}")).frame(TEXT, one).frame(FIN, two);
            all.push(made.fails(1007, "invalid_utf8"));
        }
        // Bytes are bytes.
        all.push(case(format!("{name}, binary")).message(BINARY, bytes).well());
    }
    let behind = case("utf8: behind good messages").message(TEXT, &text_of(40)).frame(FIN | TEXT, b"\xff");
    all.push(behind.fails(1007, "invalid_utf8"));
    let early = declared(FIN | TEXT, 0xFE, &60_000u16.to_be_bytes(), b"abc\xff");
    all.push(case("utf8: at the first bad byte").bytes(&early).fails(1007, "invalid_utf8"));
}
