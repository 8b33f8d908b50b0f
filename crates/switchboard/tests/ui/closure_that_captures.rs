//! An `async move` closure lends what it captures, so it is not `Fn`; a closure that clones it into an `async` block is.
use std::sync::Arc;
use switchboard::Gateway;

fn main() {
    let name = Arc::new(String::from("chat"));
    let _ = Gateway::new(()).on("name", async move |_: &()| name.len());
}
