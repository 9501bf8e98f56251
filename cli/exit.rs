//! Exit codes.

use understory_server::Code;

/// All went well.
pub(crate) const OK: u8 = 0;
/// Something failed.
pub(crate) const FAILURE: u8 = 1;
/// A job finished with failed rows.
pub(crate) const FAILED_ROWS: u8 = 6;
/// A deadline came first (as with `timeout`).
pub(crate) const DEADLINE: u8 = 124;

/// The exit code of a failure.
pub(crate) fn code(code: Code) -> u8 {
    match code {
        Code::Usage => 2,
        Code::NotFound | Code::Removed => 3,
        Code::Exists | Code::Closed | Code::Conflict | Code::InputChanged | Code::InUse | Code::Limit => 4,
        Code::InvalidPath | Code::InvalidTable | Code::InvalidText | Code::NewerSchema | Code::Damaged => 5,
        Code::Deadline => DEADLINE,
        Code::Interrupted => 130,
        Code::Terminated => 143,
        _ => FAILURE,
    }
}
