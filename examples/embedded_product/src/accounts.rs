//! The product's user table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Somebody who may sign in to the wiki. `Debug` shows the number only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The number that the wiki knows the account by.
    pub number: u64,
    /// The name to sign in with; no two are equal.
    pub login: String,
    /// The name that other people see.
    pub display_name: Option<String>,
    /// The address that the wiki writes to.
    pub email: Option<String>,
    /// Whether the account can sign in.
    pub is_active: bool,
    /// Whether the account may change how the wiki works. Directories have no say in that.
    pub is_administrator: bool,
    /// What the directory calls the account.
    pub directory_id: Option<String>,
    /// The hash of the password; without one nobody can sign in.
    pub password_hash: Option<String>,
    /// Counts the changes of what directories see.
    pub revision: u64,
    /// When the account was made, in seconds since 1970.
    pub created_at: i64,
    /// When what directories see last changed.
    pub modified_at: i64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("number", &self.number).finish_non_exhaustive()
    }
}

/// All accounts, in memory; a real product has a database here.
#[derive(Debug, Default)]
pub struct Accounts {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<u64, Account>,
    last: u64,
}

/// Why an account was not written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// Another account has the login.
    LoginInUse,
    /// There is no such account.
    Missing,
}

impl Accounts {
    /// No accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account under a new number.
    ///
    /// `None` if another account has the login.
    pub fn add(&self, account: Account) -> Option<Account> {
        self.insert(account).ok()
    }

    pub(crate) fn insert(&self, mut account: Account) -> Result<Account, WriteError> {
        self.with(|table| {
            table.check_login(&account)?;
            table.last += 1;
            account.number = table.last;
            account.revision = 1;
            table.rows.insert(account.number, account.clone());
            Ok(account)
        })
    }

    /// Changes an account in one step; nothing is written if the change fails.
    pub(crate) fn change<E: From<WriteError>>(
        &self,
        number: u64,
        change: impl FnOnce(&Account) -> Result<Account, E>,
    ) -> Result<Account, E> {
        self.with(|table| {
            let changed = change(table.rows.get(&number).ok_or(WriteError::Missing)?)?;
            table.check_login(&changed)?;
            table.rows.insert(number, changed.clone());
            Ok(changed)
        })
    }

    /// Removes an account in one step with a check.
    pub(crate) fn remove<E: From<WriteError>>(&self, number: u64, check: impl FnOnce(&Account) -> Result<(), E>) -> Result<(), E> {
        self.with(|table| {
            check(table.rows.get(&number).ok_or(WriteError::Missing)?)?;
            table.rows.remove(&number);
            Ok(())
        })
    }

    /// The account of a number.
    pub fn find(&self, number: u64) -> Option<Account> {
        self.with(|table| table.rows.get(&number).cloned())
    }

    /// All accounts, the oldest first.
    pub fn all(&self) -> Vec<Account> {
        self.with(|table| table.rows.values().cloned().collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        act(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn check_login(&self, account: &Account) -> Result<(), WriteError> {
        let key = |account: &Account| scimkit_types::compare::attribute_key("userName", &account.login, false).into_owned();
        let wanted = key(account);
        let is_taken = self.rows.values().any(|other| other.number != account.number && key(other) == wanted);
        if is_taken { Err(WriteError::LoginInUse) } else { Ok(()) }
    }
}
