use switchboard::{GatewayLimits, Limits, gateway, messages};

#[gateway(path = "/ws", limits = GatewayLimits::default().max_message(1000).memory(Some(1 << 30)))]
struct OfTheNode;

#[messages]
impl OfTheNode {}

#[gateway(path = "/ws", limits = Limits::default().max_message(1000))]
struct OfTheApplication;

#[messages]
impl OfTheApplication {}

fn main() {}
