//! What a `main` that returns the error prints, in a process of its own: this one, started again. No test harness.
use std::process::{Command, ExitCode, Termination};
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
async fn application() -> Result<(), BootError> {
    App::create::<Broken>().await?.listen(0).await
}

const EXPECTED: &str = "\
Error: the application cannot start: 1 problem
  1. Rooms (`_clock`) asks for Clock, which nobody provides; add it to the providers of Broken
     at crates/switchboard/tests/main_returns.rs:10
     at crates/switchboard/tests/main_returns.rs:14
";

fn main() -> ExitCode {
    if std::env::var_os("SWITCHBOARD_APPLICATION").is_some() {
        return application().report();
    }
    let again = std::env::current_exe().expect("this program");
    let output = Command::new(again).env("SWITCHBOARD_APPLICATION", "1").env_remove("NO_COLOR").output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr).replace('\\', "/"), EXPECTED, "without colours, in a pipe");
    assert!(output.stdout.is_empty());
    println!("test main_returns ... ok");
    ExitCode::SUCCESS
}
