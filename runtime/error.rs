//! Why the runtime refused or failed.

use understory_store::StoreError;

/// Why the runtime refused or failed: what the actors say, as it is.
pub type Error = understory_actors::Error;

/// A store's failure as the runtime's.
pub(crate) fn store(error: StoreError) -> Error {
    Error::Store(error)
}
