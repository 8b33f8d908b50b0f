//! `Option` of an extractor is none, and what is kept from before the upgrade is `Clone`.
use serde::Deserialize;
use switchboard::{Path, Query, User, messages};

#[derive(Deserialize)]
struct Place {
    room: String,
}

struct Chat;

#[messages]
impl Chat {
    #[subscribe_message("perhaps")]
    async fn perhaps(&self, user: Option<User>) -> bool {
        user.is_some()
    }
    #[subscribe_message("path")]
    async fn path(&self, Path(place): Path<Place>) -> String {
        place.room
    }
    #[subscribe_message("query")]
    async fn query(&self, Query(place): Query<Place>) -> String {
        place.room
    }
}

fn main() {}
