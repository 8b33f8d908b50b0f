//! `Option` of an extractor is none, what is kept from before the upgrade is `Clone`, and axum's `Path` is another one.
use serde::Deserialize;
use switchboard::extract::{Path, Query};
use switchboard::{User, messages};

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
    #[subscribe_message("of_axum")]
    async fn of_axum(&self, path: switchboard::axum::extract::Path<u32>) -> u32 {
        path.0
    }
}

fn main() {}
