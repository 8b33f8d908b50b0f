//! `Option` of an extractor is none, and what is kept from before the upgrade is `Clone`.
use serde::Deserialize;
use switchboard::extract::Path;
use switchboard::{Gateway, User};

#[derive(Deserialize)]
struct Place {
    room: String,
}

struct Chat;

impl Chat {
    async fn perhaps(&self, user: Option<User>) -> bool {
        user.is_some()
    }
    async fn path(&self, Path(place): Path<Place>) -> String {
        place.room
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("perhaps", Chat::perhaps);
    let _ = Gateway::new(Chat).on("path", Chat::path);
}
