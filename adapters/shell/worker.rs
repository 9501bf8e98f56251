//! One turn of a worker: start it, attend to it, take its answer.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use understory_actors::{BrainError, Response, Token, Turn};

use super::environment::{briefing_env, turn_env};
use super::group::Group;
use super::mark::{self, Mark, Owner};
use super::pipes::{OUTPUT_MAX, Pipes, Written};
use super::settings::{ShellSettings, executable};
use super::{Ground, gate};

/// How long a cancelled worker may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// `EX_DATAERR`: what was asked can never be answered.
const DATA_ERROR: i32 = 65;
/// `EX_TEMPFAIL`: it may be another time.
const TEMPORARY_FAILURE: i32 = 75;
/// Nothing is put off for longer than this by a worker's word.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

enum End {
    /// It has ended, or has written too much.
    Done,
    Cancelled,
}

/// Runs the program for one turn. When this returns its group is gone; when it is dropped its group is killed.
pub(crate) async fn run(
    ground: &Arc<Ground>,
    settings: &Arc<ShellSettings>,
    turn: &Turn,
) -> Result<Response, BrainError> {
    if turn.cancel().is_cancelled() {
        return Err(cancelled());
    }
    // A turn without a runtime behind it has none. It is good as long as the worker is at work.
    let pass = ground.socket.as_ref().and_then(|_| turn.pass().ok());
    let token = pass.as_ref().map(|pass| pass.token().clone());
    let told = turn.briefing().await.map_err(|error| BrainError::unavailable(format!("the briefing: {error}")))?;
    let (ground, program, given) = (ground.clone(), settings.clone(), turn.clone());
    // A row is taken apart, files are written and a process is made, which is too long for a thread that others wait for.
    // If this future is dropped meanwhile, so is the group, as soon as it is there.
    let (mut group, mut pipes) = spawn_blocking(move || start(&ground, &program, (&given, told), token.as_ref()))
        .await
        .map_err(|error| BrainError::unavailable(format!("starting {}: {error}", settings.program.display())))??;

    let end = attend(&mut group, &mut pipes, turn).await;
    let status = group
        .end()
        .await
        .map_err(|error| BrainError::unavailable(format!("waiting for {}: {error}", settings.program.display())))?;
    drop(pass);
    match end {
        End::Cancelled => Err(cancelled()),
        End::Done => answer(&settings.program, status, pipes.finish(), turn.row().is_some()),
    }
}

/// Starts the worker behind its gate and records it. The gate is opened by the first byte that [`Pipes::flow`] writes.
fn start(
    ground: &Ground,
    settings: &ShellSettings,
    (turn, briefing): (&Turn, Option<String>),
    token: Option<&Token>,
) -> Result<(Group, Pipes), BrainError> {
    let directory = turn.directory().unwrap_or(&settings.cwd);
    let unstarted = |error: &io::Error| unstarted(&settings.program, directory, error);
    executable(&settings.program).map_err(|error| unstarted(&error))?;
    let mark = Owner::current().map(Mark::next).map_err(|error| unrecorded(ground, &error))?;
    let row = turn.row().map(|row| ground.run.put_row(mark, &row.json));
    let row = row.transpose().map_err(|error| unrecorded(ground, &error))?;
    let mut variables: Vec<(OsString, OsString)> = turn_env(turn)
        .into_iter()
        .chain(briefing_env(briefing))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    variables.push((mark::VARIABLE.into(), mark.to_string().into()));
    if let (Some(token), Some(socket)) = (token, &ground.socket) {
        variables.push(("UNDERSTORY_TOKEN".into(), token.reveal().into()));
        variables.push(("UNDERSTORY_SOCKET".into(), socket.into()));
    }
    let goes_on = [
        ("UNDERSTORY_SESSION", turn.session()),
        ("UNDERSTORY_MODEL", turn.model().or(settings.model.as_deref())),
        ("UNDERSTORY_EFFORT", turn.effort()),
    ];
    for (name, value) in goes_on {
        variables.extend(value.filter(|value| !value.contains('\0')).map(|value| (name.into(), value.into())));
    }
    if let Some(row) = &row {
        variables.push(("UNDERSTORY_ROW_FILE".into(), row.path().into()));
    }
    // The turn's own come last: what the caller allows never hides them.
    let variables = gate::borrowed(&ground.allow).chain(gate::borrowed(&variables));
    let variables: Vec<(&OsStr, &OsStr)> = variables.collect();
    let mut child = gate::command(settings, directory, variables).spawn().map_err(|error| unstarted(&error))?;
    let pipes = Pipes::of(&mut child, input(turn));
    let mut group = Group::of(child, row).map_err(|error| unstarted(&error))?;
    let pipes = pipes.map_err(|error| unstarted(&error))?;
    group.recorded(ground.run.put_group(mark, group.number()).map_err(|error| unrecorded(ground, &error))?);
    Ok((group, pipes))
}

/// What opens the gate, and the turn's text after it.
fn input(turn: &Turn) -> Vec<u8> {
    [&[gate::OPEN], turn.text().as_bytes()].concat()
}

/// Feeds the worker and reads it until it ends, or must.
async fn attend(group: &mut Group, pipes: &mut Pipes, turn: &Turn) -> End {
    tokio::select! {
        // An end that cannot be seen is asked for again, and told, by whoever ends the group.
        _ = group.ended() => return End::Done,
        () = pipes.flow() => return End::Done,
        () = turn.cancelled() => {}
    }
    group.terminate();
    tokio::select! {
        _ = group.ended() => {}
        () = pipes.flow() => {}
        () = sleep(GRACE) => {}
    }
    End::Cancelled
}

fn answer(program: &Path, status: ExitStatus, written: Written, is_row: bool) -> Result<Response, BrainError> {
    if written.output.len() > OUTPUT_MAX {
        return Err(flooded(program));
    }
    if !status.success() {
        return Err(failed(program, status, &written.errors));
    }
    let output = String::from_utf8(written.output).map_err(|error| {
        let (program, at) = (program.display(), error.utf8_error().valid_up_to());
        BrainError::refused(format!("{program} wrote something else than UTF-8 to stdout, at byte {at}"))
    })?;
    if is_row { report(program, &output) } else { Ok(Response::text(line_end_cut(&output))) }
}

/// A JSON object is the report; anything else is put into one.
fn report(program: &Path, output: &str) -> Result<Response, BrainError> {
    if serde_json::from_str::<Map<String, Value>>(output).is_ok() {
        return Ok(Response::report(output.trim()));
    }
    let report = json!({ "output": line_end_cut(output) }).to_string();
    if report.len() > OUTPUT_MAX { Err(flooded(program)) } else { Ok(Response::report(report)) }
}

fn line_end_cut(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn cancelled() -> BrainError {
    BrainError::refused("the worker was cancelled")
}

fn flooded(program: &Path) -> BrainError {
    BrainError::refused(format!(
        "{} wrote more than a worker's stdout may hold, output_max = {OUTPUT_MAX} bytes as a report; let it write a file \
         and print its name",
        program.display()
    ))
}

/// Two codes are those of `sysexits.h`: they say what becomes of the turn.
fn failed(program: &Path, status: ExitStatus, errors: &str) -> BrainError {
    let program = program.display();
    if let Some(refusal) = gate::refusal(status, errors) {
        return BrainError::refused(format!("cannot start {program}: {refusal}"));
    }
    let how = match status.code() {
        Some(code) => format!("exited with code {code}"),
        None => format!("was killed by a signal ({status})"),
    };
    let colon = if errors.is_empty() { "" } else { ": " };
    let message = format!("{program} {how}{colon}{errors}");
    match status.code() {
        Some(DATA_ERROR) => BrainError::BadInput { message },
        Some(TEMPORARY_FAILURE) => BrainError::Unavailable { message, retry_after: retry_after(errors) },
        _ => BrainError::Refused { message },
    }
}

/// When a worker said in its last line that it may be asked again.
fn retry_after(errors: &str) -> Option<Duration> {
    let (name, seconds) = errors.trim_end().lines().next_back()?.split_once(':')?;
    let seconds: u64 = seconds.trim().parse().ok().filter(|_| name.trim().eq_ignore_ascii_case("retry-after"))?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// A program that is not there fails the turn; a system that is short of something is tried again.
fn unstarted(program: &Path, directory: &Path, error: &io::Error) -> BrainError {
    let text = format!("cannot start {} in {}: {error}", program.display(), directory.display());
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => BrainError::unavailable(text),
        _ => BrainError::refused(text),
    }
}

fn unrecorded(ground: &Ground, error: &io::Error) -> BrainError {
    BrainError::unavailable(format!("cannot record a worker in {}: {error}", ground.run.dir.display()))
}
