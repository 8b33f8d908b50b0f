//! Who there is, and by which token they are known.
use serde::Serialize;
use std::sync::Arc;

/// One person. Their data is no part of what clients see.
#[derive(Debug)]
pub struct Account {
    /// The name that others type: `ada`.
    pub id: &'static str,
    /// The name that others read.
    pub name: &'static str,
    /// What they may do beside what everybody may.
    pub roles: &'static [&'static str],
    token: &'static str,
}

/// All accounts. A real one asks a database, which has a hash of each token and not the token.
pub struct Accounts(Vec<Arc<Account>>);

/// What others see of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    /// `ada`.
    pub id: String,
    /// `Ada Lovelace`.
    pub name: String,
}

impl Accounts {
    /// The three of this example.
    pub fn demo() -> Accounts {
        let account = |id, name, roles, token| Arc::new(Account { id, name, roles, token });
        Accounts(vec![
            account("ada", "Ada Lovelace", &["moderator"], "ada-token"),
            account("grace", "Grace Hopper", &[], "grace-token"),
            account("linus", "Linus Torvalds", &[], "linus-token"),
        ])
    }

    /// Whose token it is. Takes as long for a wrong one as for a right one.
    pub fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.0
            .iter()
            .fold(None, |found, account| if same(account.token, token) { Some(account.clone()) } else { found })
    }

    /// The account of this id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Account>> {
        self.0.iter().find(|account| account.id == id).cloned()
    }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
