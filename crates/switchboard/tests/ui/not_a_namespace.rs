//! A namespace has a name.
use switchboard::{App, Server};

enum Admin {}

fn main() {
    let _: Server<Admin> = App::new().server_of();
}
