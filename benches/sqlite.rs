//! The same transitions in SQLite: WAL, `synchronous=FULL`, a row's record, its job's record and an event in one
//! transaction.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, params};

use crate::Outcome;

/// A row's new record.
pub(crate) struct Transition {
    pub(crate) path: Vec<u8>,
    pub(crate) record: Vec<u8>,
}

/// What stands beside the rows.
pub(crate) struct Beside {
    pub(crate) job: Vec<u8>,
    pub(crate) event: Vec<u8>,
}

/// Makes the transitions, `group` of them to a transaction, on rows that are there already, and says how long it took.
pub(crate) fn run(dir: &Path, transitions: &[Transition], beside: &Beside, group: usize) -> Outcome<Duration> {
    let mut db = Connection::open(dir.join(format!("rows-{group}.sqlite")))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE items (path BLOB PRIMARY KEY, record BLOB) WITHOUT ROWID;
         CREATE TABLE jobs (id INTEGER PRIMARY KEY, record BLOB);
         CREATE TABLE events (id INTEGER PRIMARY KEY, event BLOB);
         INSERT INTO jobs VALUES (1, x'');",
    )?;
    let filling = db.transaction()?;
    for transition in transitions {
        let row = params![transition.path, transition.record];
        filling.prepare_cached("INSERT OR IGNORE INTO items VALUES (?1, ?2)")?.execute(row)?;
    }
    filling.commit()?;
    let begin = Instant::now();
    for group in transitions.chunks(group) {
        let transaction = db.transaction()?;
        step(&transaction, group, beside)?;
        transaction.commit()?;
    }
    Ok(begin.elapsed())
}

fn step(transaction: &Transaction<'_>, group: &[Transition], beside: &Beside) -> Outcome<()> {
    for transition in group {
        let row = params![transition.path, transition.record];
        transaction.prepare_cached("UPDATE items SET record = ?2 WHERE path = ?1")?.execute(row)?;
    }
    transaction.prepare_cached("UPDATE jobs SET record = ?1 WHERE id = 1")?.execute([&beside.job])?;
    transaction.prepare_cached("INSERT INTO events (event) VALUES (?1)")?.execute([&beside.event])?;
    Ok(())
}
