//! The power goes: what was acknowledged before is on disk.
//!
//! The store lies on an ext4 in a file, which is shut down under a writing process, unmounted, and mounted again.

use super::ledger::Ledger;
use super::volume::Volume;
use super::writer::Writer;
use super::{long, skip};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let mut volume = match Volume::ext4(512) {
        Ok(volume) => volume,
        Err(reason) => return skip("a_power_cut_loses_nothing_that_was_acknowledged", &reason),
    };
    let mut random = fastrand::Rng::with_seed(11);
    let mut ledger = Ledger::default();
    let cuts = if long() { 48 } else { 4 };
    for round in 0..cuts {
        volume = match cut(volume, round, true, random.usize(20..600), &mut ledger).await {
            Ok(volume) => volume,
            Err(reason) => return skip("a_power_cut_loses_nothing_that_was_acknowledged", &reason),
        };
        let checked = ledger.check(&volume.path().join("store")).await;
        checked.unwrap_or_else(|wrong| panic!("after power cut {round}: {wrong}"));
    }
}

/// The test above could not fail if this one did not see what is lost without the sync.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_sync_a_power_cut_is_seen_to_lose_commits() {
    for round in 0..8 {
        let mut ledger = Ledger::default();
        let cut = match Volume::ext4(512) {
            Ok(volume) => cut(volume, round, false, 400, &mut ledger).await,
            Err(reason) => Err(reason),
        };
        let volume = match cut {
            Ok(volume) => volume,
            Err(reason) => return skip("without_the_sync_a_power_cut_is_seen_to_lose_commits", &reason),
        };
        if ledger.check(&volume.path().join("store")).await.is_err() {
            return;
        }
    }
    panic!("8 power cuts without a sync lost nothing: the rig is blind");
}

/// Takes the power away after so many acknowledgements, notes them, and gives it back.
async fn cut(
    volume: Volume,
    round: u64,
    synced: bool,
    acknowledgements: usize,
    ledger: &mut Ledger,
) -> Result<Volume, String> {
    let mut writer = Writer::start(&volume.path().join("store"), round, synced);
    writer.opening();
    for _ in 0..acknowledgements {
        ledger.note([writer.acknowledged().expect("it commits until it is killed")]);
    }
    volume.cut()?;
    // What it says from here on may race with the cut.
    writer.kill();
    Ok(volume.restart())
}
