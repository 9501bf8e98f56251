//! Every tool there is, as models are told of them.

use super::{digest, goal, list, memory, plan, summary, wait};

/// A tool as a model is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: &'static str,
    /// Its parameters, a JSON Schema.
    pub parameters: &'static str,
    /// Only a job item has it.
    pub for_items: bool,
}

/// Every tool there is.
pub const TOOLS: [Tool; 23] = [
    Tool {
        name: "spawn",
        description: "Create an agent below you. With a task it starts working on it at once; its outcome comes back to \
                      you as a message.",
        parameters: r#"{"type":"object","properties":{"name":{"type":"string","description":"lowercase letters, digits and underscores, at most 64"},"task":{"type":"string"},"role":{"type":"string"},"goal":{"type":"string","description":"what it is to reach by itself, turn after turn, until it says that it has"},"budget":{"type":"integer","minimum":1,"description":"with a goal: how many tokens it may use, taken from what is left of yours"},"nickname":{"type":"string","description":"what people call it; picked for it if you say nothing"},"fork":{"type":"string","pattern":"^(none|all|[1-9][0-9]*)$","description":"how much of your conversation it begins with: none (if you say nothing), all, or that of so many last turns"},"dir":{"type":"string","description":"the directory it works in, at or below your own; your own if you say nothing"},"metadata":{"type":"object","additionalProperties":{"type":"string"},"description":"attached to the task, over what came with your own messages"}},"required":["name"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "send",
        description: "Leave a message in an agent's inbox without starting a turn. A bare name or nickname is an agent below \
                      you. With interrupt, for an agent below you, the turn it is at ends first.",
        parameters: r#"{"type":"object","properties":{"to":{"type":"string"},"message":{"type":"string"},"interrupt":{"type":"boolean"},"metadata":{"type":"object","additionalProperties":{"type":"string"},"description":"attached to it, over what came with your own messages"}},"required":["to","message"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "assign",
        description: "Give an agent below you a task, which starts a turn. Its outcome comes back to you as a message. With \
                      interrupt, the turn it is at ends first.",
        parameters: r#"{"type":"object","properties":{"to":{"type":"string"},"message":{"type":"string"},"interrupt":{"type":"boolean"},"metadata":{"type":"object","additionalProperties":{"type":"string"},"description":"attached to it, over what came with your own messages"}},"required":["to","message"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "interrupt",
        description: "End the turn that an agent below you is at, with cascade those of all agents below it too. The \
                      agent stays, and takes its next message; that it was interrupted comes back to you as one.",
        parameters: r#"{"type":"object","properties":{"agent":{"type":"string"},"cascade":{"type":"boolean"}},"required":["agent"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "close",
        description: "Stop an agent below you and all below it: what they are at is put back, nothing runs there, and no message \
                      is taken, until you resume it. Tells how many ended in time and how many were killed.",
        parameters: r#"{"type":"object","properties":{"agent":{"type":"string"}},"required":["agent"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "resume",
        description: "Open an agent below you that was closed, or let a faulted one try again: what it was at goes on. What \
                      was closed by itself below it stays closed.",
        parameters: r#"{"type":"object","properties":{"agent":{"type":"string"}},"required":["agent"],"additionalProperties":false}"#,
        for_items: false,
    },
    Tool {
        name: "wait",
        description: "Wait until agents have nothing left to do, and get their last results; the end of the time is an \
                      answer, too. Without agents: wait until a message comes for you.",
        parameters: wait::PARAMETERS,
        for_items: false,
    },
    Tool {
        name: "list",
        description: "List agents below you, with their nicknames, roles and how they stand, in path order. A long list comes in \
                      pages.",
        parameters: list::PARAMETERS,
        for_items: false,
    },
    memory::REMEMBER,
    memory::RECALL,
    memory::FORGET,
    memory::MARK,
    goal::GET,
    goal::CREATE,
    goal::UPDATE,
    goal::SET,
    Tool {
        name: "digest",
        description: "Read in short what an agent below you has done and what came of it, or what you have done yourself.",
        parameters: digest::PARAMETERS,
        for_items: false,
    },
    summary::SUMMARISE,
    Tool {
        name: "report",
        description: "Report the result of your row, once. With stop, no more rows of the job are started.",
        parameters: r#"{"type":"object","properties":{"result":{"type":"object"},"stop":{"type":"boolean"}},"required":["result"],"additionalProperties":false}"#,
        for_items: true,
    },
    plan::PLAN_TOOLS[0],
    plan::PLAN_TOOLS[1],
    plan::PLAN_TOOLS[2],
    plan::PLAN_TOOLS[3],
];
