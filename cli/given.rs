//! What a command line gives for a job that is there already, and has its own.

use std::time::Duration;

use understory::{Begun, JobLimits, JobView};

use crate::arguments::JobRunArguments;
use crate::render::escaped;

/// Options of `job run` that make no other job, as far as they were given.
pub(crate) struct Given {
    name: Option<String>,
    attempts: Option<u32>,
    timeout: Option<u32>,
    concurrency: Option<u32>,
    max_turns: Option<u64>,
    max_tokens: Option<u64>,
    max_time: Option<u32>,
}

/// One of them that is not so: what it is called, what was given, what the job has.
struct Other {
    option: &'static str,
    given: String,
    has: String,
    /// Whether `job set` changes it.
    is_set: bool,
}

impl Given {
    pub(crate) fn of(arguments: &JobRunArguments) -> Given {
        Given {
            name: arguments.name.clone(),
            attempts: arguments.attempts,
            timeout: arguments.timeout,
            concurrency: arguments.concurrency,
            max_turns: arguments.max_turns,
            max_tokens: arguments.max_tokens,
            max_time: arguments.max_time,
        }
    }

    /// What of it the job is without, for people; nothing if it has all of it.
    pub(crate) fn unapplied(&self, begun: Begun, view: &JobView) -> Option<String> {
        let path = &view.path;
        let others = self.others(view);
        if begun == Begun::New {
            let capped = others.iter().find(|other| other.option == "--concurrency")?;
            return Some(format!("{path} works on {} rows at once, as many as there are turn slots", capped.has));
        }
        let told = |other: &Other| format!("{} {} (it has {})", other.option, other.given, other.has);
        let told: Vec<String> = others.iter().map(told).collect();
        let first = others.first().map(|_| format!("{path} was there already, and is without {}", told.join(", ")))?;
        let set: Vec<String> = others
            .iter()
            .filter(|other| other.is_set)
            .map(|other| format!(" {} {}", other.option, other.given))
            .collect();
        Some(match view.job.state.is_final() || set.is_empty() {
            true => first,
            false => format!("{first}: understory job set {path}{}", set.concat()),
        })
    }

    fn others(&self, view: &JobView) -> Vec<Other> {
        let JobView { path, job, spec, .. } = view;
        let JobLimits { concurrency, turns, tokens, until } = job.limits;
        let within = until.map(|until| seconds(job.created_at.until(until)));
        let numbers = [
            ("--attempts", self.attempts.map(u64::from), Some(spec.attempts.into()), false),
            ("--timeout", self.timeout.map(u64::from), Some(spec.timeout_ms / 1000), false),
            ("--concurrency", self.concurrency.map(u64::from), Some(concurrency.into()), true),
            ("--max-turns", self.max_turns, turns, true),
            ("--max-tokens", self.max_tokens, tokens, true),
            ("--max-time", self.max_time.map(u64::from), within, true),
        ];
        let name = self.name.as_deref().filter(|name| *name != path.name()).map(|name| Other {
            option: "--name",
            given: escaped(name),
            has: path.name().to_owned(),
            is_set: false,
        });
        let number = |(option, given, has, is_set): (&'static str, Option<u64>, Option<u64>, bool)| {
            let given = given.filter(|given| Some(*given) != has)?;
            let has = has.map_or("none".to_owned(), |has| has.to_string());
            Some(Other { option, given: given.to_string(), has, is_set })
        };
        name.into_iter().chain(numbers.into_iter().filter_map(number)).collect()
    }
}

fn seconds(time: Duration) -> u64 {
    // It was given in whole seconds, and is kept in milliseconds.
    time.as_secs_f64().round() as u64
}
