//! Agent jobs: one worker per row of a table, each result on disk before anyone hears of it, each row reported once.
//!
//! ```text
//!   gate --Wake, Granted, Ended, Report--> waiting --Flush--> one commit (J2 of what ended, J1 of what starts)
//!                                             ^                  |
//!                                             +-- run tasks <----+  (beside the actor, each with a turn slot; once durable)
//! ```
//!
//! The job's actor is the only writer of the job's record and of its items.

pub mod error;
pub mod export;
pub mod fingerprint;
pub mod table;
pub mod template;

mod actor;
mod adjust;
mod after;
mod aside;
mod attempts;
mod budget;
mod charging;
mod commit;
mod dependencies;
mod digest;
mod finish;
mod follow;
mod group;
mod grow;
mod import;
mod interrupt;
mod items;
mod keeping;
mod load;
mod mail;
mod offspring;
mod output;
mod place;
mod plan;
mod release;
mod report;
mod request;
mod results;
mod retry;
mod run;
mod schema;
mod settings;
mod site;
mod spool;
mod strays;
mod suspects;
mod view;

pub(crate) use actor::{JobActor, JobSignal};
pub use adjust::LimitsChange;
pub(crate) use aside::Aside;
pub use digest::{ErrorGroup, JobDigest, SlowRow};
pub use error::JobError;
pub use follow::ResultCursor;
pub use items::{ITEMS_MAX, ItemPage, ItemQuery, ItemStatus};
pub use plan::{JobPlan, PlannedRow};
pub use request::{Begun, JobRequest, JobStarted};
pub use results::{Results, RowResult};
pub use retry::{Retried, RetryRequest};
pub(crate) use settings::role_of_item;
pub(crate) use spool::Spool;
pub use view::{ItemView, JobView};
