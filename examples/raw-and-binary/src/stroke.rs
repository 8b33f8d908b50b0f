//! One line on the board, as bytes.
use serde::Serialize;
use switchboard::handler::MessageContext;
use switchboard::pipeline::Pipe;
use switchboard::{Binary, Error};

const COLOUR: usize = 3;
const POINT: usize = 4;
const MOST_POINTS: usize = 500;

/// Three bytes of colour (red, green, blue), then 1 to 500 points: `x` and `y` as 16-bit big-endian numbers.
///
/// For a MessagePack client it is `bin`, for a JSON client base64 text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Stroke(Binary);

/// The pipe from bytes to a stroke: only valid bytes reach a handler.
pub struct Points;

impl Pipe<Stroke> for Points {
    type From = Binary;

    fn transform(&self, bytes: Binary, _: &MessageContext<'_>) -> Result<Stroke, Error> {
        let points = bytes.len().saturating_sub(COLOUR);
        if points.is_multiple_of(POINT) && (1..=MOST_POINTS).contains(&(points / POINT)) {
            Ok(Stroke(bytes))
        } else {
            Err(Error::validation_failed("A stroke is a colour of 3 bytes, and 1 to 500 points of 4 bytes"))
        }
    }
}
