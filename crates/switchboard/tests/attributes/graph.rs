//! The graph of modules: text and drawing.
use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use switchboard::di::{Graph, ModuleDef};
use switchboard::{App, Inject, Namespace, Server, gateway, injectable, messages, module};

enum Admin {}
impl Namespace for Admin {
    const NAME: &'static str = "/admin";
}

struct Clock;
struct Missing;

trait Repo: Send + Sync {}
struct Memory;
impl Repo for Memory {}

fn memory() -> Arc<dyn Repo> {
    Arc::new(Memory)
}

async fn table(_: Arc<dyn Repo>) -> HashMap<String, &'static str> {
    HashMap::new()
}

#[injectable]
struct Rooms {
    #[inject]
    _clock: Arc<Clock>,
    #[inject]
    _repo: Arc<dyn Repo>,
    #[inject]
    _clock_again: Arc<Clock>,
    #[inject]
    _admin: Arc<Server<Admin>>,
    #[inject]
    _maybe: Option<Arc<Missing>>,
    _own: u8,
}

#[gateway(path = "/chat", namespace = Admin)]
struct Chat {
    #[inject]
    _rooms: Arc<Rooms>,
}

#[messages]
impl Chat {
    #[subscribe_message("one")]
    async fn one(&self, _rooms: Inject<Rooms>, _clock: Inject<Clock>) {}
    #[subscribe_message("two")]
    async fn two(&self, _rooms: Inject<Rooms>, _clock: Inject<Clock>) {}
    #[after_init]
    async fn ready(&self, _repo: Arc<dyn Repo>) {}
}

#[module(providers(value(Clock)), exports(Clock), global)]
struct TimeModule;

#[module(
    imports(TimeModule),
    providers(shared(memory), async_factory(table)),
    exports(dyn Repo, HashMap<String, &'static str>),
)]
struct DataModule;

#[module(imports(DataModule, TimeModule), providers(Rooms), gateways(Chat), exports(Rooms))]
struct ChatModule;

const TEXT: &str = "\
ChatModule
├─ imports DataModule
├─ imports TimeModule
├─ Rooms (struct, exported) ← Clock, dyn Repo, Server<Admin>, Missing
└─ Chat (gateway on /chat) ← Rooms, Clock, dyn Repo
DataModule
├─ imports TimeModule
├─ dyn Repo (factory, exported)
└─ HashMap<String, &str> (async factory, exported) ← dyn Repo
TimeModule (global)
└─ Clock (value, exported)";

#[tokio::test]
async fn as_text() {
    assert_eq!(Graph::of::<ChatModule>().to_string(), TEXT);
    assert_eq!(App::create::<ChatModule>().await.unwrap().graph().to_string(), TEXT);
    assert_eq!(App::new().graph().to_string(), "");
    let overridden = App::boot::<ChatModule>().override_value(Clock).create().await.unwrap();
    assert!(overridden.graph().to_string().contains("└─ Clock (override, exported)"));
}

const DOT: &str = r#"digraph {
  rankdir=LR; node [shape=box, fontname="sans-serif"];
  subgraph cluster_0 {
    label="ChatModule";
    n0 [label="Rooms\nstruct", style=bold];
    n1 [label="Chat\ngateway on /chat"];
  }
  subgraph cluster_1 {
    label="DataModule";
    n2 [label="dyn Repo\nfactory", style=bold];
    n3 [label="HashMap<String, &str>\nasync factory", style=bold];
  }
  subgraph cluster_2 {
    label="TimeModule";
    n4 [label="Clock\nvalue", style=bold];
  }
  n5 [label="Server<Admin>", style=dashed];
  n6 [label="Missing", style=dashed];
  n0 -> n4;
  n0 -> n2;
  n0 -> n5;
  n0 -> n6;
  n1 -> n0;
  n1 -> n4;
  n1 -> n2;
  n3 -> n2;
}
"#;

#[test]
fn as_a_drawing() {
    assert_eq!(Graph::of::<ChatModule>().dot(), DOT);
}

mod other {
    pub(super) struct Clock;
}

/// Names that need quotes, and two types of one name.
#[tokio::test]
async fn names_that_a_drawing_must_escape() {
    struct Of<T>(T);
    let time = ModuleDef::new("time").value(other::Clock).value(Of("x")).value(Of(('"', 1)));
    let module = ModuleDef::new("a \"quoted\\ name\"\n").value(Clock).import_def(time);
    let app = App::boot_def(module).create().await.unwrap();
    let dot = app.graph().dot();
    assert!(dot.contains(r#"label="a \"quoted\\ name\"\n";"#), "{dot}");
    assert_eq!(dot.matches(r#"[label="Clock\nvalue"]"#).count(), 2, "{dot}");
    assert!(dot.contains(r#"[label="Of<(char, i32)>\nvalue"]"#), "{dot}");
    for drawing in [dot.as_str(), DOT] {
        assert!(quotes_are_closed(drawing), "{drawing}");
        draws(drawing);
    }
}

fn quotes_are_closed(dot: &str) -> bool {
    dot.lines().all(|line| line.replace(r"\\", "").replace(r#"\""#, "").matches('"').count() % 2 == 0)
}

/// Where Graphviz is installed, it takes the drawing.
fn draws(dot: &str) {
    let run = Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut run) = run else { return };
    std::io::Write::write_all(&mut run.stdin.take().unwrap(), dot.as_bytes()).unwrap();
    let svg = run.wait_with_output().unwrap();
    assert!(svg.status.success() && String::from_utf8_lossy(&svg.stdout).contains("<svg"));
}
