//! SQLite as this crate uses it: cached statements, errors turned into ours, numbers that are unsigned everywhere else.
//!
//! Nothing of the engine leaves the crate; nothing outside `sql` and `schema` knows its error types.

use crate::Error;
use rusqlite::{Connection, ErrorCode, Params, Row};

/// A connection, as a cheap handle to run statements on.
#[derive(Clone, Copy)]
pub(crate) struct Db<'a>(pub &'a Connection);

impl Db<'_> {
    /// Runs a statement that gives no rows; returns how many rows it changed.
    pub(crate) fn run(self, sql: &str, params: impl Params) -> Result<usize, Error> {
        Ok(self.0.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row, if there is one.
    pub(crate) fn first<T>(
        self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(map).transpose()?)
    }

    /// All rows.
    pub(crate) fn all<T>(
        self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params, map)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Runs `inner` so that all it reads is of one moment. What it returns must not borrow from the connection.
    pub(crate) fn snapshot<T>(self, inner: impl FnOnce(Self) -> Result<T, Error>) -> Result<T, Error> {
        let transaction = self.0.unchecked_transaction()?;
        let result = inner(self);
        drop(transaction);
        result
    }
}

/// An unsigned number as SQLite keeps it. Bit patterns survive; order does for all below 2^63.
pub(crate) fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// The number that [`int`] took.
pub(crate) fn uint(number: i64) -> u64 {
    number.cast_unsigned()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        // SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow, which happens on a full disk only.
        const SHMSIZE: i32 = 10 | (19 << 8);
        match error.sqlite_error() {
            Some(e) if e.code == ErrorCode::DiskFull || e.extended_code == SHMSIZE => Error::Full,
            Some(e) if matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Damaged(format!("index.db: {error}"))
            }
            Some(e) if matches!(e.code, ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Error::Denied(format!("index.db: {error}"))
            }
            Some(_) => Error::Io(format!("index.db: {error}")),
            // A row that does not have the form that was written.
            None => Error::Damaged(format!("index.db: {error}")),
        }
    }
}

/// Says what was tried when the operating system refused.
pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Error {
    move |error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::Full,
        std::io::ErrorKind::PermissionDenied => Error::Denied(format!("{what}: {error}")),
        std::io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly(format!("{what}: {error}")),
        _ => Error::Io(format!("{what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn numbers_survive_and_full_disks_are_known() {
        for number in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(uint(int(number)), number);
        }
        assert!(matches!(io("write")(ErrorKind::StorageFull.into()), Error::Full));
        assert!(matches!(io("write")(ErrorKind::NotFound.into()), Error::Io(_)));
        assert!(matches!(io("write")(ErrorKind::PermissionDenied.into()), Error::Denied(_)));
        assert!(matches!(io("write")(ErrorKind::ReadOnlyFilesystem.into()), Error::ReadOnly(_)));
        let readonly = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(8), None);
        assert!(matches!(Error::from(readonly), Error::Denied(_)));
        let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(13), None);
        assert!(matches!(Error::from(full), Error::Full));
        let damaged = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(11), None);
        assert!(matches!(Error::from(damaged), Error::Damaged(_)));
        let odd = rusqlite::Error::IntegralValueOutOfRange(0, -1);
        assert!(matches!(Error::from(odd), Error::Damaged(_)));
    }
}
