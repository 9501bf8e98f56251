//! The directories of a project that are not as they were left.

use std::collections::HashMap;
use std::path::Path;

use understory_paths::AgentPath;
use understory_store::{Directory, Drift, Table};

use super::{Found, HindranceKind, Named, PROJECT_LOOKED_MAX};
use crate::error::Error;
use crate::system::System;

/// How many rows are read at a time.
const PAGE: usize = 256;
/// How many directories are looked at now; of others only what is held is told.
const LOOKS: usize = 16;

/// A directory that is not as it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifting {
    /// Who works there.
    pub path: AgentPath,
    /// Where it lies.
    pub directory: String,
    /// What differs.
    pub drift: Drift,
    /// Whether nothing runs there until it is accepted, or as it was.
    pub held: bool,
}

impl System {
    /// The first directories that drifted, by a look at some of them now; what is held is noted as in the way.
    pub(super) async fn drifts_of(&self, top: &AgentPath, found: &mut Found) -> Result<Named<Drifting>, Error> {
        let (mut drifts, mut seen, mut looked) = (Named::default(), HashMap::new(), 0);
        let mut rows = self.store.pages(Table::Directory.subtree(top), PAGE);
        while let Some(page) = rows.next::<Directory>().await? {
            for row in page {
                let Some(path) = Table::Directory.path_of(&row.key) else { continue };
                let known = row.value;
                if !seen.contains_key(&known.path) && seen.len() < LOOKS {
                    let now = self.survey(&Path::new(&known.path).into()).await;
                    seen.insert(known.path.clone(), now);
                }
                let held = known.found.clone().filter(|found| found.held).map(|found| found.drift);
                let is_held = held.is_some();
                let now = seen.get(&known.path).and_then(Option::as_ref);
                let drift = now.map_or(held, |now| known.drift(now));
                let Some(drift) = drift else { continue };
                if is_held {
                    let words = format!("{} is not as it was left: {drift}; understory dir accept {path}", known.path);
                    found.hindrances.note(&path, HindranceKind::Drift, &words);
                }
                drifts.note(Drifting { path, directory: known.path, drift, held: is_held });
            }
            looked += PAGE;
            if looked >= PROJECT_LOOKED_MAX {
                found.whole = false;
                break;
            }
        }
        Ok(drifts)
    }
}
