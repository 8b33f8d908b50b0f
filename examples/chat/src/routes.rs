//! Ordinary axum routes next to the gateway.
use crate::dto::{Announced, Announcement, OpenRoom};
use crate::rooms::RoomService;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use garde::Validate;
use std::sync::Arc;

/// `POST /announce` and `GET /rooms`.
pub fn routes(rooms: Arc<RoomService>) -> Router {
    Router::new().route("/announce", post(announce)).route("/rooms", get(open_rooms)).with_state(rooms)
}

/// Pushes `announce` to all clients in the lobby. A real application would authenticate the caller.
async fn announce(
    State(rooms): State<Arc<RoomService>>,
    Json(announcement): Json<Announcement>,
) -> Result<Json<Announced>, (StatusCode, String)> {
    announcement.validate().map_err(|report| (StatusCode::UNPROCESSABLE_ENTITY, report.to_string()))?;
    Ok(Json(Announced { sent: rooms.announce(&announcement.text).queued }))
}

async fn open_rooms(State(rooms): State<Arc<RoomService>>) -> Json<Vec<OpenRoom>> {
    Json(rooms.open())
}
