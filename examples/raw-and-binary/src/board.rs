//! A gateway with events whose payload is bytes: a drawing board, for JSON and MessagePack clients together.
use crate::stroke::{Points, Stroke};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use switchboard::{Client, gateway, injectable, messages};

/// How many strokes are kept. A new one replaces the oldest.
const STROKES: usize = 100;
const BOARD: &str = "board";

/// The strokes on the board.
#[injectable]
pub struct Drawing {
    strokes: Mutex<VecDeque<Stroke>>,
}

impl Drawing {
    fn add(&self, stroke: Stroke) {
        let mut strokes = self.strokes.lock();
        if strokes.len() == STROKES {
            strokes.pop_front();
        }
        strokes.push_back(stroke);
    }

    fn clear(&self) {
        self.strokes.lock().clear();
    }

    /// All strokes, oldest first.
    pub fn strokes(&self) -> Vec<Stroke> {
        self.strokes.lock().iter().cloned().collect()
    }
}

/// The push `drawing`, the first event of each connection.
#[derive(Debug, Serialize)]
struct Whole {
    /// The strokes so far.
    strokes: Vec<Stroke>,
}

/// The handlers. They do not depend on the format of a client, which its subprotocol chooses.
#[gateway(path = "/board")]
pub struct BoardGateway {
    #[inject]
    drawing: Arc<Drawing>,
}

#[messages]
impl BoardGateway {
    #[on_connect]
    async fn arrived(&self, client: &Client) {
        // In this order a stroke that arrives in between is drawn twice instead of being lost.
        client.join(BOARD);
        client.emit("drawing", Whole { strokes: self.drawing.strokes() });
    }

    #[subscribe_message("stroke")]
    async fn stroke(&self, #[pipe(Points)] stroke: Stroke, client: &Client) {
        self.drawing.add(stroke.clone());
        client.broadcast_to(BOARD, "stroke", &stroke);
    }

    #[subscribe_message("clear")]
    async fn clear(&self, client: &Client) {
        self.drawing.clear();
        client.broadcast_to(BOARD, "cleared", ());
    }
}
