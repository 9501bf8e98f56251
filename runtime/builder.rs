//! How a runtime is put together.

use std::path::PathBuf;
use std::sync::Arc;

use understory_actors::{BrainFactory, Limits, Parts, Role, System};
use understory_store::{Backend, MemoryBackend, SledBackend, SledOptions, Store};

use crate::error::{self, Error};
use crate::runtime::{Engine, Runtime};

/// A runtime in the making.
#[derive(Default)]
#[must_use = "a builder opens nothing by itself"]
pub struct Builder {
    parts: Parts,
}

impl Builder {
    /// Adds a brain under a name: a factory, or a closure from a seat to a brain.
    pub fn brain(mut self, name: impl Into<String>, factory: impl BrainFactory) -> Self {
        self.parts.brains.insert(name.into(), Arc::new(factory));
        self
    }

    /// Adds or replaces a role. The one called `default` is what an agent has when none is named; without one given it has
    /// no brain.
    pub fn role(mut self, name: impl Into<String>, role: Role) -> Self {
        self.parts.roles.insert(name.into(), role);
        self
    }

    /// Sets the bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// Opens the store in `dir`, making it if there is none, and starts over it. Activates nothing.
    ///
    /// Must be called within a tokio runtime. Opening a store that was not shut down reads what was written since it was
    /// opened last, which takes some seconds for each gigabyte.
    ///
    /// # Errors
    /// The store is in use by another process, damaged, or of a newer schema, or cannot be written.
    pub async fn open(self, dir: impl Into<PathBuf>) -> Result<Runtime, Error> {
        let backend = SledBackend::open(dir, SledOptions::default()).await.map_err(error::store)?;
        let backend = Arc::new(backend);
        self.over(backend.clone(), Engine::Sled(backend)).await
    }

    /// Starts over a store in memory, which ends with it. For trying out and for tests.
    ///
    /// # Errors
    /// None in practice: a store in memory does not fail.
    pub async fn in_memory(self) -> Result<Runtime, Error> {
        self.on(Arc::new(MemoryBackend::new())).await
    }

    /// Starts over any backend.
    ///
    /// # Errors
    /// The backend failed.
    pub async fn on(self, backend: Arc<dyn Backend>) -> Result<Runtime, Error> {
        self.over(backend, Engine::Given).await
    }

    async fn over(self, backend: Arc<dyn Backend>, engine: Engine) -> Result<Runtime, Error> {
        Ok(Runtime::new(System::open(Store::new(backend), self.parts).await?, engine))
    }
}
