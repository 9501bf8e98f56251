//! A digest, as it is asked for and answered.

use serde::{Deserialize, Serialize};
use understory::{
    AgentPath, Answered, Below, Child, Digest, Digested, Error, GoalInShort, NodeLeft, PlanLeft, Revision, Runtime,
    Summary, Usage,
};

use crate::lines::OutcomeLine;
use crate::told::moment;

/// What an agent's work came to, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestLine {
    /// Whose.
    pub path: AgentPath,
    /// Which agent that is.
    pub id: String,
    /// When the newest happened of what it tells.
    pub at: String,
    /// How the agent stands.
    pub status: String,
    /// What it is to reach, or was, in short.
    pub goal: Option<GoalInShortLine>,
    /// How far its plan is, if it has one.
    pub plan: Option<PlanLeftLine>,
    /// How many turns ended how.
    pub turns: TurnsLine,
    /// The last answers, oldest first, in short.
    pub answers: Vec<OutcomeLine>,
    /// How often each tool was called.
    pub tools: Vec<CallsLine>,
    /// Calls of tools that have no place of their own there.
    pub other_calls: u64,
    /// The first children, in path order.
    pub children: Vec<ChildLine>,
    /// How many more there are.
    pub more_children: u64,
    /// Whether those are all.
    pub children_counted: bool,
    /// What its turns have cost.
    pub used: UsedLine,
    /// What was done below it.
    pub below: BelowLine,
    /// The commits that its directory got since it was created, newest first.
    pub commits: Vec<RevisionLine>,
    /// How many more there are.
    pub more_commits: u64,
    /// Whether those are all.
    pub commits_counted: bool,
    /// What its brain said of all that last.
    pub summary: Option<SummaryLine>,
    /// All of that as text, as a brain is told it.
    pub text: String,
}

/// A goal, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalInShortLine {
    /// What is to be reached.
    pub objective: String,
    /// How it stands.
    pub status: String,
    /// Why it stands so.
    pub why: String,
    /// Tokens used for it.
    pub used: u64,
    /// How many it may use.
    pub budget: Option<u64>,
}

/// How far a plan is, and what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanLeftLine {
    /// How many of its nodes are done.
    pub done: u64,
    /// How many shall not be done.
    pub dropped: u64,
    /// The first of those that are neither; the ready ones come before the others.
    pub open: Vec<NodeLeftLine>,
    /// How many more there are.
    pub more_open: u64,
}

/// An open node of a plan, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLeftLine {
    /// Its number.
    pub node: u32,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: String,
    /// Whether somebody may begin with it.
    pub ready: bool,
}

/// How many turns ended how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnsLine {
    /// They were answered.
    pub completed: u64,
    /// They failed for good.
    pub errored: u64,
    /// Somebody stopped them.
    pub interrupted: u64,
}

/// How often a tool was called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsLine {
    /// The tool.
    pub tool: String,
    /// How often.
    pub calls: u64,
}

/// A child in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildLine {
    /// The last part of its path.
    pub name: String,
    /// How it stands.
    pub status: String,
    /// What came of it last.
    pub outcome: String,
}

/// A commit in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionLine {
    /// Its name.
    pub commit: String,
    /// The first line of what it says of itself.
    pub subject: String,
}

/// Tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedLine {
    /// Read, without what a cache answered.
    pub input_tokens: u64,
    /// Answered by a cache.
    pub cached_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}

/// What was done below an agent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BelowLine {
    /// Agents there.
    pub agents: u64,
    /// Jobs there.
    pub jobs: u64,
    /// Turns that ended, and runs of rows.
    pub turns: u64,
    /// Tokens that both have cost.
    pub tokens: u64,
    /// Whether that is all.
    pub all: bool,
}

/// What a brain said of its own work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryLine {
    /// In which turn.
    pub turn: Option<u64>,
    /// Its words.
    pub text: String,
    /// When.
    pub at: String,
}

pub(crate) async fn digest(runtime: &Runtime, path: AgentPath, refresh: bool) -> Result<DigestLine, Error> {
    let agent = runtime.agent(path);
    Ok(line(&if refresh { agent.refresh_digest().await? } else { agent.digest().await? }))
}

pub(crate) fn line(digested: &Digested) -> DigestLine {
    let Digest { of, at, status, goal, plan, work, used, children, below, commits, summary } = digested.digest.clone();
    let Usage { input_tokens, cached_tokens, output_tokens } = used;
    let Below { agents, jobs, turns, tokens, all } = below;
    let child = |Child { name, status, outcome }| ChildLine { name, status, outcome };
    DigestLine {
        path: digested.agent.path.clone(),
        id: of.to_string(),
        at: moment(at),
        status,
        goal: goal.map(goal_line),
        plan: plan.map(plan_line),
        turns: TurnsLine { completed: work.completed, errored: work.errored, interrupted: work.interrupted },
        answers: work.answers.into_iter().map(answer).collect(),
        tools: work.tools.into_iter().map(|(tool, calls)| CallsLine { tool, calls }).collect(),
        other_calls: work.other_calls,
        children: children.first.into_iter().map(child).collect(),
        more_children: children.more,
        children_counted: children.counted,
        used: UsedLine { input_tokens, cached_tokens, output_tokens },
        below: BelowLine { agents, jobs, turns, tokens, all },
        commits: commits.first.into_iter().map(revision).collect(),
        more_commits: commits.more,
        commits_counted: commits.counted,
        summary: summary.map(|Summary { turn, text, at }| SummaryLine { turn, text, at: moment(at) }),
        text: digested.text(),
    }
}

fn revision(Revision { commit, subject }: Revision) -> RevisionLine {
    RevisionLine { commit, subject }
}

fn goal_line(goal: GoalInShort) -> GoalInShortLine {
    let GoalInShort { objective, status, why, used, budget } = goal;
    GoalInShortLine { objective, status: status.as_str().to_owned(), why, used, budget }
}

fn plan_line(plan: PlanLeft) -> PlanLeftLine {
    let PlanLeft { done, dropped, open } = plan;
    let node = |NodeLeft { number, title, status, ready }| NodeLeftLine { node: number, title, status, ready };
    PlanLeftLine { done, dropped, open: open.first.into_iter().map(node).collect(), more_open: open.more }
}

fn answer(answered: Answered) -> OutcomeLine {
    let Answered { turn, result, text, at } = answered;
    OutcomeLine { turn, result: result.as_str().to_owned(), content: text, at: moment(at) }
}
