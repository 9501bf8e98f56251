//! What a turn's brain tells of the conversation that it has elsewhere. A model does not call these: its adapter does.

use super::{ToolError, Tools};

impl Tools {
    /// See [`Turn::keep_session`](crate::Turn::keep_session).
    ///
    /// # Errors
    /// As there.
    pub async fn keep_session(&self, name: &str) -> Result<(), ToolError> {
        Ok(self.unless_over(|| self.system.keep_session(&self.caller, name)).await?)
    }

    /// See [`Turn::lose_session`](crate::Turn::lose_session).
    ///
    /// # Errors
    /// As there.
    pub async fn lose_session(&self) -> Result<(), ToolError> {
        Ok(self.unless_over(|| self.system.lose_session(&self.caller)).await?)
    }

    /// See [`Turn::keep_settings`](crate::Turn::keep_settings).
    ///
    /// # Errors
    /// As there.
    pub async fn keep_settings(&self, model: Option<&str>, effort: Option<&str>) -> Result<(), ToolError> {
        let [model, effort] = [model, effort].map(|name| name.map(str::to_owned));
        let keep = || self.system.keep_settings(&self.caller, model.clone(), effort.clone());
        Ok(self.unless_over(keep).await?)
    }
}
