//! Where the log goes.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use understory_server::{Code, Failure};

use crate::arguments::General;
use crate::setting::unwritable;
use crate::terminal::Terminal;

/// Starts the log as the command line asks for.
pub(crate) fn start(general: &General, terminal: &Terminal) -> Result<(), Failure> {
    let filter = EnvFilter::builder().parse(directives(&general.log)).map_err(|error| {
        Failure::new(Code::Usage, format!("--log {}: {error}", general.log)).hint("error, warn, info, debug or trace")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    match &general.log_file {
        Some(path) => log.with_ansi(false).with_writer(Mutex::new(open(path)?)).init(),
        None => {
            let terminal = terminal.clone();
            log.with_ansi(terminal.colours()).with_writer(move || terminal.clone()).init();
        }
    }
    log_panics();
    Ok(())
}

/// A bare level is ours; what the engine below the store has to say is seldom wanted.
fn directives(log: &str) -> String {
    match log {
        "info" | "debug" | "trace" => format!("warn,understory={log}"),
        filter => filter.to_owned(),
    }
}

fn open(path: &Path) -> Result<std::fs::File, Failure> {
    if let Some(parent) = path.parent() {
        // If it cannot be made, opening the file tells why.
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(parent);
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    file.map_err(|error| unwritable("open the log file", path, &error))
}

/// A panic of a brain or of the engine is caught and becomes somebody's error: it is logged, and not printed over the bar.
fn log_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            return default(panic);
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("no message");
        tracing::warn!(place, said, "panicked");
    }));
}
