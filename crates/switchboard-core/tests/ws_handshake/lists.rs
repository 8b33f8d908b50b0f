//! Lists of subprotocols and extensions.
use super::valid;
use std::time::{Duration, Instant};
use switchboard_core::ws::handshake::{HeadLimits, MAX_EXTENSIONS, MAX_PROTOCOLS, Refusal, check_request};

#[test]
fn a18_the_clients_first_choice_of_ours_is_selected() {
    let head = valid().add("sec-websocket-protocol", "v3,v2 , v1");
    let upgrade = head.check().unwrap();
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["v3", "v2", "v1"]);
    assert_eq!(upgrade.select_protocol(&["v1", "v2"], true), Ok(Some("v2")));
    assert_eq!(upgrade.select_protocol(&["V1"], false), Ok(None), "compared byte for byte");
    assert_eq!(upgrade.select_protocol(&[], false), Ok(None));
    let two = valid().add("sec-websocket-protocol", "a").add("sec-websocket-protocol", "b");
    assert_eq!(two.check().unwrap().select_protocol(&["b"], true), Ok(Some("b")));
}

#[test]
fn a18_none_of_ours_is_400_only_when_required() {
    for head in [valid(), valid().add("sec-websocket-protocol", "other")] {
        let upgrade = head.check().unwrap();
        assert_eq!(upgrade.select_protocol(&["v1"], false), Ok(None));
        let refusal = upgrade.select_protocol(&["v1"], true).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.reason), (400, "subprotocol"));
    }
}

#[test]
fn a18_a_malformed_list_is_400_even_with_one_of_ours() {
    let many: Vec<String> = (0..100).map(|i| format!("p{i}")).collect();
    for list in ["v1, v1", "v1, a b", "v1, \"x\"", "v1; q=1", "v1, a/b", "v1, é", &format!("v1,{}", many.join(","))] {
        for required in [false, true] {
            let head = valid().add("sec-websocket-protocol", list);
            let refusal = head.check().unwrap().select_protocol(&["v1"], required).unwrap_err();
            assert_eq!(refusal, Refusal::PROTOCOL_LIST, "{list}");
        }
    }
    let not_text = valid().add("sec-websocket-protocol", "v1").add("sec-websocket-protocol", b"\xFF");
    assert_eq!(not_text.check().unwrap().select_protocol(&["v1"], false), Err(Refusal::PROTOCOL_LIST));
    let most = valid().add("sec-websocket-protocol", many[..MAX_PROTOCOLS].join(","));
    assert_eq!(most.check().unwrap().select_protocol(&["p31"], true), Ok(Some("p31")));
    let over = valid().add("sec-websocket-protocol", many[..=MAX_PROTOCOLS].join(","));
    assert_eq!(over.check().unwrap().select_protocol(&["p1"], true), Err(Refusal::PROTOCOL_LIST));
}

#[test]
fn a18_empty_elements_are_skipped() {
    for list in ["v1,", ",v1", "x,,v1", " , v1 ,\t, ", ",,x,v1"] {
        let head = valid().add("sec-websocket-protocol", list);
        assert_eq!(head.check().unwrap().select_protocol(&["v1"], true), Ok(Some("v1")), "{list:?}");
    }
    for list in ["", ",", " , "] {
        let head = valid().add("sec-websocket-protocol", list);
        assert_eq!(head.check().unwrap().select_protocol(&["v1"], false), Ok(None), "{list:?}");
        assert_eq!(head.check().unwrap().select_protocol(&["v1"], true), Err(Refusal::PROTOCOL_REQUIRED), "{list:?}");
        assert_eq!(head.check().unwrap().protocols().count(), 0, "{list:?}");
    }
    let offers = format!(",{},", ["x"; MAX_EXTENSIONS].join(" ,, "));
    valid().add("sec-websocket-extensions", offers).accepted();
}

#[test]
fn an_element_that_is_no_text_hides_no_other() {
    valid().set("upgrade", b"caf\xE9, websocket").set("connection", b"\xFF, Upgrade").accepted();
    valid().set("connection", "café, keep-alive, Upgrade").accepted();
    valid().set("connection", b"Upgrade\xFF").refused(Refusal::NO_CONNECTION_UPGRADE, 400, "no_upgrade");
}

#[test]
fn a18_a_64_kib_list_takes_linear_time() {
    let limits = HeadLimits { max_header: 1 << 20, max_head: 1 << 20, ..HeadLimits::default() };
    for list in [",".repeat(65_536), "a,".repeat(32_768), "x".repeat(65_536), format!("{0}y,{0}z", "x".repeat(32_000))]
    {
        let head = valid().add("sec-websocket-protocol", list);
        let start = Instant::now();
        for _ in 0..20 {
            let upgrade = check_request(&head.method, &head.uri, head.version, &head.headers, &limits).unwrap();
            let _ = upgrade.select_protocol(&["v1"], false);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn a19_more_than_eight_extension_offers_are_400() {
    let offers = |n: usize| vec!["permessage-deflate; client_max_window_bits"; n].join(", ");
    valid().add("sec-websocket-extensions", offers(MAX_EXTENSIONS)).accepted();
    valid().add("sec-websocket-extensions", offers(MAX_EXTENSIONS + 1)).refused(Refusal::EXTENSIONS, 400, "extension");
    let mut split = valid();
    for _ in 0..=MAX_EXTENSIONS {
        split = split.add("sec-websocket-extensions", "x");
    }
    split.refused(Refusal::EXTENSIONS, 400, "extension");
    valid().add("sec-websocket-extensions", r#"x; a="1,2,3,4,5,6,\",8,9,10""#).accepted();
    for odd in ["permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=\"x", "?"] {
        valid().add("sec-websocket-extensions", odd).accepted();
    }
}
