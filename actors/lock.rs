//! A mutex for state that no panic leaves half changed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// As [`Mutex`], without the poison: what it guards is changed by code that cannot panic in between. Never held across an
/// await.
#[derive(Debug)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Lock::new(T::default())
    }
}
