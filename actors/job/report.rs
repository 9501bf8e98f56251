//! A worker's report: taken once, from the run that is under way, and answered when it is on disk.

use serde_json::Value;
use tokio::sync::oneshot;
use understory_store::{ItemState, Node, Table, keys};

use super::actor::{JobActor, JobSignal};
use super::charging::Cost;
use super::error::JobError;
use super::export::json::compact;
use super::group::{Ending, How};
use crate::caller::ItemRun;
use crate::error::{Error, demand_length};
use crate::system::System;

/// Where the answer to a report goes.
pub(super) type Reply = oneshot::Sender<Result<(), Error>>;

/// A report, and what is answered to it once the commit is durable.
pub(super) type Answered = (Reply, Result<(), Error>);

/// A report on its way to the job's actor.
pub(crate) struct Report {
    run: ItemRun,
    result: String,
    stop: bool,
    reply: Reply,
}

impl System {
    /// Reports the result of a run. Durable when it returns; asked again by the same run it answers the same.
    pub(crate) async fn report(&self, run: &ItemRun, result: &str, stop: bool) -> Result<(), Error> {
        let result = self.demand_fit(run, result).await?;
        let (reply, answer) = oneshot::channel();
        let report = Report { run: run.clone(), result, stop, reply };
        self.jobs.tell_resident(&run.job, JobSignal::Report(report)).map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)?
    }
}

impl JobActor {
    pub(super) async fn take_report(&mut self, report: Report) -> Result<(), Error> {
        let Report { run: ItemRun { row, run, .. }, result, stop, mut reply } = report;
        for group in self.work.iter_mut().flat_map(|work| &mut work.under_way) {
            match group.acknowledge(row, run, reply) {
                Some(unknown) => reply = unknown,
                None => return Ok(()),
            }
        }
        if self.was_accepted(row, run).await? {
            // A worker that is gone is not told.
            let _ = reply.send(Ok(()));
            return Ok(());
        }
        if let Some(work) = &mut self.work {
            work.endings.push(Ending { row, run, how: How::Reported { result, stop, reply }, cost: Cost::default() });
            self.call_flush();
        }
        Ok(())
    }

    /// Whether this very run has reported already.
    async fn was_accepted(&self, row: u32, run: u32) -> Result<bool, Error> {
        let running = self.work.as_ref().is_some_and(|work| work.running.contains_key(&row));
        if running {
            return Ok(false);
        }
        let key = Table::Node.at(&keys::item_path(&self.path, row)?);
        let found = self.system.store.get::<Node>(&key).await?.map(|row| row.value);
        Ok(
            matches!(found, Some(Node::Item(item)) if item.run == run && matches!(item.state, ItemState::Completed { .. })),
        )
    }
}

/// Answers those who reported; with an error if the commit was refused.
pub(super) fn answer(replies: Vec<Answered>, refused: Option<&Error>) {
    for (reply, answer) in replies {
        let answer = refused.map_or(answer, |error| Err(error.clone()));
        // A worker that is gone is not told; what was committed stands.
        let _ = reply.send(answer);
    }
}

/// A result as compact JSON, if it is an object within bounds.
pub(super) fn object(result: &str) -> Result<String, Error> {
    demand_length("result", result)?;
    let not_an_object = |what: String| Error::from(JobError::NotAnObject { what });
    match serde_json::from_str::<Value>(result).map_err(|error| not_an_object(error.to_string()))? {
        // Not written anew: a number keeps all its digits, and nothing becomes longer.
        Value::Object(_) => Ok(compact(result)),
        Value::Null => Err(not_an_object("it is null".to_owned())),
        Value::Bool(_) => Err(not_an_object("it is a boolean".to_owned())),
        Value::Number(_) => Err(not_an_object("it is a number".to_owned())),
        Value::String(_) => Err(not_an_object("it is a string".to_owned())),
        Value::Array(_) => Err(not_an_object("it is an array".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TEXT_MAX;

    fn check(result: &str, expected: &str) {
        assert_eq!(object(result).unwrap(), expected);
    }

    #[test]
    fn a_result_is_kept_as_it_was_written_but_for_its_blanks() {
        check(
            "{ \"n\": 12345678901234567890123,\n \"m\": [1.50, 1e15] }",
            r#"{"n":12345678901234567890123,"m":[1.50,1e15]}"#,
        );
        check(r#" {"a b": "c \\\" d", "é": {}} "#, r#"{"a b":"c \\\" d","é":{}}"#);
    }

    #[test]
    fn a_result_is_no_longer_than_it_may_be() {
        let numbers = vec!["1e15"; (TEXT_MAX - 10) / 5].join(",");
        assert!(object(&format!("{{\"a\":[{numbers}]}}")).unwrap().len() <= TEXT_MAX);
    }
}
