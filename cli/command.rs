//! One command, from its arguments to its exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use understory::AgentPath;
use understory_server::{Code, Failure};

use crate::arguments::{Arguments, ImportArguments, JobVerb, RoleVerb, StoreVerb, Verb};
use crate::setting::{Setting, agent_path};
use crate::signals::Signals;
use crate::terminal::Terminal;
use crate::{
    ask, dead, directory, exit, fan_out, goal, import, job, jobs, log, looking, memory, parcel, planning, remove, role,
    run, session, tool, transcript, watch,
};

/// How long what is left in the process is given to be dropped, which kills workers that outlived their grace.
const DROPPING: Duration = Duration::from_millis(200);

/// What a command needs to know beside its own arguments.
pub(crate) struct Session {
    pub(crate) setting: Setting,
    pub(crate) terminal: Terminal,
    pub(crate) signals: Signals,
}

/// Runs the command of this process.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(unread(&error)),
    };
    let terminal = Terminal::new(&arguments.general);
    ExitCode::from(start(arguments, &terminal).unwrap_or_else(|failure| {
        terminal.failure(&failure);
        exit::code(failure.code)
    }))
}

fn start(arguments: Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let Arguments { general, verb } = arguments;
    log::start(&general, terminal)?;
    let setting = Setting::read(general.home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Code::Failure, format!("failed to start threads: {error}")))?;
    let outcome = runtime.block_on(async {
        let session = Session { setting, terminal: terminal.clone(), signals: Signals::listen()? };
        carry_out(&session, verb).await
    });
    terminal.draw(None);
    runtime.shutdown_timeout(DROPPING);
    outcome
}

async fn carry_out(session: &Session, verb: Verb) -> Result<u8, Failure> {
    match verb {
        Verb::Run { path, until_idle } => run::until_told(session, &path, until_idle).await,
        Verb::Job(JobVerb::Run(arguments)) => job::run(session, *arguments).await,
        Verb::Job(JobVerb::Resume { job }) => job::resume(session, job.as_deref()).await,
        Verb::Job(JobVerb::List) => ask::jobs(session).await,
        Verb::Job(JobVerb::Show { job }) => ask::job(session, job.as_deref()).await,
        Verb::Job(JobVerb::Watch { job }) => job::watch::watch(session, job).await,
        Verb::Job(JobVerb::Items(arguments)) => jobs::items(session, arguments).await,
        Verb::Job(JobVerb::Retry(arguments)) => jobs::retry(session, arguments).await,
        Verb::Job(JobVerb::Pause { job, reason }) => jobs::pause(session, job, reason).await,
        Verb::Job(JobVerb::Unpause { job }) => jobs::unpause(session, job).await,
        Verb::Job(JobVerb::Export(arguments)) => jobs::export(session, arguments).await,
        Verb::Job(JobVerb::Set(arguments)) => jobs::set(session, arguments).await,
        Verb::Job(JobVerb::Remove { job, dry_run, yes }) => jobs::remove(session, job, dry_run, yes).await,
        Verb::Job(JobVerb::Cancel { job }) => ask::cancel(session, job.as_deref()).await,
        Verb::Spawn(arguments) => ask::spawn(session, arguments).await,
        Verb::Send { letter, to } if to.subtree => fan_out::send(session, letter, to).await,
        Verb::Send { letter, .. } => ask::send(session, letter).await,
        Verb::Assign { letter, detach } => ask::assign(session, letter, detach).await,
        Verb::Ask { letter, timeout } => ask::ask(session, letter, timeout).await,
        Verb::Wait(arguments) => ask::wait(session, arguments).await,
        Verb::Tree { path, children } => ask::tree(session, &path, children).await,
        Verb::List(arguments) => looking::list(session, arguments).await,
        Verb::Label(arguments) => looking::label(session, arguments).await,
        Verb::Watch(arguments) => watch::watch(session, arguments).await,
        Verb::Show { path, all: false } => ask::show(session, &path).await,
        Verb::Show { path, all: true } => ask::project(session, &path).await,
        Verb::Close { path, yes } => ask::close(session, &path, yes).await,
        Verb::Interrupt { path, cascade, dry_run } => ask::interrupt(session, &path, cascade, dry_run).await,
        Verb::Resume { path } => ask::resume(session, &path).await,
        Verb::Role(RoleVerb::List) => role::list(session).await,
        Verb::Role(RoleVerb::Show { name }) => role::show(session, name).await,
        Verb::Role(RoleVerb::Check { file }) => role::check(session, file).await,
        Verb::Remove { path, dry_run, yes } => remove::remove(session, &path, dry_run, yes).await,
        Verb::Token { path } => tool::token(session, &path).await,
        Verb::Tool(verb) => tool::tool(session, verb).await,
        Verb::Report { result, stop } => tool::report(session, &result, stop).await,
        Verb::Goal(verb) => goal::goal(session, verb).await,
        Verb::Plan(verb) => planning::plan(session, verb).await,
        Verb::Transcript(arguments) => transcript::transcript(session, arguments).await,
        Verb::Usage(arguments) => transcript::usage(session, arguments).await,
        Verb::Digest { path, refresh } => ask::digest(session, &path, refresh).await,
        Verb::Dead(verb) => dead::dead(session, verb).await,
        Verb::Dir(verb) => directory::dir(session, verb).await,
        Verb::Session(verb) => session::session(session, verb).await,
        Verb::Import(ImportArguments { verb: Some(verb), .. }) => import::import(session, verb).await,
        Verb::Import(ImportArguments { verb: None, subtree }) => parcel::import(session, subtree).await,
        Verb::Memory(verb) => memory::memory(session, verb).await,
        Verb::Store(StoreVerb::Verify) => ask::verify(session).await,
        Verb::Export { path, file } => parcel::export(session, path, &file).await,
        Verb::Store(StoreVerb::Backup { file }) => parcel::backup(session, &file).await,
        Verb::Store(StoreVerb::Restore { file }) => parcel::restore(session, &file).await,
        Verb::Store(StoreVerb::Compact) => parcel::compact(session).await,
    }
}

impl Session {
    /// A path as it is written: absolute, or below the agent that the command acts as, which is `/root` for an operator.
    pub(crate) fn path(&self, text: &str) -> Result<AgentPath, Failure> {
        match &self.setting.identity {
            None => agent_path(text),
            Some(identity) => Ok(identity.path.resolve(text).map_err(understory::Error::from)?),
        }
    }

    /// Does what [`blocking`] does, unless a signal comes first.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.signals.unless(blocking(work)).await
    }

    /// Prints a result. Dropped while its reader is slow, it leaves the rest behind.
    pub(crate) async fn data(&self, text: String) -> Result<(), Failure> {
        blocking(move || Terminal::data(&text)).await
    }
}

/// Does something that may wait for a person or a pipe, where waiting is allowed. Dropped, it is left behind.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let panicked = |error| Failure::new(Code::Failure, format!("failed to read or write: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(panicked)?
}

/// Help, version, or an error about arguments.
fn unread(error: &clap::Error) -> u8 {
    let json = std::env::args_os().any(|argument| argument == "--json");
    let terminal = Terminal::bare(json);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away is no failure.
            let _ = error.print();
            exit::OK
        }
        _ if json => {
            let text = error.render().to_string();
            let message = text.trim().strip_prefix("error: ").unwrap_or(text.trim()).to_owned();
            terminal.failure(&Failure::new(Code::Usage, message));
            exit::code(Code::Usage)
        }
        _ => {
            let _ = error.print();
            exit::code(Code::Usage)
        }
    }
}
