//! `POST /login`: exchanges a token for a ticket, in a cookie that no script can read.
use crate::accounts::Accounts;
use crate::auth::COOKIE;
use crate::dto::Login;
use crate::tickets::{GOOD_FOR, Tickets};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use std::sync::Arc;

/// The route. It takes JSON, which a page of another origin cannot send without a preflight request.
pub fn routes(accounts: Arc<Accounts>, tickets: Arc<Tickets>) -> Router {
    Router::new().route("/login", post(login)).layer(DefaultBodyLimit::max(1024)).with_state((accounts, tickets))
}

async fn login(
    State((accounts, tickets)): State<(Arc<Accounts>, Arc<Tickets>)>,
    Json(Login { token }): Json<Login>,
) -> Response {
    let Some(account) = accounts.by_token(&token) else {
        return (StatusCode::UNAUTHORIZED, "Nobody has this token").into_response();
    };
    match tickets.issue(account) {
        // If the site uses TLS, add `Secure`.
        Ok(ticket) => {
            let seconds = GOOD_FOR.as_secs();
            let cookie = format!("{COOKIE}={ticket}; Path=/ws; Max-Age={seconds}; HttpOnly; SameSite=Strict");
            (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
        }
        Err(error) => {
            tracing::error!(cause = error.source_chain(), "no ticket");
            (StatusCode::SERVICE_UNAVAILABLE, error.message().to_owned()).into_response()
        }
    }
}
