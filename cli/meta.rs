//! `--meta`.

use std::collections::BTreeMap;

use understory_server::{Code, Failure};

use crate::arguments::MetaArguments;
use crate::render::escaped;

/// What was attached on the command line. Whether it may be is for whoever has the store to say.
pub(crate) fn entries(arguments: &MetaArguments) -> Result<BTreeMap<String, String>, Failure> {
    let mut entries = BTreeMap::new();
    for entry in &arguments.meta {
        let shown = escaped(entry);
        let Some((key, value)) = entry.split_once('=') else {
            return Err(Failure::new(Code::Usage, format!("--meta {shown} is not KEY=VALUE")));
        };
        if entries.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::new(Code::Usage, format!("--meta {shown} is the second for its key")));
        }
    }
    Ok(entries)
}
