//! Who works where: at creation from the parent or from what is said, later from what an operator sets or accepts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use understory_paths::AgentPath;
use understory_store::{
    AgentId, AgentRef, Checkout, CommitError, Directory, Draft, Event, Node, Revision, Shortlist, Table, Time,
};

use super::DIRECTORY_MAX;
use crate::error::Error;
use crate::lifecycle::SpawnRequest;
use crate::system::{System, node_at};

/// A directory that somebody is about to be given, and how it stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) left: Option<Checkout>,
}

impl Place {
    /// What is kept of it for `of`.
    pub(crate) fn record(&self, of: AgentId, now: Time) -> Directory {
        Directory::new(of, self.path.clone(), self.left.clone(), now)
    }
}

impl System {
    /// Where an agent or job works, how it was left, and what was last found otherwise. An item works where its job does.
    ///
    /// # Errors
    /// The store failed.
    pub async fn directory(&self, path: &AgentPath) -> Result<Option<Directory>, Error> {
        let Some(node) = self.store.get::<Node>(&Table::Node.at(path)).await? else { return Ok(None) };
        let at = match (&node.value, path.parent()) {
            (Node::Item(_), Some(job)) => job,
            _ => path.clone(),
        };
        Ok(self.store.get::<Directory>(&Table::Directory.at(&at)).await?.map(|row| row.value))
    }

    /// How the directory stands that an agent, a job or its item works in, by a look at it now. Nothing if there is none, or
    /// it cannot be told.
    ///
    /// # Errors
    /// The store failed.
    pub async fn repository_of(&self, path: &AgentPath) -> Result<Option<Checkout>, Error> {
        match self.directory(path).await? {
            Some(directory) => Ok(self.survey(&Path::new(&directory.path).into()).await),
            None => Ok(None),
        }
    }

    /// Says where an agent or job works from its next turn or row on, and takes it to be right as it is. Durable when it
    /// returns.
    ///
    /// # Errors
    /// Nothing lies at the path, it is a job's item, or the directory is not there.
    pub async fn set_directory(&self, path: &AgentPath, directory: &Path) -> Result<Directory, Error> {
        let place = self.place(directory).await?;
        self.put_directory(path, |_| Ok(place.clone())).await
    }

    /// Takes the directory of an agent or job to be right as it is: what was held against it goes on. Durable when it returns.
    ///
    /// # Errors
    /// Nothing lies at the path, it is a job's item, or it has no directory.
    pub async fn accept_directory(&self, path: &AgentPath) -> Result<Directory, Error> {
        let known = self.directory(path).await?;
        let left = match &known {
            Some(directory) => self.survey(&Path::new(&directory.path).into()).await,
            None => None,
        };
        self.put_directory(path, |directory| {
            let directory = directory.ok_or_else(|| Error::NoDirectory { of: path.clone() })?;
            // One that was set meanwhile was looked at then.
            let left =
                if known.as_ref().is_some_and(|known| known.path == directory.path) { &left } else { &directory.left };
            Ok(Place { path: directory.path.clone(), left: left.clone() })
        })
        .await
    }

    /// Where those to be created work: each where it is said, or where its parent does, which may be created with it.
    pub(crate) async fn places_of(&self, requests: &[SpawnRequest]) -> Result<Vec<Option<Place>>, Error> {
        let (mut said, mut parents, mut places) = (HashMap::new(), HashMap::new(), Vec::with_capacity(requests.len()));
        for request in requests {
            let place = match (&request.directory, request.path.parent()) {
                (Some(directory), _) => match said.get(directory) {
                    Some(place) => Some(Place::clone(place)),
                    None => {
                        let place = self.place(directory).await?;
                        said.insert(directory, place.clone());
                        Some(place)
                    }
                },
                (None, Some(parent)) => match parents.get(&parent) {
                    Some(place) => Option::<Place>::clone(place),
                    None => {
                        let place = self.inherited(&parent).await?;
                        parents.insert(parent, place.clone());
                        place
                    }
                },
                (None, None) => None,
            };
            if place.is_some() {
                parents.insert(request.path.clone(), place.clone());
            }
            places.push(place);
        }
        Ok(places)
    }

    /// How a directory stands, by a look at it now.
    pub(crate) async fn survey(&self, directory: &Arc<Path>) -> Option<Checkout> {
        self.surveys.look(directory).await
    }

    /// The commits between how a directory was given and how it was left.
    pub(crate) async fn revisions(&self, directory: &Directory) -> Shortlist<Revision> {
        self.surveys.revisions(directory).await
    }

    /// A directory as it is kept, and how it stands.
    pub(crate) async fn place(&self, directory: &Path) -> Result<Place, Error> {
        let path = self.located(directory).await?;
        let left = self.survey(&Path::new(&path).into()).await;
        Ok(Place { path, left })
    }

    /// The name of a directory as it is kept.
    async fn located(&self, directory: &Path) -> Result<String, Error> {
        let refused = |rule: String| Error::BadDirectory { directory: directory.display().to_string(), rule };
        if !directory.is_absolute() {
            return Err(refused("is not absolute".to_owned()));
        }
        let found = self.surveys.surveyor().locate(directory.to_owned()).await;
        let found = found.map_err(|error| Error::MissingDirectory {
            directory: directory.display().to_string(),
            reason: error.to_string(),
        })?;
        let path = found.to_str().ok_or_else(|| refused("is not utf-8".to_owned()))?.to_owned();
        let (bytes, max) = (path.len(), DIRECTORY_MAX);
        if bytes > max {
            return Err(Error::TooLong { what: "directory", bytes, max });
        }
        Ok(path)
    }

    /// The directory that a child of `parent` has if nothing is said: that of its parent, as it is now.
    pub(crate) async fn inherited(&self, parent: &AgentPath) -> Result<Option<Place>, Error> {
        // Nearly nobody has one: that is known by one look, without the node.
        let own = self.store.peek::<Directory>(&Table::Directory.at(parent)).await?.map(|row| row.value);
        let found = match own {
            Some(own) => Some(own),
            None if understory_store::keys::item_number(parent).is_some() => self.directory(parent).await?,
            None => None,
        };
        let Some(Directory { path, .. }) = found else { return Ok(None) };
        let left = self.survey(&Path::new(&path).into()).await;
        Ok(Some(Place { path, left }))
    }

    /// The directory that an agent gives to a child: at or below its own, from which a relative one is told.
    pub(crate) async fn place_below(&self, caller: &AgentPath, directory: &str) -> Result<Place, Error> {
        let own = self.directory(caller).await?.map(|own| PathBuf::from(own.path));
        let refused = |rule: &str| Error::BadDirectory { directory: directory.to_owned(), rule: rule.to_owned() };
        let Some(own) = own else { return Err(refused("lies below no directory of yours: you have none")) };
        // What lies elsewhere is refused in the same words whether it is there or not.
        let outside = || refused("is not there, or does not lie below your own directory");
        let path = self.located(&own.join(directory)).await.map_err(|error| match error {
            Error::MissingDirectory { .. } => outside(),
            error => error,
        })?;
        // What lies outside is not even looked at.
        if !Path::new(&path).starts_with(&own) {
            return Err(outside());
        }
        let left = self.survey(&Path::new(&path).into()).await;
        Ok(Place { path, left })
    }

    async fn put_directory(
        &self,
        path: &AgentPath,
        place: impl Fn(Option<&Directory>) -> Result<Place, Error>,
    ) -> Result<Directory, Error> {
        loop {
            let Some(node) = node_at(&self.store, path).await? else { return Err(self.missing(path).await) };
            if let Node::Item(_) = &node.value {
                return Err(Error::wrong_kind(path, &node.value, "work elsewhere than its job"));
            }
            let row = self.store.peek::<Directory>(&Table::Directory.at(path)).await?;
            let (of, now) = (node.value.id(), self.clock.now());
            let known = row.as_ref().map(|row| &row.value);
            let place = place(known)?;
            let next = match known.filter(|known| known.of == of && known.path == place.path) {
                Some(known) => known.accept(place.left, now),
                None => place.record(of, now),
            };
            if let Node::Job(_) = &node.value {
                // Its actor alone writes it.
                self.place_job(path, next.clone()).await?;
                return Ok(next);
            }
            let mut draft = Draft::new();
            draft.expect_present(node.key.clone());
            self.expect_no_removal(path, &mut draft).await?;
            match &row {
                Some(row) => drop(draft.update(row, &next)),
                None => drop(draft.create(Table::Directory.at(path), &next)),
            }
            draft.tell(&Event::DirectorySet { node: AgentRef::new(path.clone(), of) });
            match self.store.commit(draft).await {
                Ok(_) => {
                    // One that is held looks again.
                    if self.active.contains(path) {
                        self.agents.wake(self, path);
                    }
                    return Ok(next);
                }
                // Somebody has left it meanwhile.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
