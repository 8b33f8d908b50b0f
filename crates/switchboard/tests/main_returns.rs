//! What a `main` does, in a process of its own: this one, started again. No test harness.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode, Stdio, Termination};
use std::time::{Duration, Instant};
use switchboard::di::Container;
use switchboard::{App, BootError, injectable, module};

struct Clock;

#[injectable]
struct Rooms {
    #[inject]
    _clock: std::sync::Arc<Clock>,
}

#[module(providers(Rooms))]
struct Broken;

/// What an application has as its `main`.
#[tokio::main(flavor = "current_thread")]
async fn broken() -> Result<(), BootError> {
    App::create::<Broken>().await?.listen("127.0.0.1:0").await
}

async fn hangs(_: Container) {
    println!("hook");
    std::future::pending::<()>().await;
}

#[module(on_shutdown = hangs)]
struct Hanging;

#[tokio::main(flavor = "current_thread")]
async fn hanging() -> Result<(), BootError> {
    let bound = App::create::<Hanging>().await?.bind("127.0.0.1:0").await?;
    println!("{}", bound.local_addr());
    bound.serve().await;
    Ok(())
}

const EXPECTED: &str = "\
Error: the application cannot start: 1 problem
  1. Rooms (`_clock`) asks for Clock, which nobody provides; add it to the providers of Broken
     at crates/switchboard/tests/main_returns.rs:14
     at crates/switchboard/tests/main_returns.rs:18
";

fn again(what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env("SWITCHBOARD_MAIN", what).env_remove("NO_COLOR");
    command
}

fn the_error_is_printed() {
    let output = again("broken").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr).replace('\\', "/"), EXPECTED, "without colours, in a pipe");
    assert!(output.stdout.is_empty());
}

/// The first signal waits for the shutdown hooks, further ones end a hook that hangs.
fn a_hanging_hook_is_left_by_signals() {
    let mut child = again("hanging").stdout(Stdio::piped()).spawn().expect("it runs");
    let terminate = |child: u32| Command::new("kill").args(["-TERM", &child.to_string()]).status().expect("kill");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    // Once it answers, it hears signals.
    let mut stream = TcpStream::connect(lines.next().expect("an address")).expect("a server");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
    stream.read_exact(&mut [0; 12]).expect("a response");
    drop(stream);
    let began = Instant::now();
    let mut signals = 0;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success(), "{status} after {signals} signals");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "a hook that hangs keeps it after {signals} signals");
        terminate(child.id());
        signals += 1;
        if signals == 1 {
            assert_eq!(lines.next().as_deref(), Some("hook"));
        }
        std::thread::yield_now();
    }
    assert!(signals >= 3, "{signals} signals");
}

fn main() -> ExitCode {
    match std::env::var("SWITCHBOARD_MAIN").as_deref() {
        Ok("broken") => return broken().report(),
        Ok("hanging") => return hanging().report(),
        _ => {}
    }
    the_error_is_printed();
    if cfg!(unix) {
        a_hanging_hook_is_left_by_signals();
    }
    println!("test main_returns ... ok");
    ExitCode::SUCCESS
}
