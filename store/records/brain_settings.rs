//! With what model and effort a brain goes on.

use serde::{Deserialize, Serialize};

use super::id::{AgentId, Time};
use super::version::record;

/// The model and effort that a brain was told to use, or had last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrainSettings {
    /// Whose they are.
    pub of: AgentId,
    /// Of a job's item: the failures charged when they were kept. A charge later, the row is begun anew.
    pub failures: u32,
    /// The model, by the brain's own name for it.
    pub model: Option<String>,
    /// How hard it thinks, in the brain's own words.
    pub effort: Option<String>,
    /// When they were kept.
    pub at: Time,
}

impl BrainSettings {
    /// The same with what is said; what is not said stays.
    pub fn with(self, model: Option<String>, effort: Option<String>, at: Time) -> Self {
        BrainSettings { model: model.or(self.model), effort: effort.or(self.effort), at, ..self }
    }

    /// Whether a turn, or a run with so many failures charged, of this node goes on with them.
    pub fn serves(&self, of: AgentId, failures: u32) -> bool {
        (self.of, self.failures) == (of, failures)
    }
}

record!(BrainSettings, V1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Record;

    fn kept() -> BrainSettings {
        let (model, effort) = (Some("m1".to_owned()), Some("high".to_owned()));
        BrainSettings { of: AgentId::from_u128(7), failures: 1, model, effort, at: Time(5) }
    }

    #[test]
    fn what_is_not_said_stays() {
        let said = |model: Option<&str>, effort: Option<&str>| {
            let BrainSettings { model, effort, at, .. } =
                kept().with(model.map(str::to_owned), effort.map(str::to_owned), Time(6));
            format!("{} {} {}", model.unwrap_or_default(), effort.unwrap_or_default(), at.0)
        };
        let found = [said(None, None), said(Some("m2"), None), said(None, Some("low"))];
        assert_eq!(found, ["m1 high 6", "m2 high 6", "m1 low 6"]);
    }

    /// A line that changes here is a store of a released build that cannot be read any more: append an arm instead.
    #[test]
    fn bytes_of_every_released_arm() {
        let bytes = kept().encode();
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        insta::assert_snapshot!(hex, @"0010000000000000000000000000000000070101026d3101046869676805");
        assert_eq!(BrainSettings::decode(&bytes).unwrap(), kept());
    }
}
