//! What is known of removed nodes: nothing may lie where a tombstone stands, and each must be found by its age.

use super::lane::{Found, Lane, Stands, look_up};
use super::report::{Report, place};
use crate::error::StoreError;
use crate::keys::{self, Table};
use crate::records::{Burial, Node, Tombstone};
use crate::seam::Backend;

/// Reads the burials and follows them to their tombstones, and counts whether that were all.
pub(super) async fn check(backend: &dyn Backend, report: &mut Report) -> Result<(), StoreError> {
    let (mut found, mut there, mut damaged) = (0_u64, 0_u64, false);
    let mut burials = Lane::new(backend, Table::Burial);
    while let Some((_, row)) = burials.next(report).await? {
        let Found::Row(entry) = row else {
            damaged = true;
            continue;
        };
        let Stands::There(Burial { node, .. }) = burials.value::<Burial>(&entry, report).await? else {
            damaged = true;
            continue;
        };
        if keys::burial_number(&entry.key).is_none_or(|number| keys::burial(number) != entry.key) {
            report.problem(place(Table::Burial, &entry.key), "its key holds no number");
        }
        match look_up::<Tombstone>(backend, Table::Tombstone.at(&node.path)).await? {
            Stands::There(stone) if stone.id == node.id => found += 1,
            // A newcomer took it away, or was removed as well.
            _ => {}
        }
    }
    let mut stones = Lane::new(backend, Table::Tombstone);
    while let Some((path, row)) = stones.next(report).await? {
        let Found::Row(entry) = row else {
            damaged = true;
            continue;
        };
        there += 1;
        damaged |= !matches!(stones.value::<Tombstone>(&entry, report).await?, Stands::There(_));
        if !look_up::<Node>(backend, Table::Node.at(&path)).await?.is_absent() {
            report.at(Table::Tombstone, &path, "something lies at its path");
        }
    }
    if !damaged && there > found {
        report.problem("tombstone", format!("{there} stand, and {found} are found by their age"));
    }
    Ok(())
}
