//! Which offers of a client are accepted.
use super::{LIMITS, answer, compressed, deflate, json, packed};
use switchboard_core::ws::{Decoder, Deflate, Item, Opcode, Role};

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn a19_the_first_good_offer_is_accepted() {
    for offer in [
        "permessage-deflate",
        " permessage-deflate ",
        "permessage-deflate;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=\"15\"",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover ;client_max_window_bits = 12",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        "x; a=\"permessage-deflate, permessage-deflate; b=c\", permessage-deflate",
        ", ,permessage-deflate",
    ] {
        assert_eq!(answer(&[offer]).as_deref(), Some(ANSWER), "{offer}");
    }
    for bits in 8..=15 {
        for value in [bits.to_string(), format!("\"{bits}\""), format!("\"\\{bits}\"")] {
            let offer = format!("permessage-deflate; server_max_window_bits={value}");
            assert_eq!(answer(&[&offer]), Some(format!("{ANSWER}; server_max_window_bits={bits}")), "{offer}");
        }
    }
    // The one that is accepted decides, wherever it stands.
    let offers = "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10, permessage-deflate";
    assert_eq!(answer(&[offers]), Some(format!("{ANSWER}; server_max_window_bits=10")));
    let split = ["foo", "permessage-deflate; server_max_window_bits=16", "permessage-deflate", "bar"];
    assert_eq!(answer(&split).as_deref(), Some(ANSWER));
}

#[test]
fn a19_offers_that_must_be_declined() {
    let parameters = [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=\"x\"",
        "server_max_window_bits=x",
        "server_max_window_bits=",
        "server_max_window_bits=\"\"",
        "server_max_window_bits",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "server_max_window_bits=9.0",
        "server_max_window_bits=265",
        "server_max_window_bits=99999999999999999999",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=\"x\"",
        "client_max_window_bits=",
        "client_max_window_bits=0",
        "client_max_window_bits=008",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10",
        "client_no_context_takeover=1",
        "client_no_context_takeover=\"\"",
        "server_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "unknown",
        "unknown=1",
        "Server_No_Context_Takeover",
        "",
        ";",
        "server_max_window_bits=\"10",
        "server_max_window_bits=\"10\\",
        "server_max_window_bits=\"10\"0",
        "server_max_window_bits=1 0",
        "server_max_window_bits=10=10",
        "server_max_window_bits=\u{e9}",
        "=10",
        "a b",
    ];
    for parameter in parameters {
        let offer = format!("permessage-deflate; {parameter}");
        assert_eq!(answer(&[&offer]), None, "{offer}");
        // The next offer counts, unless it stands inside an open quote.
        if parameter.matches('"').count() != 1 {
            assert_eq!(answer(&[&format!("{offer}, permessage-deflate")]).as_deref(), Some(ANSWER), "{offer}");
        }
        assert_eq!(answer(&[&offer, "permessage-deflate"]).as_deref(), Some(ANSWER), "{offer}");
    }
    for offer in
        ["", ",", "permessage-deflatee", "Permessage-Deflate", "\"permessage-deflate\"", "permessage-deflate=1", "??"]
    {
        assert_eq!(answer(&[offer]), None, "{offer}");
    }
    assert_eq!(answer(&[]), None);
    // Not even the ninth offer is looked at, nor anything in 64 KiB of nonsense.
    assert_eq!(answer(&[&format!("{}permessage-deflate", "x, ".repeat(8))]), None);
    assert_eq!(answer(&[&format!("permessage-deflate; a=\"{}\"", "b".repeat(64 << 10))]), None);
    assert_eq!(answer(&[&format!("permessage-deflate{}", "; server_no_context_takeover".repeat(2000))]), None);
}

/// A connection that agreed on it holds no more than one that did not.
#[test]
fn nothing_is_kept_between_messages() {
    assert_eq!(size_of::<Option<Deflate>>(), 1);
    assert_eq!(size_of::<Decoder>(), size_of::<(usize, [u8; 3])>());
    let mut decoders = Vec::new();
    decoders.resize_with(10_000, || Decoder::new(Role::Server).with_deflate(Some(deflate())));
    let mut frame = compressed(Opcode::Text, true, &packed(&json(5000)));
    let sent = frame.clone();
    for decoder in &mut decoders {
        frame.copy_from_slice(&sent);
        assert!(matches!(decoder.decode(&mut frame, &LIMITS).unwrap().item, Some(Item::Text(_))));
        assert!(!decoder.is_partial() && decoder.buffered() == 0);
    }
}
