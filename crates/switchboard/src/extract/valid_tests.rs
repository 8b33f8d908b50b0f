//! Every rule, its code and bounds, and what the application's own code may do in a validation.
use super::*;
use std::collections::BTreeMap;

const SECRET: &str = "hunter2 \u{e9}";

fn details<T: Validate<Context = ()>>(value: &T) -> Vec<Detail> {
    let error = validate(value).expect_err("it is not valid");
    assert!(error.is_validation() && error.message() == "The data is not valid");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    error.details().to_vec()
}

fn said<T: Validate<Context = ()>>(value: &T) -> Vec<String> {
    let bound = |name: &str, bound: &Option<Number>| bound.as_ref().map_or(String::new(), |it| format!(" {name}={it}"));
    let said = |it: &Detail| format!("{} {}{}{}", it.path, it.code, bound("min", &it.min), bound("max", &it.max));
    details(value).iter().map(said).collect()
}

struct NoSecrets;
impl garde::rules::AsStr for NoSecrets {
    fn as_str(&self) -> &str {
        "no secrets"
    }
}
impl garde::rules::pattern::Matcher for NoSecrets {
    fn is_match(&self, _: &str) -> bool {
        false
    }
}

#[derive(Validate)]
struct Texts {
    #[garde(length(chars, min = 20))]
    short: &'static str,
    #[garde(length(bytes, max = 3))]
    long: &'static str,
    #[garde(length(simple, equal = 2))]
    list: Vec<u8>,
    #[garde(ascii)]
    ascii: &'static str,
    #[garde(alphanumeric)]
    alphanumeric: &'static str,
    #[garde(ip)]
    ip: &'static str,
    #[garde(ipv4)]
    ipv4: &'static str,
    #[garde(ipv6)]
    ipv6: &'static str,
}

#[test]
fn rules_of_texts() {
    let texts = Texts {
        short: SECRET,
        long: SECRET,
        list: vec![1],
        ascii: SECRET,
        alphanumeric: SECRET,
        ip: SECRET,
        ipv4: SECRET,
        ipv6: SECRET,
    };
    let expected = [
        "/alphanumeric alphanumeric",
        "/ascii ascii",
        "/ip ip",
        "/ipv4 ip",
        "/ipv6 ip",
        "/list length min=2",
        "/long length max=3",
        "/short length min=20",
    ];
    assert_eq!(said(&texts), expected);
    let messages: Vec<String> = details(&texts).into_iter().map(|detail| detail.message).collect();
    assert_eq!((&*messages[7], &*messages[3]), ("length is lower than 20", "not a valid IPv4 address"));
}

#[derive(Validate)]
struct More {
    #[garde(prefix("http"))]
    prefix: &'static str,
    #[garde(suffix(".org"))]
    suffix: &'static str,
    #[garde(contains("@"))]
    contains: &'static str,
    #[garde(pattern(NoSecrets))]
    pattern: &'static str,
    #[garde(matches(prefix))]
    matches: &'static str,
    #[garde(required)]
    required: Option<u8>,
    #[garde(custom(plain))]
    custom: &'static str,
}

fn plain(_: &str, (): &()) -> garde::Result {
    Err(garde::Error::new("is too plain"))
}

#[test]
fn rules_of_other_kinds() {
    let more = More {
        prefix: SECRET,
        suffix: SECRET,
        contains: SECRET,
        pattern: SECRET,
        matches: "hunter2",
        required: None,
        custom: SECRET,
    };
    // garde takes the fields by their names.
    let expected = [
        "/contains contains",
        "/custom invalid",
        "/matches matches",
        "/pattern pattern",
        "/prefix prefix",
        "/required required",
        "/suffix suffix",
    ];
    assert_eq!(said(&more), expected);
    assert_eq!(details(&more)[1].message, "is too plain");
}

/// Those that need a feature of garde's, as garde asks for their texts.
#[test]
fn rules_behind_features() {
    let rules = Rules::default();
    let texts = [
        ((&rules).email_invalid(InvalidEmail::MissingAt), "email"),
        ((&rules).url_invalid(InvalidUrl::EmptyHost), "url"),
        ((&rules).credit_card_invalid(InvalidCreditCard::InvalidLuhn), "credit_card"),
        ((&rules).phone_number_invalid(InvalidPhoneNumber::NotANumber), "phone_number"),
    ];
    for (text, code) in texts {
        assert_eq!(rules.detail(String::new(), &text).code, code);
    }
    assert_eq!(rules.detail(String::new(), "something else").code, "invalid");
}

#[derive(Validate)]
struct Ranges {
    #[garde(range(min = -5))]
    low: i64,
    #[garde(range(max = u64::MAX - 1))]
    high: u64,
    #[garde(range(min = 0.5))]
    fraction: f32,
    #[garde(range(max = 1e300))]
    far: f64,
    #[garde(range(min = 18.0))]
    whole: f64,
    #[garde(range(max = u128::MAX - 1))]
    wide: u128,
}

#[test]
fn bounds_are_exact_or_left_out() {
    let ranges = Ranges { low: -6, high: u64::MAX, fraction: 0.25, far: f64::INFINITY, whole: 1.0, wide: u128::MAX };
    let said = said(&ranges);
    let expected = [
        "/far range max=1e+300",
        "/fraction range min=0.5",
        "/high range max=18446744073709551614",
        "/low range min=-5",
        "/whole range min=18",
        "/wide range",
    ];
    assert_eq!(said, expected);
}

#[derive(Validate)]
struct Deep {
    #[garde(dive)]
    map: BTreeMap<String, Short>,
    #[garde(dive)]
    list: Vec<(Short,)>,
    #[garde(inner(length(max = 1)))]
    inner: Vec<Option<&'static str>>,
}

#[derive(Validate)]
#[garde(transparent)]
struct Short(#[garde(length(max = 1))] &'static str);

fn deep(keys: &[&str]) -> Deep {
    Deep { map: keys.iter().map(|key| ((*key).to_owned(), Short("hunter2"))).collect(), list: vec![], inner: vec![] }
}

#[test]
fn pointers() {
    let mut value = deep(&["a.b[0]~/", ""]);
    value.list = vec![(Short(""),), (Short("hunter2"),)];
    value.inner = vec![None, Some("hunter2")];
    let paths: Vec<String> = details(&value).into_iter().map(|detail| detail.path).collect();
    assert_eq!(paths, ["/inner/1", "/list/1/0", "/map/", "/map/a.b[0]~0~1"]);
    let long = "k".repeat(300);
    assert_eq!(details(&deep(&[&long]))[0].path, "/map");
    let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(details(&deep(&many)).len(), 8);
}

/// garde's texts in another language.
struct Shouts;
impl Validate for Shouts {
    type Context = ();

    fn validate_into(&self, (): &(), path: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        // A validation of its own, of which it keeps the text in a sentence; and one with garde's texts of its own.
        let inner = Short("hunter2").validate().expect_err("too long");
        let text = inner.iter().next().expect("an error").1.message().to_owned();
        report.append(path(), garde::Error::new(format!("inside, {text}")));
        report.append(path(), garde::Error::new(&text));
        let nested = validate(&deep(&["x"])).expect_err("too long");
        report.append(path(), garde::Error::new(&nested.details()[0].code));
    }
}

#[test]
fn a_validation_inside_of_a_validation() {
    let details = details(&Shouts);
    let said: Vec<(&str, &str)> = details.iter().map(|detail| (&*detail.code, &*detail.message)).collect();
    let expected = [
        ("invalid", "inside, length is greater than 1"),
        ("length", "length is greater than 1"),
        ("invalid", "length"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_validation_that_panics_leaves_nothing_behind() {
    fn panics(_: &u8, (): &()) -> garde::Result {
        panic!("on purpose")
    }
    #[derive(Validate)]
    struct Panics(#[garde(custom(panics))] u8);
    let caught = std::panic::catch_unwind(|| validate(&Panics(1)).is_ok());
    assert!(caught.is_err());
    let report = Short("hunter2").validate().expect_err("too long");
    assert_eq!(report.to_string(), "length is greater than 1\n");
    assert_eq!(said(&Short("hunter2")), [" length max=1"]);
}
