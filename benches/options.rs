//! What the bench is asked for.

use std::path::PathBuf;

use crate::Outcome;

/// The options of one run.
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) long: bool,
    pub(crate) dir: PathBuf,
    pub(crate) only: Option<String>,
}

impl Options {
    /// Reads them as cargo passes them on.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Outcome<Options> {
        let long = std::env::var_os("UNDERSTORY_LONG").is_some_and(|value| value == "1");
        let mut options = Options { json: false, long, dir: default_dir()?, only: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--json" => options.json = true,
                "--long" => options.long = true,
                "--dir" => options.dir = arguments.next().ok_or("--dir wants a directory")?.into(),
                "--only" => options.only = Some(arguments.next().ok_or("--only wants a workload")?),
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

/// `target/bench`, wherever the target directory is: this program lies in `target/release/deps`.
fn default_dir() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("the bench lies outside of a target directory")?;
    Ok(target.join("bench"))
}
