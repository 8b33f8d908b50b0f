//! The accounts and their tokens.
use serde::Serialize;
use std::sync::Arc;

/// One account. Clients see only a part of its data: `Person`.
#[derive(Debug)]
pub struct Account {
    /// The id that others type: `ada`.
    pub id: &'static str,
    /// The name that others read.
    pub name: &'static str,
    /// The roles.
    pub roles: &'static [&'static str],
    token: &'static str,
}

/// All accounts. A real application would query a database that stores a hash of each token instead of the token.
pub struct Accounts(Vec<Arc<Account>>);

/// The public data of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    /// `ada`.
    pub id: String,
    /// `Ada Lovelace`.
    pub name: String,
}

impl Accounts {
    /// The three accounts of this example.
    pub fn demo() -> Accounts {
        let account = |id, name, roles, token| Arc::new(Account { id, name, roles, token });
        Accounts(vec![
            account("ada", "Ada Lovelace", &["moderator"], "ada-token"),
            account("grace", "Grace Hopper", &[], "grace-token"),
            account("linus", "Linus Torvalds", &[], "linus-token"),
        ])
    }

    /// The account of a token. A wrong token takes as long as a right one.
    pub fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.0
            .iter()
            .fold(None, |found, account| if same(account.token, token) { Some(account.clone()) } else { found })
    }

    /// The account with this id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Account>> {
        self.0.iter().find(|account| account.id == id).cloned()
    }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
