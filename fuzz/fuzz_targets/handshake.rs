//! Any bytes as the head of a request: the checks answer, with a refusal of the table or with values of the request.
//!
//! The first line is `METHOD TARGET VERSION`, each further line `name: value`; lines end with one LF, values may hold anything.
#![no_main]
use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use libfuzzer_sys::fuzz_target;
use switchboard_core::ws::handshake::{ClientRequest, HeadLimits, MAX_PROTOCOLS, Refusal, check_request};
use switchboard_core::ws::origin::Origins;

const OURS: [&str; 2] = ["v1", "switchboard.v1"];

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let mut first = lines.next().unwrap_or_default().split(|&byte| byte == b' ');
    let Ok(method) = Method::from_bytes(first.next().unwrap_or_default()) else { return };
    let Ok(uri) = Uri::try_from(first.next().unwrap_or_default()) else { return };
    let version = match first.next() {
        Some(b"HTTP/1.0") => Version::HTTP_10,
        Some(b"HTTP/2") => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    request(&method, &uri, version, &headers);
    answer(&headers);
});

fn request(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) {
    let upgrade = match check_request(method, uri, version, headers, &HeadLimits::default()) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refused(refusal),
    };
    assert!(method == Method::GET && version == Version::HTTP_11 && headers.get_all("host").iter().count() == 1);
    assert_eq!(upgrade.accept_value().len(), 28);
    assert_eq!(upgrade.accept().len(), 28);
    for required in [false, true] {
        match upgrade.select_protocol(&OURS, required) {
            Ok(Some(selected)) => assert!(upgrade.protocols().any(|offered| offered == selected)),
            Ok(None) => assert!(!required && !upgrade.protocols().any(|offered| OURS.contains(&offered))),
            Err(refusal) => {
                refused(refusal);
                let offers: Vec<&str> = upgrade.protocols().collect();
                let different: HashSet<&str> = offers.iter().copied().collect();
                let token = |offer: &&str| offer.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let good = different.len() == offers.len() && offers.len() <= MAX_PROTOCOLS;
                assert!(
                    required || !good || !offers.iter().all(token) || offers.iter().any(|offer| offer.is_empty()) || {
                        headers.get_all("sec-websocket-protocol").iter().any(|value| value.to_str().is_err())
                    }
                );
            }
        }
    }
    origins(upgrade.origin(), upgrade.host());
    // A Host that is accepted is on a list of itself.
    assert_eq!(upgrade.check_host(&[upgrade.host()]), Ok(()));
}

fn refused(refusal: Refusal) {
    assert!(Refusal::ALL.contains(&refusal));
    let _ = (refusal.headers(), refusal.to_string());
}

fn origins(origin: Option<&str>, host: &str) {
    let Some(origin) = origin else {
        assert!(Origins::same().allows(None, host) && !Origins::any().required().allows(None, host));
        return;
    };
    assert!(Origins::any().required().allows(Some(origin), host));
    if Origins::same().allows(Some(origin), host) {
        let (_, authority) = origin.split_once("://").expect("a scheme");
        let name = |authority: &str| authority.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        assert!(
            name(authority).starts_with(name(host).trim_end_matches(':')) || name(host).starts_with(&name(authority))
        );
    }
    // An origin that can be listed allows itself, unless it is a pattern, and never a name around it.
    if let Ok(list) = Origins::list([origin]) {
        let pattern = origin.contains('*');
        assert_eq!(list.allows(Some(origin), host), !pattern, "{origin}");
        assert!(!list.allows(Some(&format!("{origin}/")), host));
        // `null` has no name.
        if origin != "null" {
            assert!(pattern || !list.allows(Some(&origin.replacen("://", "://evil.", 1)), host));
            assert!(!list.allows(Some(&origin.replacen("://", "://evil@", 1)), host));
        }
    }
}

fn answer(headers: &HeaderMap) {
    let request =
        ClientRequest::new("a.example", "/ws", *b"the sample nonce").and_then(|request| request.protocol("v1"));
    let request = request.expect("a valid request");
    match request.check_response(StatusCode::SWITCHING_PROTOCOLS, headers) {
        Ok(selected) => assert!(selected.is_none_or(|selected| selected == "v1")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
