//! Rooms are named by texts and ids of clients, roles by texts.
use switchboard::{Client, Roles, Server};

fn rooms(client: &Client, server: &Server) {
    let _ = server.to(7);
    let _ = client.join(Some("lobby"));
    let _ = client.to(client);
    let _ = server.except(client.id()).except(&client.id()).except("lobby").except(&"lobby".to_owned());
}

fn roles() {
    let _ = Roles::any(7);
    let _ = Roles::all([7]);
    let _ = (Roles::any("admin"), Roles::any(["a", "b"]), Roles::any(vec!["a".to_owned()]), Roles::all("a".to_owned()));
}

fn main() {
    let _ = (rooms, roles);
}
