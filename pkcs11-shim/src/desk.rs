//! How many sessions a slot has, and who is logged in.

use std::sync::Mutex;

use strongroom_model::{Error, Result, ReturnCode, Role, UserName};

use crate::state;
use crate::sync::lock;

/// Who is logged in; the default user of the role if there's no name.
pub(crate) type User = (Role, Option<UserName>);

/// What a slot knows of its sessions and its login.
#[derive(Default)]
pub(crate) struct Desk(Mutex<Book>);

#[derive(Default)]
struct Book {
    read_only: usize,
    read_write: usize,
    user: Option<User>,
    /// The officer is logging in just now.
    officer_enters: bool,
}

impl Desk {
    /// Counts a session in, if there are less than `limit`; `officer` is whether the officer is logged in. To be called
    /// while holding [`state::changing`].
    ///
    /// # Errors
    ///
    /// `SESSION_COUNT` past the limit; `SESSION_READ_WRITE_SO_EXISTS` for a read-only session while the officer is
    /// logged in.
    pub(crate) fn count_in(&self, read_write: bool, officer: bool, limit: usize) -> Result<()> {
        let mut book = lock(&self.0);
        if book.read_only + book.read_write >= limit {
            let message = format!("{limit} sessions are open; close some");
            return Err(Error::new(ReturnCode::SESSION_COUNT, message));
        }
        if read_write {
            book.read_write += 1;
        } else if officer || book.officer_enters {
            let message = "while the officer is logged in, only read-write sessions can be opened";
            return Err(Error::new(ReturnCode::SESSION_READ_WRITE_SO_EXISTS, message));
        } else {
            book.read_only += 1;
        }
        Ok(())
    }

    /// Counts a session out; whether it was the last and somebody is logged in. To be called while holding
    /// [`state::changing`].
    pub(crate) fn count_out(&self, read_write: bool) -> bool {
        let mut book = lock(&self.0);
        let count = if read_write { &mut book.read_write } else { &mut book.read_only };
        *count = count.saturating_sub(1);
        book.read_only + book.read_write == 0 && book.user.is_some()
    }

    /// How many read-only and read-write sessions there are.
    pub(crate) fn sessions(&self) -> (usize, usize) {
        let book = lock(&self.0);
        (book.read_only, book.read_write)
    }

    /// Who logged in last, and hasn't logged out.
    pub(crate) fn user(&self) -> Option<User> {
        lock(&self.0).user.clone()
    }

    /// Keeps read-only sessions from being opened while the officer logs in.
    ///
    /// # Errors
    ///
    /// `SESSION_READ_ONLY_EXISTS`.
    pub(crate) fn officer_enters(&self) -> Result<()> {
        let _changing = state::changing();
        let mut book = lock(&self.0);
        if book.read_only > 0 {
            let message = "the officer can't log in while read-only sessions are open";
            return Err(Error::new(ReturnCode::SESSION_READ_ONLY_EXISTS, message));
        }
        book.officer_enters = true;
        Ok(())
    }

    /// Notes who is logged in.
    pub(crate) fn set_user(&self, user: Option<User>) {
        let _changing = state::changing();
        let mut book = lock(&self.0);
        book.user = user;
        book.officer_enters = false;
    }

    /// What a child makes of its parent's; sessions are still to be counted in.
    pub(crate) fn in_child(&self) -> Self {
        let user = self.0.try_lock().ok().and_then(|book| book.user.clone());
        Self(Mutex::new(Book { user, ..Book::default() }))
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::limits::MAX_SESSIONS;

    use super::*;

    fn code(result: Result<()>) -> Option<ReturnCode> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn the_officer_and_read_only_sessions_exclude_each_other() {
        let desk = Desk::default();
        desk.count_in(false, false, MAX_SESSIONS).unwrap();
        assert_eq!(code(desk.officer_enters()), Some(ReturnCode::SESSION_READ_ONLY_EXISTS));
        assert!(!desk.count_out(false));
        desk.officer_enters().unwrap();
        assert_eq!(
            code(desk.count_in(false, false, MAX_SESSIONS)),
            Some(ReturnCode::SESSION_READ_WRITE_SO_EXISTS)
        );
        desk.count_in(true, false, MAX_SESSIONS).unwrap();
        desk.set_user(Some((Role::Admin, None)));
        assert_eq!(
            code(desk.count_in(false, true, MAX_SESSIONS)),
            Some(ReturnCode::SESSION_READ_WRITE_SO_EXISTS)
        );
        assert_eq!(desk.sessions(), (0, 1));
        assert!(desk.count_out(true));
        desk.set_user(None);
        desk.count_in(false, false, MAX_SESSIONS).unwrap();
    }

    #[test]
    fn sessions_are_limited_and_a_child_starts_with_none() {
        let desk = Desk::default();
        desk.set_user(Some((Role::CryptoUser, None)));
        for _ in 0..1024 {
            desk.count_in(false, false, 1024).unwrap();
        }
        assert_eq!(code(desk.count_in(true, false, 1024)), Some(ReturnCode::SESSION_COUNT));
        desk.count_in(true, false, MAX_SESSIONS).unwrap();
        let child = desk.in_child();
        assert_eq!((child.sessions(), child.user()), ((0, 0), Some((Role::CryptoUser, None))));
    }
}
