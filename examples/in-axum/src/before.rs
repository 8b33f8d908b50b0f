//! The orders of a kitchen.
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::RwLock;

#[derive(Clone, Deserialize, Serialize)]
struct Order {
    dish: String,
    #[serde(default)]
    ready: bool,
}

#[derive(Clone)]
struct Kitchen {
    orders: Arc<RwLock<Vec<Order>>>,
}

impl Kitchen {
    async fn orders(&self) -> Vec<Order> {
        self.orders.read().await.clone()
    }
}

async fn list(State(kitchen): State<Kitchen>) -> Json<Vec<Order>> {
    Json(kitchen.orders().await)
}

async fn take(State(kitchen): State<Kitchen>, Json(order): Json<Order>) -> (StatusCode, Json<usize>) {
    let mut orders = kitchen.orders.write().await;
    orders.push(order);
    (StatusCode::CREATED, Json(orders.len() - 1))
}

async fn ready(State(kitchen): State<Kitchen>, Path(number): Path<usize>) -> StatusCode {
    let mut orders = kitchen.orders.write().await;
    let Some(order) = orders.get_mut(number) else { return StatusCode::NOT_FOUND };
    order.ready = true;
    StatusCode::NO_CONTENT
}

async fn uncached(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) async fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let kitchen = Kitchen { orders: Arc::default() };
    let routes = Router::new()
        .route("/orders", get(list).post(take))
        .route("/orders/{number}/ready", post(ready))
        .layer(from_fn(uncached))
        .with_state(kitchen);
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn ctrl_c() {
    tokio::signal::ctrl_c().await.ok();
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    serve(TcpListener::bind("127.0.0.1:3006").await?, ctrl_c()).await
}
