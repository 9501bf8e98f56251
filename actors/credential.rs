//! Tokens that an operator has minted: one an agent, good until it is replaced or the agent or one above it is closed.
//!
//! ```text
//!   mint --credential/<path>--> good --close at or above: a mark--> not good --resume: reopened/<top>--> dead for good
//! ```
//!
//! A close is one mark, whatever lies below, so it deletes no tokens. It is the resume that writes where it was and, by its
//! commit, when: a token is good only if it was minted after every such row at its agent and above.

use understory_paths::AgentPath;
use understory_store::{AgentRef, CommitError, Credential, Draft, Key, Node, Row, Table, Version};

use crate::caller::Caller;
use crate::error::Error;
use crate::pausing::Pauses;
use crate::system::{System, closed_at, node_at};
use crate::token::{Fingerprint, Token};
use crate::tools::Tools;

/// What the commits of a token's holder rest on.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    /// The rows of resumes at the agent and above.
    reopened: Vec<(Key, Option<Version>)>,
}

impl Footing {
    /// Demands that nobody was closed and resumed since.
    pub(crate) fn demand(&self, draft: &mut Draft) {
        for (key, version) in &self.reopened {
            match version {
                Some(version) => draft.expect_at(key.clone(), *version),
                None => draft.expect_absent(key.clone()),
            }
        }
    }

    /// Whether a refused commit was refused by one of its rows.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.reopened.iter().any(|(known, _)| known == key)
    }
}

impl System {
    /// Makes a token for an agent, in place of the one before. Only its hash is kept: the text is in the answer alone.
    ///
    /// Whoever has it may do what the agent may, whether a turn is under way or not, until the agent or one above it is closed
    /// or the next one is minted.
    ///
    /// # Errors
    /// Nothing lies at the path, it is closed, or it is not an agent.
    pub async fn mint_token(&self, path: &AgentPath) -> Result<Token, Error> {
        let Some(row) = node_at(&self.store, path).await? else { return Err(self.missing(path).await) };
        let Node::Agent(agent) = &row.value else { return Err(Error::wrong_kind(path, &row.value, "have a token")) };
        self.demand_open(path).await?;
        let token = Token::mint()?;
        let Fingerprint(sha256) = token.fingerprint();
        let mut draft = Draft::new();
        draft.expect_present(Table::Node.at(path));
        draft.expect_open(path);
        draft.put(Table::Credential.at(path), &Credential { agent: agent.id, sha256, at: self.clock.now() });
        match self.store.commit(draft).await {
            Ok(_) => Ok(token),
            Err(CommitError::Conflict { key, .. }) if key == Table::Node.at(path) => Err(self.missing(path).await),
            Err(error) => Err(match &error {
                CommitError::Conflict { key, .. } => match Table::Closed.path_of(key) {
                    Some(at) => Error::Closed { path: path.clone(), at },
                    None => error.into(),
                },
                _ => error.into(),
            }),
        }
    }

    /// The tools of the agent at `path`, for whoever has its token: of the turn under way, or the one that was minted. Nothing
    /// of a wrong token, a dead one and another's tells them apart, neither words nor reads.
    ///
    /// # Errors
    /// The token is not good, the agent's role is not known, or the store failed.
    pub async fn tools_of(&self, path: &AgentPath, token: &Token) -> Result<Tools, Error> {
        let fingerprint = token.fingerprint();
        let pass = self.pass_of(path, &fingerprint);
        let standing = self.standing_of(path, &fingerprint).await?;
        let closed = closed_at(&self.store, path).await?;
        match (closed, pass, standing) {
            (None, Some(tools), _) => Ok(tools),
            (None, None, Some((caller, role))) => {
                let role = self.role(&role)?;
                let caller = caller.kept_within(self.isolation(path).await?);
                Ok(Tools::new(self.clone(), caller, None, Default::default(), Pauses::none())
                    .without(role.hidden.clone()))
            }
            _ => Err(Error::BadToken { path: path.clone() }),
        }
    }

    /// The agent that a minted token is for, with its role, if the token is that agent's and was minted after every resume.
    async fn standing_of(&self, path: &AgentPath, token: &Fingerprint) -> Result<Option<(Caller, String)>, Error> {
        let at = std::iter::once(path.clone()).chain(path.ancestors());
        let keys: Vec<Key> = at.map(|path| Table::Reopened.at(&path)).collect();
        let reopened: Vec<_> = keys.iter().cloned().zip(self.store.versions(keys.clone()).await?).collect();
        let credential: Option<Row<Credential>> = self.store.peek(&Table::Credential.at(path)).await?;
        let node = node_at(&self.store, path).await?.map(|row| row.value);
        let (Some(row), Some(Node::Agent(agent))) = (credential, node) else { return Ok(None) };
        let since = |(_, version): &(Key, Option<Version>)| version.is_none_or(|version| version < row.version);
        let good = Fingerprint(row.value.sha256).fits(token) && row.value.agent == agent.id;
        if !good || !reopened.iter().all(since) {
            return Ok(None);
        }
        let me = AgentRef::new(path.clone(), agent.id);
        Ok(Some((Caller::holder(me, row.version, Footing { reopened }), agent.role)))
    }
}
