//! The pages of the other examples, in Chromium: each loads, does what it is for, and fits a phone.

use std::time::Duration;

use e2e::{Control, NodeScript, Server};

#[test]
fn people_log_in_and_a_moderator_kicks() {
    run("auth-and-rooms");
}

#[test]
fn jobs_run_are_cancelled_and_end_with_their_page() {
    run("streaming");
}

#[test]
fn both_boards_draw_and_a_file_is_summed() {
    run("raw-and-binary");
}

/// Its script stops and starts the server.
#[test]
fn the_library_and_a_raw_socket_are_in_one_room() {
    let server = Server::start("socketio-chat");
    let script = NodeScript::new("socketio-chat").env("URL", server.url("/"));
    let control = Control::serve(server);
    let output = script.env("CONTROL", control.port()).limit(Duration::from_secs(60)).run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}

/// Runs the script of an example's name against it.
fn run(example: &str) {
    let server = Server::start(example);
    let output = NodeScript::new(example).env("URL", server.url("/")).limit(Duration::from_secs(60)).run();
    assert!(output.stdout.ends_with("done\n"), "{output:?}");
}
