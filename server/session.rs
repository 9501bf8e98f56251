//! The conversation that an agent's brain has elsewhere, as it is asked for, told and answered.

use serde::{Deserialize, Serialize};
use understory::{AgentPath, BrainSettings, Runtime, Session, Tools};

use crate::failure::{Code, Failure};
use crate::told::moment;

/// Something asked or told of a conversation. Without a path it is that of the agent which asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionRequest {
    /// What a brain goes on with.
    Show {
        /// Whose.
        path: String,
    },
    /// A brain says what its conversation is called.
    Keep {
        /// The brain's own name for it.
        name: String,
    },
    /// The other side has lost it.
    Lost {
        /// Whose.
        path: Option<String>,
    },
    /// A model or an effort shall be used, or is.
    Set {
        /// Whose.
        path: Option<String>,
        /// The model; as it is without one.
        model: Option<String>,
        /// The effort; as it is without one.
        effort: Option<String>,
    },
}

/// What a brain goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLine {
    /// Whose it is.
    pub path: AgentPath,
    /// The conversation, by the brain's name for it.
    pub session: Option<String>,
    /// When that was kept.
    pub kept_at: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The effort.
    pub effort: Option<String>,
    /// What a program that has just lost its conversation begins the new one with.
    pub briefing: Option<String>,
}

impl SessionRequest {
    /// Whether asking twice comes to the same as asking once.
    pub(crate) fn repeats(&self) -> bool {
        // The second conversation may be lost by a second word of the first.
        !matches!(self, SessionRequest::Lost { .. })
    }

    /// Whether it is about whoever asks.
    pub(crate) fn is_own(&self) -> bool {
        match self {
            SessionRequest::Show { .. } => false,
            SessionRequest::Keep { .. } => true,
            SessionRequest::Lost { path } | SessionRequest::Set { path, .. } => path.is_none(),
        }
    }
}

/// Carries out what a person asks.
pub(crate) async fn answer(runtime: &Runtime, request: SessionRequest) -> Result<SessionLine, Failure> {
    let system = runtime.system();
    let meant = async |path: &str| runtime.find(path).await.map(|agent| agent.path().clone());
    let unsaid = || Failure::new(Code::Usage, "whose conversation that is has to be said: PATH");
    let path = match request {
        SessionRequest::Show { path } => meant(&path).await?,
        SessionRequest::Keep { .. } => {
            return Err(Failure::new(Code::Usage, "a conversation is kept by the program that has it, with its token"));
        }
        SessionRequest::Lost { path } => {
            let path = meant(&path.ok_or_else(unsaid)?).await?;
            system.forget_session(&path).await?;
            path
        }
        SessionRequest::Set { path, model, effort } => {
            let path = meant(&path.ok_or_else(unsaid)?).await?;
            system.set_brain_settings(&path, model, effort).await?;
            path
        }
    };
    show(runtime, path).await
}

/// Carries out what a turn's program says of itself.
pub(crate) async fn answer_as(
    runtime: &Runtime,
    tools: &Tools,
    request: SessionRequest,
) -> Result<SessionLine, Failure> {
    let mut briefing = None;
    match request {
        SessionRequest::Show { .. } => {}
        SessionRequest::Keep { name } => tools.keep_session(&name).await?,
        SessionRequest::Lost { .. } => {
            tools.lose_session().await?;
            briefing = tools.briefing_anew().await?;
        }
        SessionRequest::Set { model, effort, .. } => tools.keep_settings(model.as_deref(), effort.as_deref()).await?,
    }
    let line = show(runtime, tools.me().path.clone()).await?;
    Ok(SessionLine { briefing, ..line })
}

/// What the brain at `path` goes on with.
pub(crate) async fn show(runtime: &Runtime, path: AgentPath) -> Result<SessionLine, Failure> {
    // That nothing lies there is an error; that nothing is kept is none.
    runtime.agent(path.clone()).show().await?;
    let session = runtime.system().session(&path).await?;
    let settings = runtime.system().brain_settings(&path).await?;
    Ok(line(path, session, settings))
}

pub(crate) fn line(path: AgentPath, session: Option<Session>, settings: Option<BrainSettings>) -> SessionLine {
    let (model, effort) = settings.map_or((None, None), |kept| (kept.model, kept.effort));
    SessionLine {
        path,
        kept_at: session.as_ref().map(|session| moment(session.at)),
        session: session.map(|session| session.name),
        model,
        effort,
        briefing: None,
    }
}
