//! The page of two kinds of clients: with `?socketio` it uses the client library, otherwise a WebSocket.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

pub(crate) fn routes() -> Router {
    let page = ([(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page.html"));
    Router::new().route("/", get(move || async move { page }))
}
