//! A limit of the node on a gateway, and the application's limits on one.
use switchboard::{App, Gateway, GatewayLimits, Limits, NodeLimits, WebSocketLimits};

fn main() {
    let _ = Gateway::new(()).limits(GatewayLimits::default().max_message(1000).max_connections(Some(2)));
    let _ = Gateway::new(()).limits(GatewayLimits::public().handshake_timeout(std::time::Duration::from_secs(1)));
    let _ = Gateway::new(()).limits(Limits::default().max_message(1000));
    let _ = Gateway::new(()).limits(GatewayLimits::default().max_mesage(1000));
    let _ = App::new().limits(GatewayLimits::default().max_message(1000));
    let _ = NodeLimits::default().rooms(3);
    let _ = WebSocketLimits::default().rooms(3);
    let _ = GatewayLimits::default().websocket(WebSocketLimits::default().max_fragments(3)).rooms(4);
}
