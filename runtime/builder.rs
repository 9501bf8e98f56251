//! How a runtime is put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use understory_actors::{BrainFactory, Limits, Parts, Role, Surveyor, System};
use understory_store::{Backend, BrainChoice, MemoryBackend, SledBackend, SledOptions, Store};

use crate::error::{self, Error};
use crate::roles::{Beneath, Commands, RoleError, RoleErrors};
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

    /// Adds the roles of a folder: a TOML file each, laid over the roles and read against the brains that were added before.
    /// A folder that is not there holds none.
    ///
    /// # Errors
    /// Everything that is wrong, each with its file and line.
    pub fn roles_from(self, dir: impl AsRef<Path>) -> Result<Self, RoleErrors> {
        self.roles_with(dir, &|_| Err("this program makes no brain from a command".to_owned()))
    }

    /// As [`Builder::roles_from`], where a file may say `command = "WORDS"` and `commands` makes a brain of the words.
    ///
    /// # Errors
    /// As for [`Builder::roles_from`].
    pub fn roles_with(
        mut self,
        dir: impl AsRef<Path>,
        commands: &dyn Fn(&str) -> Result<BrainChoice, String>,
    ) -> Result<Self, RoleErrors> {
        let roles = self.beneath(commands).read_all(dir.as_ref())?;
        self.parts.roles.extend(roles);
        Ok(self)
    }

    /// The names of the roles that [`Builder::roles_with`] would add.
    ///
    /// # Errors
    /// As for [`Builder::roles_from`].
    pub fn role_names(
        &self,
        dir: impl AsRef<Path>,
        commands: &dyn Fn(&str) -> Result<BrainChoice, String>,
    ) -> Result<Vec<String>, RoleErrors> {
        Ok(self.beneath(commands).read_all(dir.as_ref())?.into_iter().map(|(name, _)| name).collect())
    }

    /// Reads one role file as [`Builder::roles_with`] would: what the role is called, and what it comes to.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn read_role(
        &self,
        file: impl AsRef<Path>,
        commands: &dyn Fn(&str) -> Result<BrainChoice, String>,
    ) -> Result<(String, Role), RoleError> {
        self.beneath(commands).read(file.as_ref())
    }

    /// Sets the bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// Keeps the tables of jobs that come from no file in `dir`, until their rows are stored. Without it they lie in `spool`
    /// in the folder of the store, and a runtime without one takes none.
    pub fn spool_in(mut self, dir: impl Into<PathBuf>) -> Self {
        self.parts.spool = Some(dir.into());
        self
    }

    /// Has directories that agents work in looked at by this: without it only whether they are there is known, and nothing of
    /// repositories.
    pub fn surveyor(mut self, surveyor: impl Surveyor) -> Self {
        self.parts.surveyor = Some(Arc::new(surveyor));
        self
    }

    /// Opens the store in `dir`, making it if there is none, and starts over it. Activates nothing.
    ///
    /// Must be called within a tokio runtime. Opening a store that was not shut down reads what was written since it was
    /// opened last, which takes some seconds for each gigabyte.
    ///
    /// # Errors
    /// The store is in use by another process, damaged, or of a newer schema, or cannot be written.
    pub async fn open(mut self, dir: impl Into<PathBuf>) -> Result<Runtime, Error> {
        let dir = dir.into();
        self.parts.spool.get_or_insert_with(|| dir.join("spool"));
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

    fn beneath<'a>(&'a self, commands: Commands<'a>) -> Beneath<'a> {
        let mut brains: Vec<&str> = self.parts.brains.keys().map(String::as_str).collect();
        brains.sort_unstable();
        Beneath { roles: &self.parts.roles, brains, commands }
    }

    async fn over(self, backend: Arc<dyn Backend>, engine: Engine) -> Result<Runtime, Error> {
        Ok(Runtime::new(System::open(Store::new(backend), self.parts).await?, engine))
    }
}
