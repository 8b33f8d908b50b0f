//! A gateway with events whose payload is bytes: a drawing board, for JSON and MessagePack clients together.
use crate::stroke::{Points, Stroke};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use switchboard::{Client, gateway, injectable, messages};

/// The strokes that are kept. The oldest makes place for a new one.
const STROKES: usize = 100;
const BOARD: &str = "board";

/// What is on the board.
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

/// The push `drawing`, the first that everybody gets.
#[derive(Debug, Serialize)]
struct Whole {
    /// What is on the board already.
    strokes: Vec<Stroke>,
}

/// The handlers. Nothing here says in which format a client speaks: its subprotocol does.
#[gateway(path = "/board")]
pub struct BoardGateway {
    #[inject]
    drawing: Arc<Drawing>,
}

#[messages]
impl BoardGateway {
    #[on_connect]
    async fn arrived(&self, client: &Client) {
        // In this order a stroke that comes meanwhile is drawn twice, and not left out.
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
