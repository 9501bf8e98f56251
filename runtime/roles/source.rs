//! What may be written in a role file. A key that is not here is an error, and so is a value of another type.

use serde::Deserialize;
use toml::Spanned;
use understory_actors::{OnDrift, Restart, Shares, Strategy};

/// A role file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleSource {
    pub(super) name: Option<Spanned<String>>,
    pub(super) description: Option<Spanned<String>>,
    pub(super) instructions: Option<Spanned<String>>,
    pub(super) brain: Option<Spanned<String>>,
    /// A text as it is, or a table that is given to the brain as JSON.
    pub(super) settings: Option<Spanned<toml::Value>>,
    pub(super) command: Option<Spanned<String>>,
    pub(super) nicknames: Option<Spanned<NicknamesSource>>,
    pub(super) policy: Option<PolicySource>,
    pub(super) tools: Option<ToolsSource>,
    pub(super) limits: Option<LimitsSource>,
    pub(super) isolated: Option<bool>,
    pub(super) wake_on_result: Option<bool>,
    pub(super) drift: Option<DriftSource>,
    pub(super) untrusted: Option<bool>,
    pub(super) summary: Option<bool>,
    pub(super) memory: Option<MemorySource>,
}

/// A pool, or that there is none: `"off"` or `false`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "nicknames are a list of names or \"off\"")]
pub(super) enum NicknamesSource {
    Pool(Vec<String>),
    Word(OffWord),
    Switch(bool),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OffWord {
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicySource {
    pub(super) restart: Option<RestartSource>,
    pub(super) faults: Option<usize>,
    pub(super) within: Option<Spanned<u32>>,
    pub(super) strategy: Option<StrategySource>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RestartSource {
    Permanent,
    Transient,
    Temporary,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StrategySource {
    OneForOne,
    OneForAll,
    RestForOne,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DriftSource {
    Ignore,
    Warn,
    Block,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolsSource {
    #[serde(default)]
    pub(super) hide: Vec<Spanned<String>>,
    pub(super) allow: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemorySource {
    pub(super) shared: Option<SharesSource>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SharesSource {
    Never,
    Clean,
    Always,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSource {
    pub(super) agents: Option<u64>,
    pub(super) depth: Option<u64>,
}

impl From<RestartSource> for Restart {
    fn from(source: RestartSource) -> Self {
        match source {
            RestartSource::Permanent => Restart::Permanent,
            RestartSource::Transient => Restart::Transient,
            RestartSource::Temporary => Restart::Temporary,
        }
    }
}

impl From<SharesSource> for Shares {
    fn from(source: SharesSource) -> Self {
        match source {
            SharesSource::Never => Shares::Never,
            SharesSource::Clean => Shares::Clean,
            SharesSource::Always => Shares::Always,
        }
    }
}

impl From<StrategySource> for Strategy {
    fn from(source: StrategySource) -> Self {
        match source {
            StrategySource::OneForOne => Strategy::OneForOne,
            StrategySource::OneForAll => Strategy::OneForAll,
            StrategySource::RestForOne => Strategy::RestForOne,
        }
    }
}

impl From<DriftSource> for OnDrift {
    fn from(source: DriftSource) -> Self {
        match source {
            DriftSource::Ignore => OnDrift::Ignore,
            DriftSource::Warn => OnDrift::Warn,
            DriftSource::Block => OnDrift::Block,
        }
    }
}
