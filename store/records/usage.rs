//! What work of a brain costs.

use serde::{Deserialize, Serialize};

/// Tokens that a model read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read by the model, without what its cache answered.
    pub input_tokens: u64,
    /// Answered by its cache; nobody is charged for them.
    pub cached_tokens: u64,
    /// Written by the model.
    pub output_tokens: u64,
}

impl Usage {
    /// What is charged: uncached input and output.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Both together.
    pub fn plus(&self, more: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_add(more.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(more.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(more.output_tokens),
        }
    }

    /// Whether nothing was read or written.
    pub fn is_nothing(&self) -> bool {
        *self == Usage::default()
    }
}
