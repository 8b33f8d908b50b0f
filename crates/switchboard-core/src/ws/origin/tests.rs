//! Origins as browsers, apps and attackers send them.
use super::Origins;

fn refused(origins: &Origins, host: &str, list: &[&str]) {
    for origin in list {
        assert!(!origins.allows(Some(origin), host), "{origin} at {host}");
    }
}

#[test]
fn a15_a_star_is_answered_with_what_to_write() {
    assert!(Origins::list(["*"]).unwrap_err().to_string().contains("Origins::any()"));
    assert!(!Origins::list(["shop.example"]).unwrap_err().to_string().contains("any()"));
}

#[test]
fn a15_same_compares_host_and_port() {
    let same = Origins::same();
    for (origin, host) in [
        ("https://good.example", "good.example"),
        ("https://good.example", "good.example:443"),
        ("https://good.example:443", "good.example"),
        ("http://good.example", "good.example:80"),
        ("http://good.example:3005", "good.example:3005"),
        ("https://GOOD.example", "good.EXAMPLE"),
        ("HTTPS://good.example", "good.example:"),
        ("http://good.example", "good.example:"),
        ("ws://good.example", "good.example"),
        ("wss://good.example", "good.example:443"),
        ("WSS://good.example:3005", "good.example:3005"),
        ("http://[::1]:3005", "[::1]:3005"),
    ] {
        assert!(same.allows(Some(origin), host), "{origin} at {host}");
    }
}

#[test]
fn a15_what_only_looks_the_same_is_refused() {
    let twins = [
        "null",
        "",
        "https://",
        "good.example",
        "//good.example",
        "https:/good.example",
        "https://good.example.evil.com",
        "https://evilgood.example",
        "https://evil.good.example",
        "https://xn--god-sna.example",
        "https://gооd.example",
        "https://good.example.",
        "https://good.example:8443",
        "https://good.example:80",
        "https://good.example:",
        "https://good.example:0443",
        "https://good.example:+443",
        "http://good.example:443",
        "https://good.example/",
        "https://good.example/path",
        "https://good.example?q",
        "https://good.example#f",
        "https://user@good.example",
        "https://good.example@evil.com",
        "https://evil.com\\good.example",
        "https://good.example https://evil.com",
        "https://good%2Eexample",
        " https://good.example",
        "ftp://good.example",
        "wss://good.example:80",
        "ws://good.example:443",
        "wsss://good.example",
        "file://",
        "chrome-extension://good.example",
        "://good.example",
        "1https://good.example",
        "ht tps://good.example",
        "https://https://good.example",
    ];
    refused(&Origins::same(), "good.example", &twins);
    refused(&Origins::list(["https://good.example"]).unwrap(), "good.example", &twins);
    refused(&Origins::same(), "good.example.", &["https://good.example"]);
    refused(&Origins::same(), "not a host", &["https://good.example"]);
}

#[test]
fn a15_a_list_compares_scheme_host_and_port() {
    let list = Origins::list(["https://good.example", "http://localhost:3000", "https://B.example:443"]).unwrap();
    for origin in ["https://good.example", "https://good.example:443", "http://localhost:3000", "https://b.example"] {
        assert!(list.allows(Some(origin), "api.example"), "{origin}");
    }
    for origin in ["wss://good.example", "ws://localhost:3000"] {
        assert!(list.allows(Some(origin), "api.example"), "{origin}");
    }
    refused(&list, "good.example", &["ws://good.example", "wss://localhost:3000", "wss://good.example:80"]);
    let sockets = Origins::list(["wss://good.example"]).unwrap();
    assert!(sockets.allows(Some("https://good.example"), "x") && sockets.allows(Some("wss://good.example:443"), "x"));
    refused(&list, "good.example", &["http://good.example", "http://localhost", "https://localhost:3000", "null"]);
    refused(&Origins::list::<[&str; 0]>([]).unwrap(), "good.example", &["https://good.example"]);
}

#[test]
fn a15_a_wildcard_is_one_or_more_labels_below() {
    let list = Origins::list(["https://*.example.com"]).unwrap();
    for origin in ["https://a.example.com", "https://a.b.example.com", "https://A.Example.COM:443"] {
        assert!(list.allows(Some(origin), "x"), "{origin}");
    }
    refused(
        &list,
        "x",
        &[
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "https://a.example.com.",
            "https://a.example.com.evil.com",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://*.example.com",
            "https://a..example.com",
            "https://com",
        ],
    );
}

const APPS: &[&str] = &[
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://0f8a6c2e-9d1b-4c57-8e3a-2b6f7d9c1a04",
    "safari-web-extension://0F8A6C2E-9D1B-4C57-8E3A-2B6F7D9C1A04",
    "vscode-webview://0abc",
    "app://obsidian.md",
    "my.app+x-1://host:8080",
];

#[test]
fn a15_apps_and_extensions_by_name() {
    for app in APPS {
        let list = Origins::list([app]).unwrap();
        assert!(list.allows(Some(app), "api.example"), "{app}");
        assert!(list.allows(Some(&app.to_ascii_uppercase()), "api.example"), "{app}");
        let others: Vec<&str> = APPS.iter().copied().filter(|other| other != app).collect();
        refused(&list, "localhost", &others);
        let twins =
            [format!("{app}.evil.com"), format!("{app}/"), format!("x{app}"), format!("{app}:1"), "null".into()];
        refused(&list, "localhost", &twins.each_ref().map(String::as_str));
        assert!(!list.allows(Some(&app.replacen("://", "://evil", 1)), "api.example"), "{app}");
    }
    // A scheme of its own has no default port.
    let list = Origins::list(["capacitor://localhost"]).unwrap();
    refused(&list, "localhost", &["capacitor://localhost:80", "http://localhost", "https://localhost"]);
    // None of them is where the server is.
    refused(&Origins::same(), "localhost", &["capacitor://localhost", "tauri://localhost"]);
}

#[test]
fn a15_null_and_file_are_admitted_by_name_alone() {
    for (entry, admitted, twins) in [
        ("null", "null", ["NULL", "null ", "null://", "file://", "", "https://null"]),
        ("file://", "file://", ["file:///", "file://x", "file:", "null", "", "https://file"]),
    ] {
        let list = Origins::list([entry]).unwrap();
        assert!(list.allows(Some(admitted), "api.example"), "{entry}");
        refused(&list, "api.example", &twins);
    }
}

#[test]
fn a15_a_function_decides() {
    let origins = Origins::by(|origin| origin == "https://pr-7.preview.example");
    assert!(origins.allows(Some("https://pr-7.preview.example"), "x"));
    refused(&origins, "x", &["https://pr-8.preview.example", "null", "https://x"]);
    assert!(origins.allows(None, "x"));
    assert!(!origins.clone().required().allows(None, "x"));
    assert_eq!(format!("{origins:?}"), "Origins { rules: [By(..)], required: false }");
}

#[test]
fn a15_two_choices_together() {
    let app = Origins::list(["capacitor://localhost"]).unwrap();
    let both = Origins::same().or(app.clone()).or(Origins::by(|origin| origin == "null"));
    for origin in ["https://shop.example", "capacitor://localhost", "null"] {
        assert!(both.allows(Some(origin), "shop.example"), "{origin}");
    }
    refused(&both, "shop.example", &["https://evil.example", "tauri://localhost"]);
    assert!(!Origins::same().or(app.required()).allows(None, "shop.example"));
}

#[test]
fn a16_no_origin_is_allowed_unless_required() {
    for origins in [Origins::same(), Origins::list(["https://a.example"]).unwrap(), Origins::any()] {
        assert!(origins.allows(None, "a.example"));
        let refusal = origins.required().check(None, "a.example").unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.reason), (403, "origin_missing"));
    }
    let refusal = Origins::same().check(Some("null"), "a.example").unwrap_err();
    assert_eq!((refusal.status.as_u16(), refusal.reason), (403, "origin"));
}

#[test]
fn any_is_any() {
    for origin in ["null", "https://evil.example", "x"] {
        assert!(Origins::any().required().allows(Some(origin), "a.example"));
    }
}

#[test]
fn an_error_names_the_entry_that_is_not_an_origin() {
    for entry in [
        "",
        "*",
        "NULL",
        "file:///",
        "file:///x",
        "capacitor://",
        "chrome-extension://*",
        "://a.example",
        "1a://b",
        "a_b://c",
        "a.example",
        "https://a.example/",
        "https://*",
        "https://*.",
        "https://a.*.example",
        "https://*.*.example",
        "https://*.[::1]",
        "https://*a.example",
        "https://a.example:*",
    ] {
        let error = Origins::list(["https://ok.example", entry]).unwrap_err();
        assert_eq!(error.entry(), entry);
        let part = if entry == "*" { "Origins::any()" } else { "without a path" };
        assert!(error.to_string().contains(part), "{error}");
    }
}
