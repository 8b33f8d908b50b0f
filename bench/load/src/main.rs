//! The load generator: one thread, bare epoll, frames encoded before the run. Everything that arrives is compared with
//! what was sent; the first difference ends the run, with exit status 1 and a sentence on standard error.

mod allocations;
mod conn;
mod crowd;
mod dialect;
mod echo;
mod fanout;
mod handshakes;
mod idle;
mod open;
mod options;
mod packed;
mod poller;
mod process;
mod tag;
mod talk;
mod text;
mod window;
mod ws;

use std::process::ExitCode;

use options::{Mode, Options};
use rustix::process::{Resource, getrlimit, setrlimit};

/// An error is a sentence: what the server did wrong, or what the machine refused.
pub(crate) type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help") {
        print!("{}", options::USAGE);
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(mistake) => {
            eprintln!("bench-load: {mistake}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    // The default is too low for 10,000 connections.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);

    let done = match options.mode {
        Mode::Echo => echo::run(&options),
        Mode::Fanout => fanout::run(&options),
        Mode::Handshakes => handshakes::run(&options),
        Mode::Idle => idle::run(&options),
        Mode::Crowd => crowd::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench-load: {why}");
            ExitCode::FAILURE
        }
    }
}

/// A figure, as `cargo xtask bench` reads it.
pub(crate) fn report(name: &str, value: f64) {
    println!("{name} {value}");
}
