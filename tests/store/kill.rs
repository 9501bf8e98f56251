//! SIGKILL at any moment: what was acknowledged is there, and nothing by half.

use tempfile::TempDir;

use super::ledger::Ledger;
use super::long;
use super::writer::Writer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let dir = TempDir::new().unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut ledger = Ledger::default();
    let kills = if long() { 200 } else { 8 };
    for round in 0..kills {
        let mut writer = Writer::start(dir.path(), round, true);
        writer.opening();
        // Some are killed while they open the store.
        for _ in 0..random.usize(0..4) * random.usize(0..80) {
            ledger.note([writer.acknowledged().expect("it commits until it is killed")]);
        }
        ledger.note(writer.kill());
        ledger.check(dir.path()).await.unwrap_or_else(|wrong| panic!("after kill {round}: {wrong}"));
    }
    assert!(ledger.len() > 300, "{} commits prove little", ledger.len());
}
