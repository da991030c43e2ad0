//! What PostgreSQL reports, as errors of a store.

use deadpool_postgres::PoolError;
use deadpool_postgres::tokio_postgres::error::SqlState;

use crate::error::StoreError;

/// What the server said, without the details that may hold values.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct ServerError {
    message: String,
    code: String,
    may_be_repeated: bool,
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(report) = error.as_db_error() else { return Self::backend(error) };
        let may_be_repeated = [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED].contains(&report.code());
        Self::backend(ServerError { message: report.message().to_owned(), code: report.code().code().to_owned(), may_be_repeated })
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::backend(other),
        }
    }
}

/// Whether the transaction was given up for others and may succeed when it is done again.
pub(super) fn may_be_repeated(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<ServerError>());
    source.is_some_and(|source| source.may_be_repeated)
}
