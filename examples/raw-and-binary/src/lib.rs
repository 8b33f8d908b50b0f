//! Binary data: a raw socket that computes checksums of files, and a drawing board whose strokes are bytes.
//!
//! | to see | open |
//! |---|---|
//! | a gateway that owns its socket | [`sum`](sum::SumGateway) |
//! | events with bytes, for JSON and MessagePack clients together | [`board`](board::BoardGateway) |
//! | a pipe that accepts only valid bytes | [`stroke`](stroke::Points) |
//! | a MessagePack client in a page | `page/msgpack.js`, `page/board.js` |

pub mod board;
pub mod page;
pub mod stroke;
pub mod sum;

use board::{BoardGateway, Drawing};
use sum::{SumGateway, Totals};
use switchboard::module;

/// The raw gateway on `/sum`, and the board on `/board`.
#[module(providers(Totals, Drawing), gateways(SumGateway, BoardGateway))]
pub struct BytesModule;
