//! The page: six files in the binary, and no build step. The client library is served by the gateway's application itself.
use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

/// Only resources of this server, and no inline script, so texts of users cannot become code. Pictures come over the
/// connection, so the page makes their URLs (`blob:`).
const POLICY: &str = "default-src 'self'; connect-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// `GET /` and the files that it loads.
pub fn routes() -> Router {
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("../page/index.html")))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("../page/style.css")))
        .route("/page.js", file(JAVASCRIPT, include_str!("../page/page.js")))
        .route("/connect.js", file(JAVASCRIPT, include_str!("../page/connect.js")))
        .route("/draw.js", file(JAVASCRIPT, include_str!("../page/draw.js")))
        .route("/icon.svg", file("image/svg+xml", include_str!("../page/icon.svg")))
}

fn file(content_type: &'static str, text: &'static str) -> axum::routing::MethodRouter {
    get(move || async move {
        let headers = [
            (CONTENT_TYPE, content_type),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-cache"),
        ];
        (headers, text).into_response()
    })
}
