//! Tickets: a browser, which cannot set headers on a WebSocket, sends a ticket instead of its token.
use crate::accounts::Account;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use switchboard::{Error, injectable};
use tokio::time::Instant;

/// How long a ticket is valid.
pub const GOOD_FOR: Duration = Duration::from_secs(30);
/// How many unused tickets may exist.
const WAITING: usize = 1000;

/// Each ticket is valid for one connection and a short time.
#[injectable]
pub struct Tickets {
    waiting: Mutex<HashMap<String, Ticket>>,
}

struct Ticket {
    account: Arc<Account>,
    until: Instant,
}

impl Tickets {
    /// A new ticket: 128 random bits, in hexadecimal.
    ///
    /// Errors: `overloaded` if there are too many unused ones; `internal` if the system has no random numbers.
    pub fn issue(&self, account: Arc<Account>) -> Result<String, Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Error::internal(error.to_string()))?;
        let ticket = format!("{:032x}", u128::from_be_bytes(random));
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, ticket| ticket.until > now);
        if waiting.len() >= WAITING {
            return Err(Error::overloaded("Too many people log in at once").retry_after(Duration::from_secs(1)));
        }
        waiting.insert(ticket.clone(), Ticket { account, until: now + GOOD_FOR });
        Ok(ticket)
    }

    /// The account of a ticket. This uses the ticket up.
    pub fn redeem(&self, ticket: &str) -> Option<Arc<Account>> {
        let ticket = self.waiting.lock().remove(ticket)?;
        (ticket.until > Instant::now()).then_some(ticket.account)
    }
}
