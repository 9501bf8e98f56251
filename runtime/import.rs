//! Conversations that another program keeps, as agents.

use understory_actors::import::{ImportReport, ImportRequest, ImportTally};

use crate::error::Error;
use crate::runtime::Runtime;

impl Runtime {
    /// Imports conversations that another program keeps: each becomes an agent without a brain, with a transcript. What was
    /// taken before is not taken again, and what others have grown by is added. `told` hears how far it is.
    ///
    /// Dropped, or cut by the end of the process, it goes on when it is asked again.
    ///
    /// # Errors
    /// Something else lies at the path, it or what it lies below is closed or not there, another import below it has begun,
    /// or the store failed. Files that cannot be read are no error but in the report, and every run tries them again.
    pub async fn import(
        &self,
        request: &ImportRequest,
        told: &(dyn Fn(&ImportTally) + Sync),
    ) -> Result<ImportReport, Error> {
        self.system.import(request, told).await
    }
}
