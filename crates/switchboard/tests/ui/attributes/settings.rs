//! What a gateway, a provider and a module say of themselves.
use switchboard::{gateway, injectable, messages, module};

fn auth() {}

#[gateway(path = "/a", version = 1)]
struct Number;

#[messages]
impl Number {}

#[gateway(path = "/b", version = [])]
struct NoVersion;

#[messages]
impl NoVersion {}

#[gateway(path = "/c", concurrency = 0)]
struct NoneAtATime;

#[messages]
impl NoneAtATime {}

#[injectable(scope = "session")]
struct Unknown;

#[injectable(scope = Connection)]
struct NotAText;

#[module(app_guards(auth))]
struct Everywhere;

#[gateway(path = "/d", namespace = Side, namespace_by = auth)]
struct TwoNamespaces;

#[messages]
impl TwoNamespaces {}

fn main() {}
